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
    """Keys and values of the dictionaries that ``expr`` may be.

    The key is None for an expression some of whose members are not seen.
    """
    match expr:
        case ast.Dict(keys=keys, values=values):
            for key, item in zip(keys, values, strict=True):
                if isinstance(key, ast.Constant):
                    yield key.value, item
                else:
                    yield from keyed(module, item) if key is None else ((None, item),)
        case ast.Call(func=ast.Name(id="dict"), args=[], keywords=keywords):
            for keyword in keywords:
                if keyword.arg is not None:
                    yield keyword.arg, keyword.value
                else:
                    yield from keyed(module, keyword.value)
        case ast.Name() if not _is_changed(module, expr):
            for node in module.names.bindings(expr.id, module.scope_of(expr)):
                if isinstance(node, ast.Assign) and not isinstance(node.value, ast.Name):
                    yield from keyed(module, node.value)
                else:
                    yield None, expr
        case _:
            yield None, expr


def taker_of(module: Module, expr: ast.expr) -> Scope | None:
    """The function that takes ``**parts``, if ``expr`` is what it was given, as it was given."""
    if not isinstance(expr, ast.Name) or _is_changed(module, expr):
        return None
    scope = module.scope_of(expr)
    owner = module.scopes.resolve(expr.id, scope)
    kwarg = owner.args.kwarg if owner is not None and owner.args is not None else None
    if kwarg is None or kwarg.arg != expr.id:
        return None
    return owner if module.names.bindings(expr.id, scope) == [None] else None


def _is_changed(module: Module, name: ast.Name) -> bool:
    """Whether anything is done with a dictionary but to read it and to hand it on by stars."""
    scope = module.scope_of(name)
    owner = module.scopes.resolve(name.id, scope)
    for node in module.of_kind(ast.Name):
        if node.id != name.id:
            continue
        parent = module.parent_of(node)
        if isinstance(node.ctx, ast.Store) or (
            isinstance(parent, ast.keyword) and parent.arg is None
        ):
            continue
        if module.scopes.resolve(node.id, module.scope_of(node)) is not owner:
            continue
        if isinstance(parent, ast.Attribute) and parent.attr in _READ:
            continue
        if not isinstance(parent, ast.Subscript) or not isinstance(parent.ctx, ast.Load):
            return True
    return False


_READ: Final = frozenset(("get", "items", "keys", "values"))
"""Methods of a dictionary that change nothing."""


def _added(module: Module, name: str, scope: Scope, depth: int) -> Iterator[ast.expr]:
    """What statements of a scope put into the list ``name``."""
    known = module.memo.setdefault("put into lists", {})
    assert isinstance(known, dict)
    if scope.node not in known:
        known[scope.node] = _put_in(module, scope.node)
    for item, is_list in known[scope.node].get(name, ()):
        if is_list:
            yield from (member for one in displays(module, item, depth - 1) for member in one)
        else:
            yield item


def _put_in(module: Module, root: ast.AST) -> dict[str, list[tuple[ast.expr, bool]]]:
    """By the name of a list: what is put into it, and whether that is a list of members."""
    found: dict[str, list[tuple[ast.expr, bool]]] = {}
    for node in module.inside(root):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id=name), attr="append" | "insert"),
                args=[*_, item],
            ):
                found.setdefault(name, []).append((item, False))
            case (
                ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="extend"), args=[items])
                | ast.AugAssign(target=ast.Name(id=name), value=items)
            ):
                found.setdefault(name, []).append((items, True))
            case ast.Assign(targets=[ast.Subscript(value=ast.Name(id=name))], value=item):
                found.setdefault(name, []).append((item, False))
    return found


_COLLECTIONS = (ast.List, ast.Tuple, ast.Set, ast.Dict, ast.ListComp, ast.DictComp)
_HAND_ON = frozenset(("dict", "list", "map", "reversed", "sorted", "tuple", "zip"))


def collects(value: ast.expr) -> bool:
    """Whether ``value`` puts a collection together, other than as an argument."""
    stack: list[ast.AST] = [value]
    while stack:
        node = stack.pop()
        if isinstance(node, _COLLECTIONS):
            return True
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name) and node.func.id in _HAND_ON:
                return True
            continue
        stack += ast.iter_child_nodes(node)
    return False


def is_plain_name(expr: ast.expr) -> bool:
    """``w``, ``self.w``, ``[w, b]``, ``params["w"]``: nothing is computed."""
    match expr:
        case ast.Name() | ast.Constant():
            return True
        case ast.Attribute(value=inner) | ast.Starred(value=inner):
            return is_plain_name(inner)
        case ast.Subscript(value=inner, slice=ast.Constant(value=str())):
            return is_plain_name(inner)
        case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Dict(values=items):
            return all(is_plain_name(item) for item in items)
    return False
