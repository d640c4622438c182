"""What ``from lib import *`` gives of a module of the project: its own functions and variables.

Of several such imports only one may have the name, and all of their modules have to be known: the
later one would win, and which is the later is not always said.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from tape_migrate.module import Module


class StarExports(Protocol):
    """What a project knows of star imports."""

    def binds(self, module: str, name: str) -> bool:
        """Whether ``name`` is one of ``module``'s own at its top level: a star import gives it."""

    def has_module(self, dotted: str) -> bool:
        """Whether a module of the project is so called, or its dotted name ends like that."""


def bound_by_star(project: StarExports, stars: Iterable[str], known: set[str], name: str) -> str:
    """The dotted name of what the modules ``stars`` give as ``name``, or ``""``.

    ``known`` are those that are none of the project's, and of which all names are known.
    """
    modules = set(stars)
    if not all(module in known or project.has_module(module) for module in modules):
        return ""
    found = [module for module in modules if project.binds(module, name)]
    return f"{found[0]}.{name}" if len(found) == 1 else ""


def gives_by_star(module: Module, name: str) -> bool:
    """Whether a star import of ``module`` gives its own ``name``."""
    top = module.scopes.module
    if not module.names.is_local(name, top):
        return False
    listed = module.names.bindings("__all__", top)
    if not listed:
        return not name.startswith("_")
    return any(
        isinstance(part, ast.Constant) and part.value == name
        for node in listed
        if node is not None
        for part in ast.walk(node)
    )
