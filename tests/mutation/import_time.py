"""Which lines use what a module makes when it is imported: a table, a default, a member of an enum.

A fault there is executed before any test. It can be noticed by the tests that execute a line which
names what the statement with the fault has bound, or what another such statement has made of it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.mutation.mutants import Mutant
from tests.mutation.recording import Line


def using_lines(mutant: Mutant, package: Path) -> frozenset[Line]:
    """Lines of functions anywhere in ``package`` that may use what the fault is in."""
    modules = {path: ast.parse(path.read_bytes()) for path in sorted(package.rglob("*.py"))}
    names = _bound_at(modules[package / mutant.path], mutant.line)
    while True:
        lines: set[Line] = set()
        more = set(names)
        for path, tree in modules.items():
            for stmt, inside in _statements(tree):
                if not any(_names(node) & names for node in ast.walk(stmt)):
                    continue
                if inside:
                    lines |= _mentions(path, stmt, names)
                else:
                    more |= _binds(stmt)
        if more == names:
            return frozenset(lines)
        names = more


def _statements(tree: ast.Module) -> Iterator[tuple[ast.stmt, bool]]:
    """Statements at module or class level (False), and whole functions (True)."""
    stack: list[ast.stmt] = list(tree.body)
    while stack:
        stmt = stack.pop()
        if isinstance(stmt, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield stmt, True
        elif isinstance(stmt, ast.ClassDef):
            stack += stmt.body
        elif not isinstance(stmt, (ast.Import, ast.ImportFrom)):
            yield stmt, False
            stack += [inner for inner in ast.iter_child_nodes(stmt) if isinstance(inner, ast.stmt)]


def _bound_at(tree: ast.Module, line: int) -> set[str]:
    """What the statement at ``line`` binds, and the class around it, whose objects hold it."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or node.lineno):
            found |= _binds(node)
    return found


def _binds(stmt: ast.stmt) -> set[str]:
    if isinstance(stmt, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return {stmt.name}
    targets: list[ast.expr] = []
    if isinstance(stmt, ast.Assign):
        targets = stmt.targets
    elif isinstance(stmt, ast.AnnAssign):
        targets = [stmt.target]
    return {name for target in targets for node in ast.walk(target) for name in _names(node)}


def _names(node: ast.AST) -> set[str]:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.keyword(arg=str(name)):
            return {name}
    return set()


def _mentions(path: Path, function: ast.stmt, names: set[str]) -> set[Line]:
    lines: set[Line] = set()
    for stmt in ast.walk(function):
        if isinstance(stmt, ast.stmt):
            for node in _own(stmt):
                if _names(node) & names:
                    last = getattr(node, "lineno", stmt.lineno)
                    lines |= {(str(path), n) for n in range(stmt.lineno, last + 1)}
    return lines


def _own(stmt: ast.stmt) -> Iterator[ast.AST]:
    """What stands in a statement, without the statements in it."""
    stack: list[ast.AST] = [stmt]
    while stack:
        node = stack.pop()
        yield node
        stack += [n for n in ast.iter_child_nodes(node) if not isinstance(n, ast.stmt)]
