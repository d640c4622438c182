"""Optimizers' methods: whose are plain gradients, and what the pairs become."""

from __future__ import annotations

import pytest

from tests.migrating import check, codes, refused

MAKER = "tf.compat.v1.train.AdamOptimizer(0.1)"


@pytest.mark.parametrize(
    ("call", "variables"),
    [
        ("opt.compute_gradients(loss, [w])", "[w]"),
        ("opt.compute_gradients(loss, var_list=w)", "[w]"),
        ("opt.compute_gradients(loss, (w,))", "tf.nest.flatten((w,))"),
        ("opt.compute_gradients(loss=loss)", "tf.compat.v1.trainable_variables()"),
        ("opt.compute_gradients(loss, None)", "tf.compat.v1.trainable_variables()"),
    ],
)
def test_pairs(call: str, variables: str) -> None:
    check(
        f"""
        def f():
            w = tf.Variable(2.0)
            loss = tf.square(w)
            opt = {MAKER}
            return {call}
        """,
        f"""
        def f():
            w = tf.Variable(2.0)
            with tf.GradientTape() as tape:
                loss = tf.square(w)
            opt = {MAKER}
            variables = {variables}
            return list(zip(tape.gradient(loss, variables), variables))
        """,
    )


def test_a_named_list_is_used_as_it_is() -> None:
    check(
        f"""
        def f():
            w = tf.Variable(2.0)
            loss = tf.square(w)
            tvars = tf.compat.v1.trainable_variables()
            return {MAKER}.compute_gradients(loss, tvars)
        """,
        """
        def f():
            w = tf.Variable(2.0)
            with tf.GradientTape() as tape:
                loss = tf.square(w)
            tvars = tf.compat.v1.trainable_variables()
            return list(zip(tape.gradient(loss, tvars), tvars))
        """,
    )


@pytest.mark.parametrize(
    "maker",
    [
        "make()",
        "tf.compat.v1.train.SyncReplicasOptimizer(opt, 2)",
        "tf.compat.v1.train.experimental.enable_mixed_precision_graph_rewrite(opt)",
        "wrapped",
        "Optimizers()['adam']",
    ],
)
def test_an_optimizer_of_another_class_is_refused(maker: str) -> None:
    site = refused(f"""
        def f(wrapped):
            w = tf.Variable(2.0)
            loss = tf.square(w)
            opt = {MAKER}
            optimizer = {maker}
            return optimizer.compute_gradients(loss, [w])
        """)
    assert site.code == "TM108"


def test_every_maker_that_may_be_meant_counts() -> None:
    body = """
        def f(kind, other):
            w = tf.Variable(2.0)
            loss = tf.square(w)
            opt = {maker}
            if kind:
                opt = {second}
            return opt.compute_gradients(loss, [w])
        """
    sgd = "tf.compat.v1.train.GradientDescentOptimizer(0.1)"
    assert codes(body.format(maker=MAKER, second=sgd)) == [None]
    assert codes(body.format(maker=MAKER, second="other")) == ["TM108"]


def test_a_keras_optimizer_that_clips_is_refused() -> None:
    body = """
        def f():
            w = tf.Variable(2.0)
            loss = tf.square(w)
            opt = tf.keras.optimizers.legacy.SGD(0.1{clip})
            return opt.get_gradients(loss, [w])
        """
    assert codes(body.format(clip="")) == [None]
    assert codes(body.format(clip=", clipnorm=1.0")) == ["TM108"]
    assert codes(body.format(clip=", **options")) == ["TM108"]


def test_a_subclass_is_told_where_its_work_belongs() -> None:
    site = refused("""
        class Noisy(tf.compat.v1.train.AdamOptimizer):
            def minimize(self, loss, var_list):
                return self.apply_gradients(self.compute_gradients(loss, var_list))
        """)
    assert site.code == "TM108"
    assert "_resource_apply_dense" in site.message
    assert "update_step" in site.message
