"""The whole text of programs that train: optimizers, variables collected, settings."""

from __future__ import annotations

import pytest
from pytest_regressions.file_regression import FileRegressionFixture

from .texts import check

PROGRAMS = {
    "data_before_the_tape": """
        def build():
            with tf.device("/cpu:0"):
                w = tf.Variable(1.0)
                rate = tf.flags.FLAGS.rate
                data = tf.data.Dataset.range(3)
                images = data.make_one_shot_iterator().get_next()
                loss = tf.reduce_sum(w * images * rate)
            return tf.gradients(loss, tf.trainable_variables())
        """,
    "session_kept_by_an_object": """
        class Trainer:
            def __init__(self, session):
                self.sess = session
                self.w = tf.Variable(1.0)

            def gradients(self, x):
                loss = tf.reduce_sum(self.w * x)
                return tf.gradients(loss, tf.trainable_variables())
        """,
    "settings_in_many_places": """
        class Trainer:
            def __init__(self, config):
                self.config = config
                self.w = tf.Variable(1.0)

            def gradients(self):
                size = [self.config.n, self.config.m]
                name = f"loss_{self.config.n}"
                if self.config.deep:
                    x = tf.ones(size)
                else:
                    x = tf.zeros(size)
                big = 2.0 if self.config.big else 1.0
                loss = tf.reduce_sum(self.w * x * big, name=name)
                return tf.gradients(loss, tf.trainable_variables())
        """,
    "a_loop_over_a_constant_of_the_module": """
        for SCALE in [1.0, 2.0]:
            pass


        def f():
            w = tf.get_variable("w", [3])
            loss = tf.reduce_sum(w * SCALE)
            return tf.gradients(loss, tf.trainable_variables())
        """,
    "a_parameter_of_a_lambda": """
        def f(layers):
            w = tf.get_variable("w", [3])
            parts = [g(w) for g in layers]
            loss = tf.add_n(list(map(lambda p: tf.reduce_sum(p), parts)))
            return tf.gradients(loss, tf.trainable_variables())
        """,
    "optimizer_without_variables": """
        def f(x):
            opt = tf.train.AdamOptimizer(0.1)
            w = tf.Variable(1.0)
            loss = tf.reduce_sum(w * x)
            return opt.compute_gradients(loss, var_list=None, grad_loss=None)
        """,
    "optimizer_by_star": """
        def f(x, args):
            opt = tf.train.AdamOptimizer(0.1)
            w = tf.Variable(1.0)
            loss = tf.reduce_sum(w * x)
            return opt.compute_gradients(loss, *args)
        """,
    "optimizer_by_two_stars": """
        def f(x, options):
            opt = tf.train.AdamOptimizer(0.1)
            w = tf.Variable(1.0)
            loss = tf.reduce_sum(w * x)
            return opt.compute_gradients(loss, **options)
        """,
    "optimizer_with_a_strange_argument": """
        def f(x):
            opt = tf.train.AdamOptimizer(0.1)
            w = tf.Variable(1.0)
            loss = tf.reduce_sum(w * x)
            return opt.compute_gradients(loss, variables=[w])
        """,
    "optimizer_without_a_loss": """
        def f(x):
            opt = tf.train.AdamOptimizer(0.1)
            w = tf.Variable(1.0)
            return opt.compute_gradients(var_list=[w])
        """,
    "one_of_two_optimizers": """
        def f(x, fast):
            opt = tf.train.AdamOptimizer(0.1) if fast else tf.train.GradientDescentOptimizer(0.1)
            w = tf.Variable(1.0)
            loss = tf.reduce_sum(w * x)
            return opt.compute_gradients(loss, [w])
        """,
    "optimizer_from_a_loop": """
        def f(x):
            w = tf.Variable(1.0)
            for opt in make_all():
                loss = tf.reduce_sum(w * x)
                done = opt.compute_gradients(loss, [w])
            return done
        """,
    "a_method_that_sets_nothing": """
        class Trainer:
            def build(self):
                print("built")

            def more(self):
                if self.deep:
                    return
                self.v = tf.ones([3])

            def gradients(self):
                self.build()
                w = tf.Variable(1.0)
                loss = tf.reduce_sum(self.u * w)
                return tf.gradients(loss, tf.trainable_variables())

            def others(self):
                self.more()
                w = tf.Variable(1.0)
                loss = tf.reduce_sum(self.v * w)
                return tf.gradients(loss, tf.trainable_variables())
        """,
    "a_method_that_sets_it": """
        class Trainer:
            def build(self):
                with tf.name_scope("a"):
                    self.u: tf.Tensor = tf.ones([3])
                    self.v, self.t = tf.ones([3]), tf.zeros([3])

            def gradients(self):
                self.build()
                w = tf.Variable(1.0)
                loss = tf.reduce_sum((self.u + self.v) * self.t * w)
                return tf.gradients(loss, tf.trainable_variables())
        """,
    "attributes_of_attributes": """
        class Trainer:
            def __init__(self, net):
                self.net = net
                self.net.h.x = tf.ones([3])

            def slope(self):
                y = self.net.h.x * self.net.h.s
                return tf.gradients(y, self.net.h.x)[0]

            def other(self, a):
                y = a.b.c * a.b.d
                return tf.gradients(y, a.b.c)[0]
        """,
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_text(name: str, file_regression: FileRegressionFixture) -> None:
    check(name, PROGRAMS[name], file_regression)
