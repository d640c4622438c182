"""Code that moves: whole statements carried to another indentation, with parts of them replaced."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tape_migrate.edits.draft import Keep, Piece
from tape_migrate.edits.tape_block import first_comment_line
from tape_migrate.module import Module


@dataclass(frozen=True)
class Cut:
    """A span of the old text that is written otherwise where it moves to."""

    start: int
    end: int
    text: bytes


class Moving:
    """Pieces of moved code; comments above a statement go with it."""

    def __init__(self, module: Module, cuts: Mapping[tuple[int, int], bytes]) -> None:
        """``cuts`` gives the texts that replace spans of the old one, none inside another."""
        self.module = module
        self.cuts = [Cut(start, end, text) for (start, end), text in sorted(cuts.items())]

    def body(self, stmts: Sequence[ast.stmt], indent: bytes) -> list[Piece]:
        """``stmts`` at ``indent``, a blank line between two where there was one."""
        pieces: list[Piece] = []
        for index, stmt in enumerate(stmts):
            if index and self._blank_between(stmts[index - 1], stmt):
                pieces.append(self.module.newline)
            pieces += self.lines(
                range(first_comment_line(self.module, stmt), self.module.last_line(stmt) + 1),
                self.module.indent_of(stmt),
                indent,
            )
        return pieces

    def _blank_between(self, before: ast.stmt, after: ast.stmt) -> bool:
        first = first_comment_line(self.module, after)
        blank = not self.module.line_text(first - 1).strip()
        return blank and first - 1 > self.module.last_line(before)

    def lines(self, numbers: Iterable[int], old: bytes, new: bytes) -> list[Piece]:
        """Lines of the old text, their indentation ``old`` replaced by ``new``."""
        module = self.module
        pieces: list[Piece] = []
        for line in numbers:
            start, end = module.line_start(line), module.line_end(line)
            margin = module.margin(line)
            text = module.text[margin:end]
            if line in module.string_lines or not text.strip() or not text.startswith(old):
                pieces += self.span(start, end)
            else:
                pieces += [*self.span(start, margin), new, *self.span(margin + len(old), end)]
            if not text.endswith((b"\n", b"\r")):
                pieces.append(module.newline)
        return pieces

    def span(self, start: int, end: int) -> list[Piece]:
        """The old text between two offsets, its cuts replaced."""
        pieces: list[Piece] = []
        at = start
        for cut in self.cuts:
            if start <= cut.start and cut.end <= end:
                pieces += [Keep(at, cut.start), cut.text]
                at = cut.end
        pieces.append(Keep(at, end))
        return [p for p in pieces if not isinstance(p, Keep) or p.start < p.end]
