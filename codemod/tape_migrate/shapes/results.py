"""What calls of the module's own functions give back, where that stands in one place."""

from __future__ import annotations

import ast

from tape_migrate.flow.scope import Scope, ScopeKind
from tape_migrate.flow.symbols import Symbol, symbol_of
from tape_migrate.module import Module
from tape_migrate.shapes.inheritance import may_take_over
from tape_migrate.shapes.summaries import Summaries


def plain_callee(module: Module, call: ast.Call) -> ast.FunctionDef | None:
    """The function that ``call`` certainly runs, if its last statement is all that returns."""
    function = Summaries.of(module).callee(call)
    if not isinstance(function, ast.FunctionDef):
        return None
    key = f"plain callee {id(function)}"
    if key not in module.memo:
        module.memo[key] = _is_plain(module, function)
    return function if module.memo[key] is True else None


def result_of(module: Module, stmt: ast.stmt, symbol: Symbol) -> ast.expr | None:
    """The expression in ``f`` that ``a, symbol = f()`` gives ``symbol``, if it is one of its own.

    It is evaluated where ``f`` returns.
    """
    if not isinstance(stmt, ast.Assign) or not isinstance(stmt.value, ast.Call):
        return None
    function = plain_callee(module, stmt.value) if len(stmt.targets) == 1 else None
    returned = function.body[-1] if function is not None else None
    return (
        _part(stmt.targets[0], symbol, returned.value) if isinstance(returned, ast.Return) else None
    )


def _part(target: ast.expr, symbol: Symbol, returned: ast.expr | None) -> ast.expr | None:
    """What ``target``, which is given ``returned``, gives ``symbol``."""
    if symbol_of(target) == symbol:
        return returned
    if not isinstance(target, (ast.Tuple, ast.List)) or not isinstance(returned, ast.Tuple):
        return None
    if len(target.elts) != len(returned.elts):
        return None
    if any(isinstance(part, ast.Starred) for part in (*target.elts, *returned.elts)):
        return None
    pairs = [v for t, v in zip(target.elts, returned.elts, strict=True) if symbol_of(t) == symbol]
    return pairs[0] if len(pairs) == 1 else None


def _is_plain(module: Module, function: ast.FunctionDef) -> bool:
    if function.decorator_list or not isinstance(function.body[-1], ast.Return):
        return False
    leaves = (ast.Return, ast.Yield, ast.YieldFrom, ast.Await)
    stack: list[ast.AST] = [*function.body[:-1], *ast.iter_child_nodes(function.body[-1])]
    while stack:
        node = stack.pop()
        if isinstance(node, leaves):
            return False
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            stack.extend(ast.iter_child_nodes(node))
    return not _is_overridden(module, module.scopes.opened_by(function))


def _is_overridden(module: Module, scope: Scope) -> bool:
    """Whether a class or an object in sight has something else of this name instead."""
    owner = scope.parent
    if owner is None or owner.kind is not ScopeKind.CLASS:
        return False
    stored = any(not isinstance(node.ctx, ast.Load) for node in module.attributes(scope.name))
    return (
        stored
        or len(module.names.bindings(scope.name, owner)) > 1
        or any(
            isinstance(owner.node, ast.ClassDef)
            and isinstance(other.node, ast.ClassDef)
            and scope.name in module.scopes.bindings(other)
            and may_take_over(module, owner.node, other.node)
            for other in module.scopes
        )
    )
