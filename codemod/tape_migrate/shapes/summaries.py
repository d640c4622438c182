"""What the functions of the module itself do: do they keep state, do they take gradients."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable

from tape_migrate.flow.scope import Scope
from tape_migrate.flow.symbols import Symbol, symbol_of
from tape_migrate.module import Module
from tape_migrate.names import KNOWN_MODULES
from tape_migrate.shapes.barriers import carries_nothing
from tape_migrate.shapes.dependence import CONTAINER_METHODS
from tape_migrate.shapes.evaluated import calls_in
from tape_migrate.shapes.functions import Function
from tape_migrate.shapes.quiet import TENSOR_METHODS, QuietFunctions


class Summaries(QuietFunctions):
    """Lazy summaries of the module's own functions and methods."""

    def __init__(self, module: Module) -> None:
        super().__init__(module)
        self._closed: dict[int, bool] = {}
        self._reads: dict[int, frozenset[str]] = {}
        self._carrying: dict[int, frozenset[str]] = {}
        self._outer: dict[int, frozenset[str]] = {}

    @classmethod
    def of(cls, module: Module) -> Summaries:
        """The summaries of ``module``, made once."""
        known = module.memo.get("summaries")
        if not isinstance(known, Summaries):
            known = module.memo["summaries"] = cls(module)
        return known

    def is_closed(self, call: ast.Call) -> bool:
        """Whether everything that ``call`` runs is TensorFlow or visible functions of the module.

        A method may be overridden, and an object may hold anything, so only plain functions count.
        """
        resolved = self._module.names.resolve(call.func)
        if resolved:
            known = resolved.partition(".")[0] in KNOWN_MODULES
            # `tf.get_default_graph().kept`: what anyone has put there.
            shared = resolved == "tensorflow.get_default_graph"
            return known and not shared and not resolved.startswith("tensorflow.contrib")
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
        for node in self._module.inside(function):
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
            self._reads[key] = frozenset(node.attr for node in self._read_of_self(function))
        return self._reads[key]

    def _read_of_self(self, function: Function) -> list[ast.Attribute]:
        return [
            node
            for node in ast.walk(function)
            if isinstance(node, ast.Attribute)
            and isinstance(node.ctx, ast.Load)
            and isinstance(node.value, ast.Name)
            and node.value.id == "self"
        ]

    def _carrying_reads(self, function: Function) -> frozenset[str]:
        """Those of ``attribute_reads`` by which a gradient may go: not what is only counted with,
        as ``self.n`` in ``tf.layers.dense(x, self.n)``."""
        found: set[str] = set()
        for inner in self.reached(function):
            if id(inner) not in self._carrying:
                self._carrying[id(inner)] = frozenset(
                    node.attr
                    for node in self._read_of_self(inner)
                    if not carries_nothing(self._module, node, self.keeps_nothing)
                )
            found |= self._carrying[id(inner)]
        return frozenset(found)

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
            for node in self._module.inside(function):
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
                for name in sorted(self._carrying_reads(function))
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
        for node in self._module.inside(function):
            if isinstance(node, ast.Call):
                if isinstance(node.func, ast.Attribute) and node.func.attr == "gradient":
                    return True
                if self._module.names.api_of(node.func) is not None:
                    return True
                inner = self.callee(node)
                if inner is not None and self._takes_gradient(inner, seen):
                    return True
        return False
