"""Whether another module may put something else in the place of a function or method."""

from __future__ import annotations

import ast

from tape_migrate.module import Module
from tape_migrate.shapes.functions import Function


def replaced_elsewhere(module: Module, function: Function) -> str | None:
    """The path of a module whose text sets or names it, or, of a method, has one of this name and
    names the class."""
    matching = getattr(module.project, "matching", None)
    if matching is None:
        return None
    name, owner = function.name, module.scopes.opened_by(function).parent
    put, word = rf"\.\s*{name}\s*=[^=]|[\"']{name}[\"']", name
    if owner is not None and isinstance(owner.node, ast.ClassDef):
        put, word = rf"{put}|\bdef\s+{name}\b", owner.node.name
    found: list[str] = matching(module.path, word, put)
    return found[0] if found else None
