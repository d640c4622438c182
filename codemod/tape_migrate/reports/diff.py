"""Unified diffs of bytes: exact for ``patch`` when piped, safe to look at in a terminal."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tape_migrate.reports.escape import printable, printable_path

if TYPE_CHECKING:
    from rich.console import Console

_CONTEXT = 3
_LONG = 2000
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
    # Most of a file is the same before the first and after the last edit; the matcher's time
    # grows with the square of what it is given.
    shorter = min(len(a), len(b))
    head = 0
    while head < shorter and a[head] == b[head]:
        head += 1
    tail = 0
    while tail < shorter - head and a[-1 - tail] == b[-1 - tail]:
        tail += 1
    head = max(head - _CONTEXT, 0)
    tail = max(tail - _CONTEXT, 0)
    middle_a, middle_b = a[head : len(a) - tail], b[head : len(b) - tail]
    matcher = difflib.SequenceMatcher(
        None, middle_a, middle_b, autojunk=len(middle_a) > _LONG or len(middle_b) > _LONG
    )
    for group in matcher.get_grouped_opcodes(_CONTEXT):
        first, last = group[0], group[-1]
        old_range = _range(first[1] + head, last[2] + head)
        new_range = _range(first[3] + head, last[4] + head)
        yield f"@@ -{old_range} +{new_range} @@\n".encode()
        for tag, a1, a2, b1, b2 in group:
            if tag == "equal":
                yield from _marked(b" ", middle_a[a1:a2])
            else:
                yield from _marked(b"-", middle_a[a1:a2])
                yield from _marked(b"+", middle_b[b1:b2])


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
