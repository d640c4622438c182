"""Annotations for GitHub Actions: one workflow command a line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tape_migrate.model import Outcome
from tape_migrate.reports.escape import printable, printable_path
from tape_migrate.reports.places import FileLines, relative_uri, source_root
from tape_migrate.reports.text import summary_line

if TYPE_CHECKING:
    from tape_migrate.results import RunResult


def dumps(result: RunResult, *, wrote: bool) -> str:
    """Return the annotations of a run, and its summary as a notice."""
    lines = [
        *_annotations(result, wrote),
        f"::notice title=tape-migrate::{_summary(result, wrote)}",
    ]
    return "\n".join(lines) + "\n"


def _annotations(result: RunResult, wrote: bool) -> Iterator[str]:
    root = source_root()
    for entry in result.results:
        path = _path(entry.path, root)
        if entry.status.value == "failed":
            line = {} if entry.line is None else {"line": entry.line}
            yield _command("error", path, "failed", entry.message, line)
        if entry.migration is None:
            continue
        lines = FileLines(entry.migration)
        for site in entry.migration.sites:
            place = site.site
            where = {"line": lines.line(place.line, place.cell)}
            if place.cell is None:
                where["col"] = place.column
            cell = f"cell {place.cell}: " if place.cell else ""
            if site.outcome is Outcome.REFUSED:
                yield _command("warning", path, site.code or "", cell + site.message, where)
            elif site.outcome is Outcome.MIGRATED and not wrote:
                yield _command("notice", path, "can be migrated", cell + site.message, where)
        for remark in entry.migration.remarks:
            where = {"line": lines.line(remark.line, remark.cell)}
            yield _command("warning", path, remark.code, remark.message, where)


def _command(kind: str, path: str, title: str, message: str, where: dict[str, int]) -> str:
    fields = {"file": path, **where, "title": f"tape-migrate {title}"}
    written = ",".join(f"{name}={_property(str(value))}" for name, value in fields.items())
    return f"::{kind} {written}::{_data(message)}"


def _path(path: str, root: str) -> str:
    """The path from the top of the checkout, which is how GitHub knows files."""
    from urllib.parse import unquote  # noqa: PLC0415

    inner = relative_uri(path, root)
    return printable_path(path if inner is None else unquote(inner))


def _data(text: str) -> str:
    escaped = printable(text, keep="\n\r")
    return escaped.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _summary(result: RunResult, wrote: bool) -> str:
    return _data(summary_line(result, wrote=wrote))
