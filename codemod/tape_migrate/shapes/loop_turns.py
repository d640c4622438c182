"""What the turns of a tensor loop are given: what it begins with, what a body gives back.

Of ``tf.scan`` and ``tf.foldl`` it is what is carried; what they run over is new in each turn.

A body may be handed over as it is, inside ``functools.partial(body)``, by another name, or be
called by a lambda or a function that is: ``lambda i, a, b: body(i, a, b)``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from tape_migrate.flow.scope import Scope, ScopeKind
from tape_migrate.flow.symbols import Symbol
from tape_migrate.module import Module
from tape_migrate.shapes.binding import bind
from tape_migrate.shapes.functions import Function
from tape_migrate.shapes.loop_values import elements, tensors_of
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
    if depth == 0 or not module.speaks_of(_WORDS):
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
        for runs, bound, named in _runs_around(module, use, _DEPTH):
            if isinstance(use, ast.Attribute) and names[:1] in (["self"], ["cls"]):
                bound = [None, *bound]
            if _is_loop(module, runs):
                yield from _of_loop(module, function, runs, bound, named)
            else:
                yield from _by_caller(module, function, runs, depth, bound)


def _of_loop(
    module: Module,
    function: Function | ast.Lambda,
    loop: ast.Call,
    bound: list[ast.expr | None],
    named: dict[str, ast.expr],
) -> Iterator[Turn]:
    """The turns of ``loop``, where ``bound`` and ``named`` are what ``partial`` gives beside."""
    names, count = parameters(function), len(bound)
    fixed = [bound[i] if i < count else named.get(name) for i, name in enumerate(names)]
    if _name_of(module, loop) in _STEPWISE:
        places = tuple(0 if i == count else None for i in range(len(names)))
        begun = [k.value for k in loop.keywords if k.arg == "initializer"] or loop.args[2:3]
        yield from (Turn((value,), places, True, tuple(fixed)) for value in begun)
        for value in _given_back(module, function):
            yield Turn((value,), places, False, tuple(fixed))
        return
    places = tuple(None if i < count else i - count for i in range(len(names)))
    started = [(_begun(module, loop), True)]
    started += [(elements(module, each), False) for each in _given_back(module, function)]
    for values, first in started:
        given = _exact(values, function, count + len(named))
        if given is None:
            yield Turn(None, places, first)
            continue
        rest = [
            fixed[index]
            if fixed[index] is not None or place is None or place < len(given)
            else _default(function, index)
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
    module: Module,
    function: Function | ast.Lambda,
    call: ast.Call,
    depth: int,
    bound: Sequence[ast.expr | None] = (),
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
    args = [*filter(None, bound), *call.args]
    given = dict(bind(function, ast.Call(func=call.func, args=args, keywords=call.keywords)))
    own = id(module.scopes.opened_by(around))
    options: list[list[ast.expr | None]] = []
    for name in names:
        value = given.get(name)
        options.append([value])
        if value is not None and not isinstance(value, ast.Name):  # `b if k is None else k`
            came = tensors_of(module, value)
            options[-1] += [ast.Name(id=n) for n in outer if (own, Symbol(n)) in came]
    for turn in turns:
        for values in product(*options):
            yield _of_caller(turn, values, outer, rest)


def _of_caller(
    turn: Turn, values: tuple[ast.expr | None, ...], outer: list[str], rest: str | None
) -> Turn:
    """The turn of a function that is called with ``values`` by one with the parameters ``outer``
    in its ``turn``."""
    places: list[int | None] = []
    fixed: list[ast.expr | None] = []
    for index, value in enumerate(values):
        called = value.id if isinstance(value, ast.Name) else ""
        if called in outer:
            places.append(turn.places[outer.index(called)])
            fixed.append(turn.fixed[outer.index(called)] if turn.fixed else None)
        else:
            places.append(index if called and called == rest else None)
            fixed.append(value if places[-1] is None else None)
    return Turn(turn.values, tuple(places), turn.first, tuple(fixed))


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
    return found + _reads_of(module, names, owner)


def _reads_of(module: Module, names: set[str], owner: Scope) -> list[ast.expr]:
    """Where one of the variables ``names`` of a scope is read."""
    return [
        name
        for name in (module.of_kind(ast.Name) if names else ())
        if name.id in names and isinstance(name.ctx, ast.Load)
        if module.scopes.resolve(name.id, module.scope_of(name)) is owner
    ]


_Run = tuple[ast.Call, list[ast.expr | None], dict[str, ast.expr]]


def _runs_around(module: Module, use: ast.expr, depth: int) -> Iterator[_Run]:
    """The loops that are handed ``use``, or a name of it, calls by such a name, and the arguments
    bound to it."""
    node: ast.AST = use
    bound: list[ast.expr | None] = []
    named: dict[str, ast.expr] = {}
    while True:
        parent = module.parent_of(node)
        if isinstance(parent, ast.keyword):
            parent = module.parent_of(parent)
        if isinstance(parent, ast.Assign) and depth:
            names = {target.id for target in parent.targets if isinstance(target, ast.Name)}
            for name in _reads_of(module, names, module.scope_of(parent)):
                for loop, more, others in _runs_around(module, name, depth - 1):
                    yield loop, [*bound, *more], {**named, **others}
        if not isinstance(parent, ast.Call):
            return
        if parent.func is node or _is_loop(module, parent):
            yield parent, bound, named
            return
        if module.names.resolve(parent.func) == "functools.partial":
            bound += parent.args[1:]
            named |= {k.arg: k.value for k in parent.keywords if k.arg is not None}
        node = parent


def _is_loop(module: Module, call: ast.Call) -> bool:
    return _name_of(module, call) in ("while_loop", *_STEPWISE)


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
