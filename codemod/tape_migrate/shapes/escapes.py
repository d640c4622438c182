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
from tape_migrate.shapes.context import Context
from tape_migrate.shapes.dependence import Dependence
from tape_migrate.shapes.evaluated import own_expressions
from tape_migrate.shapes.keepers import RUNS_ARGUMENTS, Keepers
from tape_migrate.shapes.kinds import kind_of
from tape_migrate.shapes.may_hold import may_hold_tensor
from tape_migrate.shapes.plan import Kind, Link


class Escapes:
    """Escapes and recalls among the nodes of one scope."""

    def __init__(self, context: Context, dep: Dependence) -> None:
        self._context = context
        self._dep = dep
        self._keepers = Keepers(dep.module)
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
                if isinstance(node, ast.Call) and self._keepers.keeps(node):
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
            (isinstance(node, ast.Call) and self._keepers.keeps(node)) or operator_keeps(node)
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

    def _recalling(self, part: ast.AST) -> bool:
        summaries = self._context.summaries
        for node in ast.walk(part):
            if not isinstance(node, ast.Call):
                continue
            if isinstance(node.func, ast.Name) and node.func.id in RUNS_ARGUMENTS:
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
