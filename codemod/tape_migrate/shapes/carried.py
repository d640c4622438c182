"""Collections that something else carries: exceptions, classes that are made in a line, managers.

``e.args[0]`` after ``raise ValueError([x, x * 2.0])``, ``type("T", (), {"v": [x, x * 2.0]}).v``,
``with held(x) as parts``, ``SimpleNamespace(v=[x, x * 2.0]).v``, ``f.__defaults__[0]``.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, Iterator
from typing import Final

from tape_migrate.mentions import last_name
from tape_migrate.module import Module
from tape_migrate.parsed import walk
from tape_migrate.shapes.displays import displays
from tape_migrate.shapes.summaries import Summaries

_HOLDERS: Final = frozenset({"Namespace", "SimpleNamespace", "nullcontext"})
_DEFAULTS: Final = frozenset({"__defaults__", "__kwdefaults__"})


def carried(module: Module, expr: ast.expr) -> Iterator[list[ast.expr]]:
    """The members of each collection that what ``expr`` names may carry."""
    for node in walk(expr):
        if isinstance(node, ast.Call):
            yield from _by_call(module, node)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            for bound in module.names.bindings(node.id, module.scope_of(node)):
                yield from _by_name(module, node, bound)


def _by_name(module: Module, name: ast.Name, bound: ast.AST | None) -> Iterator[list[ast.expr]]:
    parent = module.parent_of(name)
    asked = parent.attr if isinstance(parent, ast.Attribute) else ""
    match bound:
        case ast.ExceptHandler():
            for raised in module.of_kind(ast.Raise):
                if isinstance(raised.exc, ast.Call):
                    yield from _shown(module, raised.exc)
        case ast.ClassDef() if asked:
            for stmt in bound.body:
                if isinstance(stmt, ast.Assign):
                    yield from displays(module, stmt.value)
        case ast.Assign(value=ast.Lambda(args=args)) | ast.FunctionDef(args=args) if (
            asked in _DEFAULTS
        ):
            for default in (*args.defaults, *args.kw_defaults):
                yield from displays(module, default) if default is not None else ()
        case ast.Assign(value=ast.Call() as call) if asked:
            yield from _by_call(module, call)


def _by_call(module: Module, call: ast.Call) -> Iterator[list[ast.expr]]:
    """What a call gives the object that it makes."""
    func = call.func
    name = last_name(func)
    if name in _HOLDERS or _is_exception(module, func) or _is_named_tuple(module, func):
        yield from _shown(module, call)
    elif name == "type" and len(call.args) == 3:
        for part in (node for node in walk(call.args[2]) if isinstance(node, ast.expr)):
            yield from displays(module, part) if isinstance(part, (ast.List, ast.Tuple)) else ()
    function = Summaries.of(module).callee(call)
    if function is not None and any(
        last_name(each).endswith("contextmanager") for each in function.decorator_list
    ):
        for given in module.of_kind_inside(ast.Yield, function):
            yield from displays(module, given.value) if given.value is not None else ()


def _shown(module: Module, call: ast.Call) -> Iterable[list[ast.expr]]:
    """All that a call is given together, and each collection of that."""
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    yield given
    for each in given:
        yield from displays(module, each)


def _is_exception(module: Module, func: ast.expr) -> bool:
    if not isinstance(func, ast.Name):
        return False
    known = getattr(builtins, func.id, None)
    if isinstance(known, type) and issubclass(known, BaseException):
        return True
    return any(
        isinstance(bound, ast.ClassDef) and any(_is_exception(module, b) for b in bound.bases)
        for bound in module.names.bindings(func.id, module.scope_of(func))
    )


def _is_named_tuple(module: Module, func: ast.expr) -> bool:
    """``T = namedtuple("T", "a b")``, wherever that stands."""
    bound = (
        module.names.bindings(func.id, module.scope_of(func)) if isinstance(func, ast.Name) else []
    )
    return any(
        isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Call)
        and last_name(node.value.func) in ("namedtuple", "NamedTuple")
        for node in bound
    )
