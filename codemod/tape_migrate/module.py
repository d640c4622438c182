"""One parsed module: its text as UTF-8 bytes, its tree, and where each node stands in the bytes."""

from __future__ import annotations

import ast
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import takewhile
from typing import TypeVar

from tape_migrate.flow.bindings import children
from tape_migrate.flow.scope import Scope, ScopeFacts, ScopeKind, ScopeTree
from tape_migrate.names import Names, Reexports
from tape_migrate.parsed import Parsed, walk

_Node = TypeVar("_Node", bound=ast.AST)

_LINE_END = re.compile(rb"\r\n|\r|\n")

Block = list[ast.stmt]


@dataclass(frozen=True)
class Place:
    """Where a statement stands: ``block[index]``, in ``owner``, a compound statement or module."""

    block: Block
    index: int
    owner: ast.AST
    field: str

    @property
    def stmt(self) -> ast.stmt:
        return self.block[self.index]


def line_number(text: bytes, offset: int) -> int:
    """1-based line that holds ``offset``, as Python counts lines (a lone ``\\r`` ends one too)."""
    return bisect_right(_line_ends(text), offset) + 1


@lru_cache(maxsize=4)
def _line_ends(text: bytes) -> tuple[int, ...]:
    """Offsets just behind the line ends of a text; asked for of the same few texts again."""
    return tuple(match.end() for match in _LINE_END.finditer(text))


class Module:
    """Lazy facts about one module's text; every offset is in UTF-8 bytes."""

    def __init__(
        self,
        text: bytes,
        *,
        parsed: Parsed | None = None,
        package: str = "",
        project: Reexports | None = None,
        path: str = "",
    ) -> None:
        """``path`` is the module's own among those of ``project``; ``parsed`` is of ``text``."""
        self.text = text
        self.path = path
        self.parsed = parsed or Parsed(text)
        self.parsed.hold()
        self.tree = self.parsed.tree
        self.memo: dict[str, object] = {}
        """Facts that others keep with the module (one object a key)."""
        self._inside: dict[int, Sequence[ast.AST]] = {}
        self._spoken: dict[tuple[bytes, ...], bool] = {}
        self._places: dict[ast.stmt, Place] = {}
        self._chains: dict[tuple[ast.AST, ast.AST], list[Place]] = {}
        self._package = package
        self.project = project

    def release(self) -> None:
        """Let go of all that is known; of no use from then on."""
        self.parsed.let_go()
        self.__dict__.clear()

    @property
    def nodes(self) -> list[ast.AST]:
        """Every node of the tree, parents first (operators and contexts left out)."""
        return self.parsed.walked[0]

    def inside(self, node: ast.AST) -> Sequence[ast.AST]:
        """``node`` and all below it (operators and contexts left out), parents first."""
        if node is self.tree:
            return self.nodes
        known = self._inside.get(id(node))
        if known is None:
            first = self.parsed.positions.get(node)
            if first is None:
                return list(walk(node))  # not kept: it may go, and another get its id
            last = node
            while below := children(last):
                last = below[-1]
            known = self._inside[id(node)] = self.nodes[first : self.parsed.positions[last] + 1]
        return known

    def speaks_of(self, words: tuple[bytes, ...]) -> bool:
        """Whether the text holds any of ``words``: they are sought once, whoever asks how often."""
        known = self._spoken.get(words)
        if known is None:
            known = self._spoken[words] = any(word in self.text for word in words)
        return known

    def holds(self, outer: ast.AST, node: ast.AST) -> bool:
        """Whether ``node`` is ``outer`` or below it, both of this module's tree."""
        positions = self.parsed.positions
        return 0 <= positions[node] - positions[outer] < len(self.inside(outer))

    def of_kind(self, kind: type[_Node]) -> Sequence[_Node]:
        """Every node of just this class, parents first."""
        found: Sequence[_Node] = self.parsed.by_kind.get(kind, ())
        return found

    def of_kind_inside(self, kind: type[_Node], node: ast.AST) -> Sequence[_Node]:
        """Those of just this class among ``inside(node)``, in the same order."""
        positions, inside, found = self.parsed.positions, self.inside(node), self.of_kind(kind)
        if node not in positions:
            return [each for each in inside if each.__class__ is kind]
        first = bisect_left(found, positions[node], key=positions.__getitem__)
        end = positions[node] + len(inside)
        return found[first : bisect_left(found, end, lo=first, key=positions.__getitem__)]

    def attributes(self, name: str) -> Sequence[ast.Attribute]:
        """Every ``….name``, in the order of ``nodes``."""
        return self.parsed.by_attribute.get(name, ())

    @property
    def scopes(self) -> ScopeTree:
        return self.parsed.scopes

    @cached_property
    def names(self) -> Names:
        return Names(self.nodes, self.scopes, package=self._package, project=self.project)

    @cached_property
    def _line_starts(self) -> list[int]:
        return [0, *(m.end() for m in _LINE_END.finditer(self.text))]

    def facts(self, scope: Scope) -> ScopeFacts:
        """Dataflow facts of one scope, computed once."""
        return self.scopes.facts(scope)

    def scope_of(self, node: ast.AST) -> Scope:
        return self.scopes.scope_of(node)

    def parent_of(self, node: ast.AST) -> ast.AST | None:
        return self.scopes.parent_of(node)

    def parents(self, node: ast.AST) -> Iterator[ast.AST]:
        """Ancestors of ``node``, nearest first."""
        parent = self.parent_of(node)
        while parent is not None:
            yield parent
            parent = self.parent_of(parent)

    def parents_below(self, node: ast.AST, stop: ast.AST) -> Iterator[ast.AST]:
        """Ancestors of ``node`` inside of its ancestor ``stop``, nearest first."""
        return takewhile(lambda parent: parent is not stop, self.parents(node))

    def parents_in_statement(self, expr: ast.AST) -> Iterator[ast.AST]:
        """Ancestors of an expression inside of the innermost statement, nearest first."""
        return takewhile(lambda parent: not isinstance(parent, ast.stmt), self.parents(expr))

    def scope_at(self, offset: int) -> Scope:
        """The innermost function (or the module) whose lines hold ``offset``."""
        return self._scope_of_line.get(self.line_of(offset), self.scopes.module)

    @cached_property
    def _scope_of_line(self) -> dict[int, Scope]:
        """The innermost function of each line that stands in one."""
        found: dict[int, Scope] = {}
        for scope in self.scopes:
            node = scope.node
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                lines = range(self.first_line(node), self.last_line(node) + 1)
                found.update(dict.fromkeys(lines, scope))
        return found

    def line_start(self, line: int) -> int:
        """Offset of the first byte of 1-based ``line``."""
        starts = self._line_starts
        return starts[line - 1] if line <= len(starts) else len(self.text)

    def line_end(self, line: int) -> int:
        """Offset just after the newline that ends 1-based ``line`` (or the end of the text)."""
        return self.line_start(line + 1)

    def line_text(self, line: int) -> bytes:
        return self.text[self.line_start(line) : self.line_end(line)]

    @property
    def line_count(self) -> int:
        return len(self._line_starts)

    def line_of(self, offset: int) -> int:
        """1-based line that holds ``offset``."""
        low, high = 0, len(self._line_starts)
        while high - low > 1:
            middle = (low + high) // 2
            if self._line_starts[middle] <= offset:
                low = middle
            else:
                high = middle
        return low + 1

    def start(self, node: ast.expr | ast.stmt | ast.keyword | ast.arg) -> int:
        return self.line_start(node.lineno) + node.col_offset

    def end(self, node: ast.expr | ast.stmt | ast.keyword | ast.arg) -> int:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self.line_start(node.end_lineno) + node.end_col_offset

    def segment(self, node: ast.expr | ast.stmt) -> bytes:
        return self.text[self.start(node) : self.end(node)]

    def first_line(self, stmt: ast.stmt) -> int:
        """First line of a statement, its decorators included."""
        decorators: list[ast.expr] = getattr(stmt, "decorator_list", [])
        return min([stmt.lineno, *(d.lineno for d in decorators)])

    def last_line(self, stmt: ast.stmt) -> int:
        assert stmt.end_lineno is not None
        return stmt.end_lineno

    def indent_of(self, stmt: ast.stmt) -> bytes:
        """Leading white space of the statement's first line, from where Python counts it."""
        line = self.first_line(stmt)
        text = self.text[self.margin(line) : self.line_end(line)]
        return text[: len(text) - len(text.lstrip(b" \t"))]

    def margin(self, line: int) -> int:
        """Offset from where the indentation of 1-based ``line`` counts.

        It is the line's first byte, or what follows the last form feed of its leading white space.
        """
        text = self.line_text(line)
        blank = text[: len(text) - len(text.lstrip(b" \t\f"))]
        return self.line_start(line) + blank.rfind(b"\f") + 1

    def statement_of(self, node: ast.AST) -> ast.stmt:
        """The innermost statement that holds ``node``."""
        current: ast.AST | None = node
        while current is not None and not isinstance(current, ast.stmt):
            current = self.parent_of(current)
        assert isinstance(current, ast.stmt)
        return current

    def place_of(self, stmt: ast.stmt) -> Place:
        known = self._places.get(stmt)
        if known is None:
            owner = self.parent_of(stmt)
            assert owner is not None
            for field, value in ast.iter_fields(owner):
                if isinstance(value, list):
                    for index, item in enumerate(value):
                        if isinstance(item, ast.stmt):
                            self._places[item] = Place(value, index, owner, field)
            known = self._places[stmt]
        return known

    def places(self, node: ast.AST, *, within: Scope) -> list[Place]:
        """Chain of places that lead to ``node``, innermost first, up to the body of ``within``."""
        current = self.statement_of(node)
        key = (current, within.node)
        known = self._chains.get(key)
        if known is None:
            known = self._chains[key] = self._chain(current, within)
        return known

    def _chain(self, current: ast.AST | None, within: Scope) -> list[Place]:
        chain: list[Place] = []
        while isinstance(current, (ast.stmt, ast.ExceptHandler, ast.match_case)):
            if isinstance(current, ast.stmt):
                if current is within.node:
                    break
                place = self.place_of(current)
                chain.append(place)
                current = place.owner
            else:
                current = self.parent_of(current)
        return chain

    @cached_property
    def newline(self) -> bytes:
        """The newline of the first line (``\\n`` if there is none)."""
        match = _LINE_END.search(self.text)
        return match.group() if match else b"\n"

    @cached_property
    def indent_unit(self) -> bytes:
        """One level of indentation, as the module's own blocks are indented."""
        for node in self.nodes:
            body = getattr(node, "body", None)
            if isinstance(node, ast.stmt) and isinstance(body, list) and body:
                first = body[0]
                if first.lineno == node.lineno:
                    continue
                outer, inner = self.indent_of(node), self.indent_of(first)
                if inner.startswith(outer) and len(inner) > len(outer):
                    return inner[len(outer) :]
        return b"    "

    @cached_property
    def string_lines(self) -> frozenset[int]:
        """Lines that begin inside a string literal: their leading white space is content."""
        inside: set[int] = set()
        texts = [n for n in self.of_kind(ast.Constant) if isinstance(n.value, (str, bytes))]
        for node in (*texts, *self.of_kind(ast.JoinedStr)):
            if node.end_lineno is not None and node.end_lineno > node.lineno:
                inside.update(self._literal_lines(node))
        return frozenset(inside)

    def _literal_lines(self, node: ast.expr) -> Iterator[int]:
        # Implicitly concatenated literals: lines between the parts are code, so look at each part.
        segment = self.segment(node)
        offset = self.start(node)
        for start, end in _string_spans(segment):
            first = self.line_of(offset + start)
            last = self.line_of(offset + max(start, end - 1))
            yield from range(first + 1, last + 1)

    def is_module_scope(self, scope: Scope) -> bool:
        return scope.kind is ScopeKind.MODULE


_STRING_START = re.compile(rb"(?i)(?:[rbfut]{0,2})('''|\"\"\"|'|\")")


def _string_spans(segment: bytes) -> Iterator[tuple[int, int]]:
    """Spans of the string literals in ``segment``, which holds literals, comments, white space.

    A nested quote inside an f-string's braces (Python 3.12 and later) at worst makes a span too
    long, which leaves a line unindented inside brackets: harmless.
    """
    position = 0
    while position < len(segment):
        char = segment[position : position + 1]
        if char == b"#":
            newline = _LINE_END.search(segment, position)
            position = newline.end() if newline else len(segment)
            continue
        match = _STRING_START.match(segment, position)
        if match is None:
            position += 1
            continue
        quote = match.group(1)
        end = match.end()
        while end < len(segment):
            if segment[end : end + 1] == b"\\":
                end += 2
            elif segment.startswith(quote, end):
                end += len(quote)
                break
            else:
                end += 1
        yield match.start(), end
        position = end
