"""A notebook's JSON with the place of every cell's source, so that only edited cells change.

nbformat is not used: it writes every file anew (its own indentation, sorted keys, escapes and final
newline), so a notebook saved by anything else than today's Jupyter would change all over. Here the
file is parsed once by ``json`` for its meaning and scanned for the spans of the sources; what
is outside the spans of edited cells stays the same to the byte.
"""

from __future__ import annotations

import codecs
import json
import json.decoder
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tape_migrate.model import SourceError

_string: Callable[[str, int], tuple[str, int]] = json.decoder.scanstring  # type: ignore[attr-defined]
"""Reads the string whose quote stands before a position; returns it and where it ends."""

_SPACE = re.compile(r"[ \t\n\r]*")
_STRUCTURE = re.compile(r'["\[\]{}]')
_SCALAR = re.compile(r"[^\s,\]}]+")


@dataclass(frozen=True)
class Cell:
    """One cell; ``span`` is where the value of its source stands in the document's text."""

    number: int
    """1-based, all kinds of cells counted."""
    kind: str
    source: str
    span: tuple[int, int]
    has_outputs: bool
    execution: int | None
    """The number in its prompt, where it was run."""


@dataclass(frozen=True)
class Document:
    """A notebook's text and its cells."""

    text: str
    """Without byte order mark."""
    bom: bool
    is_python: bool
    cells: tuple[Cell, ...]

    def with_sources(self, sources: Mapping[int, str]) -> bytes:
        """Return the file with new sources for the cells of these numbers."""
        parts = []
        position = 0
        for cell in self.cells:
            new = sources.get(cell.number)
            if new is None or new == cell.source:
                continue
            start, end = cell.span
            parts += [self.text[position:start], _render(self.text[start:end], new)]
            position = end
        parts.append(self.text[position:])
        data = "".join(parts).encode("utf-8")
        return codecs.BOM_UTF8 + data if self.bom else data

    def line_numbers(self) -> dict[tuple[int, int], int]:
        """Return the 1-based line of the file for each (cell, line of its source)."""
        found = {}
        row, seen = 1, 0
        for cell in self.cells:
            start, end = cell.span
            value = json.loads(self.text[start:end])
            places = [(start, value)] if isinstance(value, str) else [
                (begin + start, line)
                for (begin, _), line in zip(
                    _elements(self.text[start:end], 0), value, strict=True
                )
            ]  # fmt: skip
            number = 1
            for position, text in places:
                row += self.text.count("\n", seen, position)
                seen = position
                for _ in range(max(1, text.count("\n"))):
                    found[cell.number, number] = row
                    number += 1
        return found


def parse(data: bytes) -> Document:
    """Read a notebook of format 4.

    Raises SourceError for what is no JSON, no notebook, or of an older format.
    """
    bom = data.startswith(codecs.BOM_UTF8)
    try:
        text = data[len(codecs.BOM_UTF8) if bom else 0 :].decode("utf-8")
        content = json.loads(text)
    except UnicodeDecodeError as error:
        raise SourceError(f"not UTF-8: {error.reason}") from error
    except json.JSONDecodeError as error:
        raise SourceError(f"not JSON: {error.msg}", error.lineno) from error
    except RecursionError as error:
        raise SourceError("nested too deeply to be a notebook") from error
    if not isinstance(content, dict):
        raise SourceError("not a notebook: no JSON object")
    if not isinstance(content.get("cells"), list):
        if "worksheets" in content:
            raise SourceError(
                "notebook format 3 or older; save it with a current Jupyter, or run "
                "`jupyter nbconvert --to notebook --inplace` on it, first"
            )
        raise SourceError("not a notebook: it has no cells")
    spans = dict(_members(text, _SPACE.match(text).end()))  # type: ignore[union-attr]
    cells = []
    elements = _elements(text, spans["cells"][0])
    for number, (cell, span) in enumerate(zip(content["cells"], elements, strict=True), 1):
        cells.append(_cell(number, cell, text, span))
    return Document(text, bom, _is_python(content.get("metadata")), tuple(cells))


def _cell(number: int, cell: Any, text: str, span: tuple[int, int]) -> Cell:
    source = cell.get("source") if isinstance(cell, dict) else None
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    if not isinstance(source, str):
        raise SourceError(f"not a notebook: cell {number} has no source")
    count = cell.get("execution_count")
    return Cell(
        number,
        str(cell.get("cell_type")),
        source,
        dict(_members(text, span[0]))["source"],
        bool(cell.get("outputs")),
        count if isinstance(count, int) else None,
    )


def _is_python(metadata: Any) -> bool:
    """Whether the cells are Python; notebooks that do not say are."""
    if not isinstance(metadata, dict):
        return True
    for group, key in (("kernelspec", "language"), ("language_info", "name")):
        part = metadata.get(group)
        name = part.get(key) if isinstance(part, dict) else None
        if isinstance(name, str):
            return "python" in name.lower()
    return True


def _end_of_value(text: str, start: int) -> int:
    """Return where the value that starts at ``start`` ends; the text is known to be JSON."""
    if text[start] == '"':
        return _string(text, start + 1)[1]
    if text[start] not in "[{":
        match = _SCALAR.match(text, start)
        assert match is not None
        return match.end()
    depth = 0
    position = start
    while True:
        found = _STRUCTURE.search(text, position)
        assert found is not None
        position = found.end()
        if found[0] == '"':
            position = _string(text, position)[1]
        elif found[0] in "[{":
            depth += 1
        else:
            depth -= 1
            if depth == 0:
                return position


def _after_space(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    assert match is not None
    return match.end()


def _members(text: str, start: int) -> Iterator[tuple[str, tuple[int, int]]]:
    """Yield the keys of the object at ``start`` with the spans of their values."""
    position = _after_space(text, start + 1)
    while text[position] != "}":
        key, position = _string(text, position + 1)
        value = _after_space(text, _after_space(text, position) + 1)
        end = _end_of_value(text, value)
        yield key, (value, end)
        position = _after_space(text, end)
        if text[position] == ",":
            position = _after_space(text, position + 1)


def _elements(text: str, start: int) -> Iterator[tuple[int, int]]:
    """Yield the spans of the elements of the array at ``start``."""
    position = _after_space(text, start + 1)
    while text[position] != "]":
        end = _end_of_value(text, position)
        yield position, end
        position = _after_space(text, end)
        if text[position] == ",":
            position = _after_space(text, position + 1)


def _render(old: str, new: str) -> str:
    """Return ``new`` as JSON in the style of ``old``, which held the source before."""
    value = json.loads(old)
    held = value if isinstance(value, str) else "".join(value)
    escape = old.isascii() and not held.isascii()
    if isinstance(value, str):
        return json.dumps(new, ensure_ascii=escape)
    spans = list(_elements(old, 0))
    known = {json.loads(old[start:end]): old[start:end] for start, end in spans}
    lines = new.splitlines(keepends=True) if held.splitlines(True) == value else _by_newline(new)
    if not lines:
        return "[]"
    opening, closing = "", ""
    between = ", "
    if spans:
        opening, closing = old[1 : spans[0][0]], old[spans[-1][1] : -1]
        between = "," + opening if "\n" in opening else between
    if len(spans) > 1:
        between = old[spans[0][1] : spans[1][0]]
    return (
        "["
        + opening
        + between.join(known.get(line) or json.dumps(line, ensure_ascii=escape) for line in lines)
        + closing
        + "]"
    )


def _by_newline(text: str) -> list[str]:
    return re.findall(r"[^\n]*\n|[^\n]+", text)
