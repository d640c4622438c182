"""The whole text of programs in which one detail decides: what calls and objects keep."""

from __future__ import annotations

import pytest
from pytest_regressions.file_regression import FileRegressionFixture

from .texts import check

PROGRAMS = {
    "what_a_reading_call_does_not_keep": """
        class Net:
            def build(self, x):
                self.shape = x.get_shape()
                return tf.sin(x)


        def f(x):
            net = Net()
            h = tf.cos(x)
            size = len(net.build(h).get_shape())
            y = x * x * float(size)
            return tf.gradients(y, x)[0]
        """,
    "parts_of_an_object_given_together": """
        class Net:
            def run(self, z):
                self.box.w = tf.cos(z)
                return self.slope(z)

            def slope(self, z):
                u = z * self.box.w
                return tf.gradients(u, z)[0]
        """,
    "keywords_of_a_helper_computed_from_one_another": """
        def slope(**given):
            u = given["z"] * given["w"]
            return tf.gradients(u, given["z"])[0]


        def again(**given):
            return slope(z=given["z"], w=tf.sin(given["z"]))


        def run(x):
            return again(z=x)
        """,
    "a_loop_that_doubles_what_a_branch_gives": """
        def f(x, flag, n):
            h = tf.cond(flag, lambda: x * 2.0, lambda: x * 3.0)
            for _ in range(n):
                h = h * 2.0
            return tf.gradients(h, x)[0]
        """,
    "a_list_that_a_class_holds": """
        class Net:
            layers = []
            shapes = []


        def keep(v):
            net = Net()
            net.layers.append(v)
            return v


        def keep_here(v):
            Net().layers.append(v)
            return v


        def f(x):
            h = keep(tf.sin(x))
            y = Net.layers[0] * x
            return tf.gradients(y, x)[0], h


        def g(x):
            h = keep_here(tf.sin(x))
            y = Net.layers[0] * x
            return tf.gradients(y, x)[0], h


        def shapes(x):
            y = x * x * len(Net.shapes)
            return tf.gradients(y, x)[0]
        """,
    "a_method_of_a_list_that_is_handed_on": """
        KEPT = []


        def give(take, v):
            take(v)
            return v


        def f(x):
            take = KEPT.append
            h = give(take, tf.sin(x))
            y = KEPT[0] * x
            return tf.gradients(y, x)[0], h


        def g(x):
            h = list(map(KEPT.append, [tf.sin(x)]))
            y = KEPT[0] * x
            return tf.gradients(y, x)[0], h


        def k(x, others):
            h = give(others.append, tf.sin(x))
            y = x * x
            return tf.gradients(y, x)[0], h
        """,
    "a_layer_and_a_source_that_is_handed_in": """
        def f(x, v):
            y = tf.layers.dense(tf.ones([2, 3]), 3)
            return tf.gradients(y, v)[0]
        """,
    "sources_in_a_list_that_others_are_given": """
        def f(a, b, board):
            xs = [a, b]
            board.add(xs)
            y = xs[0] * xs[1]
            return tf.gradients(y, xs)


        def g(a, b, log):
            xs = [a, b]
            log(xs)
            y = xs[0] * xs[1]
            return tf.gradients(y, xs)


        def h(xs, board):
            board.add(xs)
            y = xs[0] * xs[1]
            return tf.gradients(y, xs)


        def k(xs):
            xs.add(3.0)
            y = xs[0] * xs[1]
            return tf.gradients(y, xs)
        """,
    "a_function_that_keeps_and_is_handed_to_tensorflow": """
        KEPT = []


        def keep(v):
            KEPT.append(v)
            return v


        def double(v):
            return v * 2.0


        def f(x):
            n = tf.nest.map_structure(keep, tf.sin(x))
            y = KEPT[0] * x
            return tf.gradients(y, x)[0], n


        def g(x):
            n = tf.nest.map_structure(double, tf.sin(x))
            y = x * x
            return tf.gradients(y, x)[0], n
        """,
    "losses_out_of_a_loop_over_losses": """
        w = tf.Variable(2.0)
        LOSSES = [w * w]


        def f(x):
            for loss in LOSSES:
                pass
            y = loss * tf.reduce_sum(x)
            return tf.gradients(y, tf.trainable_variables())


        def g(x):
            y = sum(part for part in LOSSES)
            return tf.gradients(y, tf.trainable_variables())
        """,
    "a_part_of_what_a_branch_gives": """
        def f(x, box, flag):
            box.h = tf.cond(flag, lambda: x * 2.0, lambda: x * 3.0)
            y = box.h * 2.0
            return tf.gradients(y, x)[0]
        """,
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_text(name: str, file_regression: FileRegressionFixture) -> None:
    check(name, PROGRAMS[name], file_regression)
