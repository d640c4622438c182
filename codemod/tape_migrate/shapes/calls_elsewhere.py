"""What other modules give the parameters of a function: is one computed from another?

``def mixed(y, x)`` may take for granted that ``y`` was not computed from ``x`` only as long as no
caller shows the contrary. Those of its own module are followed by ``closure``; here those of others
are looked at, each as far as its own module goes, and where it hands on its own parameters, what
others give it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol, runtime_checkable

from tape_migrate.flow.scope import Scope, ScopeKind
from tape_migrate.flow.symbols import Symbol, symbol_of
from tape_migrate.mentions import asked_by_text, last_name
from tape_migrate.module import Module
from tape_migrate.other_names import Named
from tape_migrate.shapes.binding import bind
from tape_migrate.shapes.computed_from import depends, members_may_depend, symbols_in
from tape_migrate.shapes.functions import Function
from tape_migrate.shapes.loop_body import hands_to_loop
from tape_migrate.shapes.objects_elsewhere import MAKING, Use, callings, makings
from tape_migrate.shapes.operators_elsewhere import operators_elsewhere

DEPTH: Final = 4
"""How many functions may hand on what they are given, each to one in another module."""


@runtime_checkable
class OtherCallers(Protocol):
    """What a project can tell of the modules that use a function."""

    def users(self, path: str, name: str, *, method: bool) -> list[str]:
        """Paths of other modules that use ``name`` of this one (or any method so called)."""

    def named(self, path: str, name: str) -> Named:
        """The function ``name`` of the module at ``path`` by all its names."""

    def split(self, dotted: str) -> tuple[str, tuple[str, ...]]:
        """The path of the module that ``dotted`` begins with, and what is left."""

    def module_at(self, path: str) -> Module | None:
        """The module at ``path``, or None if it cannot be read."""


@dataclass(frozen=True)
class Call:
    """A call in another module."""

    path: str
    module: Module
    node: ast.Call


@dataclass(frozen=True)
class Calls:
    """What other modules do with a function."""

    calls: tuple[Call, ...]
    given_away: str | None
    """Where it is used otherwise than by a plain call."""


def computed_elsewhere(
    module: Module,
    scope: Scope,
    source: Symbol,
    other: Symbol,
    depth: int = DEPTH,
    *,
    setting: bool = False,
) -> str | None:
    """Where another module gives as ``other`` what it may have computed from ``source``.

    Both are read in ``scope``. None if no such call is in sight, or if they are no parameters. Of a
    ``setting``, which is a number as far as is known, only what plain calls give counts.
    """
    function = scope.node
    if source == other or not isinstance(function, ast.FunctionDef):
        return None
    if not {source.root, other.root} <= parameters_of(function):
        return None
    found = calls_elsewhere(module, scope, function)
    if found.given_away is not None and not setting:
        return found.given_away
    for call in found.calls:
        starred = any(isinstance(arg, ast.Starred) for arg in call.node.args)
        starred |= any(keyword.arg is None for keyword in call.node.keywords)
        pairs = given_together(function, call, source, other)
        if pairs and starred and not setting:
            return f"line {call.node.lineno} of {call.path}"
        for one, two in pairs:
            if not depth or _may_depend(call.module, source, other, one, two):
                return f"line {call.node.lineno} of {call.path}"
            around = call.module.scope_of(one)
            for given_on, from_it in _handed_on(call.module, source, other, one, two):
                where = computed_elsewhere(
                    call.module, around, given_on, from_it, depth - 1, setting=setting
                )
                if where is not None:
                    return where
    return None


def members_elsewhere(module: Module, scope: Scope, collection: Symbol) -> str | None:
    """Where another module gives a collection one member of which it computed from another."""
    one, other = (Symbol(collection.root, (*collection.path, f"[{n}]")) for n in range(2))
    return computed_elsewhere(module, scope, one, other, setting=True)


def parameters_of(function: ast.FunctionDef) -> set[str]:
    """The names of all parameters, those with stars, too."""
    arguments = function.args
    more = [arg for arg in (arguments.vararg, arguments.kwarg) if arg is not None]
    return {
        arg.arg for arg in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *more)
    }


def given_together(
    function: ast.FunctionDef, call: Call, source: Symbol, other: Symbol
) -> list[tuple[ast.expr, ast.expr]]:
    """What a call gives for both; the same expression twice where they are members of it."""
    pairs = list(bind(function, call.node))
    given: dict[str, list[ast.expr]] = {name: [value] for name, value in pairs}
    if isinstance(call.node.func, ast.Attribute):
        given.setdefault("self", [call.node.func.value])
    named = {id(value) for _, value in pairs}
    arguments = function.args
    if arguments.vararg is not None:
        given[arguments.vararg.arg] = [arg for arg in call.node.args if id(arg) not in named]
    if arguments.kwarg is not None:
        known = {arg.arg for arg in (*arguments.args, *arguments.kwonlyargs)}
        given[arguments.kwarg.arg] = [
            keyword.value for keyword in call.node.keywords if keyword.arg not in known
        ]
    ones, twos = given.get(source.root, []), given.get(other.root, [])
    whole = source.root != other.root or len(ones) == 1
    return [(one, two) for one in ones for two in twos if whole or one is not two]


def _may_depend(
    module: Module, source: Symbol, other: Symbol, one: ast.expr, two: ast.expr
) -> bool:
    """Whether ``two`` may have been computed from ``one``, or a member of it from another."""
    # Asked for each pair of symbols of each function that decides about its parameters.
    known = module.memo.setdefault("given that may depend", {})
    assert isinstance(known, dict)
    if one is not two:
        if (one, two) not in known:
            known[one, two] = depends(module, two, one)
        return bool(known[one, two])
    names = tuple(
        next((part for part in reversed(symbol.path) if part.startswith(".")), "")
        for symbol in (other, source)
    )
    if (one, names) not in known:
        known[one, names] = members_may_depend(module, names, one)
    return bool(known[one, names])


def _handed_on(
    module: Module, source: Symbol, other: Symbol, one: ast.expr, two: ast.expr
) -> list[tuple[Symbol, Symbol]]:
    """What both are in the function that hands them on, if they are parameters of that."""
    if one is not two:
        return [
            (a, b) for a in symbols_in(module, one) for b in symbols_in(module, two, through=True)
        ]
    symbol = symbol_of(one)
    if symbol is None:
        return []
    whole = [Symbol(symbol.root, (*symbol.path, *each.path)) for each in (source, other)]
    return [(whole[0], whole[1])]


def calls_elsewhere(module: Module, scope: Scope, function: ast.FunctionDef) -> Calls:
    """What other modules do with a function or a method of this one."""
    key = f"calls elsewhere {id(function)}"
    known = module.memo.get(key)
    if not isinstance(known, Calls):
        known = module.memo[key] = _find_calls(module, scope, function)
    return known


def _find_calls(module: Module, scope: Scope, function: Function) -> Calls:
    project = module.project
    around = scope.parent
    if not isinstance(project, OtherCallers) or around is None:
        return Calls((), None)
    if around.kind is ScopeKind.CLASS:
        return _calls_of_method(module, project, function, around)
    if around.kind is not ScopeKind.MODULE:
        return Calls((), None)
    found: list[Call] = []
    named = project.named(module.path, function.name)
    given_away: str | None = None
    if named.spilled is not None:
        path, line = named.spilled
        given_away = f"line {line} of {path}"
    asked = named.asked_in(module)
    if asked is not None:
        given_away = given_away or f"line {asked}"
    for path in named.paths():
        user = project.module_at(path)
        if user is None:
            continue
        asked = named.asked_in(user)
        if asked is not None:
            given_away = given_away or f"line {asked} of {path}"
        for use in named.uses(user):
            parent = user.parent_of(use.node)
            if not isinstance(use.node.ctx, ast.Load):
                continue
            if isinstance(parent, ast.Call) and parent.func is use.node:
                found.append(Call(path, user, _by_name(parent, function.name)))
            elif not isinstance(parent, ast.Attribute) and not hands_to_loop(user, use.node):
                given_away = given_away or f"line {use.node.lineno} of {path}"
    return Calls(tuple(found), given_away)


def _calls_of_method(
    module: Module, project: OtherCallers, function: Function, owner: Scope
) -> Calls:
    found: list[Call] = []
    given_away: str | None = None
    name = function.name
    for use in _of_objects(module, function, owner):
        if use.call is not None:
            found.append(Call(use.module.path, use.module, use.call))
        else:
            given_away = given_away or f"line {use.line} of {use.module.path}"
    if isinstance(owner.node, ast.ClassDef):
        for other, call in operators_elsewhere(module, owner.node, name):
            found.append(Call(other.path, other, call))
    for path in project.users(module.path, name, method=True):
        user = project.module_at(path)
        if user is None:
            continue
        asked = asked_by_text(user, name)
        if asked is not None:
            given_away = given_away or f"line {asked} of {path}"
        for node in user.attributes(name):
            if not isinstance(node.ctx, ast.Load) or not _may_have(user, node.value, owner.name):
                continue
            parent = user.parent_of(node)
            if isinstance(parent, ast.Call) and parent.func is node:
                found.append(Call(path, user, _by_class(parent, name)))
            elif not isinstance(parent, ast.Attribute):
                given_away = given_away or f"line {node.lineno} of {path}"
    return Calls(tuple(found), given_away)


def _of_objects(module: Module, function: Function, owner: Scope) -> Iterator[Use]:
    """Calls of classes and of objects that run a constructor or ``__call__``."""
    if isinstance(owner.node, ast.ClassDef) and isinstance(function, ast.FunctionDef):
        if function.name in MAKING:
            yield from makings(module, owner.node, function.name)
        elif function.name == "__call__":
            yield from callings(module, function)


def _by_class(call: ast.Call, name: str) -> ast.Call:
    """``Net.__init__(self, x)`` as the call of a function: it is given the object itself."""
    if not isinstance(call.func, ast.Attribute) or name not in (*MAKING, "__call__"):
        return call
    of = call.func.value
    above = isinstance(of, ast.Call) and last_name(of.func) == "super"
    return call if above or not call.args else _by_name(call, name)


def _may_have(user: Module, expr: ast.expr, owner: str) -> bool:
    """Whether ``expr`` may be an object of a class, or the class (``Model.run(model, x)``).

    Modules have functions, and so have libraries; ``mid.net`` may be an object that a module holds.
    """
    dotted = user.names.resolve(expr)
    if not dotted or dotted.rpartition(".")[2] == owner:
        return True
    project = user.project
    path, rest = project.split(dotted) if isinstance(project, OtherCallers) else ("", ())
    return bool(path and rest)


def _by_name(call: ast.Call, own: str) -> ast.Call:
    """The call without the module's name, so that it is not taken for one of a method."""
    name = ast.Name(id=own, ctx=ast.Load())
    plain = ast.Call(func=name, args=call.args, keywords=call.keywords)
    return ast.copy_location(plain, call)
