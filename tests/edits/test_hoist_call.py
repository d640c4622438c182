"""Calls inside other calls get names where that changes nothing else."""

from __future__ import annotations

import ast

import pytest

from tape_migrate.edits.hoist_call import hoist_call

from .programs import module

HEAD = "import tensorflow as tf\n"


def hoisted(text: str) -> str | None:
    """``text`` after the call of ``g`` in it got a name."""
    source = module(HEAD + text)
    (call,) = [
        node
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "g"
    ]
    draft = hoist_call(source, call)
    return None if draft is None else draft.apply().text.decode().removeprefix(HEAD)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a = tf.abs(g(x)[0])\n", "gradient = g(x)[0]\na = tf.abs(gradient)\n"),
        ("a = tf.abs(g(x)[1])\n", "gradient = g(x)\na = tf.abs(gradient[1])\n"),
        (
            "def f():\n    # why\n    return tf.abs(\n        g(\n        x))\n",
            "def f():\n    # why\n    gradient = g(\n        x)\n    return tf.abs(\n"
            "        gradient)\n",
        ),
        (
            "a = tf.abs(g(x)\n    [0])\n",
            "gradient = (g(x)\n    [0])\na = tf.abs(gradient)\n",
        ),
        ("a = tf.abs(g(x)) + h(x)\n", "gradient = g(x)\na = tf.abs(gradient) + h(x)\n"),
        ("a = tf.abs(tf.exp(x) + g(x))\n", "gradient = g(x)\na = tf.abs(tf.exp(x) + gradient)\n"),
        ("gradient = tf.abs(g(x))\n", "gradient2 = g(x)\ngradient = tf.abs(gradient2)\n"),
    ],
)
def test_hoisted(text: str, expected: str) -> None:
    assert hoisted(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "a = tf.abs(g(x) if x else 1)\n",
        "a = tf.abs(x or g(x))\n",
        "a = [tf.abs(g(y)) for y in x]\n",
        "a = lambda: tf.abs(g(x))\n",
        "a = h(x) + tf.abs(g(x))\n",
        "a = tf.abs((y := 2) + g(y))\n",
        "if tf.abs(g(x)): pass\n",
        "b = 1; a = tf.abs(g(x))\n",
        "if b: a = tf.abs(g(x))\n",
    ],
)
def test_left_where_the_order_could_change(text: str) -> None:
    assert hoisted(text) is None
