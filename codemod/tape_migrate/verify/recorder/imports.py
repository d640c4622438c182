"""Modules of the project come from the prepared copy, wherever Python finds them.

A path that leads to the original tree (``PYTHONPATH``, an editable install, a program that extends
``sys.path`` itself) leads to the copy instead.
"""

import importlib.machinery
import os
import sys
from typing import Any


def redirect(original: str, copy: str, files: Any) -> None:
    """Let the files of ``original`` that ``files`` names (real path -> prepared file) be read
    from there, and entries of ``sys.path`` below ``original`` mean ``copy``."""
    original = os.path.realpath(original)

    def moved(entry: str) -> str:
        real = os.path.realpath(entry)
        if original != os.path.realpath(copy) and (
            real == original or real.startswith(original + os.sep)
        ):
            if "site-packages" not in real[len(original) :]:
                return copy + real[len(original) :]
        return entry

    sys.path[:] = [moved(entry) if entry else entry for entry in sys.path]
    loader = importlib.machinery.SourceFileLoader
    get_code = loader.get_code

    def prepared(self: Any, fullname: str) -> Any:
        path = self.get_filename(fullname)
        target = files.get(os.path.realpath(path))
        if target is None:
            return get_code(self, fullname)
        with open(target, "rb") as file:
            return self.source_to_code(file.read(), target)

    loader.get_code = prepared  # type: ignore[method-assign]
