"""What counts as a setting by how it is used: as a size, a switch or a name, not as a tensor."""

from __future__ import annotations

import ast

import pytest

from tape_migrate.module import Module
from tape_migrate.shapes.settings_use import configures

_SETTINGS = (
    "y = f(x, n=params.size)",
    "y = range(params.size)",
    "y = [x][params.size]",
    "y = x if params.deep else -x",
    "y = params.size == 2",
    "y = f'{params.name}'",
    "y = tf.zeros([params.size, 3])",
    "y = tf.zeros(params.get('size'))",
    "with params.scope:\n    y = x",
    "with params.scope as scope:\n    y = x",
    "if params.deep:\n    y = x",
    "while params.deep:\n    y = x",
    "assert params.deep",
    "y = tf.compat.v1.placeholder(tf.float32, (params.size + 1,))",
)
_VALUES = (
    "y = x * params.scale",
    "y = tf.multiply(x, y=params.scale)",
    "y = tf.stack([x, params.scale])",
    "y = {'a': params.scale}",
    "y = params.scale[0] * x",
    "y = params.scale if x else x",
    "assert x, params.message",
    "if x:\n    params.scale",
    "return params.scale",
    "range = print\ny = range(params.scale)",
    "y = lambda: params.scale",
)


@pytest.mark.parametrize(
    ("line", "setting"), [*((s, True) for s in _SETTINGS), *((v, False) for v in _VALUES)]
)
def test_how_it_is_used(line: str, setting: bool) -> None:
    body = "".join(f"    {each}\n" for each in line.splitlines())
    text = f"import tensorflow as tf\n\n\ndef loss(x, params, f):\n{body}"
    module = Module(text.encode())
    (node,) = [
        node
        for node in module.nodes
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "params"
        and isinstance(node.ctx, ast.Load)
    ]
    assert configures(module, node) is setting
