"""Classes of other modules that are made of a class: ``class Mine(lib.Net)``."""

from __future__ import annotations

import ast
from typing import Protocol

from tape_migrate.module import Module
from tape_migrate.shapes.other_words import own_names, words_of

Kinds = list[tuple[Module, ast.ClassDef]]


class Texts(Protocol):
    """What is asked of a project."""

    def matching(self, path: str, name: str, pattern: str) -> list[str]:
        """Paths of other modules that hold ``name`` and match a pattern of ``re``."""

    def module_at(self, path: str) -> Module | None:
        """The module at ``path``, or None if it cannot be read."""


def kinds_of(module: Module, project: Texts, owner: ast.ClassDef) -> Kinds:
    """The class, and those of other modules that are made of it."""
    known = module.memo.setdefault("kinds elsewhere", {})
    assert isinstance(known, dict)
    if owner not in known:
        known[owner] = _find_kinds(module, project, owner)
    found: Kinds = known[owner]
    return found


def _find_kinds(module: Module, project: Texts, owner: ast.ClassDef) -> Kinds:
    found: Kinds = [(module, owner)]
    for _, kind in found:
        paths = {
            path: None
            for word in words_of(project, kind.name)
            for path in project.matching(module.path, word, rf"class\s+\w+\s*\([^)]*\b{word}\b")
        }
        for path in paths:
            user = project.module_at(path)
            for node in user.of_kind(ast.ClassDef) if user is not None else ():
                if user is not None and any(_is_base(user, b, kind) for b in node.bases):
                    if all(node is not known for _, known in found):
                        found.append((user, node))
    return found


def _is_base(user: Module, base: ast.expr, kind: ast.ClassDef) -> bool:
    """Whether a base may be ``kind``: called so, and no class of the module itself."""
    if kind.name not in own_names(user, base):
        return False
    name = base.id if isinstance(base, ast.Name) else ""
    bound = user.names.bindings(name, user.scopes.module) if name else []
    return not bound or not all(
        isinstance(node, ast.ClassDef) and node is not kind for node in bound
    )
