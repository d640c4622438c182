"""What is put into an object under one name is in it under all its names.

``note(v, KEPT)``, where ``note`` appends to its parameter; ``kept = self.kept`` and
``kept.append(v)``. Recorded are the names that an object is given, and what is put into it where;
asked is which other names hold it, too.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from tape_migrate.mentions import last_name
from tape_migrate.module import Module
from tape_migrate.shapes.closure_nodes import Node
from tape_migrate.shapes.dependence import CONTAINER_METHODS
from tape_migrate.shapes.in_place import changes_first

_SETTING: Final = frozenset({"__iadd__", "__ior__", "__setitem__", "appendleft", "extendleft"})
"""Methods that put something into a collection, and are rarely called."""
_WORDS: Final = ("iadd", "iconcat", "insort", "ior", "heappush", "heapreplace", "setitem")
_METHODS: Final = CONTAINER_METHODS | _SETTING


def filled_by(module: Module, call: ast.Call) -> tuple[ast.expr, list[ast.expr]] | None:
    """What a call puts something into, and what: ``held.append(v)``, ``list.append(held, v)``,
    ``operator.iadd(held, [v])``."""
    name = last_name(call.func)
    if name not in _METHODS and not name.startswith(_WORDS):
        return None
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    if call.func in module.parsed.positions and changes_first(module, call):
        return given[0], given[1:]
    if isinstance(call.func, ast.Attribute) and name in _METHODS:
        return call.func.value, given
    return None


class PutIn:
    """Names of objects, and what is put into these."""

    def __init__(self, reads: Callable[[ast.AST], Iterable[Node]]) -> None:
        self._reads = reads
        self._given: dict[Node, set[Node]] = defaultdict(set)  # a name -> those it is given
        self._put: list[tuple[ast.expr, Node]] = []

    def bind(self, target: ast.expr, value: ast.expr, written: Node) -> None:
        """``target = value``, which writes to ``written``.

        After ``parts[0] = f(parts[0])`` the list has nothing beside what it was computed from.
        """
        if not isinstance(target, ast.Subscript):
            self.name(value, written)
        elif ast.unparse(target) not in ast.unparse(value):
            self.put(value, written)

    def name(self, value: ast.expr, written: Node) -> None:
        """``written`` is another name for what ``value`` is."""
        for part in _plain(value):
            self._given[written].update(self._reads(part))

    def name_members(self, value: ast.expr, written: Node) -> None:
        """``written`` is a name for each member of ``value``."""
        members = value.elts if isinstance(value, (ast.List, ast.Tuple, ast.Set)) else [value]
        for member in members:
            self.name(member, written)

    def put(self, value: ast.expr, holder: Node) -> None:
        """``value`` is put into what ``holder`` is."""
        self._put.append((value, holder))

    def all(self) -> list[tuple[ast.expr, Node]]:
        """Everything that is put into something."""
        return self._put

    def elsewhere(self) -> Iterator[tuple[ast.expr, Node]]:
        """What is put into objects, and the other names that these have."""
        for value, holder in self._put:
            seen = {holder}
            queue = [holder]
            while queue:
                more = self._given.get(queue.pop(), set()) - seen
                seen |= more
                queue += more
            for other in sorted(seen - {holder}):
                yield value, other


def _plain(value: ast.expr) -> Iterator[ast.expr]:
    """What ``value`` is itself, or is a part of."""
    match value:
        case ast.Name() | ast.Attribute():
            yield value
        case ast.Subscript(value=inner) | ast.NamedExpr(value=inner) | ast.Starred(value=inner):
            yield from _plain(inner)
        case ast.IfExp(body=body, orelse=orelse):
            yield from _plain(body)
            yield from _plain(orelse)
        case ast.BoolOp(values=values):
            for each in values:
                yield from _plain(each)
