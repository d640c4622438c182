"""The whole text of programs whose functions make sources, or might."""

from __future__ import annotations

import pytest
from pytest_regressions.file_regression import FileRegressionFixture

from .texts import check

PROGRAMS = {
    "no_parameters": """
        def make(
        ):  # a batch
            x = tf.constant([1.0, 2.0])  # the source


            # The loss.
            y = tf.square(x)
            return x, y

        def f():
            x, y = make(
            )
            return tf.gradients(y, x)[0]
        """,
    "parameters_of_all_kinds": """
        def make(a, /, b: float = 1.0, *rest, c, tape=None, **more):
            x = tf.constant([1.0, 2.0])
            return x, tf.square(x)

        def other(a, b=(1, 2),):
            x = tf.constant([1.0, 2.0])
            return x, tf.square(x)

        def third(a, /):
            x = tf.constant([1.0, 2.0])
            return x, tf.square(x)

        def fourth(a, *, tape: int = 3):
            x = tf.constant([1.0, 2.0])
            return x, tf.square(x)

        def f():
            x, y = make(1, c=2)
            g = tf.gradients(y, x)[0]
            x, y = other(1,)
            h = tf.gradients(y, x)[0]
            x, y = third(1)
            k = tf.gradients(y, x)[0]
            x, y = fourth(1, tape=2)
            return g, h, k, tf.gradients(y, x)[0]
        """,
    "arguments_that_leave_no_room": """
        def make(*a, b=1):
            x = tf.constant([1.0, 2.0])
            return x, tf.square(x)

        def f(options, items):
            x, y = make(**options)
            g = tf.gradients(y, x)[0]
            x, y = make(i for i in items)
            h = tf.gradients(y, x)[0]
            x, y = make(*items)
            return g, h, tf.gradients(y, x)[0]
        """,
    "statements_on_one_line": """
        def make():
            x = tf.constant([1.0, 2.0]); y = tf.square(x)
            return x, y

        def other():
            y = 1.0
            x = tf.constant([1.0, 2.0])
            if y: y = tf.square(x)
            return x, y

        def f():
            x, y = make()
            g = tf.gradients(y, x)[0]
            x, y = other()
            return g, tf.gradients(y, x)[0]
        """,
    "watched_by_an_earlier_run": """
        def make(n, *, tape=None):
            x = tf.constant([1.0, 2.0])
            if tape is not None:
                tape.watch(x)
            y = tf.square(x) * n
            z = tf.constant([3.0, 4.0])
            return x, z, y * z

        def f():
            x, z, y = make(2.0)
            g = tf.gradients(y, x)[0]
            return g

        def h():
            x, z, y = make(2.0)
            return tf.gradients(y, [z, x])

        def k():
            with tf.GradientTape() as other:
                x, z, y = make(2.0, tape=other)
            return other.gradient(y, x), tf.gradients(y, x)
        """,
    "a_method_that_others_may_override": """
        class Task(object):
            def _make(self):
                x = tf.constant([1.0, 2.0])
                return x, tf.square(x)

            def slope(self):
                x, y = self._make()
                return tf.gradients(y, x)[0]

        class Other(object):
            def __init__(self, make):
                self._produce = make

            def _produce(self):
                x = tf.constant([1.0, 2.0])
                return x, tf.square(x)

            def slope(self):
                x, y = self._produce()
                return tf.gradients(y, x)[0]
        """,
    "sources_that_are_used_late": """
        def make(n):
            a = tf.constant([1.0, 2.0])
            scale = 3.0
            b = tf.constant([3.0, 4.0])
            if n < 0:
                raise ValueError(n)
            c = tf.constant([5.0, 6.0])
            for _ in range(n):
                scale = scale * 2.0
            return [a, (b, c)], a * b * c * scale

        def f():
            sources, y = make(2)
            return tf.gradients(y, tf.nest.flatten(sources))
        """,
    "hessians_and_a_second_gradient": """
        def make():
            x = tf.constant([1.0, 2.0])
            return x, tf.square(x)

        def f():
            x, y = make()
            return tf.hessians(y, x)[0]

        def g():
            x, y = make()
            g = tf.gradients(y, x)[0]
            h = tf.gradients(tf.sin(y), x)[0]
            return g + h
        """,
    "lists_that_are_handed_on": """
        def make():
            xs = [tf.constant(float(n)) for n in range(3)]
            total = tf.add_n(xs)
            return xs, total

        def other(seen):
            xs = [tf.constant(float(n)) for n in range(3)]
            seen.append(xs)
            return xs, tf.add_n(xs)

        def f(seen, log):
            xs, y = make()
            g = tf.gradients(y, xs)
            xs, y = other(seen)
            h = tf.gradients(y, xs)
            xs, y = make()
            log.write(xs)
            k = tf.gradients(y, xs)
            xs, y = make()
            xs += [y]
            return g, h, k, tf.gradients(y, xs)
        """,
    "control_flow_that_is_not_compiled": """
        def make(n):
            x = tf.constant([1.0, 2.0])
            return x, tf.square(x) * n

        def f(n, wanted):
            total = 0.0
            for _ in range(n):
                x, y = make(n)
                total = total + y
            if wanted:
                x, y = make(2)
            return tf.gradients(y, x)[0], total
        """,
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_text(name: str, file_regression: FileRegressionFixture) -> None:
    check(name, PROGRAMS[name], file_regression)
