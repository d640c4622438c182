"""Where things are, for programs: paths as URIs, lines as they are counted in the file itself."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import PurePath
from urllib.parse import quote

from tape_migrate.model import Migration
from tape_migrate.reports.linediff import Change, changes


def source_root() -> str:
    """Return the folder that paths in reports are relative to.

    It is the top of the git work tree that holds the current folder, which is what code scanning
    services check out, or else the current folder.
    """
    here = os.path.realpath(os.getcwd())
    folder = here
    while not os.path.exists(os.path.join(folder, ".git")):
        parent = os.path.dirname(folder)
        if parent == folder:
            return here
        folder = parent
    return folder


def relative_uri(path: str, root: str) -> str | None:
    """Return ``path`` as a relative URI below ``root``, or None if it lies elsewhere."""
    inner = os.path.relpath(os.path.realpath(path), root)
    if inner == os.pardir or inner.startswith(os.pardir + os.sep):
        return None
    return quote(PurePath(inner).as_posix().encode("utf-8", "surrogateescape"))


def file_uri(path: str) -> str:
    """Return an absolute ``file`` URI."""
    posix = PurePath(os.path.realpath(path)).as_posix().encode("utf-8", "surrogateescape")
    return "file://" + quote(posix)


class FileLines:
    """The lines of one migrated file, as it is on disk."""

    def __init__(self, migration: Migration) -> None:
        self._migration = migration

    def line(self, line: int, cell: int | None) -> int:
        """Return the line in the file for a line of a cell; without a cell it is the same."""
        if cell is None:
            return line
        return self._cell_lines.get((cell, line), 1)

    @cached_property
    def changes(self) -> list[Change]:
        """What the migration changes, by lines of the file."""
        return changes(self.old, self.new)

    @cached_property
    def old(self) -> list[bytes]:
        return self._migration.old.splitlines(keepends=True)

    @cached_property
    def new(self) -> list[bytes]:
        return self._migration.new.splitlines(keepends=True)

    @cached_property
    def _cell_lines(self) -> dict[tuple[int, int], int]:
        from tape_migrate.notebooks.document import parse  # noqa: PLC0415

        return parse(self._migration.old).line_numbers()
