"""The other modules of a program: those that run in one process with a module."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePath
from typing import Protocol, runtime_checkable

from tape_migrate.module import Module
from tape_migrate.names import KNOWN_MODULES


@runtime_checkable
class OtherPrograms(Protocol):
    """What a project can tell of programs."""

    def program(self, path: str) -> list[str]:
        """Paths of the other modules that may run in one program with the one at ``path``."""

    def importing_by_text(self, path: str) -> list[str]:
        """Paths of other modules that may import the one at ``path`` by a text."""

    def mentioning(self, path: str, name: str) -> list[str]:
        """Paths of other modules whose text holds the word ``name``."""

    def name_of(self, path: str) -> str:
        """Dotted name of the module at ``path``, or ``""`` if another one has the same name."""

    def notebooks_naming(self, name: str) -> list[str]:
        """Paths of notebooks whose text holds the word ``name``."""

    def module_at(self, path: str) -> Module | None:
        """The module at ``path``, or None if it cannot be read, or imports nothing."""


def others_of(module: Module) -> Iterator[Module]:
    """The other modules that may run in one program with ``module``."""
    project = module.project
    if isinstance(project, OtherPrograms):
        for path in project.program(module.path):
            other = project.module_at(path)
            if other is not None:
                yield other


def named_others_of(module: Module) -> list[Module]:
    """Those of ``others_of`` that name the module or are named by it, directly or by others.

    Where a library that imports by a text is in sight, ``others_of`` are all modules that there
    are. Keras' and TensorFlow's own are left out.
    """
    project = module.project
    assert project is None or isinstance(project, OtherPrograms)
    waiting = [
        other
        for other in others_of(module)
        if project and project.name_of(other.path).partition(".")[0] not in KNOWN_MODULES
    ]
    found = [module]
    for known in found:
        near = [o for o in waiting if _names(o, known) or _names(known, o)]
        found += near
        waiting = [other for other in waiting if other not in near]
    return found[1:]


def _names(module: Module, other: Module) -> bool:
    path = PurePath(other.path)
    word = path.parent.name if path.stem == "__init__" else path.stem
    return re.search(rb"\b" + re.escape(word.encode()) + rb"\b", module.text) is not None
