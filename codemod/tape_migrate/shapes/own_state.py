"""What a method certainly sets on ``self`` before it reads it.

``self.build_model()`` sets ``self.loss`` and ``self.build_train()`` reads it: whatever the
attribute held when the method around both was entered is not what is read.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable

from tape_migrate.flow.scope import Scope
from tape_migrate.flow.symbols import DefKind, Symbol, symbol_of
from tape_migrate.module import Module
from tape_migrate.shapes.dependence import Dependence
from tape_migrate.shapes.functions import Function
from tape_migrate.shapes.plan import Link
from tape_migrate.shapes.summaries import Summaries

_DEPTH = 6


def is_set_here(dep: Dependence, link: Link) -> bool:
    """Whether ``link``, which reads an attribute of ``self`` as it was at entry, cannot do so.

    Either the statement stands after one that certainly sets the attribute, or what it calls
    certainly does before it reads.
    """
    symbol, stmt = link.use.symbol, dep.stmt_of(link.node_id)
    if link.definition.kind is not DefKind.PARAMETER or stmt is None:
        return False
    if symbol.root != "self" or not symbol.path or not symbol.path[0].startswith("."):
        return False
    name = symbol.path[0][1:]
    if _set_before(dep.module, stmt, dep.scope, name, _DEPTH):
        return True
    parent = dep.module.parent_of(link.use.node)
    if not isinstance(parent, ast.Call) or parent.func is not link.use.node:
        return False
    if symbol_of(parent.func) == symbol:
        return False
    function = Summaries.of(dep.module).callee(parent)
    return function is not None and not reads_at_entry(dep.module, function, name)


def _set_before(module: Module, stmt: ast.stmt, scope: Scope, name: str, depth: int) -> bool:
    """Whether a statement before ``stmt``, in a block around it, certainly sets ``self.name``."""
    return any(
        _sets(module, earlier, name, depth)
        for place in module.places(stmt, within=scope)
        for earlier in place.block[: place.index]
    )


def _sets(module: Module, stmt: ast.stmt, name: str, depth: int) -> bool:
    if depth == 0:
        return False
    match stmt:
        case ast.With(body=body):
            return any(_sets(module, inner, name, depth) for inner in body)
        case ast.Assign(targets=targets, value=value):
            return _names(targets, name) or _call_sets(module, value, name, depth)
        case ast.AnnAssign(target=target, value=ast.expr()):
            return _names([target], name)
        case ast.Expr(value=value):
            return _call_sets(module, value, name, depth)
    return False


def _names(targets: Iterable[ast.expr], name: str) -> bool:
    wanted = Symbol("self", ("." + name,))
    return any(
        symbol_of(part) == wanted
        for target in targets
        for part in (target.elts if isinstance(target, (ast.Tuple, ast.List)) else [target])
    )


def _call_sets(module: Module, value: ast.expr, name: str, depth: int) -> bool:
    """``self.build_model()``, a method that comes to an end only after it has set the attribute."""
    if not isinstance(value, ast.Call) or not isinstance(value.func, ast.Attribute):
        return False
    function = Summaries.of(module).callee(value)
    if function is None or function.decorator_list:
        return False
    for stmt in function.body:
        if _sets(module, stmt, name, depth - 1):
            return True
        if any(isinstance(node, (ast.Return, ast.Raise, ast.Yield)) for node in ast.walk(stmt)):
            return False
    return False


def reads_at_entry(module: Module, function: Function, name: str, depth: int = _DEPTH) -> bool:
    """Whether ``function`` may read ``self.name`` before it has set it."""
    if depth == 0:
        return True
    scope = module.scopes.opened_by(function)
    wanted = Symbol("self", ("." + name,))
    summaries = Summaries.of(module)
    for node in ast.walk(function):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
            alive = symbol_of(node) == wanted
        elif isinstance(node, ast.Call):
            inner = summaries.callee(node)
            alive = (
                inner is not None
                and inner is not function
                and name in summaries.attribute_reads(inner)
                and reads_at_entry(module, inner, name, depth - 1)
            )
        else:
            continue
        if not alive:
            continue
        stmt = module.statement_of(node)
        if module.scope_of(node) is not scope:
            return True
        if not _set_before(module, stmt, scope, name, depth - 1):
            return True
    return False
