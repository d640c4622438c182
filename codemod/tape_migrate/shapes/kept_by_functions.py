"""What the functions of a module keep in it: globals, attributes, collections and registries."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from operator import itemgetter

from tape_migrate.flow.scope import Scope, ScopeKind
from tape_migrate.module import Module
from tape_migrate.shapes.attributes_elsewhere import is_leaf, is_plain
from tape_migrate.shapes.functions import Function
from tape_migrate.shapes.in_place import changes_parameter
from tape_migrate.shapes.libraries import is_library
from tape_migrate.shapes.made_here import root_of
from tape_migrate.shapes.put_in import filled_by
from tape_migrate.shapes.set_by_name import set_by_name
from tape_migrate.shapes.summaries import Summaries

_READERS = frozenset(
    (
        *("all", "any", "dict", "enumerate", "isinstance", "len", "list", "max", "min", "print"),
        *("range", "set", "sorted", "str", "sum", "tuple", "zip"),
    )
)
_RUN = (ScopeKind.FUNCTION, ScopeKind.LAMBDA)


def kept_by_functions(home: Module) -> dict[str, int]:
    """Names and attributes that functions of a module set, with the line where they do.

    Attributes begin with a dot.
    """
    known = home.memo.get("kept by functions")
    if isinstance(known, dict):
        return known
    found: dict[str, int] = {}
    for name, line in sorted(_set_by_functions(home), key=itemgetter(1)):
        found.setdefault(name, line)
    home.memo["kept by functions"] = found
    return found


def keeps_in_default(home: Module, function: Function) -> bool:
    """``def held(v, kept=[])`` that puts something into what all calls of it have in common."""
    args = function.args
    positional = [*args.posonlyargs, *args.args]
    pairs = [
        *zip(reversed(positional), reversed(args.defaults), strict=False),
        *zip(args.kwonlyargs, args.kw_defaults, strict=True),
    ]
    made = (ast.List, ast.Dict, ast.Set, ast.Call)
    return any(
        isinstance(default, made) and changes_parameter(Summaries.of(home), function, arg.arg)
        for arg, default in pairs
    )


def _set_by_functions(home: Module) -> Iterator[tuple[str, int]]:
    for scope in home.scopes:
        outside = scope.globals | scope.nonlocals
        for name in home.inside(scope.node) if outside else ():
            if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store):
                counted = home.parent_of(name)
                if isinstance(counted, ast.AugAssign) and isinstance(counted.value, ast.Constant):
                    continue  # `count += 1` of what is set elsewhere, or a number
                if name.id in outside and not is_plain(home, name):
                    yield name.id, name.lineno
    places: list[ast.Attribute | ast.Subscript] = [*home.of_kind(ast.Attribute)]
    places += home.of_kind(ast.Subscript)
    for node in places:
        if isinstance(node.ctx, ast.Store):
            scope = home.scope_of(node)
            attribute = isinstance(node, ast.Attribute)
            if scope.kind not in _RUN or (attribute and scope.name == "__init__"):
                continue
            if not is_plain(home, node):
                yield from _holder(home, scope, node)
                if isinstance(node, ast.Attribute):
                    yield f".{node.attr}", node.lineno
    for call in home.of_kind(ast.Call):
        filled = filled_by(home, call)
        if filled is not None:
            (held, given), scope = filled, home.scope_of(call)
            if scope.kind not in _RUN:
                continue
            if held not in call.args and is_library(home, home.names.resolve(call.func)):
                continue  # `tf.add(a, b)`
            if not all(is_leaf(home, each) for each in given):
                yield from _holder(home, scope, held)
                if isinstance(held, ast.Attribute):
                    yield f".{held.attr}", call.lineno
    for attr, value in set_by_name(home):
        if home.scope_of(value).kind in _RUN and not is_leaf(home, value):
            yield f".{attr}", value.lineno
    yield from _handed_on(home)


def _handed_on(home: Module) -> Iterator[tuple[str, int]]:
    """Variables of the module that its functions hand on, or give other names, to be changed."""
    summaries, top = Summaries.of(home), home.scopes.module
    handed = [
        name
        for name in home.of_kind(ast.Name)
        if isinstance(name.ctx, ast.Load)
        and home.scope_of(name).kind in _RUN
        and home.scopes.resolve(name.id, home.scope_of(name)) is top
        and any(map(_may_be_filled, home.names.bindings(name.id, top)))
        and not _is_only_read(home, name)
    ]
    if handed and not all(map(summaries.is_quiet, home.of_kind(ast.FunctionDef))):
        for name in handed:
            yield name.id, name.lineno


def _may_be_filled(node: ast.AST | None) -> bool:
    if not isinstance(node, (ast.Assign, ast.AnnAssign)):
        return False
    filled = (ast.List, ast.ListComp, ast.Dict, ast.DictComp, ast.Set, ast.SetComp, ast.Call)
    return isinstance(node.value, filled)


def _is_only_read(home: Module, name: ast.Name) -> bool:
    parent = home.parent_of(name)
    match parent:
        case ast.Attribute() | ast.BinOp() | ast.UnaryOp() | ast.Compare() | ast.If() | ast.For():
            return True
        case ast.Subscript(value=value):
            return value is name
        case ast.Call(func=func):
            resolved = home.names.resolve(func)
            library = bool(resolved) and is_library(home, resolved)
            builtin = isinstance(func, ast.Name) and func.id in _READERS
            return func is name or builtin or (library and not resolved.startswith("collections."))
    return False


def _holder(home: Module, scope: Scope, node: ast.expr) -> Iterator[tuple[str, int]]:
    """The variable of outside that holds what is changed."""
    root = root_of(node)
    if root is None or root.id in ("self", "cls"):
        return  # its attributes are found by themselves
    if home.scopes.resolve(root.id, scope) is not scope:
        yield root.id, node.lineno
