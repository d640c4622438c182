"""The other modules of a program: those that run in one process with a module."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, runtime_checkable

from tape_migrate.module import Module


@runtime_checkable
class OtherPrograms(Protocol):
    """What a project can tell of programs."""

    def program(self, path: str) -> list[str]:
        """Paths of the other modules that may run in one program with the one at ``path``."""

    def importing_by_text(self, path: str) -> list[str]:
        """Paths of other modules that may import the one at ``path`` by a text."""

    def mentioning(self, path: str, name: str) -> list[str]:
        """Paths of other modules whose text holds the word ``name``."""

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
