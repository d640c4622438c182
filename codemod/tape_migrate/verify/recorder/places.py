"""Where in the user's code something happens, said in the same words on both sides.

A place is a file of the project and a line of its *old* text: the new side comes with a table
from its lines to the old ones. Code that AutoGraph generated is traced back to what it was
generated from.
"""

import os
import sys
from typing import Any

from .tensorflow_of import inner


class Places:
    """Finds the innermost frame of the user's code."""

    def __init__(self, root: str, lines: Any) -> None:
        self._root = os.path.join(os.path.realpath(root), "")
        self._lines = lines  # relative path -> the old line of each line, from line 1 on
        self._generated = {}  # type: Any
        self._names = {}  # type: Any
        self._follow_autograph()

    def here(self) -> str:
        """``file:line`` of the innermost frame in the project, or an empty string."""
        frame = sys._getframe(1)  # type: Any
        while frame is not None:
            path, line = frame.f_code.co_filename, frame.f_lineno
            if path in self._generated:
                path, line = self._generated[path].get(line, ("", 0))
            name = self._relative(path)
            if name:
                table = self._lines.get(name)
                if table is not None and 0 < line <= len(table):
                    line = table[line - 1]
                return f"{name}:{line}"
            frame = frame.f_back
        return ""

    def _relative(self, path: str) -> str:
        name = self._names.get(path)
        if name is None:
            real = os.path.realpath(path)
            inside = real.startswith(self._root) and "site-packages" not in real
            name = self._names[path] = real[len(self._root) :] if inside else ""
        return str(name)

    def _follow_autograph(self) -> None:
        origin = inner("autograph.pyct.origin_info")
        create = getattr(origin, "create_source_map", None)
        if create is None:
            return

        def remembered(nodes: Any, code: Any, filepath: Any) -> Any:
            found = create(nodes, code, filepath)
            table = self._generated.setdefault(filepath, {})
            for place, source in found.items():
                try:
                    table[place.lineno] = (source.loc.filename, source.loc.lineno)
                except AttributeError:
                    continue
            return found

        origin.create_source_map = remembered
