"""What the turns of a tensor loop are given: what it begins with, what a body gives back.

Of ``tf.scan`` and ``tf.foldl`` it is what is carried; what they run over is new in each turn.

A body may be handed over as it is, inside ``functools.partial(body)``, by another name, or be
called by a lambda or a function that is: ``lambda i, a, b: body(i, a, b)``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from tape_migrate.flow.scope import ScopeKind
from tape_migrate.module import Module
from tape_migrate.shapes.binding import bind
from tape_migrate.shapes.functions import Function
from tape_migrate.shapes.loop_values import elements
from tape_migrate.shapes.tensorflow_facts import tensorflow_function

_DEPTH = 3
_STEPWISE = ("scan", "foldl", "foldr")
_WORDS = (b"while_loop", b"scan", b"foldl", b"foldr")


@dataclass(frozen=True)
class Turn:
    """One place that gives a function its arguments, each turn of a loop anew."""

    values: tuple[ast.expr, ...] | None
    """What stands for each loop variable; None if that is not written out."""
    places: tuple[int | None, ...]
    """Which of the loop variables each parameter of the function is."""
    first: bool
    """What the loop begins with; else what a turn gives back."""
    fixed: tuple[ast.expr | None, ...] = ()
    """What a parameter is given that is no loop variable."""

    def of(self, parameter: int) -> ast.expr | None:
        """What ``parameter`` is given, if it is written out."""
        if self.fixed and self.fixed[parameter] is not None:
            return self.fixed[parameter]
        place = self.places[parameter]
        if self.values is None or place is None or place >= len(self.values):
            return None
        return self.values[place]


def turns_of(module: Module, function: Function | ast.Lambda, depth: int = _DEPTH) -> list[Turn]:
    """The turns of all loops that may run ``function``."""
    if depth == 0 or not any(word in module.text for word in _WORDS):
        return []
    key = f"turns of {id(function)}"
    known = module.memo.get(key)
    if not isinstance(known, list):
        module.memo[key] = []  # it calls itself
        known = module.memo[key] = list(_find_turns(module, function, depth))
    return known


def parameters(function: Function | ast.Lambda) -> list[str]:
    """The names of the parameters that a loop gives in turn, without ``*args``."""
    return [arg.arg for arg in (*function.args.posonlyargs, *function.args.args)]


def _find_turns(module: Module, function: Function | ast.Lambda, depth: int) -> Iterator[Turn]:
    names = parameters(function)
    for use in _uses(module, function):
        parent = module.parent_of(use)
        if isinstance(parent, ast.Call) and parent.func is use and use is not function:
            yield from _by_caller(module, function, parent, depth)
            continue
        loop, bound = _loop_around(module, use)
        if loop is None:
            continue
        bound += isinstance(use, ast.Attribute) and names[:1] in (["self"], ["cls"])
        if _name_of(module, loop) in _STEPWISE:
            places = tuple(0 if i == bound else None for i in range(len(names)))
            begun = [k.value for k in loop.keywords if k.arg == "initializer"] or loop.args[2:3]
            yield from (Turn((value,), places, first=True) for value in begun)
            for value in _given_back(module, function):
                yield Turn((value,), places, first=False)
            continue
        places = tuple(None if i < bound else i - bound for i in range(len(names)))
        started = [(_begun(module, loop), True)]
        started += [(elements(module, each), False) for each in _given_back(module, function)]
        for values, first in started:
            given = _exact(values, function, bound)
            if given is None:
                yield Turn(None, places, first)
                continue
            rest = [
                None if place is None or place < len(given) else _default(function, index)
                for index, place in enumerate(places)
            ]
            yield Turn(given, places, first, tuple(rest))


def _exact(
    values: list[ast.expr] | None, function: Function | ast.Lambda, bound: int
) -> tuple[ast.expr, ...] | None:
    """``values``, if they are as many as the parameters that have no default."""
    most = len(parameters(function)) - bound
    least = most - len(function.args.defaults)
    if values is None or len(values) < least:
        return None
    return tuple(values) if len(values) <= most or function.args.vararg is not None else None


def _default(function: Function | ast.Lambda, index: int) -> ast.expr:
    return function.args.defaults[index - len(parameters(function))]


def _by_caller(
    module: Module, function: Function | ast.Lambda, call: ast.Call, depth: int
) -> Iterator[Turn]:
    """``lambda i, a, b: body(i, a, b)``: the turns of what calls the function."""
    around = module.scope_of(call).node
    if not isinstance(around, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
        return
    turns = turns_of(module, around, depth - 1)
    if not turns:
        return
    outer, names = parameters(around), parameters(function)
    rest = around.args.vararg.arg if around.args.vararg is not None else None
    given = dict(bind(function, call))
    for turn in turns:
        places: list[int | None] = []
        fixed: list[ast.expr | None] = []
        for index, name in enumerate(names):
            value = given.get(name)
            called = value.id if isinstance(value, ast.Name) else ""
            place = turn.places[outer.index(called)] if called in outer else None
            places.append(index if called and called == rest else place)
            kept = value
            if called in outer:
                kept = turn.fixed[outer.index(called)] if turn.fixed else None
            fixed.append(kept if places[-1] is None and value is not None else None)
        yield Turn(turn.values, tuple(places), turn.first, tuple(fixed))


def _uses(module: Module, function: Function | ast.Lambda) -> list[ast.expr]:
    """Where the function stands, if it is a lambda, and the names that it is read by."""
    if isinstance(function, ast.Lambda):
        stmt = module.statement_of(function)
        named = isinstance(stmt, ast.Assign) and stmt.value is function
        targets = stmt.targets if named and isinstance(stmt, ast.Assign) else []
        found: list[ast.expr] = [] if named else [function]
        names = {t.id for t in targets if isinstance(t, ast.Name)}
        owner = module.scope_of(stmt)
    else:
        found, names = [], {function.name}
        parent = module.scopes.opened_by(function).parent
        if parent is None:
            return []
        if parent.kind is ScopeKind.CLASS:
            named_so = module.attributes(function.name)
            return [node for node in named_so if isinstance(node.ctx, ast.Load)]
        owner = parent
    for name in module.of_kind(ast.Name) if names else ():
        if name.id in names and isinstance(name.ctx, ast.Load):
            if module.scopes.resolve(name.id, module.scope_of(name)) is owner:
                found.append(name)
    return found


def _loop_around(module: Module, use: ast.expr) -> tuple[ast.Call | None, int]:
    """The loop that is handed ``use``, and how many arguments are bound to it."""
    node: ast.AST = use
    bound = 0
    while True:
        parent = module.parent_of(node)
        if isinstance(parent, ast.keyword):
            parent = module.parent_of(parent)
        if not isinstance(parent, ast.Call) or parent.func is node:
            return None, 0
        if _name_of(module, parent) in ("while_loop", *_STEPWISE):
            return parent, bound
        if module.names.resolve(parent.func) == "functools.partial":
            bound += len(parent.args) - 1
        node = parent


def _name_of(module: Module, call: ast.Call) -> str | None:
    return tensorflow_function(module.names.resolve(call.func))


def _begun(module: Module, loop: ast.Call) -> list[ast.expr] | None:
    named = [k.value for k in loop.keywords if k.arg == "loop_vars"]
    value = next(iter([*named, *loop.args[2:3]]), None)
    return elements(module, value) if value is not None else None


def _given_back(module: Module, function: Function | ast.Lambda) -> list[ast.expr]:
    if isinstance(function, ast.Lambda):
        return [function.body]
    scope = module.scopes.opened_by(function)
    return [
        node.value
        for node in module.of_kind_inside(ast.Return, function)
        if module.scope_of(node) is scope and node.value is not None
    ]
