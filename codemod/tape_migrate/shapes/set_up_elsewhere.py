"""What another module of the program sets up for the variables that this one makes or takes.

``w = lib.weight("w")`` where ``weight`` says ``caching_device=``, ``with lib.scope("s"):`` where
``scope`` says ``custom_getter=``, ``lib.setup()`` that calls ``set_custom_getter``. Whether what
stands in another module may run for this one is told by names: of the function around it, of those
that name that one, and so on, until one is in this module, or names something of it.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from typing import Final, Protocol, runtime_checkable

from tape_migrate.flow.bindings import target_names
from tape_migrate.homes import stem_of
from tape_migrate.imports import is_test
from tape_migrate.module import Module

_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_MANY: Final = 100
"""Definitions after which it is taken to run."""


@runtime_checkable
class OtherModules(Protocol):
    """What is asked of a project."""

    def naming(self, name: str) -> list[str]:
        """Paths of modules whose text may hold ``name`` as a word; no others do."""

    def matching(self, path: str, name: str, pattern: str) -> list[str]:
        """Paths of other modules that hold ``name`` and match a pattern of ``re``."""

    def program(self, path: str) -> list[str]:
        """Paths of the other modules that may run in one program with the one at ``path``."""

    def split(self, dotted: str) -> tuple[str, tuple[str, ...]]:
        """The path of the module that ``dotted`` begins with, and what is left."""

    def module_at(self, path: str) -> Module | None:
        """The module at ``path``, or None if it cannot be read."""


def set_up_by(
    module: Module,
    words: Iterable[str],
    places: Callable[[Module], Iterable[ast.AST]],
    pattern: str = "",
) -> Iterator[tuple[Module, ast.AST]]:
    """Other modules that hold one of ``words`` (and what matches ``pattern``), and those
    ``places`` of them that may run for this one. Tests are not looked at."""
    project = module.project
    if not isinstance(project, OtherModules):
        return
    holding: set[str] = set()
    for word in words:
        named = project.naming(word)
        holding |= {*(project.matching(module.path, word, pattern) if pattern else named)}
    holding = {path for path in holding if not is_test(path, module.path)}
    for path in sorted(holding.intersection(project.program(module.path)) if holding else ()):
        home = project.module_at(path)
        for place in places(home) if home is not None else ():
            if home is not None and not _hands_on(home, place):
                if _Search(module, project).may_run(home, place):
                    yield home, place


def _hands_on(home: Module, place: ast.AST) -> bool:
    """``caching_device=caching_device``: whoever calls the function around says what it is."""
    if not isinstance(place, ast.Name):
        return False
    owner = home.scopes.resolve(place.id, home.scope_of(place))
    bound = home.names.bindings(place.id, home.scope_of(place))
    return owner is not None and owner.args is not None and bound == [None]


class _Search:
    """Who may run what stands somewhere in another module."""

    def __init__(self, module: Module, project: OtherModules) -> None:
        self._module = module
        self._project = project
        self._around = [module.path, *project.program(module.path)]
        self._waiting: list[tuple[Module, str, ast.AST]] = []
        self._seen: set[tuple[str, str]] = set()

    def may_run(self, home: Module, place: ast.AST) -> bool:
        """Whether ``place`` of ``home`` may run for a call in the module."""
        if self._goes_up(home, place):
            return True
        while self._waiting:
            user, name, definition = self._waiting.pop()
            if len(self._seen) > _MANY or self._names_module(user, definition):
                return True
            for path in self._project.naming(name):
                other = self._module if path == self._module.path else None
                if other is None and path in self._around:
                    other = self._project.module_at(path)
                for node in _mentions(other, name) if other is not None else ():
                    if other is None or (other is user and other.holds(definition, node)):
                        continue
                    if other is not user and _is_own(other, node):
                        continue
                    if other is self._module or self._goes_up(other, node):
                        return True
        return False

    def _goes_up(self, home: Module, node: ast.AST) -> bool:
        """Asks on with the definition around; True if it runs when the module is imported."""
        definition: _Definition | None = None
        top: ast.AST = node
        for parent in home.parents(node):
            if isinstance(parent, ast.Module):
                break
            top = parent
            if isinstance(parent, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                definition = parent
        if definition is not None:
            self._ask(home, definition.name, definition)
        elif isinstance(top, (ast.Assign, ast.AnnAssign)):
            targets = top.targets if isinstance(top, ast.Assign) else [top.target]
            for name in sorted(target_names(targets)):
                self._ask(home, name, top)
        elif isinstance(top, ast.ImportFrom):
            for alias in top.names:
                if alias.asname is not None:
                    self._ask(home, alias.asname, top)
        elif not isinstance(top, ast.Import):
            return True
        return False

    def _ask(self, home: Module, name: str, definition: ast.AST) -> None:
        if (home.path, name) not in self._seen:
            self._seen.add((home.path, name))
            self._waiting.append((home, name, definition))

    def _names_module(self, user: Module, definition: ast.AST) -> bool:
        """Whether a definition names something of the module, and may run what differentiates."""
        stem = stem_of(self._module.path)
        if isinstance(definition, ast.ImportFrom):
            return False
        for node in user.inside(definition) if stem.encode() in user.text else ():
            if isinstance(node, (ast.Name, ast.Attribute)):
                dotted = user.names.resolve(node)
                if dotted and self._project.split(dotted)[0] == self._module.path:
                    return True
        return False


def _mentions(other: Module, name: str) -> Iterator[ast.AST]:
    yield from (node for node in other.of_kind(ast.Name) if node.id == name)
    yield from other.attributes(name)
    for node in other.of_kind(ast.ImportFrom):
        if any(alias.name == name and alias.asname is not None for alias in node.names):
            yield node


def _is_own(other: Module, node: ast.AST) -> bool:
    """Whether a module that is asked for a name of another one has something else so called."""
    if not isinstance(node, ast.Name):
        return False
    bound = other.names.bindings(node.id, other.scope_of(node))
    return bool(bound) and not any(isinstance(n, (ast.Import, ast.ImportFrom)) for n in bound)
