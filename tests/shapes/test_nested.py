"""Higher orders, loop bodies and functions that are compiled already."""

from __future__ import annotations

import pytest

from tape_migrate.api import migrate_source
from tape_migrate.model import Shape
from tests.migrating import check, codes, rewritten, sites


def test_a_chain_across_methods() -> None:
    check(
        """
        class Net:
            def slope(self, x):
                u = self.net(x)
                return tf.gradients(u, x)[0]

            def curve(self, x):
                u_x = self.slope(x)
                return tf.gradients(u_x, x)[0]

            def net(self, x):
                return tf.sin(x)
        """,
        """
        class Net:
            def slope(self, x):
                with tf.GradientTape() as tape:
                    tape.watch(x)
                    u = self.net(x)
                return tape.gradient(u, x)

            def curve(self, x):
                with tf.GradientTape() as tape:
                    tape.watch(x)
                    u_x = self.slope(x)
                return tape.gradient(u_x, x)

            def net(self, x):
                return tf.sin(x)
        """,
    )


def test_inside_one_expression() -> None:
    new = rewritten("""
        def f(x):
            y = tf.sin(x)
            return tf.gradients(tf.gradients(y, x)[0], x)[0]
        """)
    assert new.count("GradientTape") == 2
    assert "        target = tape.gradient(y, x)\n    return tape2.gradient(target, x)\n" in new


def test_hessian_vector_products() -> None:
    new = rewritten("""
        def f(x, v):
            y = tf.reduce_sum(x ** 3)
            g = tf.gradients(y, x)[0]
            return tf.gradients(g, x, grad_ys=v)[0]
        """)
    assert "tape2.gradient(g, x, output_gradients=v)" in new


def test_forward_mode_with_a_dummy() -> None:
    (first, second) = sites("""
        def f(x, v):
            y = tf.sin(x)
            dummy = tf.ones_like(y)
            g = tf.gradients(y, x, grad_ys=dummy)[0]
            return tf.gradients(g, dummy, grad_ys=v)[0]
        """)
    assert first.code is None
    assert second.code is None
    assert second.shape is Shape.NESTED


def test_a_loop_body_has_its_tape_inside() -> None:
    check(
        """
        def f(xs):
            return tf.map_fn(lambda x: tf.gradients(x * x, x)[0], xs)
        """,
        """
        def f(xs):
            def gradient_fn(x):
                with tf.GradientTape() as tape:
                    tape.watch(x)
                    target = x * x
                return tape.gradient(target, x)
            return tf.map_fn(gradient_fn, xs)
        """,
    )


def test_in_a_compiled_function_a_captured_source_is_watched() -> None:
    new = rewritten("""
        x = tf.constant(3.0)

        @tf.function
        def f():
            y = x * x
            return tf.gradients(y, x)[0]
        """)
    assert "tape.watch(x)" in new


def test_second_order_through_a_conditional_is_refused() -> None:
    """A graph tells a source without a path (None) from a branch not taken (zeros)."""
    assert codes("""
        def f(x, z):
            y = tf.cond(tf.reduce_sum(z) > 0.0, lambda: z * x, lambda: z + x) * x
            g = tf.gradients(y, [x, z])
            return tf.gradients(g[0], [x, z])
        """) == ["TM126", "TM103"]


@pytest.mark.parametrize(
    "body",
    [
        "def f(tape, u, x):\n    g = tape.gradient(u, x)\n    return tf.gradients(g, x)[0]\n",
        "def f(tape, u, x):\n    return tf.gradients(tape.gradient(u, x) * x, x)[0]\n",
        "def f(tape, u, x):\n    g = other(tape, u, x)\n    return tf.gradients(g, x)[0]\n",
        "class A:\n    def f(self, x):\n        g = self._tape.gradient(self.u, x)\n"
        "        return tf.gradients(g, x)[0]\n",
    ],
)
def test_a_gradient_on_a_tape_from_outside_is_not_seen_through(body: str) -> None:
    migration = migrate_source(("import tensorflow as tf\n\n" + body).encode())
    assert not migration.changed
    assert [site.code for site in migration.sites] == ["TM101"]
