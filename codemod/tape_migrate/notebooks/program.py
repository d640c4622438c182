"""The code cells of a notebook as one program: joined with markers, and taken apart again."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tape_migrate.notebooks.document import Cell, Document
from tape_migrate.notebooks.magics import Placeholder, PythonCell, Translator


@dataclass(frozen=True)
class Part:
    """A code cell and what the engine reads of it."""

    cell: Cell
    python: PythonCell
    first_line: int
    """1-based line of the program where the cell's text starts."""


@dataclass(frozen=True)
class Marker:
    """Where a cell begins in a program after the migration."""

    line: int
    """0-based line of the marker itself."""
    number: int
    """The cell's number."""
    indented: bool
    """A block reaches over it."""


class Program:
    """The joined text. Each cell has one line before it, a marker, and one line end after it."""

    def __init__(self, document: Document) -> None:
        cells = [cell for cell in document.cells if cell.kind == "code"]
        self._translator = Translator("\n".join(cell.source for cell in cells))
        parts = []
        lines: list[str] = []
        for cell in cells:
            python = self._translator.translate(cell.source)
            lines.append(self._translator.marker(cell.number))
            parts.append(Part(cell, python, len(lines) + 1))
            lines += python.text.split("\n")
        self.parts: Sequence[Part] = tuple(parts)
        self.text = "\n".join(lines) + "\n"
        self._starts = [part.first_line for part in parts]
        self._by_number: Mapping[int, Part] = {part.cell.number: part for part in parts}

    def part(self, number: int) -> Part:
        """The code cell with this number."""
        return self._by_number[number]

    def place(self, line: int) -> tuple[int, int]:
        """Turn a line of the joined text into (cell number, line in the cell), both 1-based."""
        part = self.parts[max(0, bisect_right(self._starts, line) - 1)]
        return part.cell.number, max(1, line - part.first_line + 1)

    def line(self, cell: int, line: int) -> int:
        """The opposite of ``place``."""
        return self._by_number[cell].first_line + line - 1

    def markers(self, lines: Sequence[str]) -> list[Marker]:
        """Find the markers in a migrated program, given as its lines."""
        pattern = self._translator.marker_pattern
        found = []
        for index, line in enumerate(lines):
            match = pattern.match(line)
            if match is not None:
                found.append(Marker(index, int(match[2]), bool(match[1])))
        return found

    def original(self, text: str) -> str:
        """Put the lines back that placeholders stand for."""
        for placeholder in self.placeholders:
            if placeholder.text in text:
                text = text.replace(placeholder.text, placeholder.original, 1)
        return text

    @property
    def placeholders(self) -> Sequence[Placeholder]:
        """Of all cells, in their order."""
        return [found for part in self.parts for found in part.python.placeholders]
