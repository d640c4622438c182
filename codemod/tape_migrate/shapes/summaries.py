"""What the functions of the module itself do: do they keep state, do they take gradients."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable
from dataclasses import dataclass

from tape_migrate.flow.scope import Scope
from tape_migrate.flow.symbols import Symbol, symbol_of
from tape_migrate.module import Module
from tape_migrate.names import KNOWN_MODULES
from tape_migrate.shapes.dependence import CONTAINER_METHODS, calls_in
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
        return _root_name(expr) in self.deep


class Summaries(Functions):
    """Lazy summaries of the module's own functions and methods."""

    def __init__(self, module: Module) -> None:
        super().__init__(module)
        self._quiet: dict[int, bool] = {}
        self._closed: dict[int, bool] = {}
        self._reads: dict[int, frozenset[str]] = {}
        self._outer: dict[int, frozenset[str]] = {}

    @classmethod
    def of(cls, module: Module) -> Summaries:
        """The summaries of ``module``, made once."""
        known = module.memo.get("summaries")
        if not isinstance(known, Summaries):
            known = module.memo["summaries"] = cls(module)
        return known

    def is_quiet(self, function: Function) -> bool:
        """Whether a call of ``function`` keeps nothing: no attribute, global or outer object."""
        return all(self._is_quiet_itself(inner) for inner in self.reached(function))

    def _is_quiet_itself(self, function: Function) -> bool:
        key = id(function)
        if key not in self._quiet:
            self._quiet[key] = self._look(function)
        return self._quiet[key]

    def is_closed(self, call: ast.Call) -> bool:
        """Whether everything that ``call`` runs is TensorFlow or visible functions of the module.

        A method may be overridden, and an object may hold anything, so only plain functions count.
        """
        resolved = self._module.names.resolve(call.func)
        if resolved:
            known = resolved.partition(".")[0] in KNOWN_MODULES
            return known and not resolved.startswith("tensorflow.contrib")
        if not isinstance(call.func, ast.Name):
            return isinstance(call.func, ast.Attribute) and call.func.attr in TENSOR_METHODS
        function = self.callee(call)
        if function is None:
            local = self._module.names.is_local(call.func.id, self._module.scope_of(call))
            return hasattr(builtins, call.func.id) and not local
        return all(self._is_closed_itself(inner) for inner in self.reached(function))

    def stands_alone(self, function: Function) -> bool:
        """Whether ``function`` computes from nothing but what it is given, and changes nothing.

        Only TensorFlow and functions of its own module run in it.
        """
        bound = self._module.names.bindings(function.name, self._module.scopes.module)
        return (
            len(bound) == 1
            and not function.decorator_list
            and not function.args.defaults
            and not any(function.args.kw_defaults)
            and not self.outer_reads(function)
            and all(self._is_closed_itself(inner) for inner in self.reached(function))
            and all(self._changes_nothing(inner) for inner in self.reached(function))
        )

    def _changes_nothing(self, function: Function) -> bool:
        """Whether no object is changed in place, but for lists that it makes itself."""
        scope = self._module.scopes.opened_by(function)
        for node in ast.walk(function):
            match node:
                case (
                    ast.AugAssign() | ast.Global() | ast.Nonlocal() | ast.Yield() | ast.YieldFrom()
                ):
                    return False
                case ast.Attribute(ctx=ast.Store() | ast.Del()):
                    return False
                case ast.Subscript(ctx=ast.Store() | ast.Del()):
                    return False
                case ast.Call(func=ast.Attribute(value=holder, attr=name) as func):
                    known = self._module.names.resolve(func)
                    if name in CONTAINER_METHODS and not known:
                        if not self._is_new_list(holder, scope):
                            return False
        return True

    def _is_new_list(self, holder: ast.expr, scope: Scope) -> bool:
        """``found`` after ``found = []``, which is all that gives it a value."""
        if not isinstance(holder, ast.Name):
            return False
        bound = self._module.names.bindings(holder.id, scope)
        return bool(bound) and all(
            isinstance(node, ast.Assign) and isinstance(node.value, (ast.List, ast.ListComp))
            for node in bound
        )

    def _is_closed_itself(self, function: Function) -> bool:
        key = id(function)
        if key not in self._closed:
            calls = [
                inner
                for stmt in function.body
                for inner in ast.walk(stmt)
                if isinstance(inner, ast.Call)
            ]
            self._closed[key] = all(
                isinstance(inner.func, ast.Name)
                if self.callee(inner) is not None
                else self.is_closed(inner)
                for inner in calls
            )
        return self._closed[key]

    def _look(self, function: Function) -> bool:
        scope = self._module.scopes.opened_by(function)
        local = self._module.scopes.bindings(scope) - scope.globals - scope.nonlocals
        own = _Own(
            frozenset(name for name in local if self._is_made_here(name, scope, deep=False)),
            frozenset(name for name in local if self._is_made_here(name, scope, deep=True)),
        )
        return not any(self._keeps_something(node, scope, own) for node in ast.walk(function))

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
        return not own.holds(func.value) and _root_name(func.value) not in ("self", "cls", "")

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

    def opaque_roots(self, node: ast.AST) -> frozenset[str]:
        """Objects with unknown state that evaluating ``node`` calls into."""
        found: set[str] = set()
        for call in calls_in(node):
            root = self._opaque_root(call)
            if root is not None:
                found.add(root)
        return frozenset(found)

    def _opaque_root(self, call: ast.Call) -> str | None:
        if self._module.names.resolve(call.func):
            return None
        function = self.callee(call)
        if function is not None:
            if self.is_quiet(function):
                return None
            return "self" if isinstance(call.func, ast.Attribute) else function.name
        func = call.func
        if isinstance(func, ast.Name):
            known = self._module.names.is_local(func.id, self._module.scope_of(call))
            return func.id if known else None
        if isinstance(func, ast.Attribute):
            if func.attr in TENSOR_METHODS:
                return None
            if self._unknown_own_method(call, self._module.scope_of(call)):
                return "self"
            symbol = symbol_of(func)
            if symbol is not None and symbol.root == "self":
                return str(symbol)
            symbol = symbol_of(func.value)
            return str(symbol) if symbol is not None else None
        return None

    def attribute_reads(self, function: Function) -> frozenset[str]:
        """Attributes of ``self`` that a call of ``function`` may read, callees included."""
        found: set[str] = set()
        for inner in self.reached(function):
            found |= self._own_attribute_reads(inner)
        return frozenset(found)

    def _own_attribute_reads(self, function: Function) -> frozenset[str]:
        key = id(function)
        if key not in self._reads:
            self._reads[key] = frozenset(
                node.attr
                for node in ast.walk(function)
                if isinstance(node, ast.Attribute)
                and isinstance(node.ctx, ast.Load)
                and isinstance(node.value, ast.Name)
                and node.value.id == "self"
            )
        return self._reads[key]

    def outer_reads(self, function: Function) -> frozenset[str]:
        """Module-level variables that a call of ``function`` may read, callees included."""
        found: set[str] = set()
        for inner in self.reached(function):
            found |= self._own_outer_reads(inner)
        return frozenset(found)

    def _own_outer_reads(self, function: Function) -> frozenset[str]:
        key = id(function)
        if key not in self._outer:
            scopes = self._module.scopes
            found: set[str] = set()
            for node in ast.walk(function):
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                    owner = scopes.resolve(node.id, self._module.scope_of(node))
                    if owner is scopes.module and self._is_variable(node.id, owner):
                        found.add(node.id)
            self._outer[key] = frozenset(found)
        return self._outer[key]

    def is_outer(self, name: str, function: Function) -> bool:
        """Whether ``name`` in ``function`` is a variable, function or class of the module."""
        scopes = self._module.scopes
        return scopes.resolve(name, scopes.opened_by(function)) is scopes.module

    def _is_variable(self, name: str, scope: Scope) -> bool:
        return any(
            not isinstance(node, (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef))
            for node in self._module.names.bindings(name, scope)
        )

    def reads_when_run(self, func: ast.expr) -> list[Symbol]:
        """See ``tape_migrate.shapes.dependence.CalleeReads``."""
        function = self.mentioned(func)
        if function is None:
            return []
        found = [Symbol(name) for name in sorted(self.outer_reads(function))]
        if isinstance(func, ast.Attribute):
            owner = self.class_of(self._module.scope_of(func))
            found += [
                Symbol("self", ("." + name,))
                for name in sorted(self.attribute_reads(function))
                if owner is None or self.method(owner, name) is None
            ]
        return found

    def changes_something(self, call: ast.Call) -> bool:
        """See ``tape_migrate.shapes.dependence.CalleeReads``."""
        function = self.callee(call)
        if function is not None:
            return not self.is_quiet(function)
        methods = self.methods_named(call.func.attr) if isinstance(call.func, ast.Attribute) else []
        return any(not self.is_quiet(method) for method in methods)

    def keeps_nothing(self, call: ast.Call) -> bool:
        """See ``tape_migrate.shapes.dependence.CalleeReads``."""
        function = self.callee(call)
        return (
            function is not None
            and self.is_quiet(function)
            # `f(kept.append, v)`: what is handed in, and called, may keep what it is given.
            and not any(_calls_parameter(inner) for inner in self.reached(function))
        )

    def calls_gradient(self, parts: Iterable[ast.AST]) -> bool:
        """Whether evaluating ``parts`` runs a visible function that takes a tape's gradient."""
        return any(
            self._takes_gradient(function, set())
            for part in parts
            for call in calls_in(part)
            if (function := self.callee(call)) is not None
        )

    def _takes_gradient(self, function: Function, seen: set[int]) -> bool:
        if id(function) in seen:
            return False
        seen.add(id(function))
        for node in ast.walk(function):
            if isinstance(node, ast.Call):
                if isinstance(node.func, ast.Attribute) and node.func.attr == "gradient":
                    return True
                if self._module.names.api_of(node.func) is not None:
                    return True
                inner = self.callee(node)
                if inner is not None and self._takes_gradient(inner, seen):
                    return True
        return False


def _calls_parameter(function: Function) -> bool:
    parameters = {a.arg for a in ast.walk(function.args) if isinstance(a, ast.arg)}
    return any(
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in parameters
        for node in ast.walk(function)
    )


def _unpacks(stmt: ast.Assign) -> bool:
    return any(not isinstance(target, (ast.Name, ast.Attribute)) for target in stmt.targets)


def _root_name(expr: ast.AST) -> str:
    while isinstance(expr, (ast.Attribute, ast.Subscript, ast.Call)):
        expr = expr.func if isinstance(expr, ast.Call) else expr.value
    return expr.id if isinstance(expr, ast.Name) else ""
