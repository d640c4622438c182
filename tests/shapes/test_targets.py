"""Targets: computed by visible statements, in the call, or out of reach."""

from __future__ import annotations

import pytest

from tests.migrating import check, codes, refused


@pytest.mark.parametrize(
    ("program", "code"),
    [
        ("def f(y, x):\n    return tf.gradients(y, x)", "TM101"),
        ("def f(x, *ys):\n    return tf.gradients(ys, x)", "TM101"),
        ("def f(x, **ys):\n    return tf.gradients(ys, x)", "TM101"),
        ("def f(x, y=None):\n    return tf.gradients([tf.sin(x), y], x)", "TM101"),
        ("def f(y, x):\n    z = y\n    return tf.gradients(z, x)", "TM101"),
        ("def f(ys, x):\n    return [tf.gradients(y, x)[0] for y in ys]", "TM101"),
        ("def f(ys, x):\n    for y in ys:\n        print(tf.gradients(y, x))", "TM101"),
        ("def f(net, x):\n    return tf.gradients(net.loss, x)", "TM102"),
        ("def f(ys, x):\n    return tf.gradients(ys['a'], x)", "TM102"),
        ("def f(ys, x):\n    return tf.gradients(ys[0], x)", "TM103"),
        ("def f(x):\n    return tf.gradients(y, x)\ny = 1", "TM102"),
        ("from other import y\ndef f(x):\n    return tf.gradients(y, x)", "TM102"),
        (
            "class A:\n    def f(self, x):\n        return tf.gradients(self.y, x)\n",
            "TM102",
        ),
        ("def f(x):\n    y = x * x\n    return lambda: tf.gradients(y, x)", "TM116"),
        (
            "def f(x):\n    y = x * x\n    def g():\n        return tf.gradients(y, x)",
            "TM116",
        ),
        (
            "def f(x):\n    def g():\n        return tf.gradients(y, x)\n    y = x * x",
            "TM116",
        ),
        ("def f(x):\n    return tf.gradients([], x)", "TM113"),
        ("def f(x, ys):\n    return tf.gradients([*ys], x)", "TM113"),
    ],
)
def test_out_of_reach(program: str, code: str) -> None:
    assert refused(program + "\n").code == code


def test_the_source_itself_as_target() -> None:
    assert codes("def f(x):\n    y = x\n    return tf.gradients(y, x)[0]\n") == [None]


def test_inline_targets_are_named_in_the_block() -> None:
    check(
        """
        def f(x, target):
            h = tf.sin(x)
            return tf.gradients(tf.reduce_sum(h * target), x)[0]
        """,
        """
        def f(x, target):
            with tf.GradientTape() as tape:
                tape.watch(x)
                h = tf.sin(x)
                target2 = tf.reduce_sum(h * target)
            return tape.gradient(target2, x)
        """,
    )


def test_targets_in_a_list_of_names() -> None:
    check(
        """
        def f(x):
            a = tf.sin(x)
            b = tf.cos(x)
            return tf.gradients([a, b], x)
        """,
        """
        def f(x):
            with tf.GradientTape() as tape:
                tape.watch(x)
                a = tf.sin(x)
                b = tf.cos(x)
            return tape.gradient([a, b], [x])
        """,
    )


def test_attributes_and_subscripts_computed_here() -> None:
    check(
        """
        class Net:
            def f(self, x):
                self.y = tf.sin(x)
                return tf.gradients(self.y, x)[0]

        def g(x):
            out = {}
            out["y"] = tf.sin(x)
            return tf.gradients(out["y"], x)[0]
        """,
        """
        class Net:
            def f(self, x):
                with tf.GradientTape() as tape:
                    tape.watch(x)
                    self.y = tf.sin(x)
                return tape.gradient(self.y, x)

        def g(x):
            out = {}
            with tf.GradientTape() as tape:
                tape.watch(x)
                out["y"] = tf.sin(x)
            return tape.gradient(out["y"], x)
        """,
    )
