"""Values that leave the names of a scope: what is kept may come back unseen.

``k = recorder.put(h)`` and later ``y = recorder.last * z``: no name carries ``h`` into ``y``. A
statement that hands a value to something that may keep it is an *escape*; a statement that reads
an object, a container, or calls what is not seen through may *recall* it. Where an escape comes
before and a recall is on the way to the target, a path may run through both.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable

from tape_migrate.flow.symbols import symbol_of
from tape_migrate.shapes.barriers import runs_arguments
from tape_migrate.shapes.context import Context
from tape_migrate.shapes.dependence import CONTAINER_METHODS, Dependence
from tape_migrate.shapes.evaluated import calls_in, own_expressions
from tape_migrate.shapes.kinds import kind_of
from tape_migrate.shapes.may_hold import may_hold_tensor
from tape_migrate.shapes.plan import Kind, Link

_RUNS_ARGUMENTS = frozenset({"map", "filter", "next", "iter", "setattr", "exec", "eval", "vars"})
"""Builtins that run, or step, what they are given."""


class Escapes:
    """Escapes and recalls among the nodes of one scope."""

    def __init__(self, context: Context, dep: Dependence) -> None:
        self._context = context
        self._dep = dep
        key = f"escapes {id(dep.scope)}"
        known = dep.module.memo.setdefault(key, dict[int, bool]())
        assert isinstance(known, dict)
        self._escapes: dict[int, bool] = known
        """What is known of nodes already, whoever asked."""

    def escapes(self, node_id: int) -> bool:
        """Whether the node gives what it reads to something that may keep it."""
        if node_id not in self._escapes:
            self._escapes[node_id] = self._find_escape(node_id)
        return self._escapes[node_id]

    def _find_escape(self, node_id: int) -> bool:
        for part in self._parts(node_id):
            for node in ast.walk(part):
                if isinstance(node, (ast.Attribute, ast.Subscript)) and isinstance(
                    node.ctx, ast.Store
                ):
                    return True
                if isinstance(node, ast.Call) and self._keeps(node):
                    return True
                if self._context.summaries.operator_keeps(node):
                    return True
            if isinstance(part, ast.AugAssign) and self._kind(part.target) is not Kind.TENSOR:
                return True
        return False

    def registered(self) -> frozenset[int]:
        """Definitions of functions that a decorator is given: it may keep them."""
        found: set[int] = set()
        for node in self._dep.cfg.nodes:
            if isinstance(node.node, (ast.FunctionDef, ast.ClassDef)):
                for decorator in node.node.decorator_list:
                    func = decorator.func if isinstance(decorator, ast.Call) else decorator
                    plain = isinstance(func, ast.Name) and hasattr(builtins, func.id)
                    if not plain and not self._dep.module.names.resolve(func):
                        found.add(node.id)
        return frozenset(found)

    def calls_keeper(self, node_id: int) -> bool:
        """Whether the node calls something that may keep what it is given or computes."""
        operator_keeps = self._context.summaries.operator_keeps
        own = self._dep.cfg.nodes[node_id].node
        return (own is not None and operator_keeps(own)) or any(
            (isinstance(node, ast.Call) and self._keeps(node)) or operator_keeps(node)
            for part in self._parts(node_id)
            for node in self._dep.module.inside(part)
        )

    def recalls(self, nodes: Iterable[int], exprs: Iterable[ast.expr], call_node: int) -> bool:
        """Whether evaluating ``nodes`` or ``exprs`` may read what was kept somewhere."""
        for node_id in nodes:
            if any(self._recalling(part) for part in self._parts(node_id)):
                return True
            if any(self._recalling_link(link) for link in self._dep.links_into(node_id)):
                return True
        exprs = list(exprs)
        return any(self._recalling(expr) for expr in exprs) or any(
            self._recalling_link(link) for link in self._dep.links_of(call_node, exprs)
        )

    def _parts(self, node_id: int) -> list[ast.AST]:
        node = self._dep.cfg.nodes[node_id].node
        if node is None or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            return []
        return own_expressions(node) if isinstance(node, ast.stmt) else [node]

    def _kind(self, expr: ast.expr) -> Kind:
        return kind_of(self._dep.module, expr, self._dep.scope)

    def _keeps(self, call: ast.Call) -> bool:
        """Whether ``call`` runs code of the module that may keep its arguments."""
        module = self._dep.module
        resolved = module.names.resolve(call.func)
        summaries = self._context.summaries
        if runs_arguments(resolved):
            named = (summaries.named(arg) for arg in call.args)
            return any(f is not None and not summaries.is_quiet(f) for f in named) or any(
                isinstance(arg, ast.Attribute) and arg.attr in CONTAINER_METHODS
                for arg in call.args
            )
        if resolved:
            return False
        function = summaries.callee(call) or summaries.made_by(call)
        if function is not None:
            if not summaries.is_quiet(function):
                return True
            # `hand(remember, v)`: what is handed in, and called, may keep what it is given.
            return summaries.calls_parameters(function) and self._is_given_keeper(call)
        func = call.func
        if isinstance(func, ast.Name):
            scope = module.scope_of(call)
            if not module.names.is_local(func.id, scope):
                return func.id in _RUNS_ARGUMENTS or not hasattr(builtins, func.id)
            return any(self._binding_keeps(node) for node in module.names.bindings(func.id, scope))
        if isinstance(func, ast.Attribute):
            if func.attr in CONTAINER_METHODS:
                return func.attr != "watch"
            methods = summaries.methods_named(func.attr)
            return any(not summaries.is_quiet(method) for method in methods)
        return True

    def _is_given_keeper(self, call: ast.Call) -> bool:
        return any(map(self._is_keeper, (*call.args, *(k.value for k in call.keywords))))

    def _is_keeper(self, value: ast.expr) -> bool:
        """Whether what is handed on may be a function that keeps its arguments."""
        if isinstance(value, ast.Lambda):
            return any(self._keeps(inner) for inner in calls_in(value.body))
        if isinstance(value, ast.Attribute) and value.attr in CONTAINER_METHODS:
            return True
        summaries, names = self._context.summaries, self._dep.module.names
        function = summaries.named(value) if isinstance(value, (ast.Name, ast.Attribute)) else None
        if function is not None:
            return not summaries.is_quiet(function)
        if isinstance(value, ast.Attribute) and value.attr.startswith("__"):
            return True  # `table.__setitem__`
        if not isinstance(value, ast.Name) or self._kind(value) is Kind.TENSOR:
            return False
        bound = names.bindings(value.id, self._dep.module.scope_of(value))
        may_name = (ast.Name, ast.Attribute, ast.Subscript, ast.IfExp, ast.BoolOp, ast.Lambda)
        return any(
            isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
            or (isinstance(node, ast.Assign) and isinstance(node.value, may_name))
            for node in bound
        )

    def _binding_keeps(self, node: ast.AST | None) -> bool:
        """Whether what this statement binds may, when called, keep its arguments in the module."""
        if isinstance(node, (ast.arg, ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)):
            return isinstance(node, ast.FunctionDef)  # one of several of this name
        if isinstance(node, ast.Assign):
            if isinstance(node.value, ast.Lambda):
                return any(self._keeps(call) for call in calls_in(node.value.body))
            if isinstance(node.value, ast.Call):
                resolved = self._dep.module.names.resolve(node.value.func)
                if resolved == "functools.partial":
                    return any(map(self._is_keeper, node.value.args))
                return not resolved
        return True

    def _recalling(self, part: ast.AST) -> bool:
        summaries = self._context.summaries
        for node in ast.walk(part):
            if not isinstance(node, ast.Call):
                continue
            if isinstance(node.func, ast.Name) and node.func.id in _RUNS_ARGUMENTS:
                return True
            function = summaries.callee(node)
            if function is not None and summaries.is_quiet(function):
                continue  # what it reads beside its arguments are links of the node
            if function is not None or not summaries.is_closed(node):
                return True
        return False

    def _recalling_link(self, link: Link) -> bool:
        use = link.use
        if not may_hold_tensor(self._context, self._dep.scope, use.symbol):
            return False
        if not isinstance(use.node, ast.expr) or symbol_of(use.node) != use.symbol:
            return True  # read by a function that the node calls
        if any(use.symbol.root in s.globals | s.nonlocals for s in self._dep.module.scopes):
            return True  # some function rebinds it
        parent = self._dep.module.parent_of(use.node)
        if isinstance(parent, ast.Call) and parent.func is use.node:
            return False
        base = use.node
        while isinstance(base, (ast.Attribute, ast.Subscript)):
            base = base.value
            if self._kind(base) is Kind.TENSOR:
                return False
        return bool(use.symbol.path) or self._kind(use.node) is not Kind.TENSOR
