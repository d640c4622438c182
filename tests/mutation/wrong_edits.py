"""Migrations gone wrong: one plausible fault at a time in the code that a migration has written."""

from __future__ import annotations

import ast
import io
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class WrongEdit:
    """``text`` is the whole program with one fault of a ``kind``, on 1-based ``line``."""

    kind: str
    line: int
    text: str


def wrong_edits(text: str) -> list[WrongEdit]:
    """Every fault that the program offers a place for, if the result still parses."""
    tree = ast.parse(text)
    found = [edit for node in ast.walk(tree) for edit in _Faults(text, tree, node).all()]
    unique = {edit.text: edit for edit in found if edit.text != text and _parses(edit.text)}
    return sorted(unique.values(), key=lambda edit: (edit.line, edit.kind))


def _parses(text: str) -> bool:
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True


def _is_watch(stmt: ast.stmt) -> bool:
    return (
        isinstance(stmt, ast.Expr)
        and isinstance(stmt.value, ast.Call)
        and isinstance(stmt.value.func, ast.Attribute)
        and stmt.value.func.attr == "watch"
    )


def _opens_tape(stmt: ast.AST) -> bool:
    return isinstance(stmt, ast.With) and any(
        isinstance(item.context_expr, ast.Call)
        and isinstance(item.context_expr.func, ast.Attribute)
        and item.context_expr.func.attr == "GradientTape"
        for item in stmt.items
    )


class _Faults:
    """The faults that one node offers a place for."""

    def __init__(self, text: str, tree: ast.Module, node: ast.AST) -> None:
        self._lines = list(io.StringIO(text))
        self._text = text
        self._tree = tree
        self._node = node

    def all(self) -> Iterator[WrongEdit]:
        node = self._node
        if _opens_tape(node):
            assert isinstance(node, ast.With)
            yield from self._tape(node)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr == "GradientTape" and node.keywords:
                yield self._replaced("persistent off", node, f"{ast.unparse(node.func)}()")
            if node.func.attr in ("gradient", "jacobian") and len(node.args) == 2:
                yield from self._gradient(node)

    def _tape(self, tape: ast.With) -> Iterator[WrongEdit]:
        for stmt, following in zip(tape.body, [*tape.body[1:], None], strict=True):
            if _is_watch(stmt):
                indent = " " * stmt.col_offset
                yield self._moved("watch dropped", stmt, stmt.lineno, indent + "pass\n")
                if following is not None and not _is_watch(following):
                    yield self._moved("watch a line down", stmt, following.end_lineno or 0)
        inner = [stmt for stmt in tape.body if not _is_watch(stmt)]
        if len(inner) >= 2 and inner[-1] is tape.body[-1]:
            yield self._shifted("region ends too early", inner[-1], tape.end_lineno or 0, -1, tape)
        if inner and len(tape.body) >= 2:
            yield self._shifted("region begins too late", inner[0], tape.lineno - 1, -1, tape)
        before, after = self._neighbours(tape)
        if after is not None:
            yield self._shifted("region ends too late", after, tape.end_lineno or 0, 1, tape)
        if before is not None:
            yield self._shifted("region begins too early", before, tape.lineno, 1, tape)

    def _gradient(self, call: ast.Call) -> Iterator[WrongEdit]:
        target, sources = call.args
        if isinstance(sources, (ast.List, ast.Tuple)) and len(sources.elts) >= 2:
            first, second, *rest = (ast.unparse(source) for source in sources.elts)
            swapped = ", ".join([second, first, *rest])
            yield self._replaced("sources swapped", sources, f"[{swapped}]")
        kept = [k for k in call.keywords if k.arg != "output_gradients"]
        if len(kept) < len(call.keywords):
            without = ast.Call(call.func, call.args, kept)
            yield self._replaced("output_gradients dropped", call, ast.unparse(without))
        kept = [k for k in call.keywords if k.arg != "unconnected_gradients"]
        if len(kept) < len(call.keywords):
            without = ast.Call(call.func, call.args, kept)
            yield self._replaced("unconnected_gradients dropped", call, ast.unparse(without))
        if isinstance(target, ast.Name):
            names = sorted({
                node.id
                for tape in ast.walk(self._tree)
                if _opens_tape(tape)
                for stmt in getattr(tape, "body", [])
                if isinstance(stmt, ast.Assign)
                for node in stmt.targets
                if isinstance(node, ast.Name) and node.id != target.id
            })  # fmt: skip
            for name in names[:2]:
                yield self._replaced("stale name", target, name)

    def _neighbours(self, tape: ast.With) -> tuple[ast.stmt | None, ast.stmt | None]:
        for owner in ast.walk(self._tree):
            for block in (getattr(owner, "body", None), getattr(owner, "orelse", None)):
                if isinstance(block, list) and tape in block:
                    index = block.index(tape)
                    before = block[index - 1] if index else None
                    after = block[index + 1] if index + 1 < len(block) else None
                    return before, after
        return None, None

    def _moved(self, kind: str, stmt: ast.stmt, after: int, instead: str = "") -> WrongEdit:
        """The lines of ``stmt`` behind line ``after``, or ``instead`` in their place."""
        first, last = stmt.lineno, stmt.end_lineno or stmt.lineno
        own = self._lines[first - 1 : last]
        if instead:
            new = [*self._lines[: first - 1], instead, *self._lines[last:]]
        else:
            new = [
                *self._lines[: first - 1],
                *self._lines[last:after],
                *own,
                *self._lines[after:],
            ]
        return WrongEdit(kind, first, "".join(new))

    def _shifted(self, kind: str, stmt: ast.stmt, after: int, by: int, tape: ast.With) -> WrongEdit:
        """The lines of ``stmt`` behind line ``after``, indented ``by`` one level more or less."""
        first, last = stmt.lineno, stmt.end_lineno or stmt.lineno
        step = tape.body[0].col_offset - tape.col_offset
        own = [
            (" " * step + line if by > 0 else line[step:]) if line.strip() else line
            for line in self._lines[first - 1 : last]
        ]
        out: list[str] = []
        for number in range(len(self._lines) + 1):
            if number and not first <= number <= last:
                out.append(self._lines[number - 1])
            if number == after:
                out += own
        return WrongEdit(kind, first, "".join(out))

    def _replaced(self, kind: str, node: ast.expr, new: str) -> WrongEdit:
        source = self._text.encode()
        starts = [0]
        for line in source.splitlines(keepends=True):
            starts.append(starts[-1] + len(line))
        start = starts[node.lineno - 1] + node.col_offset
        end = starts[(node.end_lineno or 0) - 1] + (node.end_col_offset or 0)
        text = (source[:start] + new.encode() + source[end:]).decode()
        return WrongEdit(kind, node.lineno, text)
