"""Which statements mean the same under tf.function."""

from __future__ import annotations

import textwrap

import pytest

from tape_migrate.module import Module
from tape_migrate.shapes.purity import Purity, always_bound, undefined_after_branch

HEAD = """
import time
import numpy as np
import tensorflow as tf
from tensorflow.keras import backend as K

SCALE = 2.0
weight = tf.Variable(1.0)
changing = 1
changing = 2


def pure(v):
    return tf.sin(v) * SCALE


def impure(v):
    print(v)
    return v


def recursive(v):
    return recursive(v)


def chosen(v):
    return v


chosen = pick(chosen)


def reads_global(v):
    return v * changing

"""


def why_not(body: str, *, closed: bool) -> str | None:
    text = HEAD + "\ndef f(self, x, n):\n" + textwrap.indent(textwrap.dedent(body), "    ")
    source = Module(text.encode())
    function = source.tree.body[-1]
    scope = source.scopes.opened_by(function)
    return Purity(source).why_not(scope.body, scope, closed=closed)


@pytest.mark.parametrize(
    "body",
    [
        "y = tf.sin(x)\nreturn y",
        "y = x * 2.0\ny += 1.0\nz: object = y\nreturn y, z",
        "if tf.reduce_sum(x) > 0.0:\n    y = x\nelse:\n    y = -x\nreturn y",
        "for i in tf.range(n):\n    x = x * 2.0\nreturn x",
        "for i in range(3):\n    x = tf.sin(x)\nreturn x",
        "while tf.reduce_sum(x) < 3.0:\n    x = x * 2.0\nreturn x",
        "with tf.name_scope('a'):\n    y = tf.sin(x)\nreturn y",
        "a, b = tf.split(x, 2)\nreturn a",
        "y = pure(x)\nreturn y",
        "y = weight * x * SCALE\nreturn y",
        "y = K.mean(x)\nreturn y",
        "n = x.shape[0]\nm = len(x.get_shape().as_list())\nreturn x",
        "ys = [tf.sin(x) for _ in range(3)]\nreturn ys",
        "'''doc'''\nreturn x",
        "pass\nreturn x",
        "with tf.GradientTape() as t:\n    t.watch(x)\n    y = x * x\nreturn t.gradient(y, x)",
    ],
)
@pytest.mark.parametrize("closed", [False, True])
def test_all_right(body: str, closed: bool) -> None:
    assert why_not(body, closed=closed) is None


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("print(x)", "effect"),
        ("tf.print(x)", "effect"),
        ("self.calls.append(x)", "effect"),
        ("y = tf.py_function(g, [x], tf.float32)", "calls tensorflow"),
        ("self.y = tf.sin(x)", "writes to an object"),
        ("x[0] = 1", "writes to an object"),
        ("self.n += 1", "not followed"),
        ("y = self.net(x)", "not known"),
        ("y = self.scale * x", "attributes"),
        ("y = np.sin(x)", "not known"),
        ("t = time.time()", "not known"),
        ("y = impure(x)", "in impure"),
        ("y = recursive(x)", "in recursive"),
        ("y = reads_global(x)", "in reads_global"),
        ("y = tf.Variable(x)", "makes variables"),
        ("y = K.variable(x)", "makes variables"),
        ("y = tf.compat.v1.get_variable('a', [3])", "makes variables"),
        ("y = tf.compat.v1.layers.dense(x, 3)", "calls tensorflow"),
        ("ys = []", "list"),
        ("f = lambda v: v", "lambda"),
        ("y = (z := x)", "walrus"),
        ("ys = [tf.sin(v) for v in x]", "comprehension"),
        ("for i in range(3):\n    return x", "returns from inside a loop"),
        ("def g():\n    pass", "FunctionDef"),
        ("global changing", "Global"),
        ("try:\n    y = x\nexcept E:\n    pass", "Try"),
        ("del x", "Delete"),
        ("raise ValueError", "Raise"),
        ("import os", "Import"),
        ("assert x", "Assert"),
        ("for i in range(3):\n    pass\nelse:\n    pass", "For"),
        ("while x:\n    pass\nelse:\n    pass", "While"),
        ("match x:\n    case 1:\n        pass", "Match"),
    ],
)
@pytest.mark.parametrize("closed", [False, True])
def test_reasons(body: str, reason: str, closed: bool) -> None:
    why = why_not(body, closed=closed)
    assert why is not None
    assert reason in why


@pytest.mark.parametrize("body", ["y = changing * x", "y = changing\nreturn y", "y = chosen"])
def test_values_from_outside_that_change_between_calls(body: str) -> None:
    assert why_not(body, closed=False) is None
    why = why_not(body, closed=True)
    assert why is not None
    assert "may change between calls" in why


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a = 1\nb, (c, *d) = e", {"a", "b", "c", "d"}),
        ("if x:\n    a = 1\n    b = 2\nelse:\n    a = 3", {"a"}),
        ("if x:\n    a = 1", set()),
        ("for i in x:\n    a = 1", set()),
        ("while x:\n    a = 1", set()),
        ("with x as y:\n    a = 1", {"a"}),
        ("a += 1\nb: int = 2", {"a", "b"}),
        ("try:\n    a = 1\nexcept E:\n    pass", set()),
    ],
)
def test_names_that_are_bound_for_sure(text: str, names: set[str]) -> None:
    assert names <= always_bound(Module(text.encode()).tree.body) <= names | {"y"}


def test_names_undefined_after_a_branch() -> None:
    stmt = Module(b"if x:\n    a = 1\n    b = 2\nelse:\n    a = 3\n").tree.body[0]
    empty: frozenset[str] = frozenset()
    assert not undefined_after_branch(stmt, empty, frozenset({"a"}))
    assert undefined_after_branch(stmt, empty, frozenset({"a", "b"}))
    assert not undefined_after_branch(stmt, frozenset({"b"}), frozenset({"a", "b"}))
