"""Lists and dictionaries that are written out in a module, and what else is put into them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

from tape_migrate.flow.scope import Scope
from tape_migrate.module import Module

_DEPTH: Final = 4


def displays(module: Module, expr: ast.expr, depth: int = _DEPTH) -> list[list[ast.expr]]:
    """The members of the lists and dictionaries that ``expr`` may be, where they are written out.

    A name stands for whatever is assigned to it, with all that is put in by its methods.
    """
    if isinstance(expr, (ast.List, ast.Tuple)):
        return [spread(module, expr.elts, depth)]
    if isinstance(expr, ast.Dict):
        return [list(expr.values)]
    if not isinstance(expr, ast.Name) or depth == 0:
        return []
    scope = module.scope_of(expr)
    added = list(_added(module, expr.id, scope, depth))
    return [
        [*members, *added]
        for node in module.names.bindings(expr.id, scope)
        if isinstance(node, ast.Assign)
        for members in displays(module, node.value, depth - 1)
    ]


def spread(module: Module, items: list[ast.expr], depth: int = _DEPTH) -> list[ast.expr]:
    """``items``, with the members of a list in the place of ``*list``."""
    found: list[ast.expr] = []
    for item in items:
        inside = displays(module, item.value, depth) if isinstance(item, ast.Starred) else []
        found += [member for members in inside for member in members] or [item]
    return found


def keyed(module: Module, expr: ast.expr) -> Iterator[tuple[object, ast.expr]]:
    """Keys and values of the dictionaries that ``expr`` may be, where they are written out."""
    bound: list[ast.AST | None] = [expr]
    if isinstance(expr, ast.Name):
        bound = [
            node.value
            for node in module.names.bindings(expr.id, module.scope_of(expr))
            if isinstance(node, ast.Assign)
        ]
    for value in bound:
        if isinstance(value, ast.Dict):
            for key, item in zip(value.keys, value.values, strict=True):
                if isinstance(key, ast.Constant):
                    yield key.value, item
        elif isinstance(value, ast.Call):
            yield from ((k.arg, k.value) for k in value.keywords)  # `dict(a=…)`


def _added(module: Module, name: str, scope: Scope, depth: int) -> Iterator[ast.expr]:
    """What statements of a scope put into the list ``name``."""
    for node in module.inside(scope.node):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id=own), attr="append" | "insert"),
                args=[*_, item],
            ) if own == name:
                yield item
            case (
                ast.Call(func=ast.Attribute(value=ast.Name(id=own), attr="extend"), args=[items])
                | ast.AugAssign(target=ast.Name(id=own), value=items)
            ) if own == name:
                yield from (item for one in displays(module, items, depth - 1) for item in one)
            case ast.Assign(targets=[ast.Subscript(value=ast.Name(id=own))], value=item) if (
                own == name
            ):
                yield item
