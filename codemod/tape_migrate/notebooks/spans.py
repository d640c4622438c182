"""Tapes that reach over cells: merged into the cell of the gradient, or a reason why not."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass

from tape_migrate.model import Outcome, SiteResult
from tape_migrate.notebooks.document import Document
from tape_migrate.notebooks.program import Marker, Program


@dataclass(frozen=True)
class Merge:
    """The lines of a tape that starts in one cell and ends in another."""

    first: int
    """0-based line of the migrated program where the tape starts."""
    start: int
    """Number of the cell that loses its lines from there on."""
    end: int
    """Number of the cell that takes them."""
    sites: tuple[int, ...]
    """Positions of the calls in the engine's results."""


@dataclass(frozen=True)
class Conflict:
    """Calls that cannot be migrated because of the cells, and why."""

    sites: tuple[int, ...]
    message: str


def examine(
    document: Document,
    program: Program,
    lines: Sequence[str],
    sites: Sequence[SiteResult],
) -> list[Merge | Conflict]:
    """Look at every tape of a migrated program that touches more than plain code of one cell."""
    markers = program.markers(lines)
    found: list[Merge | Conflict] = []
    spans = _spans(sites)
    everything = tuple(i for i, site in enumerate(sites) if site.outcome is Outcome.MIGRATED)
    if [marker.number for marker in markers] != [part.cell.number for part in program.parts]:
        return [Conflict(everything, "the cells would not stay in order")]
    hit: set[int] = set()
    for first, last, members in spans:
        inside = [m for m in markers if first <= m.line <= last]
        hit.update(m.number for m in inside)
        moved = _moved_magic(program, lines[first : last + 1])
        if moved is not None:
            message = f"`{moved}` would be inside the tape"
            found.append(Conflict(members, message))
        elif inside:
            found.append(_crossing(document, program, lines, markers, (first, last), members))
    stray = [m for m in markers if m.indented and m.number not in hit]
    if stray or (not spans and _moved_magic(program, lines) is not None):
        found.append(Conflict(everything, "a block would reach over several cells"))
    elif _moved_magic(program, lines) is not None and not found:
        found.append(Conflict(everything, "a magic or shell line would be moved"))
    return found


def _spans(sites: Sequence[SiteResult]) -> list[tuple[int, int, tuple[int, ...]]]:
    """Return 0-based first and last line of each run of overlapping replacements."""
    migrated = sorted(
        (site.new_lines[0] - 1, site.new_lines[1] - 1, index)
        for index, site in enumerate(sites)
        if site.new_lines is not None
    )
    merged: list[tuple[int, int, tuple[int, ...]]] = []
    for first, last, index in migrated:
        if merged and first <= merged[-1][1]:
            old_first, old_last, members = merged[-1]
            merged[-1] = (old_first, max(old_last, last), (*members, index))
        else:
            merged.append((first, last, (index,)))
    return merged


def _moved_magic(program: Program, lines: Sequence[str]) -> str | None:
    """Return a line of IPython's that stands elsewhere among ``lines`` than it did in its cell."""
    indents = {}
    for part in program.parts:
        for line in part.python.text.split("\n"):
            indents[line.strip()] = _indent(line)
    by_text = {p.text.strip(): p.original for p in program.placeholders}
    for line in lines:
        for text, original in by_text.items():
            if text in line and indents.get(line.strip()) != _indent(line):
                return original.strip()
    return None


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _crossing(
    document: Document,
    program: Program,
    lines: Sequence[str],
    markers: Sequence[Marker],
    span: tuple[int, int],
    members: tuple[int, ...],
) -> Merge | Conflict:
    first, last = span
    start = max((m for m in markers if m.line < first), key=lambda m: m.line, default=markers[0])
    end = max((m for m in markers if m.line <= last), key=lambda m: m.line)
    between = [c for c in document.cells if start.number <= c.number <= end.number]
    other = next((cell for cell in between if cell.kind != "code"), None)
    if other is not None:
        return Conflict(members, f"the tape would reach over cell {other.number} ({other.kind})")
    for cell in between:
        if program.part(cell.number).python.has_cell_magic:
            magic = cell.source.strip().partition("\n")[0]
            return Conflict(members, f"the tape would reach into cell {cell.number} with {magic}")
    moved = {line.strip() for line in lines[first:last]}
    for cell in between[:-1]:
        if cell.has_outputs:
            return Conflict(members, f"the tape would reach over the output of cell {cell.number}")
        shown = _shown(program.part(cell.number).python.text, moved)
        if shown is not None:
            return Conflict(members, f"`{shown}` in cell {cell.number} shows or does something")
    return Merge(first, start.number, end.number, members)


def _shown(text: str, moved: set[str]) -> str | None:
    """Return the first line of a bare expression among the moved statements of a cell."""
    lines = text.split("\n")
    for stmt in ast.parse(text).body:
        line = lines[stmt.lineno - 1].strip()
        if isinstance(stmt, ast.Expr) and line in moved:
            return line
    return None
