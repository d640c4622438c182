"""Plain text tables for scripts: columns as wide as they need, numbers to the right."""

from __future__ import annotations

from collections.abc import Sequence


def text_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a table of ``rows`` under ``header``; every row must be as long as the header."""
    cells = [[str(cell) for cell in row] for row in (header, *rows)]
    if any(len(row) != len(header) for row in cells):
        raise ValueError("a row is not as long as the header")
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    numeric = [
        all(not row[i] or row[i].lstrip("-")[:1].isdigit() for row in cells[1:])
        for i in range(len(header))
    ]

    def line(row: Sequence[str]) -> str:
        padded = (
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, numeric, strict=True)
        )
        return "  ".join(padded).rstrip()

    rule = "  ".join("-" * width for width in widths)
    return "\n".join([line(cells[0]), rule, *map(line, cells[1:])])
