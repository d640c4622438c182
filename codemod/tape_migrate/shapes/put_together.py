"""What a function of the module gives back: perhaps a collection of several tensors.

::

    def parts(a, b):
        held = [a]
        held.append(b)
        return held

Where ``b`` was computed from ``a``, a tape that watches what the function gave misses that way
(``related``). Only what a function visibly makes one by one, or a single call, is taken to be none.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from tape_migrate.flow.bindings import target_names
from tape_migrate.flow.scope import Scope, ScopeKind
from tape_migrate.flow.symbols import Symbol, symbol_of
from tape_migrate.module import Module
from tape_migrate.shapes.binding import bind
from tape_migrate.shapes.context import Context
from tape_migrate.shapes.dependence import CONTAINER_METHODS
from tape_migrate.shapes.functions import Function
from tape_migrate.shapes.kinds import kind_of, value_given_by
from tape_migrate.shapes.plan import Kind

_DEPTH = 6
_COLLECTIONS = (ast.List, ast.Tuple, ast.Set, ast.Dict)
_HAND_ON = frozenset({"filter", "iter", "list", "next", "reversed", "set", "sorted", "tuple"})
"""Builtins that give what their first iterable holds; ``dict``, ``map``, ``zip`` take several."""
_JOIN = frozenset({"dict", "enumerate", "map", "zip"})
_NAMED_TUPLES = ("collections.namedtuple", "typing.NamedTuple")
_OF_PYTHON = ("collections.", "copy.", "functools.", "heapq.", "itertools.", "operator.")
"""Where the functions are that make collections of what they are given."""
OF_COLLECTIONS = frozenset({"copy", "items", "values"})
"""Methods that give what their object holds."""


class PutTogether:
    """Looks through the functions of one module."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._module = context.module

    def by_call(self, call: ast.Call, depth: int = _DEPTH) -> bool | None:
        """Whether ``call`` may give a collection of several; None if what it runs is not seen."""
        functions = self._functions(call)
        if not functions and self._makes_named_tuple(call):
            return len(call.args) + len(call.keywords) != 1
        if not functions:
            nest = self._module.names.resolve(call.func).startswith("tensorflow.nest.")
            return self._call(call, self._module.scope_of(call), {}, depth) if nest else None
        return depth == 0 or any(self._by_function(f, call, depth) for f in functions)

    def by_result(self, expr: ast.expr) -> bool:
        """Whether ``expr``, which a function returns, may be a collection of several."""
        return self._holds(expr, self._module.scope_of(expr), {}, _DEPTH)

    def by_attribute(self, name: str) -> bool:
        """Whether the module gives some object's attribute ``name`` a collection of several."""
        for node in self._module.nodes:
            if isinstance(node, (ast.Assign, ast.AnnAssign)):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                if any(isinstance(t, ast.Attribute) and t.attr == name for t in targets):
                    if node.value is None:
                        continue
                    if self._holds(node.value, self._module.scope_of(node), {}, _DEPTH):
                        return True
        return any(
            value is None or self._holds(value, self._module.scopes.opened_by(function), {}, _DEPTH)
            for function in self._context.summaries.methods_named(name)
            for value in self._returned(function, self._module.scopes.opened_by(function))
        )

    def sees(self, call: ast.Call) -> bool:
        """Whether what ``call`` may run is in the module."""
        return bool(self._functions(call))

    def holds_some(self, call: ast.Call) -> bool:
        """Whether a part of what ``call`` gives may be a collection of several."""
        for function in self._functions(call):
            if isinstance(function, ast.Lambda):
                continue
            scope = self._module.scopes.opened_by(function)
            for value in self._returned(function, scope):
                for part in self._parts(value, scope):
                    if self._holds(part, scope, {}, _DEPTH):
                        return True
        return False

    def _parts(self, value: ast.expr | None, scope: Scope) -> list[ast.expr]:
        match value:
            case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Dict(values=items):
                return items
            case ast.Call(func=ast.Name(id="dict"), keywords=keywords):
                return [keyword.value for keyword in keywords]
            case ast.Name(id=name):
                bound = self._module.names.bindings(name, scope)
                given = [node.value for node in bound if isinstance(node, ast.Assign)]
                named = [one for one in given if not isinstance(one, ast.Name)]
                return [part for one in named for part in self._parts(one, scope)]
        return []

    def _makes_named_tuple(self, call: ast.Call) -> bool:
        if not isinstance(call.func, ast.Name):
            return False
        bound = self._module.names.bindings(call.func.id, self._module.scope_of(call))
        return any(
            self._module.names.resolve(maker) in _NAMED_TUPLES
            for node in bound
            for maker in _makers(node)
        )

    def _functions(self, call: ast.Call) -> list[Function | ast.Lambda]:
        function = self._context.summaries.callee(call)
        if function is not None:
            return [function]
        if isinstance(call.func, ast.Lambda):
            return [call.func]
        if isinstance(call.func, ast.Attribute) and not self._module.names.resolve(call.func):
            return [*self._context.summaries.methods_named(call.func.attr)]
        if not isinstance(call.func, ast.Name):
            return []
        bound = self._module.names.bindings(call.func.id, self._module.scope_of(call))
        values = [node.value for node in bound if isinstance(node, ast.Assign)]
        return [value for value in values if isinstance(value, ast.Lambda)]

    def _by_function(self, function: Function | ast.Lambda, call: ast.Call, depth: int) -> bool:
        scope = self._module.scopes.opened_by(function)
        around = self._module.scope_of(call)
        if isinstance(function, ast.Lambda):
            names = [arg.arg for arg in function.args.args]
            given = dict(zip(names, call.args, strict=False))
            results: Iterator[ast.expr | None] = iter([function.body])
        else:
            given = dict(bind(function, call))
            results = self._returned(function, scope)
        held = {name: self._holds(value, around, {}, depth - 1) for name, value in given.items()}
        return any(value is None or self._holds(value, scope, held, depth - 1) for value in results)

    def _returned(self, function: Function, scope: Scope) -> Iterator[ast.expr | None]:
        """What it returns; None for a generator."""
        for node in ast.walk(function):
            if isinstance(node, (ast.Return, ast.Yield, ast.YieldFrom)):
                if scope.kind is ScopeKind.FUNCTION and self._module.scope_of(node) is scope:
                    if not isinstance(node, ast.Return):
                        yield None
                    elif node.value is not None:
                        yield node.value

    def _holds(self, expr: ast.expr, scope: Scope, given: Mapping[str, bool], depth: int) -> bool:
        """Whether ``expr`` may be a collection of several; ``given`` says so of parameters."""
        if depth <= 0:
            return True
        match expr:
            case ast.List() | ast.Tuple() | ast.Set() | ast.Dict():
                items = expr.values if isinstance(expr, ast.Dict) else expr.elts
                spread = isinstance(expr, ast.Dict) and None in expr.keys
                if len(items) != 1 or spread or isinstance(items[0], ast.Starred):
                    return True
                return self._holds(items[0], scope, given, depth - 1)
            case ast.ListComp(elt=one) | ast.GeneratorExp(elt=one) | ast.DictComp(value=one):
                # Each is made by itself, unless it is one that was there before.
                return not isinstance(one, (ast.Call, ast.BinOp, ast.UnaryOp))
            case ast.IfExp(body=first, orelse=second):
                return any(self._holds(e, scope, given, depth - 1) for e in (first, second))
            case ast.BoolOp(values=values):
                return any(self._holds(e, scope, given, depth - 1) for e in values)
            case ast.NamedExpr(value=value):
                return self._holds(value, scope, given, depth - 1)
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return any(self._is_list(e, scope) for e in (left, right))
            case ast.Subscript(value=value, slice=ast.Slice()):
                return self._holds(value, scope, given, depth - 1)
            case ast.Subscript(value=holder):
                parts = self._parts(holder, scope)
                return any(self._holds(e, scope, given, depth - 1) for e in parts)
            case ast.Name(id=name):
                return self._name(name, scope, given, depth)
            case ast.Call():
                return self._call(expr, scope, given, depth)
        return False

    def _is_list(self, expr: ast.expr, scope: Scope) -> bool:
        if isinstance(expr, _COLLECTIONS):
            return True
        return kind_of(self._module, expr, scope) in (Kind.LIST, Kind.TUPLE)

    def _name(self, name: str, scope: Scope, given: Mapping[str, bool], depth: int) -> bool:
        if scope.args is not None:
            if name in {a.arg for a in (scope.args.vararg, scope.args.kwarg) if a is not None}:
                return True
        if given.get(name) or self._grows(name, scope):
            return True
        for node in self._module.names.bindings(name, scope):
            if isinstance(node, ast.AugAssign):
                if self._is_list(node.value, scope):
                    return True
            elif isinstance(node, (ast.For, ast.AsyncFor, ast.With, ast.AsyncWith)):
                return True
            elif isinstance(node, (ast.Assign, ast.AnnAssign, ast.NamedExpr)):
                value = (
                    node.value
                    if isinstance(node, ast.NamedExpr)
                    else value_given_by(node, Symbol(name))
                )
                if value is not None and self._holds(value, scope, given, depth - 1):
                    return True
        return False

    def _grows(self, name: str, scope: Scope) -> bool:
        """``held.append(…)``, ``held[0] = …``: it holds what was put into it."""
        for node in ast.walk(scope.node):
            match node:
                case ast.Attribute(value=ast.Name(id=holder), attr=attr):
                    if holder == name and attr in CONTAINER_METHODS:
                        return True
                case ast.Subscript(value=ast.Name(id=holder), ctx=ast.Store()):
                    if holder == name:
                        return True
        return False

    def _call(self, call: ast.Call, scope: Scope, given: Mapping[str, bool], depth: int) -> bool:
        func = call.func
        parts = [*call.args, *(keyword.value for keyword in call.keywords)]
        parts = [part.value if isinstance(part, ast.Starred) else part for part in parts]
        if isinstance(func, ast.Name) and not self._module.names.is_local(func.id, scope):
            if func.id in _JOIN:
                return bool(parts)
            if func.id in _HAND_ON:
                return any(self._holds(part, scope, given, depth - 1) for part in parts)
        if isinstance(func, ast.Call):
            return self._module.names.resolve(func.func) == "functools.partial"
        if isinstance(func, ast.Attribute) and func.attr in OF_COLLECTIONS:
            return self._holds(func.value, scope, given, depth - 1)
        resolved = self._module.names.resolve(func)
        if resolved.startswith(_OF_PYTHON) and len(parts) > 1:
            return True
        if resolved.startswith(("tensorflow.nest.", *_OF_PYTHON)):
            return any(self._holds(part, scope, given, depth - 1) for part in parts)
        return bool(self.by_call(call, depth - 1))


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
        case ast.BinOp(left=left, op=ast.Add(), right=right) if not inside:
            yield from (part for side in (left, right) for part in members(module, side))
        case (
            ast.ListComp(elt=ast.Name(id=name), generators=over)
            | ast.GeneratorExp(elt=ast.Name(id=name), generators=over)
        ):
            if name in target_names(made.target for made in over):
                yield from (part for made in over for part in members(module, made.iter))
        case ast.Call(func=func, args=args, keywords=keywords) if _makes_collection(module, func):
            for given in (*args, *(keyword.value for keyword in keywords)):
                yield from members(module, given, inside=bool(keywords) and given not in args)
        case ast.Call(func=ast.Attribute(value=holder)) if not inside:
            yield from members(module, holder)
        case _ if inside:
            yield expr


def alternatives(expr: ast.expr) -> Iterator[ast.expr]:
    """What ``a if c else b`` and ``c and a or b`` may give."""
    match expr:
        case ast.IfExp(body=first, orelse=second):
            yield from (*alternatives(first), *alternatives(second))
        case ast.BoolOp(values=values):
            yield from (part for value in values for part in alternatives(value))
        case _:
            yield expr


def _makes_collection(module: Module, func: ast.expr) -> bool:
    if isinstance(func, ast.Name) and not module.names.is_local(func.id, module.scope_of(func)):
        return func.id in _HAND_ON | _JOIN | {"sum"}
    return module.names.resolve(func).startswith(("tensorflow.nest.", *_OF_PYTHON))


def _makers(node: ast.AST | None) -> list[ast.expr]:
    """What a class is made by, or of: ``namedtuple`` of ``namedtuple("T", "a b")``."""
    match node:
        case ast.Assign(value=ast.Call(func=func)):
            return [func]
        case ast.ClassDef(bases=bases):
            return [base.func if isinstance(base, ast.Call) else base for base in bases]
    return []
