"""Symbolic tensors of Keras models: a tape cannot see them; they need a recipe of their own."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from tape_migrate.flow.scope import Scope, ScopeKind
from tape_migrate.flow.symbols import DefKind, Symbol, symbol_of
from tape_migrate.module import Module
from tape_migrate.shapes.dependence import Dependence
from tape_migrate.shapes.evaluated import calls_in
from tape_migrate.shapes.kinds import value_given_by
from tape_migrate.shapes.plan import Refusal, Source
from tape_migrate.shapes.summaries import Summaries
from tape_migrate.shapes.targets import Target
from tape_migrate.shapes.tensorflow_facts import KERAS_GRAPH_ATTRIBUTES, KERAS_GRAPH_CALLS
from tape_migrate.shapes.unittests import ancestors, is_known_base

_SYMBOLIC = frozenset(
    {
        "keras.Input",
        "keras.layers.Input",
        "keras.engine.Input",
        "keras.backend.placeholder",
        "keras.backend.learning_phase",
        "keras.backend.function",
    }
)


def refuse_keras(
    module: Module, dep: Dependence, targets: list[Target], sources: list[Source]
) -> Refusal | None:
    """Refuse if a target or source is computed from symbolic tensors of a Keras model."""
    parts: list[ast.AST] = [target.expr for target in targets]
    links = [link for target in targets for link in target.links]
    nodes, _ = dep.slice_back(links)
    for source in sources:
        nodes |= source.own_nodes
        if any(track.symbol.path[-1:] in ((".input",), (".output",)) for track in source.tracks):
            if not any(_is_own(module, dep.scope, track.symbol) for track in source.tracks):
                return _refusal(f"{source.symbol}")
    for node_id in nodes:
        node = dep.cfg.nodes[node_id].node
        if node is not None and not isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            parts.append(node)
    return refuse_symbolic(module, parts)


def refuse_symbolic(module: Module, parts: Iterable[ast.AST]) -> Refusal | None:
    """Refuse if one of ``parts`` itself spells a symbolic tensor of a Keras model."""
    for part in parts:
        what = _symbolic(module, part)
        if what is not None:
            return _refusal(what)
    return None


def _refusal(what: str) -> Refusal:
    return Refusal("TM107", f"{what} is a symbolic tensor of a Keras model")


def _symbolic(module: Module, part: ast.AST) -> str | None:
    for call in calls_in(part):
        resolved = module.names.resolve(call.func)
        if resolved in _SYMBOLIC:
            return resolved.replace("keras.backend", "K") + "()"
        if isinstance(call.func, ast.Attribute) and call.func.attr in KERAS_GRAPH_CALLS:
            return f".{call.func.attr}()"
    for node in module.inside(part):
        if not isinstance(node, ast.Attribute) or not isinstance(node.ctx, ast.Load):
            continue
        if node.attr not in KERAS_GRAPH_ATTRIBUTES or _is_set_here(module, node):
            continue
        symbol = symbol_of(node)
        if symbol is not None and _is_own(module, module.scope_of(node), symbol):
            continue
        if not isinstance(node.value, ast.Name | ast.Attribute):
            return f".{node.attr}"
        return ast.unparse(node)
    return None


def _is_set_here(module: Module, node: ast.Attribute) -> bool:
    """Whether statements of its own function give the attribute what is read: no model has.

    What they give it is on the way to the target as well, and looked at where it stands.
    """
    symbol, scope = symbol_of(node), module.scope_of(node)
    if symbol is None or scope.kind is not ScopeKind.FUNCTION:
        return False
    reached = module.facts(scope).reaching_at(node, symbol)
    return bool(reached) and all(
        d.symbol == symbol and d.kind is DefKind.STRONG and isinstance(d.stmt, ast.Assign)
        for d in reached
    )


def _is_own(module: Module, scope: Scope, symbol: Symbol) -> bool:
    """Whether methods of its class give ``self.input`` what it is: ``self.input = tf.identity(x)``.

    The class and all that it inherits from are in the module, so it is no model of Keras, and none
    of what is given is written as a symbolic tensor.
    """
    owner = Summaries.of(module).class_of(scope)
    if symbol.root != "self" or len(symbol.path) != 1 or owner is None:
        return False
    known = module.memo.setdefault("attributes of classes that are no models", {})
    assert isinstance(known, dict)
    key = (owner, symbol)
    if key not in known:
        known[key] = False  # what it is given reads it
        known[key] = _sets_plainly(module, owner, symbol)
    return bool(known[key])


def _sets_plainly(module: Module, owner: Scope, symbol: Symbol) -> bool:
    assert isinstance(owner.node, ast.ClassDef)
    parents = ancestors(module, owner.node)
    classes = (owner.node, *parents)
    if not all(is_known_base(module, base, parents) for each in classes for base in each.bases):
        return False
    values = [
        value_given_by(module.statement_of(node), symbol)
        for node in module.attributes(symbol.path[0][1:])
        if not isinstance(node.ctx, ast.Load)
        and symbol_of(node) == symbol
        and any(module.holds(each, node) for each in classes)
    ]
    return bool(values) and all(
        value is not None and _symbolic(module, value) is None for value in values
    )
