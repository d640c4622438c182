"""Functions of the module that keep nothing of what they are given.

Neither in an attribute, nor in a global, nor in an object from outside, whatever its name is there
(``k = KEPT``, ``pair = [KEPT, v]``): what such a function computes comes back by its result only.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass

from tape_migrate.flow.scope import Scope
from tape_migrate.module import Module
from tape_migrate.parsed import walk
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
_CHANGE_ARGUMENTS = frozenset({"operator", "heapq", "bisect"})
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

    def is_quiet(self, function: Function) -> bool:
        """Whether a call of ``function`` keeps nothing: no attribute, global or outer object."""
        return all(self._is_quiet_itself(inner) for inner in self.reached(function))

    def _is_quiet_itself(self, function: Function) -> bool:
        key = id(function)
        if key not in self._quiet:
            self._quiet[key] = self._look(function)
        return self._quiet[key]

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
            return func.id == "setattr"
        resolved = self._module.names.resolve(func)
        if resolved or not isinstance(func, ast.Attribute):
            return resolved.partition(".")[0] in _CHANGE_ARGUMENTS
        if not (call.args or call.keywords) or func.attr in _PLAIN_METHODS:
            return False
        return not own.holds(func.value) and root_name(func.value) not in ("self", "cls", "")

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
    while isinstance(expr, (ast.Attribute, ast.Subscript, ast.Call)):
        expr = expr.func if isinstance(expr, ast.Call) else expr.value
    return expr.id if isinstance(expr, ast.Name) else ""
