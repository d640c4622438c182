"""Which statements of a Keras program have to move into the function that replaces K.function.

All that compute graph tensors on the way to the compiled outputs, in their order, and the plain
definitions that they take over (``loss = 0`` before ``loss = loss + …``). What moves is traced
once, where ``K.function`` stood, as it was run once to build the old graph; so it must do nothing
else (``keras_moves``), and what it uses must not change between where it stood and where it stands.
What others read as well stays for them, and the function gets a copy.
"""

from __future__ import annotations

import ast
from collections import deque
from collections.abc import Iterable, Iterator

from tape_migrate.flow.reaching import Definition
from tape_migrate.flow.symbols import DefKind, Symbol, symbol_of
from tape_migrate.module import Module
from tape_migrate.shapes.dependence import Dependence
from tape_migrate.shapes.evaluated import calls_in
from tape_migrate.shapes.keras_calls import BACKEND
from tape_migrate.shapes.keras_captures import CaptureChecks
from tape_migrate.shapes.keras_lists import grown_names, held_elsewhere
from tape_migrate.shapes.keras_moves import RefusedError, Slice
from tape_migrate.shapes.keras_moves import refused as _no
from tape_migrate.shapes.keras_values import Level
from tape_migrate.shapes.plan import OUTSIDE, Link, Refusal
from tape_migrate.sites import find_sites


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
    except RefusedError as stop:
        return stop.refusal


class _Slicer(CaptureChecks):
    def run(self) -> Slice:
        for call in calls_in(self.outputs):
            self.refuse_variable(call)
        self._follow(self.dep.links_of(self.node_id, [self.outputs]))
        for reader, expr in self.also:
            self._follow(self.dep.links_of(self.dep.facts.node_id(reader), [expr]))
        while self._take_over() or self._take_check():
            pass
        result = self.result
        result.moved = [stmt for _, stmt in sorted(self.moved.items())]
        result.locals = frozenset(name for name in self._bound() if "." not in name)
        for stmt in result.moved:
            self.check_statement(stmt)
        self._keep_for_others()
        self._check_lists()
        self.check_deleted()
        self.check_captured()
        self.check_weights()
        return result

    def _check_lists(self) -> None:
        own = {id(node) for node in ast.walk(self.outputs)} | self.exempt
        held = held_elsewhere(self.module, self.dep, self.result.moved, own)
        if held is not None:
            raise _no("TM143", f"{held[0]} changes on the way, and is also used in line {held[1]}")

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
            for name in grown_names(stmt):
                if self.module.scopes.resolve(name.id, self.dep.scope) is self.dep.scope:
                    yield name.id

    def _take_over(self) -> bool:
        """Move what gives a name, bound by moved statements, the value that they start from."""
        bound = set(self._bound())
        inside = self.nodes()
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

    def _take_check(self) -> bool:
        """Move a check of what moves (``if grads is None: raise …``): it binds nothing."""
        inside = self.nodes()
        for index, stmt in enumerate(self.block[: self.block.index(self.stmt)]):
            if index in self.moved or not _is_check(stmt):
                continue
            links = [link for n in self.dep.cfg.span(stmt) for link in self.dep.links_into(n)]
            if any(link.definition.node_id in inside for link in links):
                self.moved[index] = stmt
                self._follow(links)
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

    def _keep_for_others(self) -> None:
        """Statements that others read as well stay for them; the function gets copies."""
        inside = self.nodes()
        compiled = next(p for p in self.module.parents(self.outputs) if isinstance(p, ast.Call))
        own = {id(node) for node in ast.walk(compiled)}
        stay: dict[int, int] = {}
        for index, stmt in self.moved.items():
            for definition in self._made_by(stmt):
                for node_id, use in self.dep.facts.reaching.uses_of(definition):
                    if node_id in inside or id(use.node) in own or use.reference:
                        continue
                    if not use.symbol.path and self._is_of_self(definition):
                        continue  # `return self`
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
                            self._stays(other, link.use.symbol, stay[index], stay)
                            queue.append(other)
        self.result.copied = [self.moved[index] for index in sorted(stay)]
        for name, stmts in self.result.placeholders.items():
            line = self._read_in_function(name)
            if line is not None:
                raise _no("TM143", f"the placeholder {name} is also used elsewhere (line {line})")
            for stmt in stmts:
                for definition in self._made_by(stmt):
                    for node_id, use in self.dep.facts.reaching.uses_of(definition):
                        kept = node_id in {
                            n for s in self.result.copied for n in self.dep.cfg.span(s)
                        }
                        away = node_id not in inside and node_id != self.node_id
                        if kept or (away and id(use.node) not in self.exempt):
                            raise _no("TM143", f"the placeholder {name} is also used elsewhere")

    def _is_of_self(self, definition: Definition) -> bool:
        """Whether it sets an attribute of ``self`` that nothing but the moved code reads."""
        path = definition.symbol.path
        own = definition.symbol.root == "self" and len(path) == 1
        return own and path[0].removeprefix(".") in self.result.attributes

    def _made_by(self, stmt: ast.stmt) -> list[Definition]:
        nodes = self.dep.cfg.span(stmt)
        return [d for d in self.dep.facts.reaching.definitions
                if d.node_id in nodes and d.stmt is not None]  # fmt: skip

    def _stays(self, index: int, symbol: Symbol, line: int, stay: dict[int, int]) -> None:
        """A statement without a gradient call may be there twice, for a read in ``line``."""
        for node in ast.walk(self.moved[index]):
            if isinstance(node, ast.Call) and any(
                found.call is node for found in find_sites(self.module)
            ):
                raise _no("TM143", f"the symbolic {symbol} is also used elsewhere (line {line})")
        stay[index] = line

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


def _is_check(stmt: ast.stmt) -> bool:
    """Whether ``stmt`` does nothing but raise, or not."""
    if isinstance(stmt, (ast.Assert, ast.Raise, ast.Pass)):
        return True
    return isinstance(stmt, ast.If) and all(map(_is_check, [*stmt.body, *stmt.orelse]))
