"""Objects that a function gives back, and what is then asked of them.

``get_model().loss()`` where ``get_model = lambda: net``: the function computes nothing, but
``loss`` reads ``self.h = self.w * 2.0`` of an object that was there before. Objects that the
function makes when it is called are not meant.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tape_migrate.flow.symbols import Symbol
from tape_migrate.module import Module
from tape_migrate.parsed import walk
from tape_migrate.shapes.classes_seen import Method, classes_of, functions_of
from tape_migrate.shapes.computed_before import Made, held
from tape_migrate.shapes.functions import Function
from tape_migrate.shapes.kinds import value_given_by
from tape_migrate.shapes.kinds_elsewhere import Kinds

_DEPTH = 3


def asked_of_results(scope: ast.AST) -> frozenset[str]:
    """Attributes that a function asks anything for, also by a text in it."""
    return frozenset(
        node.attr if isinstance(node, ast.Attribute) else str(node.value)
        for node in walk(scope)
        if isinstance(node, ast.Attribute)
        or (isinstance(node, ast.Constant) and isinstance(node.value, str))
    )


def read_of_given_back(
    home: Module, function: Function | ast.Lambda, asked: frozenset[str]
) -> str | None:
    """What an object given back holds that was computed from variables, and is ``asked`` for."""
    for kinds in _given_back(home, function, _DEPTH):
        for _, kind in kinds:
            for name in sorted(asked.intersection(_attributes(kind))):
                if held(kinds, name) is Made.COMPUTED:
                    return f"{kind.name}.{name}"
    return None


def methods_of_given_back(
    home: Module, function: Function | ast.Lambda, asked: frozenset[str]
) -> Iterator[Method]:
    """The methods that may be run of objects given back."""
    for kinds in _given_back(home, function, _DEPTH):
        for place, kind in kinds:
            for stmt in kind.body:
                if isinstance(stmt, ast.FunctionDef) and stmt.name in asked | {"__call__"}:
                    yield place, stmt


def _attributes(kind: ast.ClassDef) -> Iterator[str]:
    for node in walk(kind):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr


def _given_back(home: Module, function: Function | ast.Lambda, depth: int) -> Iterator[Kinds]:
    """The classes of each object that ``function`` gives back and did not make."""
    if isinstance(function, ast.Lambda):
        yield from _objects(home, function, function.body, depth)
        return
    for node in home.inside(function):
        if isinstance(node, (ast.Return, ast.Yield)) and node.value is not None:
            yield from _objects(home, function, node.value, depth)


def _objects(
    home: Module, function: Function | ast.Lambda, value: ast.expr, depth: int
) -> Iterator[Kinds]:
    match value:
        case _ if depth <= 0:
            return
        case ast.Name(id=name):
            own = home.scopes.opened_by(function)
            if home.scopes.resolve(name, home.scope_of(value)) is own and name != "self":
                for node in home.names.bindings(name, own):
                    if isinstance(node, ast.Assign):
                        given = value_given_by(node, Symbol(name))
                        if given is not None:
                            yield from _objects(home, function, given, depth - 1)
                return
            yield classes_of(home, value)
            for node in home.names.bindings(name, home.scope_of(value)):
                if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
                    yield from _objects(home, function, node.value, depth - 1)
        case ast.Attribute():
            yield classes_of(home, value)
        case ast.Call(func=func):
            for place, inner in functions_of(home, func):
                yield from _given_back(place, inner, depth - 1)
        case ast.IfExp(body=one, orelse=two):
            yield from _objects(home, function, one, depth)
            yield from _objects(home, function, two, depth)
        case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Dict(values=parts):
            for part in parts:
                yield from _objects(home, function, part, depth)
