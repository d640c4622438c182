"""Names of other modules that a caller sets to what it computed from what it then gives.

::

    # run.py
    models.SCALE = x * 2.0
    g = lib.grads(models.scaled, x)

``lib.grads`` takes for granted that ``models.scaled(x)`` comes from ``x`` by its argument alone.
So it is with ``models.STEPS.append(x * 2.0)``, ``setattr(models, "SCALE", x * 2.0)``,
``models.Conf.scale = x * 2.0``, and with ``models.put(x * 2.0)``, which keeps it in its module.
Only what a function that gives something back reads counts.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from tape_migrate.flow.scope import ScopeKind
from tape_migrate.flow.symbols import Symbol, symbol_of
from tape_migrate.module import Module
from tape_migrate.parsed import walk
from tape_migrate.shapes.attributes_elsewhere import is_leaf
from tape_migrate.shapes.computed_from import carries_something, closure_of, depends
from tape_migrate.shapes.dependence import CONTAINER_METHODS
from tape_migrate.shapes.functions import Function
from tape_migrate.shapes.keeping_methods import ANY, given_to
from tape_migrate.shapes.kept_by_functions import kept_by_functions
from tape_migrate.shapes.libraries import is_own
from tape_migrate.shapes.put_in import filled_by
from tape_migrate.shapes.quiet import OtherFunctions
from tape_migrate.shapes.summaries import Summaries

_RUN: Final = (ScopeKind.FUNCTION, ScopeKind.LAMBDA)


@dataclass(frozen=True)
class _Set:
    """``value`` is put, in the module at ``home``, into what is called by one of ``names``."""

    value: ast.expr
    home: Module
    names: tuple[str, ...]
    computed: bool = False
    """Whether it is more than ``value`` as it is."""


@dataclass(frozen=True)
class Run:
    """What a target is computed by: functions of other modules, and methods of whatever object."""

    functions: frozenset[Function]
    methods: frozenset[str]
    handed: bool
    """Whether a function is called that somebody has handed on."""


def set_on_modules(
    user: Module, source: ast.expr, around: ast.AST | None, run: Run
) -> tuple[str, str] | None:
    """What ``user`` sets on another module and computed from ``source``, and where it does.

    What stands inside ``around`` is followed there. None if what is ``run`` does not read it.
    """
    for each in _sets(user):
        if not each.computed and _is_same(user, each.value, source):
            continue
        if around is not None and user.holds(around, each.value):
            continue
        if not carries_something(user, each.value) or not depends(user, each.value, source):
            continue
        for name in each.names:
            handed = name[0] != "." and run.handed
            if (handed and _is_read_as(user, each.home, name)) or any(
                _may_run(user, around, each.home, reader, run)
                for reader in _readers(each.home, name)
            ):
                return name.removeprefix("."), f"line {each.value.lineno} of {user.path}"
    return None


def _is_same(user: Module, value: ast.expr, source: ast.expr) -> bool:
    """Whether the very tensor is set that is watched: not ``models.SCALE += x``."""
    symbol = symbol_of(value)
    added = isinstance(user.statement_of(value), ast.AugAssign)
    return symbol is not None and symbol == symbol_of(source) and not added


def stores(user: Module) -> list[tuple[ast.expr, str, ast.expr]]:
    """The attributes that a module sets of whatever object, with the object and the value."""
    known = user.memo.get("attributes that are set")
    if not isinstance(known, list):
        known = user.memo["attributes that are set"] = list(_find_stores(user))
    return known


def _find_stores(user: Module) -> Iterator[tuple[ast.expr, str, ast.expr]]:
    for node in user.of_kind(ast.Attribute):
        if isinstance(node.ctx, ast.Store):
            value = _given(user, node)
            if value is not None:
                yield node.value, node.attr, value
    for call in user.of_kind(ast.Call):
        match call:
            case ast.Call(
                func=ast.Name(id="setattr") | ast.Attribute(attr="__setattr__"),
                args=[holder, ast.Constant(value=str(name)), value],
            ):
                yield holder, name, value
            case ast.Call(
                func=ast.Attribute(value=holder, attr="__setattr__"),
                args=[ast.Constant(value=str(name)), value],
            ):
                yield holder, name, value
            case ast.Call(func=ast.Name(id="setattr"), args=[holder, _, value]):
                yield holder, ANY, value


def _given(user: Module, target: ast.expr) -> ast.expr | None:
    """What the statement that sets ``target`` gives it, or some of what it goes over."""
    stmt = user.statement_of(target)
    value = getattr(stmt, "value", None) or getattr(stmt, "iter", None)
    return value if isinstance(value, ast.expr) else None


def _sets(user: Module) -> list[_Set]:
    """All that a module sets on others, looked for once."""
    known = user.memo.get("what is set on other modules")
    if not isinstance(known, list):
        known = user.memo["what is set on other modules"] = [*_plain(user), *_kept(user)]
    return known


def _plain(user: Module) -> Iterator[_Set]:
    for holder, name, value in stores(user):
        yield from _on(user, holder, name, value)
    for part in user.of_kind(ast.Subscript):
        if isinstance(part.ctx, ast.Store):
            given = _given(user, part)
            if given is not None:
                yield from _on(user, *_of_namespace(part), given)
    for call in user.of_kind(ast.Call):
        filled = filled_by(user, call)
        for given in filled[1] if filled is not None else ():
            assert filled is not None
            yield from _on(user, filled[0], "", given)


def _of_namespace(part: ast.Subscript) -> tuple[ast.expr, str]:
    """``models`` and ``SCALE`` of ``vars(models)["SCALE"]``; else what holds the item."""
    match part:
        case ast.Subscript(
            value=ast.Attribute(value=holder, attr="__dict__")
            | ast.Call(func=ast.Name(id="vars"), args=[holder]),
            slice=ast.Constant(value=str(name)),
        ):
            return holder, name
    return part.value, ""


def _on(user: Module, holder: ast.expr, name: str, value: ast.expr) -> Iterator[_Set]:
    """``holder`` is the module, or what it holds; ``name`` the attribute of it that is set."""
    project, dotted = user.project, user.names.resolve(holder)
    if not dotted or not is_own(user, dotted) or not isinstance(project, OtherFunctions):
        return
    path, rest = project.split(dotted)
    home = project.module_at(path) if path and path != user.path else None
    if home is None or is_leaf(user, value):
        return
    if rest:  # `models.Conf.scale`, which may be read of any object of a class
        yield _Set(value, home, (rest[0], *((f".{name}",) if name else ())))
    elif name:
        yield _Set(value, home, (name,))


def _kept(user: Module) -> Iterator[_Set]:
    """What functions and methods of other modules keep of what they are given."""
    for call in user.of_kind(ast.Call):
        for (home, function), parameter, value in given_to(user, call):
            if home is not user and not is_leaf(user, value):
                for kept in _kept_by(home, function, parameter):
                    yield replace(kept, value=value)


def _kept_by(home: Module, function: Function, parameter: str) -> list[_Set]:
    """What ``function`` keeps of a parameter by names of its own module or of others."""
    known = home.memo.setdefault("names that functions keep in", {})
    assert isinstance(known, dict)
    if (function, parameter) not in known:
        known[function, parameter] = list(_find_kept_by(home, function, parameter))
    found: list[_Set] = known[function, parameter]
    return found


def _find_kept_by(home: Module, function: Function, parameter: str) -> Iterator[_Set]:
    reached = Summaries.of(home).reached(function)
    kept = {name for name in kept_by_functions(home) if name[0] != "."}
    named = (name for inner in reached for name in home.of_kind_inside(ast.Name, inner))
    own = {name.id: name for name in named if name.id in kept} if kept else {}
    on = [each for each in _plain(home) if any(home.holds(f, each.value) for f in reached)]
    if not own and not on:
        return
    closure, top = closure_of(home), home.scopes.module
    computed, held = closure.spread((id(home.scopes.opened_by(function)), parameter))
    for name, node in own.items():
        its = closure.node_for(Symbol(name), top)
        if its in computed or its in held:
            yield _Set(node, home, (name,), its in computed)
    for each in on:
        read = closure.reads(each.value)
        if read & (computed | held):
            plain = isinstance(each.value, ast.Name) and not read & computed
            yield replace(each, computed=not plain)


def _readers(home: Module, name: str) -> list[Function | ast.Lambda]:
    """The functions of ``home`` that read its ``name`` and give something back."""
    known = home.memo.setdefault("functions that read names", {})
    assert isinstance(known, dict)
    if name not in known:
        named: list[ast.expr] = (
            [*home.attributes(name[1:])]
            if name[0] == "."
            else [n for n in home.of_kind(ast.Name) if n.id == name]
        )
        reading = (home.scope_of(node).node for node in named if _is_given_back(home, node, name))
        known[name] = [each for each in reading if isinstance(each, (ast.FunctionDef, ast.Lambda))]
    found: list[Function | ast.Lambda] = known[name]
    return found


def _may_run(
    user: Module,
    around: ast.AST | None,
    home: Module,
    reader: Function | ast.Lambda,
    run: Run,
) -> bool:
    """Whether the target may be computed by ``reader``: it is called there, by its name or as a
    method, or ``user`` names it, or what runs it, to hand it on."""
    if isinstance(reader, ast.Lambda) or reader.name.startswith("__"):
        return run.handed
    summaries = Summaries.of(home)
    for function in home.of_kind(ast.FunctionDef):
        if function is reader or reader in summaries.reached(function):
            if function in run.functions or function.name in run.methods:
                return True
            if run.handed and (
                _is_named(user, function.name, around) or _is_named(home, function.name, home.tree)
            ):
                return True
    return False


def _is_named(user: Module, name: str, around: ast.AST | None, depth: int = 2) -> bool:
    """Whether a module may hand it on: names it otherwise than to call it, or calls it in what it
    hands on itself. Of ``around``, the whole module, its functions do not count."""
    named: list[ast.expr] = [*user.attributes(name)]
    named += [node for node in user.of_kind(ast.Name) if node.id == name]
    for node in named:
        scope = user.scope_of(node)
        if around is user.tree and scope.kind is not ScopeKind.MODULE:
            continue
        parent = user.parent_of(node)
        if not isinstance(parent, ast.Call) or parent.func is not node:
            return True
        if scope.kind is ScopeKind.LAMBDA:
            return True
        if scope.kind is ScopeKind.FUNCTION and scope.node is not around and depth:
            if _is_named(user, scope.name, around, depth - 1):
                return True
    return False


def _is_given_back(home: Module, node: ast.expr, name: str) -> bool:
    """Whether ``node`` reads the name in a function that gives something back."""
    scope = home.scope_of(node)
    if scope.kind not in _RUN or not isinstance(getattr(node, "ctx", None), ast.Load):
        return False
    if name[0] != "." and home.scopes.resolve(name, scope) is not home.scopes.module:
        return False
    return scope.kind is ScopeKind.LAMBDA or any(
        isinstance(part, ast.Return) and part.value is not None for part in walk(scope.node)
    )


def _is_read_as(user: Module, home: Module, name: str) -> bool:
    """``lambda v: v * models.SCALE``; where something is put into it, it is not read."""
    project = user.project
    return isinstance(project, OtherFunctions) and any(
        _is_given_back(user, node, "." + name)
        and not _is_filled(user, node)
        and project.split(user.names.resolve(node)) == (home.path, (name,))
        for node in user.attributes(name)
    )


def _is_filled(user: Module, node: ast.Attribute) -> bool:
    above = user.parent_of(node)
    return isinstance(above, ast.Attribute) and above.attr in CONTAINER_METHODS
