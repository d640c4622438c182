"""What evaluating a part of a program runs: the calls it makes, the functions it names."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from tape_migrate.flow.bindings import children
from tape_migrate.parsed import walk

_CALLS, _ALL_CALLS = "calls made", "calls inside"

COMPOUND = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Match)


def functions_in(node: ast.AST) -> Iterator[ast.expr]:
    """What may name a function that evaluating ``node`` calls, or hands on to be called."""
    stack: list[ast.AST] = [node]
    while stack:
        current = stack.pop()
        if isinstance(current, (ast.Name, ast.Attribute)) and isinstance(current.ctx, ast.Load):
            yield current
        if isinstance(current, (ast.FunctionDef, ast.AsyncFunctionDef)):
            stack.extend([*current.decorator_list, *current.args.defaults])
            continue
        stack += children(current)


def calls_in(node: ast.AST) -> Sequence[ast.Call]:
    """Calls that evaluating ``node`` makes itself (bodies of nested functions left out).

    Asked for of the same nodes again and again, so the answer is kept with the node: nothing ever
    changes a tree, and it goes when the tree goes.
    """
    kept = vars(node)
    known: tuple[ast.Call, ...] | None = kept.get(_CALLS)
    if known is None:
        known = kept[_CALLS] = tuple(_find_calls(node))
    return known


def all_calls(node: ast.AST) -> Sequence[ast.Call]:
    """Every call inside ``node``, bodies of nested functions included; kept like ``calls_in``."""
    kept = vars(node)
    known: tuple[ast.Call, ...] | None = kept.get(_ALL_CALLS)
    if known is None:
        calls = (inner for inner in walk(node) if isinstance(inner, ast.Call))
        known = kept[_ALL_CALLS] = tuple(calls)
    return known


def _find_calls(node: ast.AST) -> Iterator[ast.Call]:
    stack: list[ast.AST] = [node]
    while stack:
        current = stack.pop()
        if isinstance(current, ast.Call):
            yield current
        if isinstance(current, (ast.FunctionDef, ast.AsyncFunctionDef)):
            stack.extend([*current.decorator_list, *current.args.defaults])
            continue
        stack += children(current)


def own_expressions(stmt: ast.stmt) -> list[ast.AST]:
    """What a statement evaluates itself: all of a simple one, the header of a compound one."""
    if isinstance(stmt, ast.Try) or type(stmt).__name__ == "TryStar":
        return []
    match stmt:
        case ast.If(test=test) | ast.While(test=test):
            return [test]
        case ast.For(target=target, iter=iterable) | ast.AsyncFor(target=target, iter=iterable):
            return [target, iterable]
        case ast.With(items=items) | ast.AsyncWith(items=items):
            return list(items)
        case ast.Match(subject=subject):
            return [subject]
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return list(stmt.decorator_list)
    return [stmt]
