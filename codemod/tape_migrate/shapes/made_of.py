"""What a collection is made of, by whatever makes it: a display, a call, a function in sight."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import Final

from tape_migrate.module import Module
from tape_migrate.shapes.displays import displays
from tape_migrate.shapes.functions import Function
from tape_migrate.shapes.summaries import Summaries

_DEPTH: Final = 4


def made_of(
    module: Module, summaries: Summaries, expr: ast.expr, depth: int = _DEPTH
) -> list[list[ast.expr]]:
    """Its members where they are written out, and what calls are given that make it.

    ``[x, h]``, ``list((x, h))``, ``Pair(x, h)``, a name of one of these, and ``make(x)`` of a
    function that returns one; ``net.make()`` and ``net.parts`` of a method or property that does.
    """
    found = displays(module, expr)
    made: list[ast.AST | None] = [expr]
    if isinstance(expr, ast.Name):
        bound = module.names.bindings(expr.id, module.scope_of(expr))
        made = [node.value for node in bound if isinstance(node, ast.Assign)]
    for held in (node for node in made if isinstance(node, ast.Attribute)):
        if summaries.is_property(held.attr):
            found += _returned(module, summaries.methods_named(held.attr))
    for call in (node for node in made if isinstance(node, ast.Call)):
        given = [*call.args, *(keyword.value for keyword in call.keywords)]
        found.append(given)
        for arg in given if depth else ():
            found += made_of(module, summaries, arg, depth - 1)
        function = summaries.callee(call)
        if function is not None:
            found += _returned(module, [function])
        elif isinstance(call.func, ast.Attribute):
            found += _returned(module, summaries.methods_named(call.func.attr))
    return found


def _returned(module: Module, functions: Iterable[Function]) -> list[list[ast.expr]]:
    """The members of what functions in sight give back."""
    return [
        members
        for function in functions
        for node in module.of_kind_inside(ast.Return, function)
        if node.value is not None and module.scope_of(node) is module.scopes.opened_by(function)
        for members in displays(module, node.value)
    ]
