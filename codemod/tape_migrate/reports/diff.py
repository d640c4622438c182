"""Unified diffs of bytes: exact for ``patch`` when piped, safe to look at in a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tape_migrate.reports.escape import printable, printable_path
from tape_migrate.reports.linediff import Change, changes

if TYPE_CHECKING:
    from rich.console import Console

_CONTEXT = 3
_NO_NEWLINE = b"\\ No newline at end of file\n"


def unified_diff(path: str, old: bytes, new: bytes) -> list[bytes]:
    r"""Return the lines of a unified diff, each ending in ``\n``; empty if nothing changed.

    Lines end at ``\n`` alone, as for ``patch`` and ``git``: a carriage return or form feed is
    part of its line. A missing newline at the end of the file is said in the usual way.
    """
    if old == new:
        return []
    return [*_header(path), *_hunks(_lines(old), _lines(new))]


def terminal_lines(diff: list[bytes], encoding: str = "utf-8") -> Iterator[tuple[str, str]]:
    """Yield each line of a diff as (style, text) for people; styles are those of ``rich``.

    The text has no line end, and nothing in it can steer the terminal.
    """
    for raw in diff:
        line = raw.decode(encoding, "backslashreplace").removesuffix("\n").removesuffix("\r")
        text = printable(line, keep="\t")
        if line.startswith(("--- ", "+++ ")):
            yield "bold", text
        elif line.startswith("@@"):
            yield "cyan", text
        elif line.startswith("+"):
            yield "green", text
        elif line.startswith("-"):
            yield "red", text
        else:
            yield "", text


def print_coloured(diff: list[bytes], console: Console, encoding: str = "utf-8") -> None:
    """Print a diff through ``rich``."""
    from rich.text import Text  # noqa: PLC0415

    for style, text in terminal_lines(diff, encoding):
        console.print(Text(text, style=style), soft_wrap=True, highlight=False)


def _lines(data: bytes) -> list[bytes]:
    lines = [line + b"\n" for line in data.split(b"\n")]
    if lines[-1] == b"\n":
        lines.pop()
    else:
        lines[-1] = lines[-1][:-1]
    return lines


def _header(path: str) -> tuple[bytes, bytes]:
    name = printable_path(path)
    # A tab ends the name for ``patch``, which would otherwise stop at a space.
    end = "\t\n" if " " in name else "\n"
    if name.startswith("/"):
        return f"--- {name}{end}".encode(), f"+++ {name}{end}".encode()
    return f"--- a/{name}{end}".encode(), f"+++ b/{name}{end}".encode()


def _hunks(a: list[bytes], b: list[bytes]) -> Iterator[bytes]:
    group: list[Change] = []
    for change in changes(a, b):
        if group and change.old_start - group[-1].old_stop > 2 * _CONTEXT:
            yield from _hunk(a, b, group)
            group = []
        group.append(change)
    yield from _hunk(a, b, group)


def _hunk(a: list[bytes], b: list[bytes], group: list[Change]) -> Iterator[bytes]:
    """Yield one hunk: its changes with context around and between."""
    before = min(_CONTEXT, group[0].old_start)
    after = min(_CONTEXT, len(a) - group[-1].old_stop)
    old_range = _range(group[0].old_start - before, group[-1].old_stop + after)
    new_range = _range(group[0].new_start - before, group[-1].new_stop + after)
    yield f"@@ -{old_range} +{new_range} @@\n".encode()
    position = group[0].old_start - before
    for change in group:
        yield from _marked(b" ", a[position : change.old_start])
        yield from _marked(b"-", a[change.old_start : change.old_stop])
        yield from _marked(b"+", b[change.new_start : change.new_stop])
        position = change.old_stop
    yield from _marked(b" ", a[position : position + after])


def _marked(mark: bytes, lines: list[bytes]) -> Iterator[bytes]:
    for line in lines:
        if line.endswith(b"\n"):
            yield mark + line
        else:
            yield mark + line + b"\n"
            yield _NO_NEWLINE


def _range(start: int, stop: int) -> str:
    """Spell 0-based lines ``start`` to ``stop`` (exclusive) the unified way."""
    length = stop - start
    if length == 1:
        return str(start + 1)
    return f"{start + 1 if length else start},{length}"
