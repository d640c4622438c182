"""``stop_gradients=[s]``: leaves need nothing; a computed value is computed off the tape.

``tf.gradients`` cuts the graph at the operation that makes ``s``. A tape that does not record the
statement ``s = …`` (``with tape.stop_recording():``) is cut at the same place, for this gradient
only: other tapes, and other gradients of the same graph, still see it.

Exact where it is certain which tensor is meant: one definition reaches the call (through other
names, unpacked tuples and displays that nothing changes), it is run once, and its statement makes
nothing else that is kept.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from tape_migrate.flow.reaching import Definition
from tape_migrate.flow.symbols import DefKind, Symbol, symbol_of
from tape_migrate.names import KNOWN_MODULES
from tape_migrate.shapes.arguments import elements
from tape_migrate.shapes.changed import changed_by_calls, changed_in_closure
from tape_migrate.shapes.context import Context
from tape_migrate.shapes.copies import value_of
from tape_migrate.shapes.dependence import CONTAINER_METHODS, Dependence
from tape_migrate.shapes.kinds import kind_of
from tape_migrate.shapes.members import only_hands_out, refuse_changed_elsewhere
from tape_migrate.shapes.plan import OUTSIDE, Kind, Refusal, Region, Request, Source, in_order
from tape_migrate.shapes.quiet import TENSOR_METHODS
from tape_migrate.shapes.sources import is_fresh_value

_DEPTH = 8
_BUILTINS: Final = frozenset(
    ("abs", "bool", "float", "int", "isinstance", "len", "max", "min", "range", "str", "sum")
)
_SIMPLE: Final = frozenset(
    {"sin", "cos", "tan", "tanh", "exp", "log", "sigmoid", "square", "sqrt", "abs", "negative"}
)
"""Functions of one argument that are one operation."""
_BEGINNINGS: Final = frozenset(("__init__", "build", "setUp"))
"""Methods that run before what the object computes from a source."""


def plan_stops(
    context: Context,
    dep: Dependence,
    request: Request,
    node_id: int,
    region: Region,
    sources: list[Source],
) -> tuple[ast.stmt, ...] | Refusal:
    """Statements that the tape must not record, for the ``stop_gradients`` of ``request``."""
    if request.stop_gradients is None:
        return ()
    inside = frozenset(n for stmt in region.stmts for n in dep.cfg.span(stmt))
    tainted: set[int] = set()
    for source in sources:
        # Any statement may read a variable that the framework keeps.
        tainted |= inside if source.collected else dep.tainted_by(source.tracks)
    stops = _Stops(context, dep, region, inside, frozenset(tainted))
    found: list[ast.stmt] = []
    for expr in elements(request.stop_gradients):
        more = stops.of(node_id, expr)
        if isinstance(more, Refusal):
            return more
        found += [stmt for stmt in more if stmt not in found]
    return tuple(found)


@dataclass(frozen=True)
class _Stops:
    """Looks for the statements that make what a gradient stops at."""

    context: Context
    dep: Dependence
    region: Region
    inside: frozenset[int]
    tainted: frozenset[int]
    """Nodes that may compute from a source."""

    def of(self, node_id: int, expr: ast.expr, depth: int = _DEPTH) -> list[ast.stmt] | Refusal:
        """The statements that make ``expr``, as ``node_id`` reads it, from a source."""
        if isinstance(expr, (ast.List, ast.Tuple)):
            found: list[ast.stmt] = []
            for item in expr.elts:
                more = self.of(node_id, item, depth)
                if isinstance(more, Refusal):
                    return more
                found += more
            return found
        symbol = symbol_of(expr)
        if symbol is None:
            return Refusal("TM114", "stop_gradients= holds an expression, not a name")
        unclear = Refusal(
            "TM114", f"{symbol} in stop_gradients= is not the only result of one operation"
        )
        definitions = self.dep.reaching(node_id, symbol)
        given = {
            d
            for d in definitions
            if d.kind is not DefKind.MUTATION and len(d.symbol.path) <= len(symbol.path)
        }
        changes = [d for d in in_order(definitions - given) if self._changes(d, symbol, expr)]
        computed = [d for d in given if d.kind not in OUTSIDE and d.node_id in self.tainted]
        if self._set_elsewhere(definitions, node_id, symbol, expr) or any(
            computed or change.node_id in self.tainted for change in changes
        ):
            return Refusal(
                "TM114",
                f"what {symbol} in stop_gradients= holds may be changed before the gradient",
            )
        if not computed:
            # `g = parts[0]`: by a method that is handed on, anything may have come to be there.
            members = (value_of(d, symbol) for d in in_order(given) if depth)
            held = (symbol_of(m.value) for m in members if isinstance(m, ast.Subscript))
            return unclear if any(h is not None and self._hands_method_on(h) for h in held) else []
        definition = computed[0]
        if len(given) > 1 or definition.kind is not DefKind.STRONG or depth == 0:
            return unclear
        value = value_of(definition, symbol)
        if value is None:
            return unclear
        if isinstance(value, (ast.List, ast.Tuple)) or symbol_of(value) is not None:
            return self.of(definition.node_id, value, depth - 1)
        stmt = definition.stmt
        if (
            definition.node_id in self.inside
            and isinstance(stmt, ast.Assign)
            and len(stmt.targets) == 1
            and symbol_of(stmt.targets[0]) == symbol
            and is_fresh_value(self.dep, value)
            and not self._in_loop(stmt)
            and (self._is_one_operation(value) or not self._is_differentiated(stmt))
            and not self._keeps_more(value)
        ):
            return [stmt]
        return unclear

    def _changes(self, change: Definition, symbol: Symbol, expr: ast.expr) -> bool:
        """Whether ``change`` may put another tensor into what ``symbol`` names."""
        if not symbol.path and kind_of(self.dep.module, expr, self.dep.scope) is Kind.TENSOR:
            return False  # nothing changes a tensor in place
        call = change.stmt.value if isinstance(change.stmt, ast.Expr) else None
        if isinstance(call, ast.Call) and not self._keeps_nothing(call):
            return True
        return not only_hands_out(self.dep, change, symbol)

    def _set_elsewhere(
        self,
        definitions: frozenset[Definition],
        node_id: int,
        symbol: Symbol,
        expr: ast.expr,
    ) -> bool:
        """Whether other functions, or other names, may have set or changed ``symbol``."""
        if any(d.kind in (DefKind.REMOTE, DefKind.DELETE) for d in definitions):
            return True
        if any(d.kind is DefKind.EXTERNAL for d in definitions) and self._bound_remotely(symbol):
            return True
        if not symbol.path and kind_of(self.dep.module, expr, self.dep.scope) is Kind.TENSOR:
            return False
        return (
            refuse_changed_elsewhere(self.dep, node_id, symbol, expr) is not None
            or bool(changed_by_calls(self.context, self.dep, [symbol], node_id))
            or changed_in_closure(self.context, self.dep, symbol.root)
            or self._hands_method_on(symbol)
            or self._set_by_object(definitions, symbol)
        )

    def _hands_method_on(self, symbol: Symbol) -> bool:
        """``map(parts.append, values)``: what changes a collection goes by another name."""
        module = self.dep.module
        return any(
            isinstance(node.value, ast.Name) and node.value.id == symbol.root
            for name in CONTAINER_METHODS
            for node in module.attributes(name)
            if not (isinstance(call := module.parent_of(node), ast.Call) and call.func is node)
        )

    def _bound_remotely(self, symbol: Symbol) -> bool:
        """Whether a function binds a variable of a scope around it: ``global w``, ``w = …``."""
        module = self.dep.module
        owner = module.scopes.resolve(symbol.root, self.dep.scope)
        return owner is not None and any(
            node is not None and module.scope_of(node) is not owner
            for node in module.names.bindings(symbol.root, self.dep.scope)
            if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
        )

    def _set_by_object(self, definitions: frozenset[Definition], symbol: Symbol) -> bool:
        """Whether an object, called on the way, may have set its attribute ``symbol``."""
        attributes = [part[1:] for part in symbol.path if part.startswith(".")]
        if all(d.symbol == symbol for d in definitions if d.kind not in OUTSIDE) and not any(
            d.kind in OUTSIDE for d in definitions
        ):
            return False
        if not attributes or not any(map(self._called_on, self._handed(symbol.root))):
            return False
        module = self.dep.module
        nodes = [node for name in attributes for node in module.attributes(name)]
        stored = [node for node in nodes if isinstance(node.ctx, ast.Store)]
        return not stored or any(self._is_late(node) for node in nodes)

    def _handed(self, root: str) -> Iterator[ast.expr]:
        """Places where statements that compute from a source read ``root``."""
        for node_id in sorted(self.tainted):
            for use in self.dep.cfg.effects(node_id).uses:
                if use.symbol.root == root and isinstance(use.node, ast.expr):
                    yield use.node

    def _called_on(self, place: ast.expr) -> bool:
        """Whether a call gets the object itself (``f(net)``) or runs a part (``net.run(x)``)."""
        parent = self.dep.module.parent_of(place)
        while isinstance(parent, (ast.Attribute, ast.Subscript)) and parent.value is place:
            place, parent = parent, self.dep.module.parent_of(parent)
        return isinstance(parent, (ast.Call, ast.keyword, ast.Starred)) and (
            not isinstance(parent, ast.Call) or parent.func is place or isinstance(place, ast.Name)
        )

    def _is_late(self, node: ast.Attribute) -> bool:
        """Whether code other than this scope, or a method that only begins, may change it."""
        module = self.dep.module
        scope = module.scope_of(node)
        if scope is self.dep.scope or scope.name in _BEGINNINGS:
            return False
        parent = module.parent_of(node)
        if isinstance(parent, ast.Call) and parent.func is not node:
            return module.names.resolve(parent.func).partition(".")[0] not in KNOWN_MODULES
        computes = isinstance(parent, (ast.BinOp, ast.UnaryOp, ast.Compare))
        return not (computes and isinstance(node.ctx, ast.Load))

    def _in_loop(self, stmt: ast.stmt) -> bool:
        """Whether the tape records several runs of ``stmt``, of which one alone is meant."""
        return any(
            isinstance(parent, (ast.For, ast.AsyncFor, ast.While))
            and any(self.dep.module.holds(each, parent) for each in self.region.stmts)
            for parent in self.dep.module.parents_below(stmt, self.dep.scope.node)
        )

    def _is_one_operation(self, value: ast.expr) -> bool:
        """``tf.cos(h)``, ``a * b``: nothing in it that another gradient would need on the tape."""
        operands: list[ast.expr] = []
        match value:
            case ast.BinOp(left=left, right=right):
                operands = [left, right]
            case ast.Call(func=func, args=[operand], keywords=[]):
                name = self.dep.module.names.resolve(func).rpartition(".")[2]
                operands = [operand] if name in _SIMPLE else []
        plain = (ast.Name, ast.Constant, ast.Attribute)
        return bool(operands) and all(isinstance(each, plain) for each in operands)

    def _is_differentiated(self, stmt: ast.stmt) -> bool:
        """Whether another gradient inside the tape goes back through ``stmt``: what it is made of
        belongs on this tape then."""
        module = self.dep.module
        around = module.parents_below(stmt, self.dep.scope.node)
        if any(
            isinstance(p, ast.With) and "GradientTape" in ast.unparse(p.items[0]) for p in around
        ):
            return True
        calls = (c for each in self.region.stmts for c in module.of_kind_inside(ast.Call, each))
        return any(
            isinstance(call.func, ast.Attribute)
            and call.func.attr in ("gradient", "jacobian", "batch_jacobian")
            for call in calls
        )

    def _keeps_more(self, value: ast.expr) -> bool:
        """Whether evaluating ``value`` may keep tensors besides its result."""
        for node in ast.walk(value):
            if isinstance(node, (ast.NamedExpr, ast.Await, ast.Yield, ast.YieldFrom)):
                return True
            if isinstance(node, ast.Call) and not self._keeps_nothing(node):
                return True
        return False

    def _keeps_nothing(self, call: ast.Call) -> bool:
        module = self.dep.module
        if module.names.resolve(call.func).partition(".")[0] in KNOWN_MODULES:
            return True
        if isinstance(call.func, ast.Name) and call.func.id in _BUILTINS:
            return not module.names.is_local(call.func.id, module.scope_of(call))
        if isinstance(call.func, ast.Attribute) and call.func.attr in TENSOR_METHODS:
            return not self.context.summaries.methods_named(call.func.attr)
        return self.dep.callees.keeps_nothing(call)
