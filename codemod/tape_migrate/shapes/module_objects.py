"""The objects that modules hold by a name of their own, and that an expression may give or reach.

::

    # models.py
    MODEL = Model(2.0)

    # run.py
    ATTACK = Attack(models.MODEL)

``ATTACK`` of ``run`` holds ``MODEL`` of ``models``: who has used ``models.MODEL`` has used what
``run.ATTACK.grads(x)`` computes by. Names, attributes and what functions give back are followed as
far as they are written out; what holds too much costs a migration, no more.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

from tape_migrate.flow.bindings import target_names
from tape_migrate.flow.symbols import Symbol
from tape_migrate.mentions import last_name
from tape_migrate.module import Module
from tape_migrate.parsed import walk
from tape_migrate.shapes.bound_elsewhere import bound_elsewhere
from tape_migrate.shapes.classes_seen import functions_of
from tape_migrate.shapes.kinds import value_given_by
from tape_migrate.shapes.libraries import is_own

_NO_OBJECTS: Final = frozenset(
    {"namedtuple", "NamedTuple", "TypeVar", "getLogger", "compile", "Lock", "join"}
)
"""What gives classes, texts and the like."""
_COMPREHENSIONS: Final = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def objects_held(user: Module, expr: ast.AST) -> frozenset[str]:
    """Which objects ``expr`` may give or reach, each by the place of the value that is it."""
    known = user.memo.setdefault("objects of modules", {})
    assert isinstance(known, dict)
    if expr not in known:
        known[expr] = frozenset()  # what comes back to itself adds nothing
        known[expr] = frozenset(_find(user, expr))
    found: frozenset[str] = known[expr]
    return found


def _find(user: Module, expr: ast.AST) -> Iterator[str]:
    for node in walk(expr):
        if isinstance(node, (ast.Name, ast.Attribute)):
            dotted = user.names.resolve(node)
            if dotted:
                yield from _of_other(user, dotted)
            elif isinstance(node, ast.Name):
                yield from _of_name(user, node)
            elif isinstance(node.value, ast.Name) and node.value.id in ("self", "cls"):
                yield from _of_attribute(user, node)
        elif isinstance(node, ast.Call) and node.func in user.parsed.positions:
            for place, function in functions_of(user, node.func):
                for given in place.of_kind_inside(ast.Return, function):
                    if given.value is not None:
                        yield from objects_held(place, given.value)


def _of_other(user: Module, dotted: str) -> Iterator[str]:
    if not is_own(user, dotted):
        return
    for home, value, rest in bound_elsewhere(user, dotted):
        if isinstance(value, ast.expr):
            yield from _of_value(home, value)
        elif rest:
            for node in home.names.bindings(rest[0], home.scopes.opened_by(value)):
                if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
                    yield from _of_value(home, node.value)


def _of_value(home: Module, value: ast.expr) -> Iterator[str]:
    if not _is_data(value):
        yield f"{home.path}:{value.lineno}:{value.col_offset}"
        yield from objects_held(home, value)


def _is_data(value: ast.expr) -> bool:
    """Whether a value is plainly no object that remembers, and holds none: `NET = None` is for
    somebody to give it another one, and `[]` to fill."""
    match value:
        case ast.Constant(value=plain):
            return plain is not None
        case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts) if parts:
            return all(map(_is_data, parts))
        case ast.Dict(values=parts) if parts:
            return all(map(_is_data, parts))
        case ast.UnaryOp(operand=part):
            return _is_data(part)
        case ast.Call(func=func):
            return last_name(func) in _NO_OBJECTS
    return False


def _of_name(user: Module, name: ast.Name) -> Iterator[str]:
    if name not in user.parsed.positions:
        return
    if user.scopes.is_comprehension_variable(name):
        for parent in user.parents(name):
            if isinstance(parent, _COMPREHENSIONS):
                for each in parent.generators:
                    if name.id in target_names([each.target]):
                        yield from objects_held(user, each.iter)
        return
    scope = user.scope_of(name)
    top = user.scopes.resolve(name.id, scope) is user.scopes.module
    for node in user.names.bindings(name.id, scope):
        match node:
            case ast.Assign(value=value) | ast.AnnAssign(value=ast.expr() as value):
                value = value_given_by(node, Symbol(name.id)) or value
                yield from _of_value(user, value) if top else objects_held(user, value)
            case ast.NamedExpr(value=value):
                yield from objects_held(user, value)
            case ast.For(iter=value):
                yield from objects_held(user, value)
            case ast.With(items=items):
                for item in items:
                    yield from objects_held(user, item.context_expr)


def _of_attribute(user: Module, attribute: ast.Attribute) -> Iterator[str]:
    """What any class of the module sets so called."""
    for node in user.attributes(attribute.attr):
        if isinstance(node.ctx, ast.Store):
            match user.statement_of(node):
                case ast.Assign(value=value) | ast.AnnAssign(value=ast.expr() as value):
                    yield from objects_held(user, value)
