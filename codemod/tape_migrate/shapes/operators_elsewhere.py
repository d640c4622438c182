"""Operators of other modules that run a method of a class of this one: ``lib.op @ (y, x)``."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import PurePath
from typing import Final

from tape_migrate.module import Module
from tape_migrate.shapes.classes_seen import classes_of
from tape_migrate.shapes.objects_elsewhere import OtherObjects
from tape_migrate.shapes.unnamed_calls import operands

_NODES: Final = (ast.Subscript, ast.BinOp, ast.AugAssign)


def operators_elsewhere(
    module: Module, owner: ast.ClassDef, method: str
) -> Iterator[tuple[Module, ast.Call]]:
    """Such operators as calls of ``method``, where it is visible that their object is of the class
    ``owner`` or of one that is made of it."""
    project = module.project
    if not (method.startswith("__") and isinstance(project, OtherObjects)):
        return
    path = PurePath(module.path)
    words = {owner.name, path.parent.name if path.stem == "__init__" else path.stem}
    paths = {p for word in words for p in project.matching(module.path, word, rf"\b{word}\b")}
    for user in filter(None, map(project.module_at, sorted(paths))):
        for kind in _NODES:
            for node in user.of_kind(kind):
                for name, receiver, other in operands(node):
                    if method == f"__{name}__" and _is_of(module, user, receiver, owner):
                        func = ast.Attribute(value=receiver, attr=method, ctx=ast.Load())
                        call = ast.Call(func=func, args=[other], keywords=[])
                        yield user, ast.copy_location(call, receiver)


def _is_of(module: Module, user: Module, receiver: ast.expr, owner: ast.ClassDef) -> bool:
    return any(
        home.path == module.path and kind.name == owner.name
        for home, kind in classes_of(user, receiver)
    )
