"""Lists that an object holds: whether anything is put into one after it was made.

``losses = self.losses`` and then ``losses.append(…)`` changes what the object holds without a word
of the object; so does a function that is handed the list.
"""

from __future__ import annotations

import ast
from typing import Final

from tape_migrate.flow.symbols import Symbol, symbol_of
from tape_migrate.module import Module
from tape_migrate.shapes.dependence import CONTAINER_METHODS
from tape_migrate.shapes.kinds import value_given_by
from tape_migrate.shapes.summaries import Function, Summaries
from tape_migrate.shapes.unittests import is_assertion

_CHANGES: Final = CONTAINER_METHODS | {
    "pop",
    "remove",
    "clear",
    "sort",
    "reverse",
    "popitem",
    "appendleft",
    "extendleft",
    "popleft",
    "discard",
}


def stay_as_they_are(module: Module, maker: Function, names: set[str]) -> bool:
    """Whether no list in attributes called ``names``, made by ``maker``, is changed elsewhere."""
    lists = {name for name in names if _is_list(maker, name)}
    inside = {id(node) for node in module.inside(maker)}
    return not any(
        isinstance(node, ast.Attribute)
        and node.attr in names
        and isinstance(node.ctx, ast.Load)
        and id(node) not in inside
        and _may_change(module, node, listed=node.attr in lists)
        for node in module.nodes
    )


def _is_list(maker: Function, name: str) -> bool:
    symbol = Symbol("self", ("." + name,))
    values = [
        value_given_by(stmt, symbol) for stmt in ast.walk(maker) if isinstance(stmt, ast.stmt)
    ]
    return any(
        isinstance(value, (ast.List, ast.ListComp, ast.Dict, ast.DictComp, ast.Set))
        or (
            isinstance(value, ast.Call)
            and isinstance(value.func, ast.Name)
            and value.func.id in ("list", "dict", "sorted", "set", "deque")
        )
        for value in values
    )


def _may_change(module: Module, node: ast.expr, *, listed: bool) -> bool:
    """Whether what reads a list may put something into it, or hand it to what does."""
    parent = module.parent_of(node)
    if isinstance(parent, ast.Attribute):
        above = module.parent_of(parent)
        called = isinstance(above, ast.Call) and above.func is parent
        return called and parent.attr in _CHANGES
    if isinstance(parent, ast.keyword):
        parent = module.parent_of(parent)
    if isinstance(parent, ast.Call) and parent.func is not node:
        return _may_be_filled_by(module, parent, listed=listed)
    if isinstance(parent, (ast.Assign, ast.AnnAssign, ast.NamedExpr)) and parent.value is node:
        targets = parent.targets if isinstance(parent, ast.Assign) else [parent.target]
        return any(_is_filled(module, target, listed=listed) for target in targets)
    return listed and isinstance(parent, (ast.Return, ast.Yield, ast.Lambda))


def _may_be_filled_by(module: Module, call: ast.Call, *, listed: bool) -> bool:
    if module.names.resolve(call.func) or is_assertion(module, call):
        return False
    function = Summaries.of(module).callee(call)
    if function is not None:
        return any(_changes(node) for node in ast.walk(function))
    if isinstance(call.func, ast.Name) and not module.names.is_local(
        call.func.id, module.scope_of(call)
    ):
        return False  # len, zip, list: a builtin changes nothing
    return listed and not (isinstance(call.func, ast.Attribute) and call.func.attr == "run")


def _is_filled(module: Module, target: ast.expr, *, listed: bool) -> bool:
    """Whether the other name that a list is given is used to change it, or kept."""
    if not isinstance(target, ast.Name):
        return listed
    scope = module.scope_of(target)
    return any(
        _changes(node) and _root(node) == target.id for node in module.inside(scope.node)
    ) or (
        listed
        and any(
            isinstance(node, ast.Call)
            and _may_be_filled_by(module, node, listed=True)
            and any(isinstance(a, ast.Name) and a.id == target.id for a in node.args)
            for node in module.inside(scope.node)
        )
    )


def _changes(node: ast.AST) -> bool:
    if isinstance(node, ast.Subscript):
        return not isinstance(node.ctx, ast.Load)
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in _CHANGES
    ) or (isinstance(node, ast.AugAssign))


def _root(node: ast.AST) -> str | None:
    if isinstance(node, ast.AugAssign):
        current: ast.expr = node.target
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        current = node.func.value
    elif isinstance(node, ast.Subscript):
        current = node.value
    else:
        return None
    symbol = symbol_of(current)
    return symbol.root if symbol is not None else None
