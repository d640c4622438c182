"""``migrate_notebook``: the engine over the cells of a notebook, in the order they stand in."""

from __future__ import annotations

import itertools
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
from tape_migrate.notebooks.program import Marker, Program
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
    bounds = _bounds(program, program.markers(lines), merges, len(lines))
    sources = _sources(program, lines, bounds)
    return _result(data, document.with_sources(sources), program, joined, merges, bounds)


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


Bounds = dict[int, tuple[int, int]]
"""By cell number: 0-based first line and the line after the last, in the migrated program."""


def _bounds(
    program: Program, markers: Sequence[Marker], merges: Sequence[Merge], count: int
) -> Bounds:
    starts = {marker.number: marker.line + 1 for marker in markers}
    stops = {marker.number: later.line for marker, later in itertools.pairwise(markers)}
    stops[markers[-1].number] = count - 1  # behind the last line end is nothing
    bounds = {part.cell.number: (starts[part.cell.number], stops[part.cell.number])
              for part in program.parts}  # fmt: skip
    for merge in merges:
        for number, (first, last) in bounds.items():
            if number == merge.start:
                bounds[number] = (first, min(last, merge.first))
            elif merge.start < number < merge.end:
                bounds[number] = (last, last)
            elif number == merge.end:
                bounds[number] = (merge.first, last)
    return bounds


def _sources(program: Program, lines: Sequence[str], bounds: Bounds) -> dict[int, str]:
    markers = {marker.line for marker in program.markers(lines)}
    sources = {}
    for part in program.parts:
        first, last = bounds[part.cell.number]
        text = "\n".join(lines[i] for i in range(first, last) if i not in markers)
        if text == part.python.text:
            continue
        if not part.python.text.startswith("\n"):
            text = text.lstrip("\n")  # a function taken out asks for space above it
        sources[part.cell.number] = program.original(text)
    return sources


def _result(
    old: bytes,
    new: bytes,
    program: Program,
    joined: Migration,
    merges: Sequence[Merge],
    bounds: Bounds | None = None,
) -> Migration:
    merged = {site: merge for merge in merges for site in merge.sites}
    sites = []
    for index, result in enumerate(joined.sites):
        number, line = program.place(result.site.line)
        site = replace(result.site, line=line, cell=number)
        result = replace(result, site=site, new_lines=_new_lines(result, bounds))
        merge = merged.get(index)
        if merge is not None and result.outcome is Outcome.MIGRATED:
            message = f"{result.message}; assumes that cells {merge.start} to {merge.end} "
            message += f"are run in order: what cell {merge.end} needs of them is moved into it"
            result = replace(result, message=message, applicability=Applicability.REVIEW)
        sites.append(result)
    remarks = [_moved(program, remark) for remark in joined.remarks] + _unread(program)
    remarks.sort(key=lambda remark: (remark.cell or 0, remark.line, remark.column))
    return Migration(joined.path, old, new, tuple(sites), joined.internal_error, tuple(remarks))


def _new_lines(result: SiteResult, bounds: Bounds | None) -> tuple[int, int] | None:
    if result.new_lines is None or bounds is None:
        return None
    first, last = (line - 1 for line in result.new_lines)
    start, stop = next(
        ((start, stop) for start, stop in bounds.values() if start <= last < stop), (0, last + 1)
    )
    return max(first, start) - start + 1, min(last, stop - 1) - start + 1


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
