"""Which module of a project another one means by a dotted name.

A project calls a module by the folders around it that have an ``__init__.py``. Those who import
it may call it otherwise: ``pkg.lib`` in a folder without one, ``lib`` beside it in a folder with
one (the program is run there, or by Python 2), ``pkg.lib`` below ``src/__init__.py``. And in two
folders without one, two modules may be called ``utils``.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Mapping

from tape_migrate.names import KNOWN_MODULES

_Parts = tuple[str, ...]


class Homes:
    """The modules at paths, and what they are called.

    Args:
        names: dotted names by path; several may have the same.
    """

    def __init__(self, names: Mapping[str, str]) -> None:
        self._parts = {path: _parts_of(path) for path in names}
        self._packages = {
            self._parts[path] for path in names if os.path.basename(path) == "__init__.py"
        }
        # Beside ``pkg/__init__.py`` nobody can import ``pkg.py``.
        hidden = [path for path in names if self._is_hidden(path)]
        names = {**names, **dict.fromkeys(hidden, "")}
        counts = Counter(names.values())
        full = Counter(self._parts.values())
        self.shared: set[str] = set()
        """Names of modules that go by one that others have as well, or would."""
        self.names: dict[str, str] = {}
        """What each module is called: by all its folders where another one has the same name."""
        for path, name in names.items():
            parts = self._parts[path]
            if name and counts[name] > 1 and full[parts] == 1:
                name = ".".join(parts)
            self.names[path] = name
            if name and counts[names[path]] > 1:
                self.shared.add(name)
        self._paths = {name: path for path, name in self.names.items() if name}
        self._ending: dict[str, list[str]] = {}
        for path, parts in self._parts.items():
            if parts and not self._is_hidden(path):
                self._ending.setdefault(parts[-1], []).append(path)
        self._known: dict[tuple[str, str], str] = {}

    def _is_hidden(self, path: str) -> bool:
        parts = self._parts[path]
        return parts in self._packages and os.path.basename(path) != "__init__.py"

    def folders(self) -> frozenset[str]:
        """Folders, and those around them, by which modules of one name are told apart."""
        parts = [name.split(".")[:-1] for name in self.shared]
        return frozenset(".".join(part[: n + 1]) for part in parts for n in range(len(part)))

    def folder_of(self, path: str) -> str:
        """The folder of a module as relative imports in it begin: with all folders around it."""
        parts = self._parts.get(path, _parts_of(path))
        is_package = os.path.splitext(os.path.basename(path))[0] == "__init__"
        return ".".join(parts if is_package else parts[:-1])

    def own(self, dotted: str, folder: str) -> str:
        """What a module in ``folder`` calls ``dotted``, by the project's own name of the module.

        As it is if it begins with none of them.
        """
        key = (dotted, folder)
        if key not in self._known:
            self._known[key] = self._own(dotted, folder)
        return self._known[key]

    def _own(self, dotted: str, folder: str) -> str:
        parts = tuple(dotted.lstrip(".").split("."))
        if parts[0] in KNOWN_MODULES or dotted.startswith(".."):
            return dotted
        for end in range(len(parts), 0, -1):
            path = self._find(parts[:end], folder, beside=dotted.startswith("."))
            if path and self.names[path]:
                return ".".join((self.names[path], *parts[end:]))
        return dotted

    def _find(self, parts: _Parts, folder: str, *, beside: bool) -> str:
        alike = [
            p for p in self._ending.get(parts[-1], ()) if self._parts[p][-len(parts) :] == parts
        ]
        if not alike:
            return ""
        name = ".".join(parts)
        if name in self._paths and not beside:
            return self._paths[name]
        here = tuple(folder.split(".")) if folder else ()
        around = {path: self._parts[path][: -len(parts)] for path in alike}
        above = [p for p in alike if here[: len(around[p])] == around[p]]
        if beside:
            above = [p for p in above if around[p] == here]
        elif parts[0] in sys.stdlib_module_names:
            above = [p for p in above if around[p] not in self._packages]
        if above or beside or parts[0] in sys.stdlib_module_names:
            return max(above, key=lambda path: len(around[path]), default="")
        # ``sys.path`` may name any folder, but one inside a package it hardly ever does.
        paths = [p for p in alike if len(around[p]) < 2 or around[p] not in self._packages]
        return paths[0] if len(paths) == 1 else ""


def stem_of(path: str) -> str:
    """The last word of what those who import the module at ``path`` call it."""
    folder, name = os.path.split(path)
    stem = os.path.splitext(name)[0]
    return os.path.basename(folder) if stem == "__init__" else stem


def _parts_of(path: str) -> _Parts:
    folders, name = os.path.split(os.path.normpath(path))
    stem = os.path.splitext(name)[0]
    around = [part for part in folders.replace("\\", "/").split("/") if part not in ("", "..", ".")]
    parts = [*around] if stem == "__init__" else [*around, stem]
    return tuple(part.replace(".", "_") for part in parts)
