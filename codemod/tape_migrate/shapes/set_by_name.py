"""Attributes that are set by a text: ``setattr(net, "h", …)``, ``vars(net)["h"] = …``.

They are as good as ``net.h = …``. A name that is no text where it is used may be any text of the
module; one that is put together at run time is not looked for.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tape_migrate.module import Module


def set_by_name(module: Module) -> list[tuple[str, ast.expr]]:
    """The names that the module sets, and what it gives them."""
    known = module.memo.get("set by name")
    if not isinstance(known, list):
        known = list(_find(module))
        module.memo["set by name"] = known
    return known


def attribute_set_by(module: Module, call: ast.Call) -> tuple[ast.expr, ast.expr | None] | None:
    """The object of which a call sets an attribute, and the name of that if it stands there.

    ``setattr(net, "h", v)``, ``object.__setattr__(net, "h", v)``, ``net.__setattr__("h", v)``,
    ``dict.update(net.__dict__, h=v)``, and ``put(net, "h", v)`` after ``put = setattr``.
    """
    func = call.func
    if isinstance(func, ast.Name) and func.id != "setattr":
        bound = module.names.bindings(func.id, module.scope_of(call))
        named = (node.value for node in bound if isinstance(node, ast.Assign))
        func = next((value for value in named if _sets(value)), func)
    match ast.Call(func=func, args=call.args, keywords=call.keywords):
        case ast.Call(
            func=ast.Name(id="setattr") | ast.Attribute(attr="__setattr__"),
            args=[holder, name, _],
        ):
            return holder, name
        case ast.Call(
            func=ast.Attribute(
                value=ast.Call(func=ast.Name(id="super"), args=[_, holder]), attr="__setattr__"
            )
            | ast.Attribute(value=holder, attr="__setattr__"),
            args=[name, _],
        ):
            return holder, name
        case ast.Call(
            func=ast.Attribute(attr="setitem" | "update" | "__setitem__"),
            args=[ast.Attribute(value=holder, attr="__dict__"), *_],
        ):
            return holder, None
    return None


def _sets(value: ast.expr) -> bool:
    match value:
        case ast.Name(id="setattr") | ast.Attribute(attr="__setattr__"):
            return True
    return False


def _find(module: Module) -> Iterator[tuple[str, ast.expr]]:
    for call in module.of_kind(ast.Call):
        match call:
            case (
                ast.Call(
                    func=ast.Name(id="setattr"),
                    args=[_, ast.Constant(value=str(name)), value],
                )
                | ast.Call(
                    func=ast.Attribute(attr="__setattr__"),
                    args=[*_, ast.Constant(value=str(name)), value],
                )
            ):
                yield name, value
            case (
                ast.Call(func=ast.Name(id="setattr"), args=[_, _, value])
                | ast.Call(func=ast.Attribute(attr="__setattr__"), args=[*_, _, value])
            ):
                yield from ((name, value) for name in _texts(module))
            case ast.Call(func=ast.Attribute(value=held, attr="update")) if _holds(held):
                yield from _members(call)
    for stmt in module.of_kind(ast.Assign):
        for target in stmt.targets:
            match target:
                case ast.Subscript(value=held, slice=ast.Constant(value=str(name))):
                    if _holds(held):
                        yield name, stmt.value
                case ast.Attribute(attr="__dict__"):
                    yield from _members(stmt.value)
    for added in module.of_kind(ast.AugAssign):
        if _holds(added.target):
            yield from _members(added.value)


def _texts(module: Module) -> list[str]:
    """Texts that may be names of attributes."""
    texts = (node.value for node in module.of_kind(ast.Constant))
    return sorted({text for text in texts if isinstance(text, str) and text.isidentifier()})


def _holds(node: ast.expr) -> bool:
    """``vars(net)``, ``net.__dict__``: what holds the attributes of an object."""
    match node:
        case ast.Attribute(attr="__dict__"):
            return True
        case ast.Call(func=ast.Name(id="vars"), args=[_]):
            return True
    return False


def _members(value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    """What ``dict(h=…)``, ``{"h": …}``, or a call that is given one, puts under names."""
    if isinstance(value, ast.Dict):
        for key, member in zip(value.keys, value.values, strict=True):
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                yield key.value, member
    elif isinstance(value, ast.Call):
        for keyword in value.keywords:
            if keyword.arg is not None:
                yield keyword.arg, keyword.value
        for arg in value.args:
            yield from _members(arg)
