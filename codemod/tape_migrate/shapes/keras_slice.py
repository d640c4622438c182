"""Which statements of a Keras program have to move into the function that replaces K.function.

All that compute graph tensors on the way to the compiled outputs, in their order, and the plain
definitions that they take over (``loss = 0`` before ``loss = loss + …``). What moves is computed
once for each shape of the inputs, as it was once in the old graph; so it must do nothing else, use
nothing that changes later, and be used by nothing that stays.
"""

from __future__ import annotations

import ast
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from tape_migrate.flow.reaching import Definition
from tape_migrate.flow.scope import ScopeKind
from tape_migrate.flow.symbols import DefKind, Symbol, may_overlap, symbol_of
from tape_migrate.module import Module
from tape_migrate.shapes.dependence import Dependence, calls_in
from tape_migrate.shapes.keras_calls import BACKEND
from tape_migrate.shapes.keras_levels import Levels
from tape_migrate.shapes.keras_values import Level
from tape_migrate.shapes.plan import OUTSIDE, Link, Refusal
from tape_migrate.shapes.summaries import Function
from tape_migrate.sites import find_sites

_STATEMENTS = (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Expr, ast.For, ast.If, ast.Assert)
_INSIDE = (*_STATEMENTS, ast.Pass, ast.Continue, ast.Break, ast.Raise)
_BUILT_IN_MUTATORS = frozenset(
    ("append", "extend", "insert", "pop", "update", "setdefault", "remove", "clear", "sort", "add")
)
_QUIET_BUILTINS = frozenset(
    {"len", "range", "zip", "enumerate", "list", "tuple", "dict", "set", "sorted", "reversed"}
    | {"int", "float", "str", "bool", "isinstance", "sum", "min", "max", "abs", "any", "all"}
    | {"print", "round", "repr", "format", "type", "hasattr", "getattr", "map", "filter"}
    | {"ValueError", "TypeError", "Exception", "RuntimeError", "KeyError", "AssertionError"}
)
_QUIET_METHODS = frozenset(
    {"format", "join", "items", "keys", "values", "get", "get_layer", "index", "lower", "upper"}
    | {"startswith", "endswith", "split", "strip", "get_shape", "as_list", "append", "extend"}
    | {"copy", "count", "insert", "get_input_at", "get_output_at"}
)
_QUIET_MODULES = frozenset(("tensorflow", "keras", "math"))
_QUIET_NUMPY = frozenset(
    {"prod", "array", "float32", "float64", "sqrt", "log", "exp", "arange", "ones", "zeros"}
    | {"ones_like", "zeros_like", "asarray", "pi", "abs", "mean", "sum", "eye", "linspace"}
    | {"expand_dims", "reshape", "transpose", "int32", "int64", "ndim", "shape", "square", "max"}
)


class _RefusedError(Exception):
    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


def _no(code: str, message: str) -> _RefusedError:
    return _RefusedError(Refusal(code, message))


@dataclass
class Slice:
    """The statements that move, of one block, and what is known of them."""

    block: list[ast.stmt]
    moved: list[ast.stmt] = field(default_factory=list)
    """In order of the source."""
    copied: list[ast.stmt] = field(default_factory=list)
    """Those of ``moved`` that stay where they are as well."""
    placeholders: dict[str, list[ast.stmt]] = field(default_factory=dict)
    """Names of placeholders, and the statements that make them."""
    locals: frozenset[str] = frozenset()
    """Names that the moved statements bind."""
    attributes: frozenset[str] = frozenset()
    """Attributes of ``self`` that only the moved statements use: they become local names."""
    captured: frozenset[str] = frozenset()
    """Names that they take from outside."""
    rebound: frozenset[str] = frozenset()
    """Those of ``captured`` that may mean something else later."""


def slice_of(
    module: Module,
    dep: Dependence,
    stmt: ast.stmt,
    outputs: ast.expr,
    keep: frozenset[str],
    also: list[tuple[ast.stmt, ast.expr]],
) -> Slice | Refusal:
    """What has to move to compute ``outputs``, read by ``stmt``; ``keep`` are names of inputs.

    ``also`` are expressions that are computed in the function as well, and the statements that
    read them now.
    """
    try:
        return _Slicer(module, dep, stmt, outputs, keep, also).run()
    except _RefusedError as stop:
        return stop.refusal


class _Slicer:
    def __init__(
        self,
        module: Module,
        dep: Dependence,
        stmt: ast.stmt,
        outputs: ast.expr,
        keep: frozenset[str],
        also: list[tuple[ast.stmt, ast.expr]],
    ) -> None:
        self.module = module
        self.dep = dep
        self.levels = Levels.of(module)
        self.stmt = stmt
        self.outputs = outputs
        self.keep = keep
        self.also = also
        self.exempt = {id(n) for _, expr in also for n in ast.walk(expr)}
        self.block = module.place_of(stmt).block
        self.result = Slice(self.block)
        self.node_id = dep.facts.node_id(stmt)
        self.checked: set[int] = set()
        self.moved: dict[int, ast.stmt] = {}
        """By index in the block."""

    def run(self) -> Slice:
        self._follow(self.dep.links_of(self.node_id, [self.outputs]))
        for reader, expr in self.also:
            self._follow(self.dep.links_of(self.dep.facts.node_id(reader), [expr]))
        while self._take_over():
            pass
        result = self.result
        result.moved = [stmt for _, stmt in sorted(self.moved.items())]
        result.locals = frozenset(name for name in self._bound() if "." not in name)
        for stmt in result.moved:
            self._check_statement(stmt)
        self._keep_for_others()
        self._check_captured()
        return result

    def _nodes(self) -> set[int]:
        return {n for stmt in self.moved.values() for n in self.dep.cfg.span(stmt)}

    def _follow(self, links: Iterable[Link]) -> None:
        queue = deque(links)
        seen: set[int] = set()
        while queue:
            link = queue.popleft()
            definition = link.definition
            name = link.use.symbol.root
            if self.levels.definition(self.dep.scope, definition).level is not Level.GRAPH:
                continue
            if definition.kind in OUTSIDE:
                if definition.kind is DefKind.PARAMETER:
                    raise _no("TM140", f"{name}, a symbolic tensor, is handed in by the callers")
                raise _no("TM140", f"the symbolic tensor {link.use.symbol} is made elsewhere")
            stmt = definition.stmt
            assert stmt is not None
            if self._is_placeholder(stmt):
                self._add_placeholder(name, stmt)
                continue
            top = self._in_block(stmt, str(link.use.symbol))
            if top is self.stmt:
                continue
            index = self.block.index(top)
            if index > self.block.index(self.stmt):
                raise _no("TM140", f"{link.use.symbol} is carried around a loop")
            self.moved[index] = top
            for node_id in self.dep.cfg.span(top):
                if node_id not in seen:
                    seen.add(node_id)
                    queue.extend(self.dep.links_into(node_id))

    def _is_placeholder(self, stmt: ast.stmt) -> bool:
        return (
            isinstance(stmt, ast.Assign)
            and isinstance(stmt.value, ast.Call)
            and self.module.names.resolve(stmt.value.func) == BACKEND + "placeholder"
        )

    def _add_placeholder(self, name: str, stmt: ast.stmt) -> None:
        if name not in self.keep:
            raise _no("TM140", f"the placeholder {name} is no input of the compiled function")
        known = self.result.placeholders.setdefault(name, [])
        if stmt not in known:
            known.append(stmt)

    def _in_block(self, stmt: ast.stmt, what: str) -> ast.stmt:
        current: ast.AST | None = stmt
        while current is not None:
            if any(current is item for item in self.block):
                assert isinstance(current, ast.stmt)
                return current
            current = self.module.parent_of(current)
        raise _no(
            "TM140", f"{what} (line {stmt.lineno}) and the K.function stand in different blocks"
        )

    def _bound(self) -> Iterator[str]:
        for stmt in self.moved.values():
            for node in ast.walk(stmt):
                if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                    symbol = symbol_of(node)
                    if symbol is not None and symbol.root == "self":
                        yield str(symbol)
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                    if not self.module.scopes.is_comprehension_variable(node):
                        yield node.id

    def _take_over(self) -> bool:
        """Move what gives a name, bound by moved statements, the value that they start from."""
        bound = set(self._bound())
        inside = self._nodes()
        reads = [link for n in sorted(inside) for link in self.dep.links_into(n)]
        reads += self.dep.links_of(self.node_id, [self.outputs])
        for link in reads:
            name = link.use.symbol.root
            if name == "self":
                name = str(link.use.symbol)
            definition = link.definition
            if name not in bound or definition.node_id in inside:
                continue
            if definition.kind in OUTSIDE:
                if definition.kind is DefKind.EXTERNAL and self._always_bound(link):
                    continue
                raise _no("TM141", f"{name} comes from outside and is bound again on the way")
            stmt = definition.stmt
            assert stmt is not None
            top = self._in_block(stmt, name)
            index = self.block.index(top)
            if top is not stmt or index > self.block.index(self.stmt):
                raise _no("TM141", f"{name} starts from a value set in a branch or loop")
            if not self._can_move(stmt):
                raise _no(
                    "TM141", f"{name} starts from a value (line {stmt.lineno}) that cannot move"
                )
            self.moved[index] = top
            return True
        return False

    def _always_bound(self, link: Link) -> bool:
        """A variable of the scope only seems to come from outside where no statement binds it."""
        scope = self.dep.scope
        return self.module.scopes.resolve(link.use.symbol.root, scope) is scope

    def _can_move(self, stmt: ast.stmt) -> bool:
        if not isinstance(stmt, ast.Assign) or len(stmt.targets) != 1:
            return False
        target = stmt.targets[0]
        if not isinstance(target, ast.Name) and not self._is_self(target):
            return False
        return self.levels.value(stmt.value).symbolic or self.is_constant(stmt.value)

    def _is_self(self, target: ast.expr) -> bool:
        symbol = symbol_of(target)
        return symbol is not None and symbol.root == "self" and len(symbol.path) == 1

    def is_constant(self, value: ast.expr) -> bool:
        """A number, an empty collection, ``K.variable(0.)``: the same whenever it is evaluated."""
        match value:
            case ast.Constant() | ast.UnaryOp(operand=ast.Constant()):
                return True
            case ast.List(elts=items) | ast.Tuple(elts=items):
                return all(map(self.is_constant, items))
            case ast.Dict(keys=[], values=[]):
                return True
            case ast.Call(func=func, args=args, keywords=keywords):
                made = self.module.names.resolve(func)
                constant = made in (
                    *(BACKEND + n for n in ("variable", "constant", "zeros")),
                    *("tensorflow." + n for n in ("constant", "zeros")),
                )
                given = [*args, *(k.value for k in keywords)]
                return constant and all(map(self.is_constant, given))
        return False

    def _check_statement(self, stmt: ast.stmt) -> None:
        if not isinstance(stmt, _STATEMENTS):
            raise _no("TM141", f"the statement at line {stmt.lineno} cannot move into a function")
        for node in ast.walk(stmt):
            if isinstance(node, ast.stmt) and not isinstance(node, _INSIDE):
                raise _no(
                    "TM141", f"the statement at line {node.lineno} cannot move into a function"
                )
            if isinstance(node, (ast.Yield, ast.YieldFrom, ast.Await, ast.Lambda)):
                raise _no("TM141", f"line {node.lineno} cannot move into a function")
            if isinstance(node, (ast.Attribute, ast.Subscript)) and not isinstance(
                node.ctx, ast.Load
            ):
                if self._is_own_attribute(node):
                    assert isinstance(node, ast.Attribute)
                    self.result.attributes |= {node.attr}
                elif _root(node) not in self.result.locals:
                    raise _no(
                        "TM141",
                        f"{ast.unparse(node)} keeps a symbolic tensor (line {node.lineno}) that "
                        "other code may read",
                    )
        for call in calls_in(stmt):
            self._check_call(call)

    def _is_own_attribute(self, node: ast.AST) -> bool:
        """``self.loss`` that nothing in the module but the moved code reads or sets."""
        if not isinstance(node, ast.Attribute) or not isinstance(node.value, ast.Name):
            return False
        if node.value.id != "self" or self.dep.scope.kind is not ScopeKind.FUNCTION:
            return False
        inside = {id(n) for part in [*self.moved.values(), self.outputs] for n in ast.walk(part)}
        return all(
            id(other) in inside
            for other in self.module.nodes
            if isinstance(other, ast.Attribute) and other.attr == node.attr
        )

    def _check_call(self, call: ast.Call) -> None:
        func = call.func
        resolved = self.module.names.resolve(func)
        name = ast.unparse(func)
        if resolved == BACKEND + "function":
            raise _no("TM141", "a K.function is made among the statements that would move")
        if resolved:
            top, _, leaf = resolved.partition(".")
            if top in _QUIET_MODULES or (top == "numpy" and leaf in _QUIET_NUMPY):
                return
            raise _no("TM142", f"{name}() (line {call.lineno}) would run again for each shape")
        if isinstance(func, ast.Attribute) and func.attr in _BUILT_IN_MUTATORS:
            if _root(func) not in self.result.locals:
                raise _no(
                    "TM142", f"{name}() (line {call.lineno}) changes something outside the function"
                )
            return
        function = self.levels.summaries.callee(call)
        if function is not None:
            self._check_function(function)
            if self.levels.summaries.is_quiet(function):
                for inner in ast.walk(function):
                    if isinstance(inner, ast.Call) and inner is not call:
                        if self.levels.summaries.callee(inner) is not function:
                            self._check_call(inner)
                return
            raise _no("TM142", f"{name}() (line {call.lineno}) keeps state")
        if isinstance(func, ast.Name) and func.id in _QUIET_BUILTINS:
            return
        if isinstance(func, ast.Attribute) and func.attr in _QUIET_METHODS:
            return
        given = [*call.args, *(k.value for k in call.keywords)]
        if any(self.levels.value(arg).symbolic for arg in given):
            return  # it builds the graph
        if self.levels.calls.is_layer(func):
            return
        raise _no("TM142", f"{name}() (line {call.lineno}) would run again for each shape")

    def _check_function(self, function: Function) -> None:
        """A function called with real tensors must not bring Keras tensors of its own."""
        if id(function) in self.checked:
            return
        self.checked.add(id(function))
        for node in ast.walk(function):
            if isinstance(node, ast.expr) and isinstance(getattr(node, "ctx", None), ast.Store):
                continue
            if isinstance(node, ast.expr) and self.levels.brings(function, node):
                raise _no(
                    "TM140",
                    f"{function.name}() reads the symbolic {ast.unparse(node)} (line "
                    f"{node.lineno}) itself",
                )

    def _keep_for_others(self) -> None:
        """Statements that others read as well stay for them; the function gets copies."""
        inside = self._nodes()
        stay: set[int] = set()
        for index, stmt in self.moved.items():
            for definition in self._made_by(stmt):
                for node_id, use in self.dep.facts.reaching.uses_of(definition):
                    if node_id in inside or node_id == self.node_id or use.reference:
                        continue
                    if id(use.node) not in self.exempt:
                        self._stays(index, use.symbol, getattr(use.node, "lineno", 0), stay)
        for name in sorted(self.result.locals):
            line = self._read_in_function(name)
            if line is not None:
                for index, stmt in self.moved.items():
                    if any(d.symbol.root == name for d in self._made_by(stmt)):
                        self._stays(index, Symbol(name), line, stay)
        queue = list(stay)
        while queue:
            index = queue.pop()
            for node_id in self.dep.cfg.span(self.moved[index]):
                for link in self.dep.links_into(node_id):
                    for other, stmt in self.moved.items():
                        made = link.definition.node_id in self.dep.cfg.span(stmt)
                        if made and other not in stay:
                            self._stays(other, link.use.symbol, stmt.lineno, stay)
                            queue.append(other)
        self.result.copied = [self.moved[index] for index in sorted(stay)]
        for name, stmts in self.result.placeholders.items():
            for stmt in stmts:
                for definition in self._made_by(stmt):
                    for node_id, use in self.dep.facts.reaching.uses_of(definition):
                        kept = node_id in {
                            n for s in self.result.copied for n in self.dep.cfg.span(s)
                        }
                        away = node_id not in inside and node_id != self.node_id
                        if kept or (away and id(use.node) not in self.exempt):
                            raise _no("TM143", f"the placeholder {name} is also used elsewhere")

    def _made_by(self, stmt: ast.stmt) -> list[Definition]:
        nodes = self.dep.cfg.span(stmt)
        return [d for d in self.dep.facts.reaching.definitions
                if d.node_id in nodes and d.stmt is not None]  # fmt: skip

    def _stays(self, index: int, symbol: Symbol, line: int, stay: set[int]) -> None:
        """A statement without a gradient call may be there twice."""
        for node in ast.walk(self.moved[index]):
            if isinstance(node, ast.Call) and any(
                found.call is node for found in find_sites(self.module)
            ):
                raise _no("TM143", f"the symbolic {symbol} is also used elsewhere (line {line})")
        stay.add(index)

    def _read_in_function(self, name: str) -> int | None:
        """A line at which a function of the module reads ``name`` of this scope."""
        for node in self.module.nodes:
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id == name:
                inner = self.module.scope_of(node)
                if inner is self.dep.scope or self.module.scopes.is_comprehension_variable(node):
                    continue
                if self.module.scopes.resolve(name, inner) is self.dep.scope:
                    return node.lineno
        return None

    def _check_captured(self) -> None:
        """Names taken from outside must mean then what they mean now."""
        inside = self._nodes()
        captured: set[str] = set()
        rebound: set[str] = set()
        cfg = self.dep.cfg
        uses = [(n, use) for n in sorted(inside) for use in cfg.effects(n).uses]
        outer = {id(n) for n in ast.walk(self.outputs)}
        uses += [(self.node_id, u) for u in cfg.effects(self.node_id).uses if id(u.node) in outer]
        for node_id, use in uses:
            root = use.symbol.root
            if root in self.result.locals or root in self.keep:
                continue
            owner = self.module.scopes.resolve(root, self.dep.scope)
            if owner is None:
                continue
            captured.add(root)
            symbol = Symbol(root)
            if owner is not self.dep.scope:
                if len(self.module.names.bindings(root, self.dep.scope)) > 1:
                    raise _no("TM144", f"{root} is bound more than once in the scope around")
                continue
            here = self._rebinding(self.dep.reaching(node_id, symbol))
            there = self._rebinding(self.dep.reaching(self.node_id, symbol))
            if here != there:
                raise _no("TM144", f"{root} is bound again before the K.function")
            self._check_attribute(use.symbol)
            for definition in self.dep.facts.reaching.definitions:
                if definition.kind in OUTSIDE or not may_overlap(definition.symbol, use.symbol):
                    continue
                if definition.kind is DefKind.REMOTE:
                    raise _no("TM144", f"{root} is bound by another function")
                if self.dep.reaches(self.node_id, definition.node_id):
                    self._changed_later(definition, rebound)
            if any(d.kind is DefKind.REMOTE for d in self.dep.reaching(node_id, symbol)):
                raise _no("TM144", f"{root} is bound by another function")
        self.result.captured = frozenset(captured)
        self.result.rebound = frozenset(rebound)

    def _check_attribute(self, symbol: Symbol) -> None:
        """``self.x`` must not be set by another method that may run between now and the call."""
        if symbol.root != "self" or not symbol.path:
            return
        owner = self.levels.summaries.class_of(self.dep.scope)
        if owner is None:
            return
        for node in ast.walk(owner.node):
            if (
                isinstance(node, ast.Attribute)
                and isinstance(node.ctx, ast.Store)
                and "." + node.attr == symbol.path[0]
                and self.module.scope_of(node) is not self.dep.scope
                and self.module.scope_of(node).name != "__init__"
            ):
                raise _no("TM144", f"{symbol} is set again at line {node.lineno}")

    def _rebinding(self, definitions: Iterable[Definition]) -> frozenset[Definition]:
        return frozenset(
            d for d in definitions if d.kind in (DefKind.STRONG, DefKind.AUGMENTED)
            and not d.symbol.path
        )  # fmt: skip

    def _changed_later(self, definition: Definition, rebound: set[str]) -> None:
        root = definition.symbol.root
        if definition.kind is DefKind.MUTATION or definition.symbol.path:
            stmt = definition.stmt
            if self.dep.is_harmless(definition):
                return
            if isinstance(stmt, ast.Expr) and isinstance(stmt.value, ast.Call):
                func = stmt.value.func
                if not (isinstance(func, ast.Attribute) and func.attr in _BUILT_IN_MUTATORS):
                    return  # model.load_weights(…), model.compile(…): variables are read anew
                if _root(func) != root:
                    return
            line = stmt.lineno if stmt is not None else 0
            raise _no("TM144", f"{root} is changed later (line {line})")
        rebound.add(root)


def _root(expr: ast.expr) -> str:
    while isinstance(expr, (ast.Attribute, ast.Subscript, ast.Call)):
        expr = expr.func if isinstance(expr, ast.Call) else expr.value
    return expr.id if isinstance(expr, ast.Name) else ""
