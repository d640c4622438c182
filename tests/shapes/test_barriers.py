"""What no gradient can pass carries nothing, wherever it was computed."""

from __future__ import annotations

import ast

import pytest

from tape_migrate.module import Module
from tape_migrate.shapes.barriers import carries_nothing, is_blocked
from tape_migrate.shapes.summaries import Summaries
from tests.migrating import rewritten

HEAD = "import numpy as np\nimport tensorflow as tf\nfrom keras import backend as K\n"


def blocked(expression: str) -> bool:
    """Whether the (first) read of ``x`` is blocked."""
    source = Module(f"{HEAD}r = {expression}\n".encode())
    names = [n for n in ast.walk(source.tree) if isinstance(n, ast.Name) and n.id == "x"]
    return is_blocked(source, names[0])


@pytest.mark.parametrize(
    "expression",
    [
        "tf.stop_gradient(x)",
        "tf.stop_gradient(x * 2.0)",
        "a * tf.stop_gradient(f(x))",
        "K.stop_gradient(x)",
        "tf.shape(x)[0]",
        "tf.size(x)",
        "tf.rank(x)",
        "tf.argmax(x, axis=1)",
        "tf.cast(x > 0.0, tf.float32)",
        "tf.cast(0.0 < x * a, tf.float32)",
        "[tf.stop_gradient(v) for v in x]",
        "[tf.stop_gradient(v) for k, v in enumerate(x)]",
        "[tf.stop_gradient(x) for x in [x]]",
    ],
)
def test_blocked(expression: str) -> None:
    assert blocked(expression)


@pytest.mark.parametrize(
    "expression",
    [
        "x",
        "tf.sin(x)",
        "stop_gradient(x)",
        "other.stop_gradient(x)",
        "tf.identity(x)",
        "x.stop_gradient(a)",
        "[v for v in x]",
        "[tf.stop_gradient(v) * v for v in x]",
        "tf.reduce_max(x)",
        "tf.round(x)",
        "a if b is None else x",
    ],
)
def test_open(expression: str) -> None:
    assert not blocked(expression)


FUNCTIONS = """
kept = []


def double(v):
    twice = [v, v]
    twice.append(v)
    return sum(twice)


def give(take, v):
    take(v)
    return v


def keep(v):
    other = kept
    other.append(v)
    return v
"""


def carried(expression: str) -> bool:
    """Whether the (first) read of ``x`` may come back in another way."""
    source = Module(f"{HEAD}{FUNCTIONS}\nr = {expression}\n".encode())
    names = [n for n in ast.walk(source.tree) if isinstance(n, ast.Name) and n.id == "x"]
    return not carries_nothing(source, names[0], Summaries.of(source).keeps_nothing)


@pytest.mark.parametrize(
    "expression",
    [
        "tf.shape(keep(x))",
        "tf.shape(unseen(x))",
        "tf.shape(give(kept.append, x))",
        "tf.shape(box.put(x))",
        "tf.stop_gradient(h := tf.sin(x))",
        "(h := tf.sin(x)) > 0.0",
        "max(x, key=keep) > 0.0",
        "tf.shape(tf.nest.map_structure(keep, x))",
        "tf.shape(tf.py_function(keep, [x], tf.float32))",
        "[tf.stop_gradient(h := v) for v in x]",
        "tf.shape(x.get(keep))",
        "tf.shape(x.pop())",
    ],
)
def test_kept_before_the_barrier(expression: str) -> None:
    assert blocked(expression)
    assert carried(expression)


@pytest.mark.parametrize(
    "expression",
    [
        "tf.shape(double(x))",
        "tf.stop_gradient(tf.sin(x) * 2.0)",
        "len(x.get_shape()) > 1",
        "max(x) > 0.0",
        "keep(tf.shape(x))",
        "[tf.stop_gradient(v) for v, w in zip([x], y)]",
        "np.abs(x) > 0.0",
    ],
)
def test_nothing_is_kept_before_the_barrier(expression: str) -> None:
    assert not carried(expression)


def test_what_is_stopped_may_stay_outside_the_tape() -> None:
    new = rewritten("""
        def f(x):
            h = tf.sin(x)
            y = x * tf.stop_gradient(h)
            return tf.gradients(y, x)[0]
        """)
    assert new.index("tf.sin(x)") < new.index("GradientTape")
