"""Sources that are outputs of a functional Keras model: its inputs are watched instead.

Why that is exact stands in ``functional_model``.
"""

from __future__ import annotations

import ast

from tape_migrate.flow.reaching import Definition
from tape_migrate.flow.symbols import Symbol, symbol_of
from tape_migrate.shapes.dependence import Dependence
from tape_migrate.shapes.functional_model import is_model_call
from tape_migrate.shapes.kinds import value_given_by
from tape_migrate.shapes.plan import OUTSIDE, Refusal, Source
from tape_migrate.shapes.sources import find_sources

_TRAINABLE = frozenset(("trainable_weights", "trainable_variables"))
_OF_LAYERS = frozenset(("kernel", "bias", "embeddings", "gamma", "beta"))


def weights_of_fed_model(dep: Dependence, node_id: int, expr: ast.expr) -> list[Source] | None:
    """For trainable weights as sources of a graph that was moved into a function.

    A tape sees trainable variables by itself, once the model's call is inside; so what has to be
    inside is what has to be for the function's own inputs.
    """
    function = dep.scope.node
    if not isinstance(function, ast.FunctionDef) or not _are_weights(dep, expr):
        return None
    found: list[Source] = []
    for arg in function.args.args:
        for node in ast.walk(function):
            read = isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
            if read and node.id == arg.arg and arg.arg != "training":  # type: ignore[attr-defined]
                assert isinstance(node, ast.Name)
                inner = find_sources(dep, node_id, node)
                found += inner if isinstance(inner, list) else []
                break
    return found or None


def _are_weights(dep: Dependence, expr: ast.expr, depth: int = 4) -> bool:
    if depth == 0:
        return False
    if isinstance(expr, (ast.List, ast.Tuple)):
        return bool(expr.elts) and all(_are_weights(dep, item, depth - 1) for item in expr.elts)
    if isinstance(expr, ast.Attribute) and expr.attr in _TRAINABLE | _OF_LAYERS:
        return True
    symbol = symbol_of(expr)
    if symbol is None:
        return False
    values: list[ast.expr | None] = []
    if isinstance(expr, ast.Name):
        for node in dep.module.names.bindings(expr.id, dep.scope):
            plain = isinstance(node, ast.Assign)
            values.append(value_given_by(node, symbol) if plain else None)  # type: ignore[arg-type]
    elif isinstance(expr, ast.Attribute):
        for node in dep.module.nodes:
            if isinstance(node, ast.Assign) and value_given_by(node, symbol) is not None:
                values.append(value_given_by(node, symbol))
    return bool(values) and all(
        value is not None and _are_weights(dep, value, depth - 1) for value in values
    )


def watched_instead(dep: Dependence, sources: list[Source]) -> list[Source] | Refusal:
    """``sources``, the outputs of functional models replaced by what those were called on."""
    found: list[Source] = []
    for source in sources:
        inputs = _inputs_of(dep, source)
        if isinstance(inputs, Refusal):
            return inputs
        for item in [source] if inputs is None else inputs:
            if item not in found:
                found.append(item)
    return found


def _inputs_of(dep: Dependence, source: Source) -> list[Source] | Refusal | None:
    if source.symbol.path or source.fresh or len(source.track.definitions) != 1:
        return None
    definition: Definition = next(iter(source.track.definitions))
    stmt = definition.stmt
    if definition.kind in OUTSIDE or not isinstance(stmt, ast.Assign):
        return None
    if definition.symbol != Symbol(source.symbol.root) or not is_model_call(dep.module, stmt.value):
        return None
    assert isinstance(stmt.value, ast.Call)
    return find_sources(dep, definition.node_id, stmt.value.args[0])
