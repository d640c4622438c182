"""Constructors that a class has from a base class in another module, and who runs them."""

from __future__ import annotations

import ast

from tape_migrate.mentions import last_name
from tape_migrate.module import Module
from tape_migrate.shapes.classes_seen import class_named
from tape_migrate.shapes.functions import Function
from tape_migrate.shapes.summaries import Summaries


def constructor_elsewhere(
    user: Module, call: ast.Call
) -> tuple[tuple[Module, Function], ast.Call] | None:
    """``__init__`` of a base in another module, by ``Net(x)`` of a class here that has none, by
    ``super().__init__(x)`` or ``lib.Base.__init__(self, x)``; and the call as one of it."""
    func, args = call.func, call.args
    own = (
        Summaries.of(user).class_of(user.scope_of(call)) if func in user.parsed.positions else None
    )
    if isinstance(func, ast.Attribute) and func.attr == "__init__":
        if own is None or not isinstance(own.node, ast.ClassDef):
            return None
        kinds = [each for base in own.node.bases for each in kinds_named(user, base)]
        args = args if is_super(func.value) else args[1:]
    else:
        kinds = kinds_named(user, func)
        if own is not None and isinstance(func, ast.Name) and func.id == "cls":
            kinds = kinds_above(user, own.node)
        if not kinds or kinds[0][0] is not user:
            return None
    for home, kind in kinds:
        init = Summaries.of(home).inherited(home.scopes.opened_by(kind), "__init__")
        if init is not None:
            given: list[ast.expr] = [ast.Constant(value=None), *args]
            name = ast.Name(id="__init__", ctx=ast.Load())
            plain = ast.Call(func=name, args=given, keywords=call.keywords)
            return ((home, init), plain) if home is not user else None
    return None


def kinds_named(user: Module, named: ast.expr) -> list[tuple[Module, ast.ClassDef]]:
    """The class that an expression names, and those that it is made of, the nearest first."""
    made = class_named(user, named)
    return kinds_above(*made) if made is not None else []


def kinds_above(user: Module, own: ast.AST) -> list[tuple[Module, ast.ClassDef]]:
    """A class, and those that it is made of."""
    found = [(user, own)] if isinstance(own, ast.ClassDef) else []
    for place, node in found:  # which grows
        found += [
            above
            for base in node.bases
            if (above := class_named(place, base)) is not None and above not in found
        ]
    return found


def is_super(expr: ast.expr) -> bool:
    """``super()``, ``super(Net, self)``."""
    return isinstance(expr, ast.Call) and last_name(expr.func) == "super"
