"""Functions of the module that keep nothing of what they are given.

Neither in an attribute, nor in a global, nor in an object from outside, whatever its name is there
(``k = KEPT``, ``pair = [KEPT, v]``): what such a function computes comes back by its result only.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cached_property
from typing import Protocol, runtime_checkable

from tape_migrate.flow.scope import Scope
from tape_migrate.module import Module
from tape_migrate.parsed import walk
from tape_migrate.shapes.barriers import runs_arguments
from tape_migrate.shapes.dependence import CONTAINER_METHODS
from tape_migrate.shapes.evaluated import all_calls
from tape_migrate.shapes.functions import Function, Functions
from tape_migrate.shapes.libraries import is_library
from tape_migrate.shapes.made_here import Own, made_in, root_name, root_of

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
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@runtime_checkable
class OtherFunctions(Protocol):
    """What a project can tell of functions in its other modules."""

    def function(self, dotted: str) -> tuple[Module, ast.FunctionDef] | None:
        """The function named ``dotted`` of another module, and that module."""


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
            func = call.func
            run = [] if isinstance(func, ast.Attribute) or self.named(func) else [func]
            resolved = names.resolve(func)
            if resolved and (runs_arguments(resolved) or resolved.startswith(_RUNNING_MODULES)):
                run = [*call.args, *(k.value for k in call.keywords)]
            elif isinstance(func, ast.Name) and self._is_builtin(func):
                run = [k.value for k in call.keywords if k.arg in ("key", None)]
                run += call.args[:1] if func.id in ("map", "filter") else []
            for value in run:
                root = root_of(value.value if isinstance(value, ast.Starred) else value)
                if root is not None and self._is_own_variable(root) and not self.named(value):
                    yield root.id

    def _is_builtin(self, name: ast.Name) -> bool:
        local = self._module.names.is_local(name.id, self._module.scope_of(name))
        return not local and not self._module.scopes.is_comprehension_variable(name)

    def _is_own_variable(self, name: ast.Name) -> bool:
        scopes = self._module.scopes
        owner = scopes.resolve(name.id, self._module.scope_of(name))
        if owner is None or owner is scopes.module:
            return scopes.is_comprehension_variable(name)
        bound = self._module.names.bindings(name.id, owner)
        return not bound or not all(map(self._makes_function, bound))

    def _makes_function(self, node: ast.AST | None) -> bool:
        """Whether a statement makes the function that it names, or has a library make it."""
        match node:
            case ast.Assign(value=ast.Call(func=func)):
                resolved = self._module.names.resolve(func)
                return bool(resolved) and not resolved.startswith(_RUNNING_MODULES)
            case ast.Assign(value=ast.Name() as other):
                return self._is_builtin(other)
            case ast.Assign(value=value):
                return isinstance(value, ast.Lambda)
        return isinstance(node, (*_DEFINITIONS, ast.Import, ast.ImportFrom))

    def _look(self, function: Function) -> bool:
        scope = self._module.scopes.opened_by(function)
        own = made_in(self._module, self._classes, function)
        return not any(
            self._keeps_something(node, scope, own) for node in self._module.inside(function)
        )

    def _keeps_something(self, node: ast.AST, scope: Scope, own: Own) -> bool:
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
                library = is_library(self._module, self._module.names.resolve(node))
                return not library and not own.holds(value)
            case ast.Call():
                return self._call_keeps(node, scope, own)
        return False

    def _call_keeps(self, call: ast.Call, scope: Scope, own: Own) -> bool:
        func = call.func
        if self.callee(call) is not None:
            return False  # looked at by itself
        if self._unknown_own_method(call, scope):
            return True
        resolved = self._module.names.resolve(func)
        if resolved and not is_library(self._module, resolved):
            return self._keeps_elsewhere(call, resolved)
        if isinstance(func, ast.Name):
            return func.id == "setattr" or self._may_name_keeper(func)
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
            if isinstance(value, ast.Attribute) and not self._is_of_library(value):
                return True
            if isinstance(value, ast.Call) and not self._is_of_library(value.func):
                if self._module.names.resolve(value.func):
                    return True  # an object of another module's class
                return any(not self.is_quiet(own) for own in self.methods_named("__call__"))
        return False

    def _is_of_library(self, expr: ast.expr) -> bool:
        resolved = self._module.names.resolve(expr)
        return bool(resolved) and is_library(self._module, resolved)

    def _keeps_elsewhere(self, call: ast.Call, resolved: str) -> bool:
        """Whether what another module's function is given may be kept there."""
        given = [*call.args, *(keyword.value for keyword in call.keywords)]
        if not any(isinstance(n, ast.Name) for value in given for n in self._module.inside(value)):
            return False
        project = self._module.project
        found = project.function(resolved) if isinstance(project, OtherFunctions) else None
        if found is None or found[0] is self._module or found[1].decorator_list:
            return True
        other = found[0].memo.setdefault("quiet functions", QuietFunctions(found[0]))
        assert isinstance(other, QuietFunctions)
        return not other.is_quiet(found[1])

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
