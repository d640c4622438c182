"""What mentioning a local function stands for: the variables it takes from its scope."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence

from .bindings import FUNCTION_NODES, FunctionNode, free_variables, tables_of


def nested_statements(stmts: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """Every statement of a scope in source order, without the bodies of defs and classes."""
    stack = list(reversed(stmts))
    while stack:
        stmt = stack.pop()
        yield stmt
        if not isinstance(stmt, (*FUNCTION_NODES, ast.ClassDef)):
            stack.extend(reversed(list(inner_statements(stmt))))


def inner_statements(stmt: ast.stmt) -> Iterator[ast.stmt]:
    """The direct child statements of a compound statement, in source order."""
    yield from getattr(stmt, "body", ())
    for handler in getattr(stmt, "handlers", ()):
        yield from handler.body
    for case in getattr(stmt, "cases", ()):
        yield from case.body
    yield from getattr(stmt, "orelse", ())
    yield from getattr(stmt, "finalbody", ())


class Captures(Mapping[str, frozenset[str]]):
    """Local function or class name -> names that calling it may read outside it, transitively.

    Covers ``def``, ``class`` and ``name = lambda …`` in one scope; computed when asked for.
    A capture that is itself such a name brings its own captures along.
    """

    def __init__(self, nodes: dict[str, list[ast.AST]]) -> None:
        self._nodes = nodes
        self._direct: dict[str, frozenset[str]] = {}
        self._closed: dict[str, frozenset[str]] = {}

    def __getitem__(self, name: str) -> frozenset[str]:
        closed = self._closed.get(name)
        if closed is None:
            if name not in self._nodes:
                raise KeyError(name)
            seen = {name}
            found: set[str] = set()
            stack = [name]
            while stack:
                for free in self._free(stack.pop()):
                    found.add(free)
                    if free in self._nodes and free not in seen:
                        seen.add(free)
                        stack.append(free)
            closed = self._closed[name] = frozenset(found)
        return closed

    def __iter__(self) -> Iterator[str]:
        return iter(self._nodes)

    def __len__(self) -> int:
        return len(self._nodes)

    def _free(self, name: str) -> frozenset[str]:
        direct = self._direct.get(name)
        if direct is None:
            found: set[str] = set()
            for node in self._nodes[name]:
                found |= _outside_names(node)
            direct = self._direct[name] = frozenset(found)
        return direct


def _outside_names(node: ast.AST) -> frozenset[str]:
    if isinstance(node, FUNCTION_NODES):
        function: FunctionNode = node
        return free_variables(function)
    assert isinstance(node, ast.ClassDef)
    table = tables_of(node)[node]
    return table.free | table.global_names


def captures_of(body: Sequence[ast.stmt]) -> Captures:
    """Captures of the functions and classes that a scope with this body defines."""
    nodes: dict[str, list[ast.AST]] = {}
    for stmt in nested_statements(body):
        if isinstance(stmt, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            nodes.setdefault(stmt.name, []).append(stmt)
        elif isinstance(stmt, ast.Assign) and isinstance(stmt.value, ast.Lambda):
            for target in stmt.targets:
                if isinstance(target, ast.Name):
                    nodes.setdefault(target.id, []).append(stmt.value)
    return Captures(nodes)
