"""Calls that may make an object keep what it computes from what it is given.

``model.build(x)``, ``map(model.build, parts)``; and ``Net(x)`` or ``super().__init__(x)`` where the
constructor is one of a base class in another module. What a class of this module keeps by its own
constructor is followed by ``closure``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from tape_migrate.flow.symbols import Symbol, symbol_of
from tape_migrate.module import Module
from tape_migrate.shapes.binding import bind
from tape_migrate.shapes.changed_elsewhere import function_elsewhere
from tape_migrate.shapes.classes_seen import classes_of
from tape_migrate.shapes.closure_nodes import Node
from tape_migrate.shapes.computed_from import carries_something, closure_of, variables_in
from tape_migrate.shapes.constructors import constructor_elsewhere, is_super, kinds_named
from tape_migrate.shapes.functions import Function
from tape_migrate.shapes.keeping_methods import given_to, kept_of, may_keep, written_out
from tape_migrate.shapes.module_objects import objects_held
from tape_migrate.shapes.summaries import Summaries


@dataclass(frozen=True)
class Keeping:
    """A call that may make an object keep what it computes from what it is given."""

    call: ast.Call
    given: ast.expr
    symbol: Symbol | None
    run: tuple[Module, Function]
    name: str
    """The parameter of what is run that takes what is given."""
    makes: bool = False
    """Whether it is a constructor that a class has from a base in another module."""

    def kept(self, *, same: bool) -> frozenset[str]:
        """The attributes that may hold what is computed from what is given (see ``kept_of``)."""
        return kept_of(*self.run, self.name, same=same, making=self.makes)


def keeping_calls(user: Module, one: ast.expr, *, held: bool) -> list[Keeping]:
    """Such calls that are given what was computed from ``one``; or what it, ``held``, was made of.

    The same expressions are asked about for every gradient call that is decided.
    """
    known = user.memo.setdefault("calls that make objects keep", {})
    assert isinstance(known, dict)
    if (one, held) not in known:
        closure, here = closure_of(user), variables_of(user, one)
        if held:
            coming = [each for each in _all(user) if comes_from(user, one, each.given)]
        else:
            computed = here.union(*(closure.reached_from(node) for node in here))
            coming = [
                each
                for each in _all(user)
                if not computed.isdisjoint(variables_of(user, each.given))
            ]
        # Asked last: for that closures of whole modules may have to be made.
        known[one, held] = [each for each in coming if each.kept(same=False)]
    found: list[Keeping] = known[one, held]
    return found


def _all(user: Module) -> list[Keeping]:
    """All of a module, by what is written alone."""
    known = user.memo.get("calls that may make objects keep")
    if not isinstance(known, list):
        known = user.memo["calls that may make objects keep"] = [
            each
            for call in user.of_kind(ast.Call)
            for each in _keeping_by(user, call)
            if may_keep(*each.run)
        ]
    return known


def _keeping_by(user: Module, call: ast.Call) -> Iterator[Keeping]:
    for run, name, arg in given_to(user, call):
        yield Keeping(call, arg, symbol_of(arg), run, name)
    made = constructor_elsewhere(user, call)
    if made is not None:
        (home, init), plain = made
        for name, arg in bind(init, plain):
            if not carries_something(user, arg):
                continue
            yield Keeping(call, arg, symbol_of(arg), (home, init), name, makes=True)


def is_of(user: Module, call: ast.Call, given: ast.expr, two: ast.AST, *, receiver: bool) -> bool:
    """Whether ``call`` has to do with the object that ``two`` gives, or with one that it holds.

    ``receiver`` if ``two`` is certainly an object, of which a method is called.
    """
    call = written_out(user, call)
    func = call.func
    others = [arg for arg in (*call.args, *(k.value for k in call.keywords)) if arg is not given]
    holders = [func.value if isinstance(func, ast.Attribute) else func, *others]
    object_, closure = variables_of(user, two), closure_of(user)
    if any(closure.share_objects(variables_of(user, holder), object_) for holder in holders):
        return True
    if len(holders) == 1 and function_elsewhere(user, call) is not None:
        return True  # `lib.build(x)`, of whatever object
    if isinstance(two, ast.expr) and _is_own(user, holders[0], two, receiver=receiver):
        return True
    shared = objects_held(user, two)
    return bool(shared) and any(shared & objects_held(user, holder) for holder in holders)


def _is_own(user: Module, holder: ast.expr, two: ast.expr, *, receiver: bool) -> bool:
    """``self.build(x)`` in the class, or one above, of the object that ``two`` visibly is; or
    ``Net(x)`` of that class. The ``receiver`` of a method, of which nothing is seen, may be it."""
    if is_super(holder) or (isinstance(holder, ast.Name) and holder.id in ("self", "cls")):
        scope = Summaries.of(user).class_of(user.scope_of(holder))
        own = scope.node if scope is not None else None
    else:
        own = next((kind for _, kind in kinds_named(user, holder)), None)
    if own is None:
        return False
    kinds = classes_of(user, two)
    return any(kind is own for _, kind in kinds) if kinds else receiver


def comes_from(user: Module, other: ast.expr, source: ast.expr) -> bool:
    """Whether ``other`` may be, hold, or have been computed from what ``source`` gives."""
    ones, twos = variables_of(user, other), variables_of(user, source)
    if not ones or not twos:
        return False
    closure = closure_of(user)
    return bool(ones & twos) or any(closure.reaches(two, one) for one in ones for two in twos)


def variables_of(user: Module, expr: ast.AST) -> set[Node]:
    known = user.memo.setdefault("variables of expressions", {})
    assert isinstance(known, dict)
    if expr not in known:
        known[expr] = variables_in(user, expr)
    found: set[Node] = known[expr]
    return found
