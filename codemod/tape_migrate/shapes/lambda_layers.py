"""``Lambda`` layers of Keras: whose functions are theirs, and whether the module trains."""

from __future__ import annotations

import ast

from tape_migrate.module import Module

_LAMBDAS = frozenset(("keras.layers.Lambda", "keras.layers.core.Lambda"))
_TRAINS = frozenset(("fit", "fit_generator", "train_on_batch", "train_step"))


def is_lambda_layer(module: Module, node: ast.AST | None) -> bool:
    """Whether ``node`` makes a ``Lambda`` layer."""
    return isinstance(node, ast.Call) and module.names.resolve(node.func) in _LAMBDAS


def trains(module: Module) -> bool:
    """Whether the module asks a model to train."""
    return any(isinstance(node, ast.Attribute) and node.attr in _TRAINS for node in module.nodes)
