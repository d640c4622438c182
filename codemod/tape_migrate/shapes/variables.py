"""Variables as sources: lists of trainable variables that the framework keeps.

Before::

    loss = model_loss(x)
    tvars = tf.trainable_variables()
    grads = tf.gradients(loss, tvars)

After::

    with tf.GradientTape() as tape:
        loss = model_loss(x)
    tvars = tf.trainable_variables()
    grads = tape.gradient(loss, tvars)

A tape sees a trainable variable by itself, at every read of it, however the variable is reached
(``get_variable``, a layer, a list). So nothing has to be watched, and the gradient is the same if
every statement that may read one of them on its way to the target is inside. Which statements do
is not told by names: all of what the target is computed from goes in, except what certainly reads
no variable (``leaves``).

Exact for trainable variables only: ``tf.global_variables()``, ``model.weights`` and the like may
hold others, for which a tape gives None where a graph gives a gradient.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Final

from tape_migrate.flow.scope import Scope, ScopeKind
from tape_migrate.flow.symbols import DefKind, Symbol, symbol_of
from tape_migrate.module import Module
from tape_migrate.names import KNOWN_MODULES
from tape_migrate.shapes.collections_read import key_of
from tape_migrate.shapes.dependence import OF_LISTS
from tape_migrate.shapes.functions import Function
from tape_migrate.shapes.kinds import outer_value, value_given_by
from tape_migrate.shapes.modes import OtherModules
from tape_migrate.shapes.own_lists import kind_of_own, own_list
from tape_migrate.shapes.plan import Kind, in_order
from tape_migrate.shapes.summaries import Summaries
from tape_migrate.shapes.tensorflow_facts import (
    COLLECTED_ATTRIBUTES,
    COLLECTED_VARIABLES,
    tensorflow_function,
)
from tape_migrate.shapes.unpacked import unpacked
from tape_migrate.shapes.variable_makers import makes_trainable, mentions_reuse, untrainable_reused

_DEPTH = 8

_COLLECTIONS: Final = frozenset(
    {"tf.trainable_variables", "tf.get_collection", "tf.get_collection_ref"}
)
_TRAINABLE_ATTRIBUTES: Final = frozenset({"trainable_variables", "trainable_weights"})
_LISTS: Final = (Kind.LIST, Kind.TUPLE, Kind.UNKNOWN)


@dataclass(frozen=True)
class Collected:
    """An expression that gives variables which the framework collected.

    ``trainable`` says whether all of them certainly are; ``kind`` is a list, a tuple, or a tensor
    for a single variable; ``what`` names the function or attribute that they come from.
    """

    what: str
    kind: Kind
    trainable: bool = True


def collected_variables(module: Module, expr: ast.expr, depth: int = _DEPTH) -> Collected | None:
    """What ``expr`` collects where it stands, or None if it is no collection that is known."""
    if depth == 0:
        return None
    direct = _framework_collection(module, expr)
    if direct is not None:
        return direct
    match expr:
        case ast.Call(func=ast.Name(id="list" | "tuple" | "sorted" as name), args=[inner, *_]):
            if module.names.is_local(name, module.scope_of(expr)):
                return None
            found = collected_variables(module, inner, depth - 1)
            kind = Kind.TUPLE if name == "tuple" else Kind.LIST
            return _of_kind(found, kind) if found and found.kind in _LISTS else None
        case ast.Call(func=ast.Name(id="filter"), args=[_, inner]):
            found = collected_variables(module, inner, depth - 1)
            # In Python 2 a list; today to be read once.
            return _of_kind(found, Kind.UNKNOWN) if found and found.kind in _LISTS else None
        case ast.Call():
            return _returned(module, expr, depth)
        case ast.ListComp(generators=[*_, generator], elt=ast.Name(id=name)):
            if isinstance(generator.target, ast.Name) and generator.target.id == name:
                found = collected_variables(module, generator.iter, depth - 1)
                return _of_kind(found, Kind.LIST) if found and found.kind in _LISTS else None
            return None
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            sides = [collected_variables(module, side, depth - 1) for side in (left, right)]
            return _joined(sides) if all(s and s.kind in _LISTS for s in sides) else None
        case ast.List(elts=elts) | ast.Tuple(elts=elts) if elts:
            parts = [collected_variables(module, part, depth - 1) for part in elts]
            if all(p and p.kind is Kind.TENSOR for p in parts):
                kind = Kind.LIST if isinstance(expr, ast.List) else Kind.TUPLE
                return _of_kind(_joined(parts), kind)
            return None
        case ast.Subscript(value=inner, slice=index):
            found = collected_variables(module, inner, depth - 1)
            if found is not None and found.kind in _LISTS:
                if isinstance(index, ast.Slice):
                    return found
                return _of_kind(found, Kind.TENSOR) if _is_number(index) else None
            if found is not None:
                return None
    symbol = symbol_of(expr)
    return _named(module, expr, symbol, depth) if symbol is not None else None


def listed_by_graph(module: Module, expr: ast.expr) -> bool:
    """Whether the graph around lists them, by its collections; not a model its own."""
    found = collected_variables(module, expr)
    return found is not None and found.what in _COLLECTIONS


def _is_number(index: ast.expr) -> bool:
    if isinstance(index, ast.UnaryOp):
        index = index.operand
    return isinstance(index, ast.Constant) and isinstance(index.value, int)


def _of_kind(found: Collected | None, kind: Kind) -> Collected | None:
    return Collected(found.what, kind, found.trainable) if found is not None else None


def _joined(parts: list[Collected | None]) -> Collected | None:
    known = [part for part in parts if part is not None]
    if not known or len(known) != len(parts):
        return None
    trainable = all(part.trainable for part in known)
    return Collected(known[0].what, known[0].kind, trainable)


def _framework_collection(module: Module, expr: ast.expr) -> Collected | None:
    if isinstance(expr, ast.Call):
        name = tensorflow_function(module.names.resolve(expr.func)) or ""
        leaf = name.rpartition(".")[2]
        if leaf in ("get_collection", "get_collection_ref"):
            return Collected(f"tf.{leaf}", Kind.LIST, _is_trainable_key(module, expr))
        if not name and isinstance(expr.func, ast.Attribute):
            # `graph.get_collection(…)`, `layer.trainable_variables()`
            method = expr.func.attr
            return Collected(method, Kind.UNKNOWN, False) if method in COLLECTED_VARIABLES else None
        if leaf in COLLECTED_VARIABLES:
            return Collected(f"tf.{leaf}", Kind.LIST, leaf == "trainable_variables")
        if leaf == "get_variable" and makes_trainable(expr):
            # Where variables are reused, the same one may be read by other statements.
            if not mentions_reuse(module):
                return None
            return Collected("tf.get_variable", Kind.TENSOR, not untrainable_reused(module))
        return None
    if isinstance(expr, ast.Attribute) and expr.attr in COLLECTED_ATTRIBUTES:
        if module.names.resolve(expr) or _assigned(module, expr):
            return None
        # Keras gives a list, tf.Module a tuple.
        kind = Kind.LIST if expr.attr == "trainable_weights" else Kind.UNKNOWN
        listed = Collected(expr.attr, kind, expr.attr in _TRAINABLE_ATTRIBUTES)
        return _of_own_class(module, expr, listed)
    return None


def _of_own_class(module: Module, expr: ast.Attribute, listed: Collected) -> Collected | None:
    """What ``expr`` reads, which is ``listed`` unless the class has a property of that name."""
    own = own_list(module, expr)
    if own.otherwise:
        return None
    found = [_of_property(module, each, listed) for each in own.properties]
    joined = _joined(found if own.certain else [listed, *found])
    if joined is None:
        return None
    same = len({each.kind for each in (*found, joined) if each is not None}) == 1
    return Collected(listed.what, joined.kind if same else Kind.UNKNOWN, joined.trainable)


def _of_property(module: Module, function: Function, listed: Collected) -> Collected | None:
    """What a property collects.

    Where it reads its own name, of another object, it is taken to be as that of a framework.
    """
    known = module.memo.setdefault("own lists", {})
    assert isinstance(known, dict)
    if function not in known:
        known[function] = listed
        values = [
            node.value
            for node in module.of_kind_inside(ast.Return, function)
            if module.scope_of(node) is module.scopes.opened_by(function)
        ]
        found = [_listed(module, value) for value in values]
        joined = _joined(found)
        same = len({each.kind for each in found if each is not None}) == 1
        known[function] = joined if same or joined is None else _of_kind(joined, Kind.UNKNOWN)
    result: Collected | None = known[function]
    return result


def _listed(module: Module, value: ast.expr | None) -> Collected | None:
    kind = kind_of_own(module, value) if value is not None else None
    if kind is not None:
        return Collected("", kind)
    return collected_variables(module, value) if value is not None else None


def _is_trainable_key(module: Module, call: ast.Call) -> bool:
    return key_of(module, call) == "TRAINABLE_VARIABLES"


def _assigned(module: Module, expr: ast.Attribute) -> bool:
    """``self.weights`` that the module's own code sets: no collection of a framework's."""
    if not isinstance(expr.value, (ast.Name, ast.Attribute)):
        return False
    root = ast.unparse(expr.value)
    return any(
        isinstance(node.ctx, ast.Store)
        and (ast.unparse(node.value) == root or _of_plain_object(module, node))
        for node in module.attributes(expr.attr)
    ) or any(
        isinstance(bound, (ast.Assign, ast.AnnAssign))
        for scope in module.scopes
        if scope.kind is ScopeKind.CLASS and expr.attr in module.scopes.bindings(scope)
        for bound in module.names.bindings(expr.attr, scope)
    )


def _of_plain_object(module: Module, node: ast.Attribute) -> bool:
    """``self.weights`` of a class that has nothing from a framework."""
    scope = module.scope_of(node)
    owner = Summaries.of(module).class_of(scope)
    if owner is None or not isinstance(owner.node, ast.ClassDef):
        return False
    bases = [ast.unparse(base) for base in owner.node.bases]
    return (
        isinstance(node.value, ast.Name) and node.value.id == "self" and bases in ([], ["object"])
    )


def _returned(module: Module, call: ast.Call, depth: int) -> Collected | None:
    """``find_trainable_variables("model")``, a function of the module that collects."""
    function: Function | None = Summaries.of(module).callee(call)
    resolved = module.names.resolve(call.func) if function is None else ""
    if resolved.partition(".")[0] in KNOWN_MODULES:
        return None
    if resolved and isinstance(module.project, OtherModules):
        elsewhere = module.project.function(resolved)
        if elsewhere is not None:
            module, function = elsewhere
    if function is None or function.decorator_list:
        return None
    scope = module.scopes.opened_by(function)
    returns = [
        node
        for node in module.inside(function)
        if isinstance(node, ast.Return) and module.scope_of(node) is scope
    ]
    found = [
        collected_variables(module, node.value, depth - 1) if node.value is not None else None
        for node in returns
    ]
    return _alike(found)


def _alike(found: list[Collected | None]) -> Collected | None:
    joined = _joined(found)
    return joined if joined is not None and len({f.kind for f in found if f}) == 1 else None


def _named(module: Module, expr: ast.expr, symbol: Symbol, depth: int) -> Collected | None:
    scope = module.scope_of(expr)
    root = expr
    while isinstance(root, (ast.Attribute, ast.Subscript)):
        root = root.value
    if isinstance(root, ast.Name) and module.scopes.is_comprehension_variable(root):
        return None
    reached = module.facts(scope).reaching_at(expr, symbol)
    strong = in_order(d for d in reached if d.kind is not DefKind.MUTATION)
    outer = outer_value(module, symbol, scope, frozenset(strong))
    if outer is not None:
        return collected_variables(module, outer, depth - 1)
    if symbol.root == "self" and len(symbol.path) == 1 and symbol.path[0].startswith("."):
        return _settle(_of_class(module, scope, symbol, depth))
    if not strong or any(d.kind is not DefKind.STRONG or d.symbol != symbol for d in strong):
        return None
    found = [_given(module, d.stmt, symbol, depth) for d in strong]
    for change in reached:
        if change.kind is DefKind.MUTATION:
            put = _put_in(module, change.stmt, symbol, depth)
            if put is None:
                return None
            found += put
    return _settle(found)


def _settle(found: list[Collected | None]) -> Collected | None:
    # A list that is empty at first is whatever is put into it.
    known = [part for part in found if part is not _EMPTY]
    return _of_kind(_joined(known), Kind.LIST) if len(known) < len(found) else _joined(known)


_EMPTY: Final = Collected("", Kind.LIST)


def _given(module: Module, stmt: ast.AST | None, symbol: Symbol, depth: int) -> Collected | None:
    if isinstance(stmt, ast.For) and symbol_of(stmt.target) == symbol:
        found = collected_variables(module, stmt.iter, depth - 1)
        return _of_kind(found, Kind.TENSOR) if found and found.kind in _LISTS else None
    if not isinstance(stmt, (ast.Assign, ast.AnnAssign)):
        return None
    value = value_given_by(stmt, symbol)
    if value is None and isinstance(stmt, ast.Assign) and len(stmt.targets) == 1:
        target = stmt.targets[0]
        if isinstance(target, (ast.Tuple, ast.List)) and any(
            symbol_of(part) == symbol for part in target.elts
        ):
            parts = unpacked(module, stmt, symbol)
            if parts:
                return _alike([collected_variables(module, part, depth - 1) for part in parts])
            found = collected_variables(module, stmt.value, depth - 1)
            return _of_kind(found, Kind.TENSOR) if found and found.kind in _LISTS else None
    if isinstance(value, ast.List) and not value.elts:
        return _EMPTY
    return collected_variables(module, value, depth - 1) if value is not None else None


def _put_in(
    module: Module, stmt: ast.AST | None, symbol: Symbol, depth: int
) -> list[Collected | None] | None:
    """What ``xs.append(v)`` adds; nothing for a call that is only handed ``xs``."""
    call = stmt.value if isinstance(stmt, ast.Expr) else None
    if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
        if symbol_of(call.func.value) == symbol:
            if call.func.attr in ("append", "extend") and len(call.args) == 1:
                return [collected_variables(module, call.args[0], depth - 1)]
            return None
        if isinstance(call.func.value, ast.Name) and call.func.value.id in OF_LISTS:
            return None
    if isinstance(call, ast.Call):
        return None if Summaries.of(module).changes_something(call) else []
    return []


def _of_class(module: Module, scope: Scope, symbol: Symbol, depth: int) -> list[Collected | None]:
    """``self.params`` that the class, wherever it sets it, sets to collected variables."""
    summaries = Summaries.of(module)
    owner = summaries.class_of(scope)
    if owner is None:
        return []
    found: list[Collected | None] = []
    family = summaries.family(owner).node
    for node in module.attributes(symbol.path[0][1:]):
        if module.holds(family, node) and symbol_of(node) == symbol:
            stmt = module.statement_of(node)
            if not isinstance(node.ctx, ast.Load):
                found.append(_given(module, stmt, symbol, depth))
            elif _is_receiver(module, node):
                put = _put_in(module, stmt, symbol, depth)
                found += [None] if put is None else put
    return found


def _is_receiver(module: Module, node: ast.expr) -> bool:
    parent = module.parent_of(node)
    grandparent = module.parent_of(parent) if parent is not None else None
    return isinstance(parent, ast.Attribute) and isinstance(grandparent, ast.Call)
