"""Calls evaluated many times, perhaps never, or later."""

from __future__ import annotations

import pytest

from tests.migrating import check, codes, refused, rewritten


@pytest.mark.parametrize(
    "expression",
    [
        "[tf.gradients(y, v)[0] for v in [x, t]]",
        "{k: tf.gradients(y, v)[0] for k, v in {'x': x}.items()}",
        "tf.stack([tf.gradients(y[:, i], x)[0] for i in range(2)])",
        "sum(tf.gradients(y[:, i], x)[0] for i in range(2))",
    ],
)
def test_comprehensions_need_a_persistent_tape(expression: str) -> None:
    program = f"def f(x, t):\n    y = tf.sin(x * t)\n    return {expression}\n"
    (code,) = codes(program)
    if code is None:
        assert "persistent=True" in rewritten(program)


def test_targets_that_only_need_the_variable_are_listed_in_the_tape() -> None:
    check(
        """
        def f(x):
            y = tf.sin(x)
            return [tf.gradients(y[:, i], x)[0] for i in range(2)]
        """,
        """
        def f(x):
            with tf.GradientTape(persistent=True) as tape:
                tape.watch(x)
                y = tf.sin(x)
                targets = [y[:, i] for i in range(2)]
            return [tape.gradient(target, x) for target in targets]
        """,
    )


@pytest.mark.parametrize(
    "statement",
    [
        "return tf.gradients(tf.sin(x), x)[0] if flag else None",
        "return flag and tf.gradients(tf.sin(x), x)",
        "return flag or tf.gradients(tf.sin(x), x)",
        "return 0 < flag < tf.gradients(tf.sin(x), x)[0]",
        "while tf.gradients(tf.sin(x), x)[0] > flag:\n        x = x + 1.0",
    ],
)
def test_inline_targets_that_may_not_be_evaluated(statement: str) -> None:
    assert refused(f"def f(x, flag):\n    {statement}\n").code in ("TM123", "TM117")


@pytest.mark.parametrize(
    "statement",
    [
        "return tf.gradients(y, x)[0] if flag else None",
        "return flag and tf.gradients(y, x)",
        "assert tf.gradients(y, x)[0] is not None",
        "return None if tf.gradients(tf.cos(x), x)[0] is None else y",
    ],
)
def test_named_targets_may_be_differentiated_under_a_condition(statement: str) -> None:
    assert codes(f"def f(x, flag):\n    y = tf.sin(x)\n    {statement}\n") == [None]


def test_generators_that_run_later() -> None:
    site = refused("""
        def f(x, t):
            y = tf.sin(x * t)
            gs = (tf.gradients(y, v)[0] for v in [x, t])
            return gs
        """)
    assert site.code == "TM116"
