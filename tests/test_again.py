"""Gradients that are left alone, and those on their way that could be migrated."""

from __future__ import annotations

import pytest

from tests.migrating import codes

_FUNCTION = """
def left(y, x):
    return tf.gradients(y, x)[0]


def slope(x, z):
    y = tf.cond(z > 0.0, lambda: x * x, lambda: x)
    @
    return a + g
"""
_LEFT = "a = left(y, x)"
_TAKEN = "g = tf.gradients(y, x)[0]"


@pytest.mark.parametrize(
    ("first", "second", "code"),
    [
        (_LEFT, _TAKEN, "TM126"),
        (_TAKEN, _LEFT, None),
        ("a = tf.sin(x)", _TAKEN, None),
    ],
)
def test_a_left_gradient_in_a_function_that_is_called_before_goes_through_the_branch(
    first: str, second: str, code: str | None
) -> None:
    """It gives the operation of the branch more outputs, which a tape that recorded it rejects."""
    assert codes(_FUNCTION.replace("@", f"{first}\n    {second}")) == ["TM101", code]
