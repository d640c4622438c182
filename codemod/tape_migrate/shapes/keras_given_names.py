"""Names that Keras gives to models and layers that have none, by the order in which they are made.

``two.get_layer("model_1")`` finds another model, or none, where one more was made before it; and a
layer that takes the place of a ``Lambda`` is called after its own class.
"""

from __future__ import annotations

import ast
import re
from typing import Final

from tape_migrate.module import Module

_OF_MODELS: Final = re.compile(r"(?:model|functional)(_\d+)?")
_OF_LAMBDAS: Final = re.compile(r"lambda(_\d+)?")
"""What the names are but for the first of each, which a plain word may be as well."""


def asks_for_model(module: Module) -> int | None:
    """The line of a text that may be the name that Keras gave to a model."""
    return _line(module, _OF_MODELS)


def asks_for_lambda(module: Module) -> int | None:
    """The line of a text that may be the name that Keras gave to a ``Lambda`` layer."""
    return _line(module, _OF_LAMBDAS)


def _line(module: Module, pattern: re.Pattern[str]) -> int | None:
    for node in module.of_kind(ast.Constant):
        found = pattern.fullmatch(node.value) if isinstance(node.value, str) else None
        if found is not None and (found.group(1) or _looks_up(module, node)):
            return node.lineno
    return None


def _looks_up(module: Module, text: ast.Constant) -> bool:
    """``model.get_layer("lambda")``, ``layer.name == "lambda"``."""
    parent = module.parent_of(text)
    if isinstance(parent, ast.keyword):
        parent = module.parent_of(parent)
    if isinstance(parent, ast.Call):
        return isinstance(parent.func, ast.Attribute) and parent.func.attr == "get_layer"
    return isinstance(parent, ast.Compare)
