"""The report for people: one line per site, one summary line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tape_migrate.reports.escape import printable, printable_path

if TYPE_CHECKING:
    from tape_migrate.model import Remark, Site, SiteResult
    from tape_migrate.results import FileResult, RunResult


def site_line(path: str, result: SiteResult) -> str:
    """Return ``file:line:column: outcome how: message``, with no line end."""
    where = place(path, result.site)
    if result.code is not None:
        how = f" {result.code}"
    else:
        parts = [part.value for part in (result.shape, result.applicability) if part is not None]
        how = f" {'/'.join(parts)}" if parts else ""
    message = printable(result.message)
    return f"{where}: {result.outcome.value}{how}: {message}"


def place(path: str, at: Site | Remark) -> str:
    """Return ``file:line:column``, in a notebook ``file:cell 3:line:column``."""
    cell = f":cell {at.cell}" if at.cell is not None else ""
    return f"{printable_path(path)}{cell}:{at.line}:{at.column}"


def remark_line(path: str, remark: Remark) -> str:
    """Return ``file:line:column: remark TM004: message``, with no line end."""
    return f"{place(path, remark)}: remark {remark.code}: {printable(remark.message)}"


def failure_line(result: FileResult) -> str:
    """Return the diagnostic for a file that failed, with no line end."""
    line = f"line {result.line}: " if result.line is not None else ""
    return f"{printable_path(result.path)}: failed: {line}{printable(result.message)}"


def site_lines(result: RunResult) -> Iterator[str]:
    """Yield a line per site and remark, in the order of files."""
    for entry in result.results:
        if entry.migration is not None:
            for site in entry.migration.sites:
                yield site_line(entry.path, site)
            for remark in entry.migration.remarks:
                yield remark_line(entry.path, remark)


def summary_line(result: RunResult, *, wrote: bool) -> str:
    """Return the counts of a run in one line; ``wrote`` says whether files were to be written."""
    counts = result.summary()
    text = (
        f"{_count(counts.sites, 'call')}: {counts.migrated} migrated, {counts.refused} refused, "
        f"{counts.skipped} skipped in {_count(counts.files_scanned, 'file')}"
    )
    if counts.files_changed:
        verb = "changed" if wrote else "would change"
        text += f"; {_count(counts.files_changed, 'file')} {verb}"
    if counts.files_failed:
        text += f"; {_count(counts.files_failed, 'file')} failed"
    return text


def interruption_lines(result: RunResult, *, wrote: bool) -> Iterator[str]:
    """Yield what Ctrl-C left undone."""
    written = [entry.path for entry in result.results if entry.written]
    if not wrote:
        yield f"interrupted: {_count(len(result.not_reached), 'file')} not looked at"
        return
    yield (
        f"interrupted: {_count(len(written), 'file')} written, "
        f"{_count(len(result.not_reached), 'file')} not reached and left as they were"
    )
    for path in written:
        yield f"written: {printable_path(path)}"
    for path in result.not_reached:
        yield f"not reached: {printable_path(path)}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
