"""tf.hessians: the Jacobian of a gradient."""

from __future__ import annotations

import pytest

from tests.migrating import check, refused, rewritten


def test_one_source() -> None:
    check(
        """
        def f(x):
            y = tf.reduce_sum(x ** 3)
            return tf.hessians(y, x)[0]
        """,
        """
        def f(x):
            with tf.GradientTape() as tape2:
                tape2.watch(x)
                with tf.GradientTape() as tape:
                    tape.watch(x)
                    y = tf.reduce_sum(x ** 3)
                gradient = tape.gradient(y, x)
            return tape2.jacobian(gradient, x)
        """,
    )


def test_the_list_is_kept() -> None:
    new = rewritten("def f(x):\n    y = tf.reduce_sum(x ** 3)\n    return tf.hessians(y, x)\n")
    assert "return [tape2.jacobian(gradient, x)]\n" in new


def test_several_sources_give_one_block_each() -> None:
    new = rewritten(
        "def f(x, t):\n    y = tf.reduce_sum(x * x * t * t)\n    return tf.hessians(y, [x, t])\n"
    )
    assert "persistent=True" in new
    assert ".jacobian(" in new
    assert " for " in new


def test_an_inline_target() -> None:
    new = rewritten("def f(x):\n    return tf.hessians(tf.reduce_sum(x ** 3), x)[0]\n")
    assert "target = tf.reduce_sum(x ** 3)" in new
    assert "gradient = tape.gradient(target, x)" in new


def test_names_are_fresh() -> None:
    new = rewritten(
        "def f(x):\n    gradient = tape = 1.0\n    y = tf.reduce_sum(x ** 3) * gradient * tape\n"
        "    return tf.hessians(y, x)[0]\n"
    )
    assert "gradient2 = tape3.gradient(y, x)" in new or "gradient2 = tape2.gradient(y, x)" in new


@pytest.mark.parametrize(
    "program",
    [
        "def f(y, x):\n    return tf.hessians(y, x)",
        "def f(x, t):\n    y = tf.reduce_sum(x * t)\n    return tf.hessians(y, [x, t])[0]",
        "def f(x):\n    y = tf.reduce_sum(x)\n    return [tf.hessians(y, x) for _ in range(2)]",
        "def f(x):\n    y = tf.reduce_sum(x ** 3)\n    return tf.hessians(y, x, grad_ys=x)",
    ],
)
def test_refused(program: str) -> None:
    assert refused(program + "\n").code in ("TM101", "TM113", "TM127")
