"""What a name of another module is bound to there: ``lib.W``, ``W`` after ``from lib import W``."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

from tape_migrate.flow.symbols import Symbol
from tape_migrate.module import Module
from tape_migrate.shapes.attributes_set import given_by
from tape_migrate.shapes.libraries import is_own
from tape_migrate.shapes.quiet import OtherFunctions

_CHAIN: Final = 4
"""How many modules may have a name from one another."""

Bound = tuple[Module, ast.expr | ast.ClassDef, tuple[str, ...]]


def home_of(
    user: Module, dotted: str, depth: int = _CHAIN
) -> tuple[Module, tuple[str, ...]] | None:
    """The module that a name is of, and the name there with the attributes that are asked for."""
    project = user.project
    if not dotted or not isinstance(project, OtherFunctions) or not is_own(user, dotted):
        return None
    path, rest = project.split(dotted)
    other = project.module_at(path) if path and path != user.path and rest else None
    if other is None or not depth:
        return None
    meant = other.names.top_level(rest[0])
    if meant:  # `util.W`, which `util` has from somewhere else
        return home_of(other, ".".join((meant, *rest[1:])), depth - 1)
    return other, rest


def bound_elsewhere(user: Module, dotted: str) -> Iterator[Bound]:
    """The values and classes that it is, with the attributes of them that are asked for."""
    found = home_of(user, dotted)
    if found is not None:
        home, (name, *rest) = found
        yield from ((home, node, tuple(rest)) for node in bound_in(home, name))


def bound_in(home: Module, name: str) -> Iterator[ast.expr | ast.ClassDef]:
    """What a module gives a name of its own, and classes that are so called."""
    for node in home.names.bindings(name, home.scopes.module):
        if isinstance(node, ast.ClassDef):
            yield node
        elif isinstance(node, (ast.stmt, ast.NamedExpr)):
            given = given_by(node, Symbol(name))
            if given is not None:
                yield given
