"""Which modules of a project may run in one program: those that import each other."""

from __future__ import annotations

import ast
import contextlib
import os
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from tape_migrate.bound_names import imported_module
from tape_migrate.glimpse import imports_of
from tape_migrate.model import SourceError

_TESTS = frozenset(("test", "tests", "testing", "unittests", "conftest"))


class Modules(Protocol):
    """What is asked of a project."""

    def naming(self, name: str) -> list[str]:
        """Paths of modules whose text may hold ``name`` as a word; no others do."""

    def source_of(self, path: str) -> bytes:
        """The bytes of the module at ``path``.

        Raises:
            KeyError, OSError, SourceError: if it cannot be read.
        """

    def folder_of(self, path: str) -> str:
        """Dotted folder that relative imports in ``path`` start from."""

    def own_name(self, dotted: str, folder: str) -> str:
        """What the project calls the module that one in ``folder`` calls ``dotted``."""


class Programs:
    """The programs of a project.

    Args:
        modules: the project.
        names: the dotted name of each module by its path; several may have the same.
    """

    def __init__(self, modules: Modules, names: Mapping[str, str]) -> None:
        self._modules = modules
        self._names = names
        self._paths: dict[str, list[str]] = {}
        for path, name in names.items():
            self._paths.setdefault(name.rpartition(".")[2], []).append(path)
        self._imported: dict[str, frozenset[str]] = {}
        self._importing: dict[str, list[str]] = {}
        self._by_text: set[str] = set()
        """Those of the modules in ``_imported`` that may import by a text."""

    def around(self, path: str) -> list[str]:
        """Paths of the other modules that may run in one program with the one at ``path``.

        Those are all that import it, directly or not, and all that these import. Where one of them
        imports by a text, they are all of the project.
        """
        found = _closure(_closure([path], self._importers), self._imports)
        if not self._by_text.isdisjoint(found):
            found = list(self._names)
        return sorted(other for other in found if other != path)

    def _importers(self, path: str) -> Iterable[str]:
        if path not in self._importing:
            stem = self._names[path].rpartition(".")[2]
            named = [other for other in self._modules.naming(stem) if other != path]
            self._importing[path] = [
                other
                for other in named
                if path in self._imports(other) or self._may_ask_for(other, stem)
            ]
        return self._importing[path]

    def _may_ask_for(self, path: str, stem: str) -> bool:
        """Whether a module that imports by a text has one that ends like the name of another."""
        if path not in self._by_text or not stem:
            return False
        text = self._modules.source_of(path)
        return re.search(rb"[\"'./]%s[\"']" % re.escape(stem.encode()), text) is not None

    def _imports(self, path: str) -> Iterable[str]:
        """What the module at ``path`` imports; all that may be meant by a name.

        A folder without ``__init__.py`` may be a package all the same: ``models.losses`` may mean
        a ``losses`` of that folder.
        """
        if path not in self._imported:
            named: frozenset[str] = frozenset()
            folder = self._modules.folder_of(path)
            with contextlib.suppress(KeyError, OSError, SourceError):
                text = self._modules.source_of(path)
                named = imported_names(text, folder)
                if b"import_module" in text or b"__import__" in text:
                    self._by_text.add(path)
            found: dict[str, None] = {}
            for name in sorted(named):
                alike = self._paths.get(name.rpartition(".")[2], [])
                own = self._modules.own_name(name, folder) if alike else name
                same = [other for other in alike if self._names[other] == own]
                same = same or [other for other in alike if _is_end(name, self._names[other])]
                found.update(dict.fromkeys(alike if name.startswith(".") else same))
            self._imported[path] = frozenset(found)
        return self._imported[path]


def imported_names(text: bytes, package: str) -> frozenset[str]:
    """Dotted names of what may be modules among all that a module of ``package`` imports.

    Those of relative imports outside a package begin with a dot.

    Raises:
        SourceError: see ``imports_of``.
    """
    found: set[str] = set()
    for node in imports_of(text):
        if isinstance(node, ast.Import):
            for alias in node.names:
                found |= _with_packages(alias.name)
        else:
            base = imported_module(node, package)
            joint = "" if not base or base.endswith(".") else "."
            found |= _with_packages(base.lstrip("."), "." if base.startswith(".") else "")
            found |= {f"{base}{joint}{alias.name}" for alias in node.names}
    return frozenset(found)


def is_test(path: str, of: str) -> bool:
    """Whether the module at ``path`` is a test, by its name or its folder: no program runs it.

    What stands in one folder with ``of``, the module that is asked for, may be its program; a
    folder called ``latest`` is none of tests.
    """
    folder, name = os.path.split(path)
    stem = os.path.splitext(name)[0]
    if stem.startswith("test_") or stem.endswith(("_test", "_tests")) or stem in _TESTS:
        return True
    return os.path.basename(folder) in _TESTS and folder != os.path.dirname(of)


def name_ends(names: Iterable[str]) -> frozenset[str]:
    """Dotted names of modules, and what is left of them without their first packages."""
    parts = [name.split(".") for name in names]
    return frozenset(".".join(part[n:]) for part in parts for n in range(len(part)))


def _is_end(name: str, other: str) -> bool:
    """Whether one dotted name is the other without its first packages."""
    return f".{name}".endswith(f".{other}") or f".{other}".endswith(f".{name}")


def _with_packages(name: str, before: str = "") -> set[str]:
    parts = name.split(".")
    return {before + ".".join(parts[: n + 1]) for n in range(len(parts)) if name}


def _closure(first: list[str], more: Callable[[str], Iterable[str]]) -> list[str]:
    found = dict.fromkeys(first)
    waiting = list(first)
    while waiting:
        fresh = [path for path in more(waiting.pop()) if path not in found]
        found.update(dict.fromkeys(fresh))
        waiting += fresh
    return list(found)


def module_names(paths: Iterable[str]) -> dict[str, str]:
    """The dotted name of the module at each path, and ``""`` for a lone ``__init__.py``.

    Folders with an ``__init__.py`` around a file make its dotted name; others make none.
    """
    places = {path: os.path.split(os.path.normpath(path)) for path in paths}
    folders = {folder for folder, name in places.values() if name == "__init__.py"}
    prefixes: dict[str, str] = {}

    def prefix(folder: str) -> str:
        if folder not in folders:
            return ""
        if folder not in prefixes:
            above, name = os.path.split(folder)
            prefixes[folder] = f"{prefix(above)}{name}." if above != folder else ""
        return prefixes[folder]

    names: dict[str, str] = {}
    for path, (folder, name) in places.items():
        stem = os.path.splitext(name)[0]
        within = prefix(folder)
        names[path] = within.rstrip(".") if stem == "__init__" else within + stem
    return names
