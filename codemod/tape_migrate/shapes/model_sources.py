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
from tape_migrate.shapes.plan import OUTSIDE, Refusal, Source, Watch
from tape_migrate.shapes.sources import find_sources

_TRAINABLE = frozenset(("trainable_weights", "trainable_variables"))
_OF_LAYERS = frozenset(("kernel", "bias", "embeddings", "gamma", "beta"))
_ALL = frozenset(("weights", "variables", "non_trainable_weights", "non_trainable_variables"))


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
    values = _given(dep, expr)
    if values:
        return all(v is not None and _are_weights(dep, v, depth - 1) for v in values)
    if isinstance(expr, ast.Attribute) and expr.attr in _TRAINABLE | _OF_LAYERS | _ALL:
        return expr.attr not in _ALL or _known_outside(dep, expr)
    return False


def _given(dep: Dependence, expr: ast.expr) -> list[ast.expr | None]:
    """What a name, or an attribute of ``self``, was given."""
    symbol = symbol_of(expr)
    values: list[ast.expr | None] = []
    if symbol is None:
        return values
    if isinstance(expr, ast.Name):
        for node in dep.module.names.bindings(expr.id, dep.scope):
            plain = isinstance(node, ast.Assign)
            values.append(value_given_by(node, symbol) if plain else None)  # type: ignore[arg-type]
    elif isinstance(expr, ast.Attribute):
        for node in dep.module.nodes:
            if isinstance(node, ast.Assign) and value_given_by(node, symbol) is not None:
                values.append(value_given_by(node, symbol))
    return values


def frozen_watches(dep: Dependence, expr: ast.expr) -> tuple[Watch, ...]:
    """What has to be watched by name, of weights as the sources of a moved graph.

    A tape sees trainable variables only, and some of ``model.weights`` may be frozen. It takes no
    variable of Keras 3 to be watched, but the handle that the variables of all versions have.
    """
    attributes = _attributes(dep, expr)
    frozen = any(
        (isinstance(node, ast.Attribute) and node.attr == "trainable")
        or (isinstance(node, ast.keyword) and node.arg == "trainable")
        for node in dep.module.nodes
    )
    wanted = _ALL | (_OF_LAYERS if frozen else frozenset())
    if not attributes & wanted or not _known_outside(dep, expr):
        return ()
    text = ast.unparse(expr)
    values = [v for v in (expr, *_given(dep, expr)) if v is not None]
    single = attributes <= _OF_LAYERS and not any(
        isinstance(v, ast.List | ast.Tuple) for v in values
    )
    return (Watch(f"{text}.handle" if single else f"[weight.handle for weight in {text}]"),)


def _attributes(dep: Dependence, expr: ast.expr, depth: int = 4) -> set[str]:
    """The attributes of models and layers that ``expr`` stands for."""
    if isinstance(expr, (ast.List, ast.Tuple)):
        return {name for item in expr.elts for name in _attributes(dep, item, depth)}
    values = _given(dep, expr) if depth else []
    found = {name for v in values if v is not None for name in _attributes(dep, v, depth - 1)}
    return found or ({expr.attr} if isinstance(expr, ast.Attribute) else set())


def _known_outside(dep: Dependence, expr: ast.expr) -> bool:
    """Whether ``expr`` reads no name of the function itself."""
    return all(
        dep.module.scopes.resolve(node.id, dep.scope) is not dep.scope
        for node in ast.walk(expr)
        if isinstance(node, ast.Name)
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
