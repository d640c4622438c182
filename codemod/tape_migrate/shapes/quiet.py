"""Functions of the module that keep nothing of what they are given.

Neither in an attribute, nor in a global, nor in an object from outside, whatever its name is there
(``k = KEPT``, ``pair = [KEPT, v]``): what such a function computes comes back by its result only.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from tape_migrate.flow.scope import Scope
from tape_migrate.module import Module
from tape_migrate.parsed import walk
from tape_migrate.shapes.barriers import runs_arguments
from tape_migrate.shapes.dependence import CONTAINER_METHODS
from tape_migrate.shapes.evaluated import all_calls
from tape_migrate.shapes.functions import Function, Functions

TENSOR_METHODS = frozenset(
    {"get_shape", "as_list", "gradient", "jacobian", "watch", "append", "items", "values", "keys"}
)
_PLAIN_METHODS = TENSOR_METHODS | {
    *("all", "any", "astype", "copy", "count", "dot", "endswith", "find", "format", "get", "index"),
    *("join", "lower", "max", "mean", "min", "normal", "rand", "randint", "randn", "replace"),
    *("reshape", "set_shape", "split", "startswith", "strip", "sum", "uniform", "upper"),
}
"""Methods that keep nothing of what they are given."""
_OPERATORS = frozenset(
    f"__{prefix}{name}__"
    for name in (
        *("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "xor"),
        *("lshift", "rshift"),
    )
    for prefix in ("", "r", "i")
) | {"__lt__", "__le__", "__gt__", "__ge__", "__eq__", "__ne__", "__contains__"}
_CHANGE_ARGUMENTS = frozenset({"operator", "heapq", "bisect"})
_RUNNING_MODULES = ("functools.", "itertools.")
_MAKERS = frozenset({"list", "dict", "set", "tuple", "bytearray", "object"})
_NEW_OBJECTS = (
    *(ast.List, ast.Tuple, ast.Dict, ast.Set, ast.ListComp, ast.SetComp, ast.DictComp),
    *(ast.Constant, ast.BinOp, ast.UnaryOp, ast.JoinedStr),
)


@dataclass(frozen=True)
class _Own:
    """The variables of a function that name objects which it has made itself.

    ``deep``: and which hold none from outside.
    """

    names: frozenset[str]
    deep: frozenset[str]

    def holds(self, expr: ast.expr) -> bool:
        """Whether the object that ``expr`` gives is the function's own."""
        if isinstance(expr, ast.Name):
            return expr.id in self.names
        return root_name(expr) in self.deep


class QuietFunctions(Functions):
    """Lazy answers about the module's own functions and methods."""

    def __init__(self, module: Module) -> None:
        super().__init__(module)
        self._quiet: dict[int, bool] = {}
        self._runs_given: dict[int, frozenset[str]] = {}

    def is_quiet(self, function: Function) -> bool:
        """Whether a call of ``function`` keeps nothing: no attribute, global or outer object."""
        return all(self._is_quiet_itself(inner) for inner in self.reached(function))

    def _is_quiet_itself(self, function: Function) -> bool:
        key = id(function)
        if key not in self._quiet:
            self._quiet[key] = False  # what comes back to itself may keep something on the way
            self._quiet[key] = self._look(function)
        return self._quiet[key]

    def operator_keeps(self, node: ast.AST) -> bool:
        """Whether ``node`` is an operator that may run a visible method which keeps something."""
        return isinstance(node, (ast.BinOp, ast.AugAssign, ast.Compare)) and self._operators_keep

    @cached_property
    def _operators_keep(self) -> bool:
        return any(
            not self.is_quiet(method)
            for name in sorted(_OPERATORS)
            for method in self.methods_named(name)
        )

    def keeps_nothing(self, call: ast.Call) -> bool:
        """See ``tape_migrate.shapes.dependence.CalleeReads``."""
        function = self.callee(call)
        return (
            function is not None
            and self.is_quiet(function)
            # `f(kept.append, v)`: what is handed in, and called, may keep what it is given.
            and not self.calls_parameters(function)
        )

    def calls_parameters(self, function: Function) -> bool:
        """Whether a call of ``function`` may call what it is given."""
        return any(_calls_parameter(inner) for inner in self.reached(function))

    def runs_given(self, function: Function) -> frozenset[str]:
        """Names in ``function`` itself of what it was given, and calls, or hands on to be called.

        ``f(v)``, ``hooks["put"](v)``, ``map(f, values)``; ``hook(v)`` in ``for hook in hooks``.
        """
        if id(function) not in self._runs_given:
            self._runs_given[id(function)] = frozenset(self._find_run(function))
        return self._runs_given[id(function)]

    def _find_run(self, function: Function) -> Iterator[str]:
        names = self._module.names
        for call in all_calls(function):
            func, scope = call.func, self._module.scope_of(call)
            run = [] if isinstance(func, ast.Attribute) or self.named(func) else [func]
            resolved = names.resolve(func)
            if resolved and (runs_arguments(resolved) or resolved.startswith(_RUNNING_MODULES)):
                run = [*call.args, *(k.value for k in call.keywords)]
            elif isinstance(func, ast.Name) and not names.is_local(func.id, scope):
                run = [k.value for k in call.keywords if k.arg in ("key", None)]
                run += call.args[:1] if func.id in ("map", "filter") else []
            for value in run:
                root = root_of(value.value if isinstance(value, ast.Starred) else value)
                if root is not None and self._is_own_variable(root) and not self.named(value):
                    yield root.id

    def _is_own_variable(self, name: ast.Name) -> bool:
        scopes = self._module.scopes
        owner = scopes.resolve(name.id, self._module.scope_of(name))
        inner = owner is not None and owner is not scopes.module
        return inner or scopes.is_comprehension_variable(name)

    def _look(self, function: Function) -> bool:
        scope = self._module.scopes.opened_by(function)
        local = self._module.scopes.bindings(scope) - scope.globals - scope.nonlocals
        own = _Own(
            frozenset(name for name in local if self._is_made_here(name, scope, deep=False)),
            frozenset(name for name in local if self._is_made_here(name, scope, deep=True)),
        )
        return not any(
            self._keeps_something(node, scope, own) for node in self._module.inside(function)
        )

    def _keeps_something(self, node: ast.AST, scope: Scope, own: _Own) -> bool:
        if self.operator_keeps(node):
            return True
        match node:
            case ast.Global() | ast.Nonlocal():
                return True
            case (
                ast.Attribute(ctx=ast.Store() | ast.Del(), value=value)
                | ast.Subscript(ctx=ast.Store() | ast.Del(), value=value)
            ):
                return not own.holds(value)
            case ast.AugAssign(target=ast.Name() as target, value=ast.List() | ast.ListComp()):
                return not own.holds(target)
            case ast.Attribute(attr=attr, value=value) if attr in CONTAINER_METHODS:
                # Called here, or handed on to be called: `map(kept.append, values)`.
                return not self._module.names.resolve(node) and not own.holds(value)
            case ast.Call():
                return self._call_keeps(node, scope, own)
        return False

    def _call_keeps(self, call: ast.Call, scope: Scope, own: _Own) -> bool:
        func = call.func
        if self.callee(call) is not None:
            return False  # looked at by itself
        if self._unknown_own_method(call, scope):
            return True
        if isinstance(func, ast.Name):
            return func.id == "setattr" or self._may_name_keeper(func)
        resolved = self._module.names.resolve(func)
        if resolved or not isinstance(func, ast.Attribute):
            return resolved.partition(".")[0] in _CHANGE_ARGUMENTS
        if not (call.args or call.keywords):
            return False
        if func.attr in _PLAIN_METHODS:
            # `box.get(v)` of a class of the module may do anything.
            return any(not self.is_quiet(method) for method in self.methods_named(func.attr))
        return not own.holds(func.value) and root_name(func.value) not in ("self", "cls", "")

    def _may_name_keeper(self, func: ast.Name) -> bool:
        """Whether a name that is called may stand for what keeps its arguments.

        ``note = KEPT.append``, ``note = partial(KEPT.append)``, ``note = Box()``.
        """
        for node in self._module.names.bindings(func.id, self._module.scope_of(func)):
            value = node.value if isinstance(node, (ast.Assign, ast.AnnAssign)) else None
            while isinstance(value, ast.Call) and value.args:
                if self._module.names.resolve(value.func) != "functools.partial":
                    break
                value = value.args[0]
            if isinstance(value, ast.Attribute) and not self._module.names.resolve(value):
                return True
            if isinstance(value, ast.Call) and not self._module.names.resolve(value.func):
                return any(not self.is_quiet(own) for own in self.methods_named("__call__"))
        return False

    def _is_made_here(self, name: str, scope: Scope, *, deep: bool) -> bool:
        """Whether a local variable only ever names an object that was made for it.

        A parameter does not, nor does another name of an object from outside (``k = KEPT``).
        ``deep`` asks for more: that it holds no object from outside (``pair = [KEPT, v]``).
        """
        bound = self._module.names.bindings(name, scope)
        return all(
            isinstance(node, ast.AugAssign)
            or (
                isinstance(node, ast.With)
                and all(
                    self._makes_object(item.context_expr, scope, deep=deep) for item in node.items
                )
            )
            or (
                isinstance(node, (ast.Assign, ast.AnnAssign))
                and node.value is not None
                and not (isinstance(node, ast.Assign) and _unpacks(node))
                and self._makes_object(node.value, scope, deep=deep)
            )
            for node in bound
        )

    def _makes_object(self, value: ast.expr, scope: Scope, *, deep: bool) -> bool:
        if not isinstance(value, ast.Call):
            named = any(isinstance(n, ast.Name) for n in ast.walk(value))
            return isinstance(value, _NEW_OBJECTS) and not (deep and named)
        func = value.func
        if self._module.names.resolve(func):
            return True
        if not isinstance(func, ast.Name):
            return False
        builtin = func.id in _MAKERS and not self._module.names.is_local(func.id, scope)
        # What a class holds itself, all its objects share.
        return builtin or (func.id in self._classes and not deep)

    def _unknown_own_method(self, call: ast.Call, scope: Scope) -> bool:
        """``self.m(…)`` where ``m`` is neither a visible method nor a visible attribute."""
        func = call.func
        if not (
            isinstance(func, ast.Attribute)
            and isinstance(func.value, ast.Name)
            and func.value.id == "self"
        ):
            return False
        owner = self.class_of(scope)
        return owner is None or not self._assigned_attribute(owner, func.attr)

    def _assigned_attribute(self, owner: Scope, name: str) -> bool:
        return any(
            isinstance(node, ast.Attribute)
            and isinstance(node.ctx, ast.Store)
            and node.attr == name
            for node in self._module.inside(owner.node)
        )


def _calls_parameter(function: Function) -> bool:
    parameters = {a.arg for a in walk(function.args) if isinstance(a, ast.arg)}
    return any(
        isinstance(call.func, ast.Name) and call.func.id in parameters
        for call in all_calls(function)
    )


def _unpacks(stmt: ast.Assign) -> bool:
    return any(not isinstance(target, (ast.Name, ast.Attribute)) for target in stmt.targets)


def root_name(expr: ast.AST) -> str:
    root = root_of(expr)
    return root.id if root is not None else ""


def root_of(expr: ast.AST) -> ast.Name | None:
    while isinstance(expr, (ast.Attribute, ast.Subscript, ast.Call)):
        expr = expr.func if isinstance(expr, ast.Call) else expr.value
    return expr if isinstance(expr, ast.Name) else None
