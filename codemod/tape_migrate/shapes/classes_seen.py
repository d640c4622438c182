"""Which classes an object visibly is of, in whatever module, and what a call of it runs.

``net`` after ``net = lib.Net()``, ``lib.NET``, ``self.net`` where a method sets it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tape_migrate.flow.symbols import Symbol
from tape_migrate.module import Module
from tape_migrate.shapes.attributes_set import attributes_set, given_by
from tape_migrate.shapes.bound_elsewhere import bound_elsewhere
from tape_migrate.shapes.functions import Function
from tape_migrate.shapes.kinds import value_given_by
from tape_migrate.shapes.kinds_elsewhere import Kinds
from tape_migrate.shapes.libraries import is_own
from tape_migrate.shapes.quiet import OtherFunctions
from tape_migrate.shapes.summaries import Summaries

Method = tuple[Module, Function]


def classes_of(home: Module, receiver: ast.expr | None) -> Kinds:
    """The classes that an object visibly is of, with those that they are made of."""
    known = home.memo.setdefault("classes of objects", {})
    assert isinstance(known, dict)
    if receiver not in known:
        known[receiver] = []  # what comes back to itself adds nothing
        known[receiver] = _with_bases(_find_classes(home, receiver))
    found: Kinds = known[receiver]
    return found


def _find_classes(home: Module, receiver: ast.expr | None) -> Kinds:
    found: Kinds = []
    match receiver:
        case ast.Name(id="self" | "cls"):
            own = Summaries.of(home).class_of(home.scope_of(receiver))
            if own is not None and isinstance(own.node, ast.ClassDef):
                found = [(home, own.node)]
        case ast.Name(id=name):
            for node in home.names.bindings(name, home.scope_of(receiver)):
                if isinstance(node, (ast.Assign, ast.AnnAssign)):
                    found += classes_of(home, value_given_by(node, Symbol(name)))
            for other, value in given_elsewhere(home, receiver):
                found += classes_of(other, value)
        case ast.Call(func=func):
            made = class_named(home, func)
            found = [made] if made is not None else []
        case ast.Attribute(value=inner, attr=attr):
            given = [
                *given_elsewhere(home, receiver),
                *given_to_attribute(classes_of(home, inner), attr),
            ]
            found = [kind for each in given for kind in classes_of(*each)]
    return found


def _with_bases(found: Kinds) -> Kinds:
    """Classes, and those that they are made of."""
    found = [*found]
    for place, node in found:  # which grows
        for base in node.bases:
            above = class_named(place, base)
            if above is not None and above not in found:
                found.append(above)
    return found


def given_elsewhere(home: Module, expr: ast.expr) -> Iterator[tuple[Module, ast.expr]]:
    """What another module gives a name of its own: ``lib.W``, ``W`` after ``from lib import W``."""
    for other, node, rest in bound_elsewhere(home, home.names.resolve(expr)):
        if not rest and not isinstance(node, ast.ClassDef):
            yield other, node


def kinds_asked(
    home: Module, node: ast.expr | ast.ClassDef, attributes: list[str]
) -> Iterator[tuple[Kinds, str]]:
    """The classes of the objects that attributes are asked of, one after the other: of
    ``NET.cell.w`` those of ``NET`` and of ``NET.cell``."""
    if isinstance(node, ast.ClassDef):
        kinds = _with_bases([(home, node)])
    else:
        kinds = classes_of(home, node) if attributes else []
    for attr in attributes:
        yield kinds, attr
        kinds = [kind for given in given_to_attribute(kinds, attr) for kind in classes_of(*given)]


def given_to_attribute(kinds: Kinds, attr: str) -> Iterator[tuple[Module, ast.expr]]:
    """What an attribute of objects of these classes is given, each with its module."""
    for place, owner in kinds:
        for node in place.names.bindings(attr, place.scopes.opened_by(owner)):
            given = given_by(node, Symbol(attr)) if isinstance(node, ast.stmt) else None
            if given is not None:
                yield place, given
        for holder, given in attributes_set(place, attr):
            if isinstance(holder, ast.Name) and holder.id in ("self", "cls"):
                own = place.holds(owner, holder)
            else:
                own = (place, owner) in (*classes_of(place, holder), class_named(place, holder))
            if own:
                yield place, given


def class_named(home: Module, func: ast.expr) -> tuple[Module, ast.ClassDef] | None:
    """The class that a name or ``lib.Net`` means, if that is plain."""
    project = home.project
    dotted = home.names.resolve(func)
    if dotted:
        return project.class_of(dotted) if isinstance(project, OtherFunctions) else None
    if isinstance(func, ast.Name):
        bound = home.names.bindings(func.id, home.scope_of(func))
        if len(bound) == 1 and isinstance(bound[0], ast.ClassDef):
            return home, bound[0]
    return None


def functions_of(home: Module, func: ast.expr) -> list[Method]:
    """The functions or methods in sight that a call of ``func`` visibly runs."""
    own = Summaries.of(home).named(func)
    if own is not None:
        return [(home, own)]
    project = home.project
    dotted = home.names.resolve(func)
    if dotted:
        if not is_own(home, dotted) or not isinstance(project, OtherFunctions):
            return []
        known = project.function(dotted)
        if known is not None:
            return [known]
    made = classes_of(home, func)
    if made:
        return _methods(made, ("__call__", "call"))
    if isinstance(func, ast.Attribute):
        return _methods(classes_of(home, func.value), (func.attr,))
    return []


def _methods(made: Kinds, names: tuple[str, ...]) -> list[Method]:
    """The first method of one of these names in the order of the classes."""
    for place, node in made:
        for stmt in node.body:
            if isinstance(stmt, ast.FunctionDef) and stmt.name in names:
                return [(place, stmt)]
    return []
