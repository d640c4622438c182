"""What a collection of Keras tensors holds: a sub-model puts out tensors and nothing else."""

from __future__ import annotations

import ast

from tape_migrate.flow.symbols import Symbol
from tape_migrate.module import Module
from tape_migrate.shapes.keras_levels import Levels
from tape_migrate.shapes.keras_values import Level
from tape_migrate.shapes.kinds import value_given_by

ITERATORS = frozenset({"enumerate", "filter", "iter", "map", "reversed", "zip"})
_VIEWS = frozenset({"items", "keys", "values"})


def is_iterator(module: Module, call: ast.Call) -> bool:
    """``zip(outputs, weights)``, ``outputs.values()``: no structure that a model can put out."""
    if isinstance(call.func, ast.Attribute):
        return call.func.attr in _VIEWS and not call.args
    if not isinstance(call.func, ast.Name) or call.func.id not in ITERATORS:
        return False
    return not module.names.is_local(call.func.id, module.scope_of(call))


def holds_others(module: Module, name: ast.expr) -> bool:
    """Whether a list was plainly made of more than tensors: pairs with layers, names, numbers."""
    if not isinstance(name, ast.Name):
        return False
    levels = Levels.of(module)
    bound = module.names.bindings(name.id, module.scope_of(name))
    values = [value_given_by(node, Symbol(name.id)) for node in bound if isinstance(node, ast.stmt)]
    return any(value is not None and _others(levels, value) for value in values)


def _others(levels: Levels, value: ast.expr) -> bool:
    match value:
        case ast.Call(func=ast.Name(id="list" | "tuple" | "sorted"), args=[inner, *_]):
            return _others(levels, inner)
        case ast.Call(func=ast.Name(id="zip" | "enumerate")):
            return True
        case ast.ListComp(elt=item) | ast.GeneratorExp(elt=item):
            return _is_other(levels, item)
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return any(_is_other(levels, item) for item in items)
    return False


def _is_other(levels: Levels, item: ast.expr) -> bool:
    if isinstance(item, (ast.List, ast.Tuple)):
        return any(_is_other(levels, part) for part in item.elts)
    return not isinstance(item, ast.Starred) and levels.value(item).level is not Level.KERAS
