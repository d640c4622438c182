"""Methods that are taken from their class: ``grads = lib.Net.grads``, ``Net.grads(other)``.

Such a method may be called with any object; ``Net.grads(self)`` in a class made of ``Net`` is
called with one of the class all the same.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Protocol, runtime_checkable

from tape_migrate.module import Module
from tape_migrate.shapes.other_words import own_names, words_of


@runtime_checkable
class OtherMethods(Protocol):
    """What a project can tell of methods in its other modules."""

    def matching(self, path: str, name: str, pattern: str) -> list[str]:
        """Paths of other modules that hold ``name`` and match a pattern of ``re``."""

    def module_at(self, path: str) -> Module | None:
        """The module at ``path``, or None if it cannot be read."""


def is_taken_from_class(module: Module, owner: ast.ClassDef, method: str) -> bool:
    """Whether another module takes ``method`` from the class, to call it with who knows what."""
    return any(
        _is_class(user, node.value, owner) and not _is_above(user, node, owner)
        for user in _speaking(module, owner, method)
        for node in user.attributes(method)
        if isinstance(node.ctx, ast.Load)
    )


def _speaking(module: Module, owner: ast.ClassDef, method: str) -> Iterator[Module]:
    project = module.project
    if isinstance(project, OtherMethods):
        words = "|".join(words_of(project, owner.name))
        pattern = rf"\b({words})\s*\.\s*{method}\b"
        for path in project.matching(module.path, method, pattern):
            user = project.module_at(path)
            if user is not None:
                yield user


def _is_class(user: Module, expr: ast.expr, owner: ast.ClassDef) -> bool:
    if owner.name not in own_names(user, expr):
        return False
    if not isinstance(expr, ast.Name):
        return True
    bound = user.names.bindings(expr.id, user.scope_of(expr))
    return not bound or any(not isinstance(node, ast.ClassDef) for node in bound)


def _is_above(user: Module, node: ast.Attribute, owner: ast.ClassDef) -> bool:
    """``Net.grads(self)`` in a class that is made of ``Net``."""
    call = user.parent_of(node)
    if not (isinstance(call, ast.Call) and call.func is node and call.args):
        return False
    first = call.args[0]
    around = next((p for p in user.parents(node) if isinstance(p, ast.ClassDef)), None)
    return (
        isinstance(first, ast.Name)
        and first.id == "self"
        and around is not None
        and any(owner.name in own_names(user, base) for base in around.bases)
    )
