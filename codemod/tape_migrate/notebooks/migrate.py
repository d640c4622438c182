"""``migrate_notebook``: the engine over the cells of a notebook, in the order they stand in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tape_migrate.api import migrate_source
from tape_migrate.model import (
    Applicability,
    Left,
    Migration,
    Options,
    Outcome,
    Remark,
    SiteResult,
    SourceError,
)
from tape_migrate.notebooks.document import parse
from tape_migrate.notebooks.program import Program
from tape_migrate.notebooks.spans import Conflict, Merge, examine
from tape_migrate.sources.prefilter import may_hold_calls

_CODE = "TM150"


def migrate_notebook(
    data: bytes, options: Options | None = None, *, path: str = "<notebook>"
) -> Migration:
    """Migrate the gradient calls of a notebook's code cells, which are read as one program.

    Args:
        data: the bytes of an .ipynb file of format 4.
        options: as for ``migrate_source``.
        path: used in the result.

    Returns:
        The new bytes, the same but for the sources of edited cells, and an outcome for every
        call; their lines count within their cells.

    Raises:
        SourceError: for what is no notebook, or a cell that is no Python; it names the cell.
    """
    options = options or Options()
    document = parse(data)
    if not document.is_python or not any(cell.kind == "code" for cell in document.cells):
        return Migration(path, data, data)
    program = Program(document)
    leave = tuple(
        replace(left, line=program.line(left.cell, left.line), cell=None)
        for left in options.leave
        if left.cell is not None
    )
    while True:
        joined = _migrate(program, replace(options, leave=leave), path)
        if joined.internal_error is not None or not joined.changed:
            return _result(data, data, program, joined, ())
        lines = joined.new.decode("utf-8").split("\n")
        found = examine(document, program, lines, joined.sites)
        conflicts = [entry for entry in found if isinstance(entry, Conflict)]
        if not conflicts:
            break
        leave += tuple(
            Left(joined.sites[i].site.line, joined.sites[i].site.column, _CODE, conflict.message)
            for conflict in conflicts
            for i in conflict.sites
        )
    merges = [entry for entry in found if isinstance(entry, Merge)]
    owned = _owned(program, lines, merges)
    new = document.with_sources(_sources(program, lines, owned))
    return _result(data, new, program, joined, merges, owned)


def _migrate(program: Program, options: Options, path: str) -> Migration:
    try:
        return migrate_source(program.text.encode("utf-8"), options, path=path)
    except UnicodeEncodeError as error:
        raise SourceError(f"not Unicode text: {error.reason}") from error
    except SourceError as error:
        if error.line is None:
            raise
        cell, line = program.place(error.line)
        raise SourceError(f"cell {cell}, line {line}: {error.message}") from error


Owned = dict[int, list[int]]
"""By cell number: the 0-based lines of the migrated program that are the cell's new text."""


def _owned(program: Program, lines: Sequence[str], merges: Sequence[Merge]) -> Owned:
    markers = program.markers(lines)
    stops = [*(marker.line for marker in markers[1:]), len(lines) - 1]
    owned = {
        marker.number: list(range(marker.line + 1, stop))
        for marker, stop in zip(markers, stops, strict=True)
    }
    for merge in merges:
        moved: list[int] = []
        for number in sorted(owned):
            if merge.start <= number < merge.end:
                moved += [line for line in owned[number] if line >= merge.first]
                owned[number] = [line for line in owned[number] if line < merge.first]
        owned[merge.end] = moved + owned[merge.end]
    for part in program.parts:
        if part.python.text.partition("\n")[0].strip():
            mine = owned[part.cell.number]
            while mine and not lines[mine[0]].strip():
                del mine[0]  # a function taken out asks for space above it
    return owned


def _sources(program: Program, lines: Sequence[str], owned: Owned) -> dict[int, str]:
    sources = {}
    for part in program.parts:
        text = "\n".join(lines[line] for line in owned[part.cell.number])
        if text != part.python.text:
            sources[part.cell.number] = program.original(text)
    return sources


def _result(
    old: bytes,
    new: bytes,
    program: Program,
    joined: Migration,
    merges: Sequence[Merge],
    owned: Owned | None = None,
) -> Migration:
    merged = {site: merge for merge in merges for site in merge.sites}
    sites = []
    for index, result in enumerate(joined.sites):
        number, line = program.place(result.site.line)
        site = replace(result.site, line=line, cell=number)
        result = replace(result, site=site, new_lines=_new_lines(result, owned))
        merge = merged.get(index)
        if merge is not None and result.outcome is Outcome.MIGRATED:
            message = f"{result.message}; assumes that cells {merge.start} to {merge.end} "
            message += f"are run in order: what cell {merge.end} needs of them is moved into it"
            result = replace(result, message=message, applicability=Applicability.REVIEW)
        sites.append(result)
    remarks = [_moved(program, remark) for remark in joined.remarks] + _unread(program)
    remarks.sort(key=lambda remark: (remark.cell or 0, remark.line, remark.column))
    return Migration(joined.path, old, new, tuple(sites), joined.internal_error, tuple(remarks))


def _new_lines(result: SiteResult, owned: Owned | None) -> tuple[int, int] | None:
    if result.new_lines is None or owned is None:
        return None
    first, last = (line - 1 for line in result.new_lines)
    mine = next((lines for lines in owned.values() if last in lines), [])
    inside = [index for index, line in enumerate(mine, 1) if first <= line <= last]
    return (inside[0], inside[-1]) if inside else None


def _moved(program: Program, remark: Remark) -> Remark:
    cell, line = program.place(remark.line)
    return replace(remark, line=line, cell=cell)


def _unread(program: Program) -> list[Remark]:
    """Calls in what is not read as Python are not lost without a word."""
    return [
        Remark(
            line,
            1,
            _CODE,
            f"`{text.strip()}` is not looked at: IPython runs it in a way of its own",
            part.cell.number,
        )
        for part in program.parts
        for line, text in part.python.opaque
        if may_hold_calls(text.encode("utf-8", "replace"))
    ]
