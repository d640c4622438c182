"""What a function in sight gives the names that its result is unpacked into.

``v, params = self.build(x)`` where all that ``build`` returns is ``return v, params``; also of a
part of it: ``params, rest = self.build(x)[-2:]``.
"""

from __future__ import annotations

import ast

from tape_migrate.flow.symbols import Symbol, symbol_of
from tape_migrate.module import Module
from tape_migrate.shapes.functions import Function
from tape_migrate.shapes.replaced import replaced_elsewhere
from tape_migrate.shapes.summaries import Summaries


def returned_tuples(module: Module, call: ast.Call) -> list[ast.Tuple]:
    """The tuples, all of one length, that a visible function called by ``call`` returns, or those
    that override it; nothing if it may return anything else."""
    summaries = Summaries.of(module)
    function = summaries.callee(call)
    if function is None or replaced_elsewhere(module, function) is not None:
        return []
    found: list[ast.Tuple] = []
    for each in (function, *summaries.overrides(function)):
        values = _returned(module, each)
        if each.decorator_list or not values:
            return []
        for value in values:
            if not isinstance(value, ast.Tuple) or _has_star(value):
                return []
            found.append(value)
    return found if len({len(each.elts) for each in found}) == 1 else []


def unpacked(module: Module, stmt: ast.Assign, symbol: Symbol) -> list[ast.expr]:
    """The expressions, where they are returned, of which one is what ``symbol`` gets; nothing if
    that is not known."""
    target = stmt.targets[0] if len(stmt.targets) == 1 else None
    if not isinstance(target, (ast.Tuple, ast.List)) or _has_star(target):
        return []
    places = [i for i, part in enumerate(target.elts) if symbol_of(part) == symbol]
    value, cut = stmt.value, slice(None)
    if isinstance(value, ast.Subscript) and isinstance(value.slice, ast.Slice):
        bounds = [_whole(b) for b in (value.slice.lower, value.slice.upper, value.slice.step)]
        if any(bound is _UNKNOWN for bound in bounds):
            return []
        value, cut = value.value, slice(*bounds)
    if len(places) != 1 or not isinstance(value, ast.Call):
        return []
    parts = [returned.elts[cut] for returned in returned_tuples(module, value)]
    if any(len(each) != len(target.elts) for each in parts):
        return []
    return [each[places[0]] for each in parts]


_UNKNOWN = object()


def _whole(bound: ast.expr | None) -> object:
    match bound:
        case None:
            return None
        case ast.Constant(value=int(number)):
            return number
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int(number))):
            return -number
    return _UNKNOWN


def _has_star(display: ast.Tuple | ast.List) -> bool:
    return any(isinstance(part, ast.Starred) for part in display.elts)


def _returned(module: Module, function: Function) -> list[ast.expr | None]:
    """What its ``return`` statements give; None at its end, and of a generator."""
    scope = module.scopes.opened_by(function)
    found: list[ast.expr | None] = []
    for node in module.inside(function):
        if module.scope_of(node) is not scope:
            continue
        if isinstance(node, ast.Return):
            found.append(node.value)
        elif isinstance(node, (ast.Yield, ast.YieldFrom)):
            return [None]
    return found
