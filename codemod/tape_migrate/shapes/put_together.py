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

from tape_migrate.flow.scope import Scope
from tape_migrate.flow.symbols import Symbol
from tape_migrate.shapes.attribute_members import is_related
from tape_migrate.shapes.binding import bind
from tape_migrate.shapes.carried import carried
from tape_migrate.shapes.context import Context
from tape_migrate.shapes.dependence import CONTAINER_METHODS
from tape_migrate.shapes.functions import Function
from tape_migrate.shapes.kinds import kind_of, value_given_by
from tape_migrate.shapes.plan import Kind
from tape_migrate.shapes.seen_members import (
    CHOOSE,
    COLLECTIONS,
    HAND_ON,
    JOIN,
    OF_NAMED_TUPLES,
    OF_PYTHON,
    functions_of,
    gives_given,
    is_mixed,
    makes_collection,
    members,
    returned,
)

_DEPTH = 6
_TAKEN = (ast.MatchAs, ast.MatchStar, ast.MatchMapping, ast.ExceptHandler)
_NAMED_TUPLES = ("collections.namedtuple", "typing.NamedTuple")
OF_COLLECTIONS = frozenset({"copy", "items", "values"})
"""Methods that give what their object holds."""


def is_carried_mixed(context: Context, expr: ast.expr) -> bool:
    """Whether what ``expr`` names carries a collection of which one member comes from another."""
    return any(context.closure.depend([parts]) for parts in carried(context.module, expr))


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
        if not functions and self._makes_own_list(call):
            return True
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
            for value in returned(self._module, function, self._module.scopes.opened_by(function))
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
            for value in returned(self._module, function, scope):
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

    def _makes_own_list(self, call: ast.Call) -> bool:
        """Whether it makes an object of the module's own kind of list, which may fill itself."""
        if isinstance(call.func, ast.Attribute):
            return call.func.attr in OF_NAMED_TUPLES
        if not isinstance(call.func, ast.Name):
            return False
        bound = self._module.names.bindings(call.func.id, self._module.scope_of(call))
        bases = [base for node in bound if isinstance(node, ast.ClassDef) for base in node.bases]
        return any(makes_collection(self._module, base) for base in bases)

    def _functions(self, call: ast.Call) -> list[Function | ast.Lambda]:
        return functions_of(self._module, call)

    def _by_function(self, function: Function | ast.Lambda, call: ast.Call, depth: int) -> bool:
        scope = self._module.scopes.opened_by(function)
        around = self._module.scope_of(call)
        if isinstance(function, ast.Lambda):
            results: Iterator[ast.expr | None] = iter([function.body])
        else:
            results = returned(self._module, function, scope)
        given = dict(bind(function, call))
        held = {name: self._holds(value, around, {}, depth - 1) for name, value in given.items()}
        return any(value is None or self._holds(value, scope, held, depth - 1) for value in results)

    def _holds(self, expr: ast.expr, scope: Scope, given: Mapping[str, bool], depth: int) -> bool:
        """Whether ``expr`` may be a collection of several; ``given`` says so of parameters."""
        if depth <= 0 or is_carried_mixed(self._context, expr):
            return True
        match expr:
            case ast.List() | ast.Tuple() | ast.Set() | ast.Dict():
                items = expr.values if isinstance(expr, ast.Dict) else expr.elts
                spread = isinstance(expr, ast.Dict) and None in expr.keys
                if len(items) != 1 or spread or isinstance(items[0], ast.Starred):
                    return True
                return self._holds(items[0], scope, given, depth - 1)
            case (
                ast.ListComp(elt=one, generators=over)
                | ast.SetComp(elt=one, generators=over)
                | ast.GeneratorExp(elt=one, generators=over)
                | ast.DictComp(value=one, generators=over)
            ):
                # Each is made by itself, unless it is one that was there before.
                if isinstance(one, ast.Call):
                    return gives_given(self._module, one) and any(
                        self._holds_mixed(each.iter, scope, given, depth - 1) for each in over
                    )
                return not isinstance(one, (ast.BinOp, ast.UnaryOp))
            case ast.IfExp(body=first, orelse=second):
                return any(self._holds(e, scope, given, depth - 1) for e in (first, second))
            case ast.BoolOp(values=values):
                return any(self._holds(e, scope, given, depth - 1) for e in values)
            case ast.NamedExpr(value=value):
                return self._holds(value, scope, given, depth - 1)
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return any(
                    self._is_list(e, scope)
                    or (isinstance(e, ast.Call) and self._holds(e, scope, given, depth - 1))
                    for e in (left, right)
                )
            case ast.BinOp(left=left, op=ast.Mult(), right=right):
                listed = [e for e in (left, right) if isinstance(e, (ast.Call, *COLLECTIONS))]
                return any(self._holds(e, scope, given, depth - 1) for e in listed)
            case ast.Attribute(attr=name):
                return self._attribute(name, depth)
            case ast.Subscript(value=value, slice=ast.Slice()):
                return self._holds(value, scope, given, depth - 1)
            case ast.Subscript(
                value=ast.Call(func=ast.Name(id="vars")) | ast.Attribute(attr="__dict__"),
                slice=ast.Constant(value=str(name)),
            ):
                return self._attribute(name, depth)
            case ast.Subscript(value=holder):
                parts = self._parts(holder, scope)
                return any(self._holds(e, scope, given, depth - 1) for e in parts)
            case ast.Name(id=name):
                return self._name(name, scope, given, depth)
            case ast.Call():
                return self._call(expr, scope, given, depth)
        return is_mixed(members(self._module, expr))

    def _holds_mixed(
        self, expr: ast.expr, scope: Scope, given: Mapping[str, bool], depth: int
    ) -> bool:
        """The same for what each is taken out of: of a display one must be made of another."""
        if isinstance(expr, COLLECTIONS):
            parts = [*members(self._module, expr)]
            return is_mixed(parts) or self._context.closure.depend([parts])
        return self._holds(expr, scope, given, depth)

    def _attribute(self, name: str, depth: int) -> bool:
        """Whether an object's attribute is given what another member is computed from."""
        module = self._module
        if is_related(module, self._context.closure, Symbol("", ("." + name,))):
            return True
        stores = (n for n in module.attributes(name) if isinstance(n.ctx, ast.Store))
        return any(
            stmt.value is not None
            and self._holds_mixed(stmt.value, module.scope_of(stmt), {}, depth - 1)
            for stmt in map(module.statement_of, stores)
            if isinstance(stmt, (ast.Assign, ast.AnnAssign, ast.AugAssign))
        )

    def _is_list(self, expr: ast.expr, scope: Scope) -> bool:
        if isinstance(expr, COLLECTIONS):
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
            elif isinstance(node, (ast.For, ast.AsyncFor, ast.With, ast.AsyncWith, *_TAKEN)):
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
            if func.id in JOIN:
                return bool(parts)
            if func.id in HAND_ON:
                return any(self._holds(part, scope, given, depth - 1) for part in parts)
            match call:
                case ast.Call(func=ast.Name(id="getattr"), args=[_, ast.Constant(value=name), *_]):
                    return self._attribute(str(name), depth)
            if func.id in CHOOSE:
                return any(self._is_list(part, scope) for part in parts[1:])
        if isinstance(func, ast.Call):
            return self._module.names.resolve(func.func) == "functools.partial"
        resolved = self._module.names.resolve(func)
        if isinstance(func, ast.Attribute) and func.attr in OF_COLLECTIONS and not resolved:
            return self._holds(func.value, scope, given, depth - 1)
        if resolved.startswith(OF_PYTHON) and len(parts) > 1:
            return True
        if resolved.startswith(("tensorflow.nest.", *OF_PYTHON)):
            return any(self._holds(part, scope, given, depth - 1) for part in parts)
        several = self.by_call(call, depth - 1)
        return is_mixed(members(self._module, call)) if several is None else several


def _makers(node: ast.AST | None) -> list[ast.expr]:
    """What a class is made by, or of: ``namedtuple`` of ``namedtuple("T", "a b")``."""
    match node:
        case ast.Assign(value=ast.Call(func=func)):
            return [func]
        case ast.ClassDef(bases=bases):
            return [base.func if isinstance(base, ast.Call) else base for base in bases]
    return []
