"""The whole text of programs with helpers that take gradients."""

from __future__ import annotations

import pytest
from pytest_regressions.file_regression import FileRegressionFixture

from .texts import check

PROGRAMS = {
    "two_classes_of_one_helper": """
        class Net:
            def slope(self, other, x):
                return tf.gradients(other.loss, x)[0]

            def run(self, other, x):
                other.loss = x * x
                return self.slope(other, x)


        class Deep:
            def slope(self, x):
                return tf.gradients(self.out["loss"], x)[0]

            def run(self, x):
                self.out = {}
                self.out["loss"] = x * x
                return self.slope(x)
        """,
    "helper_that_ends_with_del": """
        def slope(y, x):
            g = tf.gradients(y, x)[0]
            del y
            return g


        def run(x):
            y = tf.sin(x)
            return slope(y, x)
        """,
    "helper_with_two_targets_of_parameters": """
        def slopes(y, z, x):
            a = tf.gradients(y * y, x)[0]
            b = tf.gradients(z + y, x)[0]
            return a, b


        def run(x):
            y = tf.sin(x)
            z = tf.cos(y)
            return slopes(y, z, x)
        """,
    "helper_that_stops": """
        def slope(y, x, w):
            s = y * w
            return tf.gradients(s * y, x, stop_gradients=[s])[0]


        def run(x):
            y = tf.sin(x)
            return slope(y, x, 2.0)
        """,
    "helper_in_a_loop_over_targets": """
        def slopes(ys, x):
            return [tf.gradients(y, x)[0] for y in ys]


        def run(x):
            return slopes([tf.sin(x), tf.cos(x)], x)
        """,
    "two_helpers_in_one": """
        def slopes(y, z, x, w):
            a = tf.gradients(y, x)[0]
            b = tf.gradients(z, w)[0]
            return a, b


        def run(x):
            w = tf.cos(x)
            y = tf.sin(x)
            z = w * w
            return slopes(y, z, x, w)
        """,
    "one_target_and_two_sources": """
        def slopes(y, x, w):
            a = tf.gradients(y, x)[0]
            b = tf.gradients(y, w)[0]
            return a * b


        def run(x):
            w = tf.cos(x)
            y = w * tf.sin(x)
            return slopes(y, x, w)
        """,
    "two_targets_without_their_caller": """
        def slopes(y, z, x):
            return tf.gradients(y, x)[0], tf.gradients(z, x)[0]
        """,
    "a_method_with_an_attribute_and_a_parameter": """
        class Net:
            def run(self, x):
                self.loss = x * x
                self.extra = tf.sin(x)
                return self.slopes(x)

            def slopes(self, x):
                return tf.gradients(self.loss, x)[0], tf.gradients(self.extra, x)[0]
        """,
    "a_helper_with_numbers": """
        def slope(y, x, scales, sign):
            total = 0.0
            for scale in scales:
                total += scale * tf.gradients(y, x)[0]
            return total * sign


        def run(x):
            y = tf.sin(x)
            return slope(y, x, [1.0, 2.0], -1.0)
        """,
    "a_helper_that_computes_more": """
        def slope(y, x, flag):
            z = y * y
            if flag:
                z = z + x
            g = tf.gradients(z, x)[0]
            return tf.gradients(g * y, x)[0]


        def run(x):
            y = tf.sin(x)
            return slope(y, x, True)
        """,
    "a_helper_called_in_an_argument": """
        def slope(y, x):
            return tf.gradients(y, x)[0]


        def run(x, n):
            h = tf.sin(x)
            parts = [slope(h * float(i), x) for i in range(n)]
            return slope(tf.cos(h), x) + tf.add_n(parts)
        """,
    "a_helper_with_its_arguments_by_star": """
        def slope(y, x):
            return tf.gradients(y, x)[0]


        def run(x, args):
            y = tf.sin(x)
            return slope(*args) + slope(y, x)
        """,
    "a_helper_that_is_handed_on": """
        def slope(y, x):
            return tf.gradients(y, x)[0]


        def run(x, table):
            y = tf.sin(x)
            table["slope"] = slope
            return slope(y, x)
        """,
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_text(name: str, file_regression: FileRegressionFixture) -> None:
    check(name, PROGRAMS[name], file_regression)
