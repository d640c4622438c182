"""Factors: whole numbers, by which a list could be multiplied, and what is certainly none."""

from __future__ import annotations

import ast

from tape_migrate.flow.scope import Scope
from tape_migrate.flow.symbols import Symbol, symbol_of
from tape_migrate.module import Module


def is_no_count(module: Module, expr: ast.expr, scope: Scope) -> bool:
    """Whether a factor is certainly no whole number, so that the other one is no list."""
    symbol = symbol_of(expr)
    if symbol is None or module.scope_of(expr) is not scope:
        return False
    if symbol in _differentiated(module, scope):
        # Nothing is differentiated with respect to a number.
        return True
    reached = module.facts(scope).reaching_at(expr, symbol)
    return bool(reached) and all(_steps_over_fractions(d.stmt, symbol) for d in reached)


def _steps_over_fractions(stmt: ast.AST | None, symbol: Symbol) -> bool:
    if not isinstance(stmt, ast.For) or symbol_of(stmt.target) != symbol:
        return False
    return isinstance(stmt.iter, (ast.List, ast.Tuple)) and all(
        isinstance(item, ast.Constant) and isinstance(item.value, float) for item in stmt.iter.elts
    )


def _differentiated(module: Module, scope: Scope) -> frozenset[Symbol]:
    """Sources of the scope's gradient calls, those that were migrated already included."""
    key = f"differentiated {id(scope)}"
    known = module.memo.get(key)
    if isinstance(known, frozenset):
        return known
    found: set[Symbol] = set()
    for node in module.inside(scope.node):
        if not isinstance(node, ast.Call) or len(node.args) < 2:
            continue
        is_tape = isinstance(node.func, ast.Attribute) and node.func.attr == "gradient"
        if module.scope_of(node) is scope and (is_tape or module.names.api_of(node.func)):
            sources = node.args[1]
            members = sources.elts if isinstance(sources, (ast.List, ast.Tuple)) else [sources]
            found.update(s for s in map(symbol_of, members) if s is not None)
    module.memo[key] = frozenset(found)
    return frozenset(found)


def is_count(expr: ast.expr) -> bool:
    """Whether an expression is plainly a whole number."""
    return (isinstance(expr, ast.Constant) and isinstance(expr.value, int)) or (
        isinstance(expr, ast.Call)
        and isinstance(expr.func, ast.Name)
        and expr.func.id in ("len", "int")
    )
