"""The lines that a page shows of a call: its part of the diff, or where it stands."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property

from tape_migrate.model import Migration, SiteResult
from tape_migrate.reports.diff import unified_diff

_HUNK = re.compile(rb"@@ -\d+(?:,\d+)? \+(\d+)(?:,(\d+))? @@")
_AROUND = 3


class Excerpts:
    """Excerpts of one migrated file."""

    def __init__(self, migration: Migration, *, notebook: bool) -> None:
        self._migration = migration
        self._notebook = notebook
        self._hunks: dict[int | None, list[tuple[int, int, list[bytes]]]] = {}

    def of(self, site: SiteResult) -> list[str]:
        """Return diff lines for a migrated call, numbered source lines for another."""
        if site.new_lines is None:
            return self._standing(site)
        cell = site.site.cell
        if cell not in self._hunks:
            self._hunks[cell] = _hunks(*self._texts(cell))
        first, last = site.new_lines
        lines: list[bytes] = []
        for start, stop, hunk in self._hunks[cell]:
            if start <= last and first <= stop:
                lines += hunk
        return [_decoded(line, self._encoding) for line in lines]

    def _standing(self, site: SiteResult) -> list[str]:
        text = self._texts(site.site.cell)[0]
        lines = text.decode(self._encoding, "backslashreplace").splitlines()
        at = site.site.line
        first = max(1, at - _AROUND)
        chosen = lines[first - 1 : at + _AROUND]
        width = len(str(first + len(chosen)))
        return [
            f"{'>' if number == at else ' '} {number:>{width}}  {line}"
            for number, line in enumerate(chosen, first)
        ]

    def _texts(self, cell: int | None) -> tuple[bytes, bytes]:
        if cell is None:
            return self._migration.old, self._migration.new
        old, new = self._cells
        return old[cell - 1].encode("utf-8"), new[cell - 1].encode("utf-8")

    @cached_property
    def _cells(self) -> tuple[Sequence[str], Sequence[str]]:
        from tape_migrate.notebooks.document import parse  # noqa: PLC0415

        old, new = parse(self._migration.old), parse(self._migration.new)
        return [cell.source for cell in old.cells], [cell.source for cell in new.cells]

    @cached_property
    def _encoding(self) -> str:
        from tape_migrate.sources.text import decode  # noqa: PLC0415

        return "utf-8" if self._notebook else decode(self._migration.old).encoding


def _hunks(old: bytes, new: bytes) -> list[tuple[int, int, list[bytes]]]:
    """Return first and last line in the new text, and the lines, of each hunk."""
    found: list[tuple[int, int, list[bytes]]] = []
    for line in unified_diff("x", old, new)[2:]:
        match = _HUNK.match(line)
        if match is not None:
            start = int(match[1])
            found.append((start, start + int(match[2] or 1) - 1, []))
        found[-1][2].append(line)
    return found


def _decoded(line: bytes, encoding: str) -> str:
    return line.decode(encoding, "backslashreplace").rstrip("\r\n")
