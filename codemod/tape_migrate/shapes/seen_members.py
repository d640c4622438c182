"""What is put together in an expression itself, and whether one member came of another.

``[x, x * 2.0]``, ``list(chain([x], [x * 2.0]))[:2]`` and ``[same(v) for v in (x, x * 2.0)]`` hold
what is there under a name beside what is computed. Each is as good as made by itself where a
function certainly makes it: ``[tf.sin(v) for v in (x, x * 2.0)]``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from tape_migrate.flow.scope import Scope, ScopeKind
from tape_migrate.flow.symbols import Symbol, symbol_of
from tape_migrate.module import Module
from tape_migrate.shapes.functions import Function
from tape_migrate.shapes.kinds import value_given_by
from tape_migrate.shapes.summaries import Summaries
from tape_migrate.shapes.tensorflow_facts import always_new_tensor

_DEPTH = 6
COLLECTIONS = (ast.List, ast.Tuple, ast.Set, ast.Dict)
HAND_ON = frozenset({"filter", "iter", "list", "next", "reversed", "set", "sorted", "tuple"})
"""Builtins that give what their first iterable holds; ``dict``, ``map``, ``zip`` take several."""
JOIN = frozenset({"dict", "enumerate", "map", "zip"})
CHOOSE = frozenset({"max", "min", "sum"})
"""Builtins that may give one of their arguments, or all of several lists as one."""
OF_NAMED_TUPLES = frozenset({"_make", "_replace"})
_OF_OPERATORS = frozenset({"__add__", "__mul__", "__or__", "get", "pop", "setdefault", "union"})
"""Methods that give what they are given, or some of what their object holds."""
_NEW = (ast.BinOp, ast.UnaryOp, ast.Compare, ast.Constant, ast.JoinedStr)
_Comprehension = ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp
OF_PYTHON = ("collections.", "copy.", "functools.", "heapq.", "itertools.", "operator.")
"""Where the functions are that make collections of what they are given."""


def is_mixed(parts: Iterable[ast.expr]) -> bool:
    """Whether one of what is put together is there under a name, and another is computed."""
    parts = list(parts)
    made = [p for p in parts if symbol_of(p) is None and not isinstance(p, ast.Constant)]
    return bool(made) and any(symbol_of(p) is not None for p in parts)


def alternatives(expr: ast.expr) -> Iterator[ast.expr]:
    """``a`` and ``b`` of ``a if test else b`` and of ``a or b``."""
    match expr:
        case ast.IfExp(body=first, orelse=second):
            yield from (each for part in (first, second) for each in alternatives(part))
        case ast.BoolOp(values=values):
            yield from (each for part in values for each in alternatives(part))
        case _:
            yield expr


def members(module: Module, expr: ast.expr, *, inside: bool = False) -> Iterator[ast.expr]:
    """What is put together in ``expr`` itself, however deep: of ``list(chain([a], [b]))[:2]`` two.

    ``inside``: ``expr`` stands in a display.
    """
    match expr:
        case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items):
            yield from (part for item in items for part in members(module, item, inside=True))
        case ast.Dict(values=items):
            yield from (part for item in items for part in members(module, item, inside=True))
        case ast.Subscript(value=value) if symbol_of(expr) is None:
            yield from members(module, value)
        case ast.Starred(value=value) | ast.NamedExpr(value=value):
            yield from members(module, value, inside=inside)
        case ast.IfExp() | ast.BoolOp() if not inside:
            yield from (part for each in alternatives(expr) for part in members(module, each))
        case ast.BinOp(left=left, op=ast.Add() | ast.Mult(), right=right) if not inside:
            yield from (part for side in (left, right) for part in members(module, side))
        case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
            yield from _of_comprehension(module, expr)
        case ast.Call(func=func, args=args, keywords=keywords) if makes_collection(module, func):
            for given in (*args, *(keyword.value for keyword in keywords)):
                yield from members(module, given, inside=bool(keywords) and given not in args)
        case _ if inside:
            yield expr
        case ast.Call(func=ast.Name(id=name) as func, args=args) if name in CHOOSE:
            if not module.names.is_local(name, module.scope_of(func)):
                yield from (part for given in args for part in members(module, given))
        case ast.Call(func=ast.Attribute(value=holder, attr=attr) as func, args=args):
            if not module.names.resolve(func):
                taken = args if attr in _OF_OPERATORS | OF_NAMED_TUPLES else []
                yield from (part for each in (holder, *taken) for part in members(module, each))


def _of_comprehension(module: Module, expr: _Comprehension) -> Iterator[ast.expr]:
    """What is put together in each turn, or was before and is handed on."""
    one = expr.value if isinstance(expr, ast.DictComp) else expr.elt
    if isinstance(one, COLLECTIONS):
        yield from members(module, one)
    if isinstance(one, _NEW) or (isinstance(one, ast.Call) and not gives_given(module, one)):
        return
    for made in expr.generators:
        yield from members(module, made.iter)


def functions_of(module: Module, call: ast.Call) -> list[Function | ast.Lambda]:
    """The functions of the module that ``call`` may run."""
    summaries = Summaries.of(module)
    function = summaries.callee(call)
    if function is not None:
        return [function]
    if isinstance(call.func, ast.Lambda):
        return [call.func]
    if isinstance(call.func, ast.Attribute) and not module.names.resolve(call.func):
        return [*summaries.methods_named(call.func.attr)]
    if not isinstance(call.func, ast.Name):
        return []
    bound = module.names.bindings(call.func.id, module.scope_of(call))
    values = [node.value for node in bound if isinstance(node, ast.Assign)]
    return [value for value in values if isinstance(value, ast.Lambda)]


def gives_given(module: Module, call: ast.Call, depth: int = _DEPTH) -> bool:
    """Whether ``call`` may give back what it is given, and no tensor that it makes."""
    functions = functions_of(module, call)
    if depth == 0:
        return True
    if not functions and _is_gradient(module, call):
        return False
    if not functions:
        return not always_new_tensor(module.names.resolve(call.func))
    return any(
        value is not None and _is_given(module, value, scope, depth - 1)
        for function in functions
        for scope in [module.scopes.opened_by(function)]
        for value in (
            [function.body]
            if isinstance(function, ast.Lambda)
            else returned(module, function, scope)
        )
    )


def _is_gradient(module: Module, call: ast.Call) -> bool:
    """Whether it gives gradients, none of which is what it was given as ``grad_ys=``."""
    if any(k.arg in ("grad_ys", "output_gradients", None) for k in call.keywords):
        return False
    own = isinstance(call.func, ast.Attribute) and call.func.attr == "gradient"
    return module.names.api_of(call.func) is not None or (
        own and not module.names.resolve(call.func) and len(call.args) <= 2
    )


def _is_given(module: Module, value: ast.expr, scope: Scope, depth: int) -> bool:
    if depth <= 0:
        return True
    match value:
        case ast.BinOp() | ast.UnaryOp() | ast.Compare() | ast.Constant() | ast.JoinedStr():
            return False
        case ast.Call() | ast.Subscript(value=ast.Call()):
            call = value.value if isinstance(value, ast.Subscript) else value
            return not isinstance(call, ast.Call) or gives_given(module, call, depth)
        case ast.IfExp() | ast.BoolOp():
            return any(_is_given(module, e, scope, depth - 1) for e in alternatives(value))
        case ast.Name(id=name) if module.scopes.resolve(name, scope) is not scope:
            return True  # what is there already
        case ast.Name(id=name):
            given = [
                value_given_by(node, Symbol(name)) if isinstance(node, ast.Assign) else None
                for node in module.names.bindings(name, scope)
            ]
            return not given or any(
                each is None or _is_given(module, each, scope, depth - 1) for each in given
            )
    return True


def returned(module: Module, function: Function, scope: Scope) -> Iterator[ast.expr | None]:
    """What it returns; None for a generator."""
    for node in ast.walk(function):
        if isinstance(node, (ast.Return, ast.Yield, ast.YieldFrom)):
            if scope.kind is ScopeKind.FUNCTION and module.scope_of(node) is scope:
                if not isinstance(node, ast.Return):
                    yield None
                elif node.value is not None:
                    yield node.value


def makes_collection(module: Module, func: ast.expr) -> bool:
    if isinstance(func, ast.Name) and not module.names.is_local(func.id, module.scope_of(func)):
        return func.id in HAND_ON | JOIN
    return module.names.resolve(func).startswith(("tensorflow.nest.", *OF_PYTHON))
