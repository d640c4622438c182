"""Small faults to put into the source of a module, one at a time.

A mutant replaces the text of one expression or statement; what took the place of several lines ends
in as many, so that line numbers stay. What no test could see is left alone: docstrings,
annotations, sentences (text with a space in it), the arguments of ``dataclass`` and ``field``,
``strict=`` of ``zip``, and None in the place of a False that is returned.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

_COMPARISONS = {
    ast.Eq: "!=",
    ast.NotEq: "==",
    ast.Lt: "<=",
    ast.LtE: "<",
    ast.Gt: ">=",
    ast.GtE: ">",
    ast.Is: "is not",
    ast.IsNot: "is",
    ast.In: "not in",
    ast.NotIn: "in",
}
_ARITHMETIC = {
    ast.Add: "-",
    ast.Sub: "+",
    ast.Mult: "+",
    ast.BitOr: "&",
    ast.BitAnd: "|",
}
_NEXT_LINE = " \\\n"
_DECLARATIONS = {"dataclass", "field", "TypeVar", "NamedTuple"}


@dataclass(frozen=True)
class Mutant:
    """One fault: the bytes of ``path`` from ``start`` to ``end`` become ``text``."""

    path: str
    """Relative to the package's folder."""
    line: int
    kind: str
    start: int
    end: int
    text: str

    def apply(self, source: bytes) -> bytes:
        """The module with the fault."""
        return source[: self.start] + self.text.encode() + source[self.end :]

    def __str__(self) -> str:
        text = self.text.rstrip(_NEXT_LINE)
        return f"{self.path}:{self.line}: {self.kind}: {text!r}"


def mutants_of(path: str, source: bytes) -> list[Mutant]:
    """Every fault of one module; a few may not parse, and anything notices those."""
    return list(_Walk(path, source).run())


def mutants_below(package: Path, rooms: tuple[str, ...]) -> list[Mutant]:
    """Every fault of the modules in some folders of a package, in the order of paths."""
    found: list[Mutant] = []
    for room in rooms:
        for module in sorted((package / room).glob("*.py")):
            found += mutants_of(module.relative_to(package).as_posix(), module.read_bytes())
    return found


class _Walk:
    def __init__(self, path: str, source: bytes) -> None:
        self._path = path
        self._source = source
        self._tree = ast.parse(source)
        lines = source.splitlines(keepends=True)
        self._starts = [0]
        for line in lines:
            self._starts.append(self._starts[-1] + len(line))

    def run(self) -> Iterator[Mutant]:
        yield from self._visit(self._tree)

    def _visit(self, node: ast.AST) -> Iterator[Mutant]:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id in _DECLARATIONS:
                return
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            return  # a docstring
        yield from self._faults(node)
        for name, value in ast.iter_fields(node):
            if name in ("annotation", "returns", "decorator_list"):
                continue
            if isinstance(node, ast.keyword) and node.arg == "strict":
                continue
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST) and not isinstance(child, ast.JoinedStr):
                    yield from self._visit(child)

    def _faults(self, node: ast.AST) -> Iterator[Mutant]:
        match node:
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                between = self._between(left, right)
                if between is not None and type(op) in _COMPARISONS:
                    yield self._at("comparison", node, *between, f" {_COMPARISONS[type(op)]} ")
            case ast.BoolOp(op=op, values=values):
                other = " or " if isinstance(op, ast.And) else " and "
                for left, right in pairwise(values):
                    between = self._between(left, right)
                    if between is not None:
                        yield self._at("and/or", node, *between, other)
            case ast.UnaryOp(op=ast.Not()):
                start = self._start(node)
                yield self._at("not dropped", node, start, start + len("not"), "")
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
                between = self._between(left, right)
                if between is not None and not isinstance(left, ast.Constant):
                    yield self._at("operator", node, *between, f" {_ARITHMETIC[type(op)]} ")
            case ast.Constant(value=bool(value)):
                yield self._whole("constant", node, str(not value))
            case ast.Constant(value=int(value)):
                yield self._whole("constant", node, str(value + 1))
            case ast.Constant(value=str(value)) if value and " " not in value:
                yield self._whole("text", node, repr(value + "_"))
            case ast.If(test=test) | ast.IfExp(test=test):
                yield self._whole("condition", test, "True")
                yield self._whole("condition", test, "False")
            case ast.Return(value=ast.expr() as value) if not _is_nothing(value):
                yield self._whole("return", value, "None")
            case ast.Expr(value=ast.Call()) | ast.AugAssign():
                yield self._whole("statement dropped", node, "pass")
            case ast.Break():
                yield self._whole("break", node, "continue")
            case ast.Continue():
                yield self._whole("continue", node, "break")

    def _whole(self, kind: str, node: ast.expr | ast.stmt, text: str) -> Mutant:
        return self._at(kind, node, self._start(node), self._end(node), text)

    def _at(self, kind: str, node: ast.expr | ast.stmt, start: int, end: int, text: str) -> Mutant:
        lines = self._source.count(b"\n", start, end)
        return Mutant(self._path, node.lineno, kind, start, end, text + _NEXT_LINE * lines)

    def _between(self, left: ast.expr, right: ast.expr) -> tuple[int, int] | None:
        """The bytes between two operands, where those are an operator and white space only."""
        start, end = self._end(left), self._start(right)
        held = self._source[start:end]
        return None if any(char in held for char in b"()#\n") else (start, end)

    def _start(self, node: ast.expr | ast.stmt) -> int:
        return self._starts[node.lineno - 1] + node.col_offset

    def _end(self, node: ast.expr | ast.stmt) -> int:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self._starts[node.end_lineno - 1] + node.end_col_offset


def _is_nothing(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and (node.value is None or node.value is False)
