"""Modules of a program in folders, imported as Python does it."""

from __future__ import annotations

import contextlib
import importlib.abc
import importlib.machinery
import sys
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

Execute = Callable[[str, str, dict[str, Any]], object]
"""Runs a text as the file of a name in a namespace."""

_ROOTS = ("", "src/")
"""Folders in which Python looks for modules: the program's own, and that of a packaged one."""


class _Importer(importlib.abc.Loader):
    """Finds and loads texts by path (without ``.py``), packages of a folder alone among them."""

    def __init__(self, texts: Mapping[str, str], execute: Execute) -> None:
        self._texts = texts
        self._execute = execute
        self._folders = {path[:n] for path in texts for n, c in enumerate(path) if c == "/"}

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The module of a dotted name, if it is one of the program's."""
        found = [root + name.replace(".", "/") for root in _ROOTS]
        for place in found:
            for file in (f"{place}/__init__", place):
                if file in self._texts:
                    return self._spec(name, file, is_package=file != place)
        return next(
            (self._spec(name, p, is_package=True) for p in found if p in self._folders), None
        )

    def _spec(self, name: str, file: str, *, is_package: bool) -> importlib.machinery.ModuleSpec:
        spec = importlib.machinery.ModuleSpec(name, self, is_package=is_package)
        spec.loader_state = file
        return spec

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> None:
        """Python's own way."""

    def exec_module(self, module: types.ModuleType) -> None:
        """Run the text of a module; a folder alone has none."""
        file = module.__spec__.loader_state if module.__spec__ is not None else ""
        if file in self._texts:
            self._execute(self._texts[file], file, vars(module))


@contextlib.contextmanager
def importable(texts: Mapping[str, str], execute: Execute) -> Iterator[None]:
    """Let Python import the texts, by path without ``.py``; afterwards none of them is known."""
    before = set(sys.modules)
    importer = _Importer(texts, execute)
    sys.meta_path.insert(0, importer)
    try:
        yield
    finally:
        sys.meta_path.remove(importer)
        for name in set(sys.modules) - before:
            spec = getattr(sys.modules[name], "__spec__", None)
            if getattr(spec, "loader", None) is importer:
                del sys.modules[name]
