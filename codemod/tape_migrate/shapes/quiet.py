"""Functions of the module that keep nothing of what they are given.

Neither in an attribute, nor in a global, nor in an object from outside, whatever its name is there
(``k = KEPT``, ``pair = [KEPT, v]``): what such a function computes comes back by its result only.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Protocol, runtime_checkable

from tape_migrate.flow.scope import Scope
from tape_migrate.mentions import last_name
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
    """What a project can tell of the functions and classes of its other modules."""

    def function(self, dotted: str) -> tuple[Module, ast.FunctionDef] | None:
        """The function of another module by its dotted name, if it is plain, and that module."""

    def class_of(self, dotted: str) -> tuple[Module, ast.ClassDef] | None:
        """The class of another module by its dotted name, if it is plain, and that module."""

    def split(self, dotted: str) -> tuple[str, tuple[str, ...]]:
        """The path of the module that ``dotted`` begins with, and what is left; or "" and all."""

    def module_at(self, path: str) -> Module | None:
        """The module at ``path``, or None if it cannot be read."""


class QuietFunctions(Functions):
    """Lazy answers about the module's own functions and methods."""

    def __init__(self, module: Module) -> None:
        super().__init__(module)
        self._quiet: dict[int, bool] = {}
        self._looked_at: set[int] = set()
        self._presumed: set[int] = set()
        """Those that keep nothing if all of them do not, and none that is being looked at."""
        self._runs_given: dict[int, frozenset[str]] = {}
        self._handing: dict[int, bool] = {}

    def is_quiet(self, function: Function) -> bool:
        """Whether a call of ``function`` keeps nothing: no attribute, global or outer object."""
        return all(self._is_quiet_itself(inner) for inner in self.reached(function))

    def _is_quiet_itself(self, function: Function) -> bool:
        """What comes back to itself is taken to keep nothing until something there does."""
        key = id(function)
        if key in self._quiet:
            return self._quiet[key]
        if key in self._looked_at or key in self._presumed:
            return True
        self._looked_at.add(key)
        quiet = self._look(function)
        self._looked_at.discard(key)
        if not quiet:
            self._quiet[key] = False
            self._presumed.clear()  # some of them may have relied on it
            return False
        self._presumed.add(key)
        if not self._looked_at:
            self._quiet.update(dict.fromkeys(self._presumed, True))
            self._presumed.clear()
        return True

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
                resolved = self._module.names.resolve(node)
                if resolved.startswith("collections."):
                    return True  # `deque.append(kept, v)`
                return not is_library(self._module, resolved) and not own.holds(value)
            case ast.Attribute(attr=attr, ctx=ast.Load()) if self.is_property(attr):
                return any(map(self._hands_on_own, self.methods_named(attr)))
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
            return self.keeps_elsewhere(call, resolved)
        if isinstance(func, ast.Name):
            return func.id == "setattr" or self._may_name_keeper(func)
        if resolved:
            return resolved.partition(".")[0] in _CHANGE_ARGUMENTS
        # `Box(v).note()`, `Box(v)()`: an object that is made here, and hands on what it was given.
        made: Iterable[Function] = self.methods_named("__call__") if self._makes(func) else ()
        if isinstance(func, ast.Attribute) and (own.holds(func.value) or self._makes(func.value)):
            made = self.methods_named(func.attr)
        if any(map(self._hands_on_own, made)):
            return True
        if not (call.args or call.keywords):
            return False
        if not isinstance(func, ast.Attribute):
            return self._value_keeps(func)
        # `box.get(v)` of a class of the module may do anything; `self.layer(v)` calls an object.
        called = [*self.methods_named(func.attr)]
        if not called and self._assigned_anywhere(func.attr):
            called += self.methods_named("__call__")
        if not own.holds(func.value) and not all(map(self.is_quiet, called)):
            return True
        if func.attr in _PLAIN_METHODS:
            return False
        return not own.holds(func.value) and root_name(func.value) not in ("self", "cls", "")

    def _hands_on_own(self, method: Function) -> bool:
        """Whether a method keeps something elsewhere than in its own object."""
        if id(method) not in self._handing:
            self._handing[id(method)] = False  # what comes back to itself adds nothing
            self._handing[id(method)] = self._find_handed_on(method)
        return self._handing[id(method)]

    def _find_handed_on(self, method: Function) -> bool:
        scope = self._module.scopes.opened_by(method)
        own = made_in(self._module, self._classes, method)
        for node in self._module.inside(method):
            held = node.value if isinstance(node, (ast.Attribute, ast.Subscript)) else None
            if held is not None and root_name(held) == "self":
                continue
            if self._keeps_something(node, scope, own):
                return True
            function = self.callee(node) if isinstance(node, ast.Call) else None
            if function is not None and not self._is_method(function):
                if not self.is_quiet(function):
                    return True
        return False

    def _makes(self, expr: ast.expr) -> bool:
        return isinstance(expr, ast.Call) and self.made_by(expr) is not None

    def _is_method(self, function: Function) -> bool:
        return isinstance(self._module.parent_of(function), ast.ClassDef)

    def _assigned_anywhere(self, attribute: str) -> bool:
        nodes = self._module.attributes(attribute)
        return any(isinstance(node.ctx, ast.Store) for node in nodes)

    def _value_keeps(self, func: ast.expr) -> bool:
        """Whether a function that goes by no name may keep its arguments: ``hooks[0](v)``."""
        match func:
            case ast.Call(func=ast.Name(id="getattr"), args=[owner, name, *_]):
                if self._is_of_library(owner):
                    return False
                if isinstance(name, ast.Constant):
                    methods = self.methods_named(str(name.value))
                    return name.value in CONTAINER_METHODS or not all(map(self.is_quiet, methods))
                return not all(map(self.is_quiet, self.methods))
            case ast.Call() if self._is_of_library(func.func):
                return False
        return self._hands_keeper_about or not all(
            map(self.is_quiet, (*self.handed_about, *self.methods_named("__call__")))
        )

    @cached_property
    def _hands_keeper_about(self) -> bool:
        """Whether the module names ``kept.append`` other than to call it."""
        called = {id(call.func) for call in self._module.of_kind(ast.Call)}
        return any(
            id(node) not in called
            for name in CONTAINER_METHODS
            for node in self._module.attributes(name)
            if isinstance(node.ctx, ast.Load) and not self._is_of_library(node)
        )

    def _may_name_keeper(self, func: ast.Name) -> bool:
        """Whether a name that is called may stand for what keeps its arguments.

        ``note = KEPT.append``, ``note = partial(KEPT.append)``, ``note = Box()``.
        """
        if self._module.scopes.is_comprehension_variable(func):
            return self._value_keeps(func)
        for node in self._module.names.bindings(func.id, self._module.scope_of(func)):
            if isinstance(node, (ast.For, ast.AsyncFor)) and self._value_keeps(func):
                return True
            value = node.value if isinstance(node, (ast.Assign, ast.AnnAssign)) else None
            if isinstance(value, (ast.Subscript, ast.IfExp)) and self._value_keeps(value):
                return True
            while isinstance(value, ast.Call) and value.args:
                if self._module.names.resolve(value.func) != "functools.partial":
                    break
                value = value.args[0]
            if isinstance(value, ast.Attribute) and not self._is_of_library(value):
                return True
            if isinstance(value, ast.Call) and last_name(value.func) == "getattr":
                return self._value_keeps(value)
            if isinstance(value, ast.Call) and not self._is_of_library(value.func):
                if self._module.names.resolve(value.func):
                    return True  # an object of another module's class
                return any(not self.is_quiet(own) for own in self.methods_named("__call__"))
        return False

    def _is_of_library(self, expr: ast.expr) -> bool:
        resolved = self._module.names.resolve(expr)
        return bool(resolved) and is_library(self._module, resolved)

    def keeps_elsewhere(self, call: ast.Call, resolved: str) -> bool:
        """Whether what a function of another module is given may be kept there."""
        given = [*call.args, *(keyword.value for keyword in call.keywords)]
        if not any(isinstance(n, ast.Name) for value in given for n in self._module.inside(value)):
            return False
        project = self._module.project
        if not isinstance(project, OtherFunctions):
            return True
        found = project.function(resolved)
        if found is not None and found[0] is not self._module and not found[1].decorator_list:
            return not self._of(found[0]).is_quiet(found[1])
        path, rest = project.split(resolved)
        home = project.module_at(path) if path and path != self._module.path else None
        if home is None or len(rest) != 1:
            return True
        bound = home.names.bindings(rest[0], home.scopes.module)
        if not bound or not all(isinstance(node, ast.Assign) for node in bound):
            return True
        # `mean = wrapped(tf.reduce_mean)`: as quiet as all that the module has.
        return not all(map(self._of(home).is_quiet, home.of_kind(ast.FunctionDef)))

    def _of(self, home: Module) -> QuietFunctions:
        other = home.memo.setdefault("quiet functions", QuietFunctions(home))
        assert isinstance(other, QuietFunctions)
        return other

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
