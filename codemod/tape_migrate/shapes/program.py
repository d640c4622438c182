"""The other modules of a program: those that run in one process with a module."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Protocol, runtime_checkable

from tape_migrate.homes import stem_of
from tape_migrate.model import SourceError
from tape_migrate.module import Module
from tape_migrate.names import KNOWN_MODULES

_WORD = re.compile(rb"[\w\x80-\xff]+")


@runtime_checkable
class OtherPrograms(Protocol):
    """What a project can tell of programs."""

    def program(self, path: str) -> list[str]:
        """Paths of the other modules that may run in one program with the one at ``path``."""

    def importing_by_text(self, path: str) -> list[str]:
        """Paths of other modules that may import the one at ``path`` by a text."""

    def mentioning(self, path: str, name: str) -> list[str]:
        """Paths of other modules whose text holds the word ``name``."""

    def source_of(self, path: str) -> bytes:
        """The text of the module at ``path``; KeyError, OSError or SourceError if there is none."""

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


def named_others_of(module: Module, words: Iterable[str]) -> list[Module]:
    """Those of ``others_of`` that name the module or are named by it, directly or by others.

    Where a library that imports by a text is in sight, ``others_of`` are all modules that there
    are. Keras' and TensorFlow's own are left out, and those that hold none of the ``words``: a
    program has hundreds of modules, most of which need not be parsed.
    """
    project = module.project
    if not isinstance(project, OtherPrograms):
        return []
    holding = {path for word in words for path in project.mentioning(module.path, word)}
    program = project.program(module.path)
    if holding.isdisjoint(program):
        return []
    near = _near(module, program, project)
    others = map(project.module_at, [path for path in near if path in holding])
    return [other for other in others if other is not None]


def _near(module: Module, program: list[str], project: OtherPrograms) -> list[str]:
    """Paths of the program that texts lead to, one naming the other."""
    waiting = {
        path: stem_of(path).encode()
        for path in program
        if project.name_of(path).partition(".")[0] not in KNOWN_MODULES
    }
    found = [module.path]
    for known in found:
        naming = set(project.mentioning("", stem_of(known)))
        named = _words(project, known, module)
        near = [path for path, word in waiting.items() if path in naming or word in named]
        found += near
        for path in near:
            del waiting[path]
    return found[1:]


def _words(project: OtherPrograms, path: str, module: Module) -> frozenset[bytes]:
    if path == module.path:
        return frozenset(_WORD.findall(module.text))
    try:
        return frozenset(_WORD.findall(project.source_of(path)))
    except (KeyError, OSError, SourceError):
        return frozenset()
