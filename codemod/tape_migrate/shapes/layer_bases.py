"""What the Python of a layer runs in other modules: methods of its bases, functions, objects.

::

    class Scale(lib.Base):
        def call(self, x):
            self.step()  # of lib.Base: self.k *= 0.5
            return x * self.k

What ``layer_state`` asks of the methods of a class is asked of these as well.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import Final

from tape_migrate.flow.bindings import FunctionNode
from tape_migrate.mentions import last_name
from tape_migrate.module import Module
from tape_migrate.shapes.classes_seen import class_named, functions_of
from tape_migrate.shapes.constructors import kinds_above
from tape_migrate.shapes.functions import Function
from tape_migrate.shapes.in_place import CHANGING
from tape_migrate.shapes.layer_given import functions_handed
from tape_migrate.shapes.layer_state import (
    BEFORE_CALLS,
    class_keeps,
    function_keeps,
    read_apart,
    run_by_call,
)
from tape_migrate.shapes.made_here import root_of
from tape_migrate.shapes.plan import Refusal
from tape_migrate.shapes.quiet import OtherFunctions
from tape_migrate.shapes.summaries import Summaries

_DEPTH: Final = 4
_Found = tuple[Module, Function]
_Kinds = list[tuple[Module, ast.ClassDef]]


def layer_keeps(module: Module, node: ast.ClassDef) -> Refusal | None:
    """Why objects of a layer class do not compute the same when they are called once more."""
    found = class_keeps(module, node)
    if found is not None or not isinstance(module.project, OtherFunctions):
        return found
    kinds = kinds_above(module, node)
    methods = _methods(kinds, module)
    if "call" not in methods:
        return None
    run = [methods[name] for name in run_by_call(methods)]
    reached = _reached(module, run, kinds)
    return _keep(reached) or _changed_elsewhere(module, node, run, reached, kinds)


def _methods(kinds: _Kinds, module: Module) -> dict[str, ast.FunctionDef]:
    """The methods that the classes of ``module`` among ``kinds`` have, those of the first first."""
    return {
        stmt.name: stmt
        for home, kind in reversed(kinds)
        if home is module
        for stmt in kind.body
        if isinstance(stmt, ast.FunctionDef)
    }


def given_keeps(module: Module, call: ast.Call) -> Refusal | None:
    """The same of what a layer is made with: ``Lambda(lib.f)``, ``Scale(lib.Times())``."""
    if not isinstance(module.project, OtherFunctions):
        return None
    given = functions_handed(call)
    made = class_named(module, call.func) if not given else None
    if made is not None and any(getattr(stmt, "name", "") == "call" for stmt in made[1].body):
        given = [*call.args, *(keyword.value for keyword in call.keywords)]
    run: list[FunctionNode] = []
    for expr in given:
        run += [expr] if isinstance(expr, ast.Lambda) else []
        run += [function for home, function in functions_of(module, expr) if home is module]
    named = [each for expr in given for each in functions_of(module, expr)]
    return _keep(_reached(module, run, [], named)) if given else None


def _keep(found: list[_Found]) -> Refusal | None:
    for home, function in found:
        together = [each for place, each in found if place is home]
        inside = {id(part) for each in together for part in home.inside(each)}
        keeps = _keeps(home, function, inside)
        if keeps is not None:
            return Refusal(keeps.code, f"{home.path}: {keeps.message}")
    return None


def _reached(
    module: Module, run: Sequence[FunctionNode], kinds: _Kinds, more: Sequence[_Found] = ()
) -> list[_Found]:
    """The functions of other modules that ``run`` may run, and ``more``."""
    found: list[_Found] = []
    waiting = [(each, _DEPTH) for each in more]
    waiting += [(each, _DEPTH) for function in run for each in _run_by(module, function, kinds)]
    while waiting:
        (home, function), depth = waiting.pop()
        if home is not module and (home, function) not in found:
            found.append((home, function))
            inner = [(home, each) for each in Summaries.of(home).reached(function)]
            if depth:
                waiting += [(each, depth - 1) for each in (*inner, *_run_by(home, function, kinds))]
    return found


def _run_by(home: Module, function: FunctionNode, kinds: _Kinds) -> Iterator[_Found]:
    """What a function names that may run then: methods of its object, functions elsewhere."""
    for node in home.inside(function):
        match node:
            case ast.Call(func=ast.Name(id="getattr"), args=[_, ast.Constant(value=str(name)), *_]):
                yield from _named(kinds, name)
            case ast.Name(ctx=ast.Load()) | ast.Attribute(ctx=ast.Load()):
                if isinstance(node, ast.Attribute) and _is_of_object(home, node):
                    yield from _of_object(home, node.attr, kinds)
                if home.names.resolve(node) or isinstance(home.parent_of(node), ast.Call):
                    yield from functions_of(home, node)


def _of_object(home: Module, attr: str, kinds: _Kinds) -> Iterator[_Found]:
    """A method of the object, or what is held by it so called."""
    yield from _named(kinds, attr)
    for value in _stored(home, attr):
        kind = class_named(home, value.func) if isinstance(value, ast.Call) else None
        yield from _named([kind] if kind is not None else [], "__call__")
        yield from functions_of(home, value)


def _is_of_object(home: Module, node: ast.Attribute) -> bool:
    """``self.step()``, ``super().step()``, ``lib.Base.step(self)``"""
    value, call = node.value, home.parent_of(node)
    given = call.args[0] if isinstance(call, ast.Call) and call.args else None
    return (
        (isinstance(value, ast.Name) and value.id == "self")
        or (isinstance(value, ast.Call) and last_name(value.func) == "super")
        or (isinstance(given, ast.Name) and given.id == "self")
    )


def _stored(home: Module, attr: str) -> Iterator[ast.expr]:
    """What an attribute so called is given, in a method or the body of a class."""
    for node in home.attributes(attr):
        stmt = home.statement_of(node)
        if isinstance(node.ctx, ast.Store) and isinstance(stmt, ast.Assign):
            yield stmt.value
    for kind in home.of_kind(ast.ClassDef):
        for bound in home.names.bindings(attr, home.scopes.opened_by(kind)):
            if isinstance(bound, ast.Assign) and bound in kind.body:
                yield bound.value


def _named(kinds: _Kinds, name: str) -> Iterator[_Found]:
    for home, kind in kinds:
        for stmt in kind.body:
            if isinstance(stmt, ast.FunctionDef) and stmt.name == name:
                yield home, stmt
                return


def _keeps(home: Module, function: Function, inside: set[int]) -> Refusal | None:
    """What a function changes that is there when it runs once more; ``inside`` are the nodes of all
    that run with it."""
    if not isinstance(function, ast.FunctionDef):
        return None
    found = function_keeps(home, function)
    if found is not None:
        return found
    for node in home.of_kind_inside(ast.Attribute, function):
        if not isinstance(node.ctx, ast.Store) or _is_new(home, function, node):
            continue
        added = isinstance(home.statement_of(node), ast.AugAssign)
        if added or read_apart(home, function, node, inside) is not None:
            return Refusal(
                "TM140",
                f"a layer changes {ast.unparse(node)} (line {node.lineno}) when it is called: a "
                "sub-model calls it once more",
            )
    return None


def _is_new(home: Module, function: Function, node: ast.Attribute) -> bool:
    """Whether it is set on what the function has made itself."""
    root = root_of(node)
    if root is None or root.id in ("self", "cls"):
        return False
    bound = home.names.bindings(root.id, home.scope_of(root))
    return bool(bound) and all(
        isinstance(stmt, ast.Assign)
        and isinstance(stmt.value, ast.Call)
        and home.holds(function, stmt)
        for stmt in bound
    )


def _changed_elsewhere(
    module: Module,
    node: ast.ClassDef,
    run: list[ast.FunctionDef],
    reached: list[_Found],
    kinds: _Kinds,
) -> Refusal | None:
    """A method of a base elsewhere that the module calls, and that changes what is computed with:
    ``layer.set_scale(0.1)``."""
    parts = [*((module, each) for each in run), *reached]
    read = {
        each.attr
        for home, function in parts
        for each in home.of_kind_inside(ast.Attribute, function)
        if isinstance(each.ctx, ast.Load) and last_name(each.value) == "self"
    }
    for home, kind in kinds:
        for stmt in kind.body if home is not module else ():
            if not isinstance(stmt, ast.FunctionDef) or stmt.name in BEFORE_CALLS:
                continue
            if stmt.name.startswith("__") or all(
                module.holds(node, each) for each in module.attributes(stmt.name)
            ):
                continue
            for part in home.of_kind_inside(ast.Attribute, stmt):
                above = home.parent_of(part)
                filled = isinstance(above, ast.Attribute) and above.attr in CHANGING
                changed = filled or not isinstance(part.ctx, ast.Load)
                if changed and last_name(part.value) == "self" and part.attr in read:
                    return Refusal(
                        "TM144",
                        f"{kind.name}.{stmt.name} of {home.path} changes {ast.unparse(part)} (line "
                        f"{part.lineno}), with which {node.name} computes: a graph built before "
                        "does not see it",
                    )
    return None
