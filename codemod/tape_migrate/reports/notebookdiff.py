"""Diffs of notebooks, cell by cell: what people changed, not how JSON spells it."""

from __future__ import annotations

from tape_migrate.notebooks.document import parse
from tape_migrate.reports.diff import unified_diff


def cell_diffs(path: str, old: bytes, new: bytes) -> list[bytes]:
    """Return the lines of a unified diff for each changed cell, headed ``path (cell 3)``.

    Such a diff is to be read; ``patch`` wants the diff of the file itself.
    """
    lines: list[bytes] = []
    for before, after in zip(parse(old).cells, parse(new).cells, strict=True):
        if before.source != after.source:
            name = f"{path} (cell {before.number})"
            found = unified_diff(name, _ended(before.source), _ended(after.source))
            lines += [line.replace(b"\t\n", b"\n") for line in found[:2]] + found[2:]
    return lines


def _ended(source: str) -> bytes:
    """Give the last line an end: that a cell has none there is of no interest."""
    text = source if not source or source.endswith("\n") else source + "\n"
    return text.encode("utf-8", "backslashreplace")
