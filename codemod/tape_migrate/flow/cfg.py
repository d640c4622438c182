"""Control-flow graph over the statements of one scope.

Nodes are simple statements, headers of compound statements, and a few joints without effect.
Every statement of a ``try`` body may jump to the handlers; a ``finally`` body exists once, so
paths through it mix (facts get larger, never smaller).
"""

from __future__ import annotations

import ast
import enum
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from .bindings import TRY_STATEMENTS, NameTable
from .suppressing import suppresses_by_name
from .symbols import Effects, Part, effects_of

_Flow: TypeAlias = Generator["_Flow", "list[int]", "list[int]"]
_NO_EFFECTS = Effects()
_CANNOT_RAISE = (ast.Pass, ast.Break, ast.Continue, ast.Global, ast.Nonlocal)


class Role(enum.Enum):
    """What a node of the graph stands for."""

    ENTRY = "entry"
    EXIT = "exit"
    STATEMENT = "statement"
    HEADER = "header"
    """The header of a compound statement; for ``for`` the iterable, for ``with`` an item."""
    TARGET = "target"
    """The binding of a ``for`` target at each turn."""
    HANDLER = "handler"
    CASE = "case"
    GUARD = "guard"
    JOINT = "joint"


@dataclass(frozen=True)
class CfgNode:
    """A node: ``node`` is the part of the source it evaluates, ``stmt`` the statement around."""

    id: int
    role: Role
    node: ast.AST | None
    stmt: ast.stmt | None


@dataclass
class _Frame:
    """An enclosing construct that catches jumps."""

    kind: str  # "loop", "try" or "finally"
    head: int
    breaks: list[int]
    pending: dict[str, None]


class Cfg:
    """The finished graph. ``entry`` and ``exit`` are node ids; edges are lists of ids."""

    def __init__(
        self,
        body: Sequence[ast.stmt],
        args: ast.arguments | None,
        names: NameTable | None,
        suppresses: Callable[[ast.expr], bool],
    ) -> None:
        self.body = body
        self.suppresses = suppresses
        self.args = args
        self.nodes: list[CfgNode] = []
        self.successors: list[list[int]] = []
        self.predecessors: list[list[int]] = []
        self.entry = 0
        self.exit = 0
        self._index: dict[ast.AST, int] = {}
        self._spans: dict[ast.stmt, tuple[int, int]] = {}
        self._effects: list[Effects | None] = []
        self._names = names

    @property
    def is_function(self) -> bool:
        """Whether names die at exit; at module and class level they live on."""
        return self.args is not None

    @property
    def names(self) -> NameTable:
        """Names of the scope, where the graph was built with them."""
        assert self._names is not None
        return self._names

    def node_of(self, stmt: ast.AST) -> int:
        """Id of the node that is reached first when ``stmt`` is executed.

        Also takes ``except`` handlers, ``with`` items, ``match`` cases and guards.
        Raises KeyError for anything that is not in this graph.
        """
        return self._index[stmt]

    def __contains__(self, node: ast.AST) -> bool:
        return node in self._index

    def span(self, stmt: ast.stmt) -> range:
        """Ids of all nodes of ``stmt``, bodies of compound statements included."""
        first, last = self._spans[stmt]
        return range(first, last + 1)

    def effects(self, node_id: int) -> Effects:
        """Uses and definitions of a node."""
        known = self._effects[node_id]
        if known is None:
            entry = self.nodes[node_id]
            known = _NO_EFFECTS
            if entry.node is not None and not isinstance(entry.node, TRY_STATEMENTS):
                part = Part.ALL
                if isinstance(entry.node, (ast.For, ast.AsyncFor)):
                    part = Part.TARGET if entry.role is Role.TARGET else Part.ITER
                known = effects_of(entry.node, part)
            self._effects[node_id] = known
        return known

    def _add(
        self, role: Role, node: ast.AST | None, stmt: ast.stmt | None, sources: Iterable[int]
    ) -> int:
        node_id = len(self.nodes)
        self.nodes.append(CfgNode(node_id, role, node, stmt))
        self.successors.append([])
        self.predecessors.append([])
        self._effects.append(None)
        if node is not None:
            self._index.setdefault(node, node_id)
        if stmt is not None:
            self._index.setdefault(stmt, node_id)
        self._link(sources, node_id)
        return node_id

    def _link(self, sources: Iterable[int], target: int) -> None:
        for source in sources:
            if target not in self.successors[source]:
                self.successors[source].append(target)
                self.predecessors[target].append(source)


def build_cfg(
    body: Sequence[ast.stmt],
    args: ast.arguments | None,
    names: NameTable | None = None,
    suppresses: Callable[[ast.expr], bool] = suppresses_by_name,
) -> Cfg:
    """Graph of a statement list; ``args`` are the function's, None at module or class level.

    ``names`` saves time where the scope's name table is known already; ``suppresses`` says of
    which contexts of ``with`` statements an error inside may go no further.
    """
    return _Builder(Cfg(body, args, names, suppresses)).build()


class _Builder:
    """Builds by generators driven from a loop, so that nesting depth costs no recursion."""

    def __init__(self, cfg: Cfg) -> None:
        self.cfg = cfg
        self.frames: list[_Frame] = []

    def build(self) -> Cfg:
        cfg = self.cfg
        cfg.entry = cfg._add(Role.ENTRY, None, None, ())
        cfg.exit = cfg._add(Role.EXIT, None, None, ())
        cfg._link(self._run(self._block(cfg.body, [cfg.entry])), cfg.exit)
        return cfg

    def _run(self, flow: _Flow) -> list[int]:
        stack = [flow]
        value: list[int] | None = None
        while True:
            try:
                # A generator is started with None and continued with its child's result.
                child = stack[-1].send(value) if value is not None else next(stack[-1])
            except StopIteration as stop:
                stack.pop()
                value = stop.value
                if not stack:
                    return stop.value  # type: ignore[no-any-return]
            else:
                stack.append(child)
                value = None

    def _add(self, role: Role, node: ast.AST, stmt: ast.stmt, sources: Iterable[int]) -> int:
        node_id = self.cfg._add(role, node, stmt, sources)
        if not isinstance(node, _CANNOT_RAISE):
            self._may_raise([node_id])
        return node_id

    def _joint(self, sources: Iterable[int]) -> int:
        """A node without effect, where the next statement may raise before it changes anything."""
        node_id = self.cfg._add(Role.JOINT, None, None, sources)
        self._may_raise([node_id])
        return node_id

    def _merge(self, ends: list[int]) -> list[int]:
        """Many ends become one joint, so that long elif chains stay linear in edges."""
        return [self._joint(ends)] if len(ends) > 4 else ends

    def _may_raise(self, sources: Iterable[int]) -> bool:
        for frame in reversed(self.frames):
            if frame.kind != "loop":
                self.cfg._link(sources, frame.head)
                if frame.kind == "finally":
                    frame.pending["raise"] = None
                return True
        return False

    def _jump(self, kind: str, sources: list[int], frames: Sequence[_Frame]) -> None:
        """Send ``sources`` where break, continue, return or raise leads, by way of finally."""
        for frame in reversed(frames):
            caught = frame.kind == "finally" or (frame.kind == "try" and kind == "raise")
            if caught:
                if frame.kind == "finally":
                    frame.pending[kind] = None
                self.cfg._link(sources, frame.head)
                return
            if frame.kind == "loop" and kind == "break":
                frame.breaks.extend(sources)
                return
            if frame.kind == "loop" and kind == "continue":
                self.cfg._link(sources, frame.head)
                return
        self.cfg._link(sources, self.cfg.exit)

    def _block(self, stmts: Sequence[ast.stmt], ends: list[int]) -> _Flow:
        for stmt in stmts:
            first = len(self.cfg.nodes)
            if isinstance(stmt, ast.If):
                ends = yield self._if(stmt, ends)
            elif isinstance(stmt, ast.While):
                ends = yield self._while(stmt, ends)
            elif isinstance(stmt, (ast.For, ast.AsyncFor)):
                ends = yield self._for(stmt, ends)
            elif isinstance(stmt, (ast.With, ast.AsyncWith)):
                ends = yield self._with(stmt, ends)
            elif isinstance(stmt, TRY_STATEMENTS):
                ends = yield self._try(stmt, ends)  # type: ignore[arg-type]
            elif isinstance(stmt, ast.Match):
                ends = yield self._match(stmt, ends)
            else:
                ends = self._simple(stmt, ends)
            self.cfg._spans[stmt] = (first, len(self.cfg.nodes) - 1)
        return ends

    def _simple(self, stmt: ast.stmt, ends: list[int]) -> list[int]:
        node = self._add(Role.STATEMENT, stmt, stmt, ends)
        for kind, name in _JUMPS.items():
            if isinstance(stmt, kind):
                self._jump(name, [node], self.frames)
                return []
        return [node]

    def _if(self, stmt: ast.If, ends: list[int]) -> _Flow:
        header = self._add(Role.HEADER, stmt, stmt, ends)
        after = yield self._block(stmt.body, [header])
        otherwise = yield self._block(stmt.orelse, [header])
        return self._merge(after + otherwise)

    def _while(self, stmt: ast.While, ends: list[int]) -> _Flow:
        header = self._add(Role.HEADER, stmt, stmt, ends)
        frame = _Frame("loop", header, [], {})
        self.frames.append(frame)
        self.cfg._link((yield self._block(stmt.body, [header])), header)
        self.frames.pop()
        forever = isinstance(stmt.test, ast.Constant) and bool(stmt.test.value)
        out = yield self._block(stmt.orelse, [] if forever else [header])
        return self._merge(out + frame.breaks)

    def _for(self, stmt: ast.For | ast.AsyncFor, ends: list[int]) -> _Flow:
        header = self._add(Role.HEADER, stmt, stmt, ends)
        turn = self._joint([header])
        target = self._add(Role.TARGET, stmt, stmt, [turn])
        frame = _Frame("loop", turn, [], {})
        self.frames.append(frame)
        self.cfg._link((yield self._block(stmt.body, [target])), turn)
        self.frames.pop()
        out = yield self._block(stmt.orelse, [turn])
        return self._merge(out + frame.breaks)

    def _with(self, stmt: ast.With | ast.AsyncWith, ends: list[int]) -> _Flow:
        for item in stmt.items:
            ends = [self._add(Role.HEADER, item, stmt, ends)]
        suppresses = self.cfg.suppresses
        if not any(suppresses(item.context_expr) for item in stmt.items):
            return (yield self._block(stmt.body, ends))
        caught = self._joint(ends)
        self.frames.append(_Frame("try", caught, [], {}))
        out = yield self._block(stmt.body, ends)
        self.frames.pop()
        return [*out, caught]

    def _try(self, stmt: ast.Try, ends: list[int]) -> _Flow:
        header = self._add(Role.HEADER, stmt, stmt, ends)
        final = _Frame("finally", self._joint([]), [], {}) if stmt.finalbody else None
        if final is not None:
            self.frames.append(final)
            self._may_raise([header])
        dispatch = self.cfg._add(Role.JOINT, None, None, [header]) if stmt.handlers else None
        if dispatch is not None:
            self.frames.append(_Frame("try", dispatch, [], {}))
        out = yield self._block(stmt.body, [header])
        if dispatch is not None:
            self.frames.pop()
        out = list((yield self._block(stmt.orelse, out)))
        if dispatch is not None:
            for handler in stmt.handlers:
                node = self._add(Role.HANDLER, handler, stmt, [dispatch])
                out += yield self._block(handler.body, [node])
            if all(handler.type is not None for handler in stmt.handlers):
                self._may_raise([dispatch])
        if final is None:
            return self._merge(out)
        self.frames.pop()
        self.cfg._link(out, final.head)
        done = yield self._block(stmt.finalbody, [final.head])
        for kind in final.pending:
            self._jump(kind, done, self.frames)
        return done if out else []

    def _match(self, stmt: ast.Match, ends: list[int]) -> _Flow:
        header = self._add(Role.HEADER, stmt, stmt, ends)
        missed = [header]
        out: list[int] = []
        for case in stmt.cases:
            node = self._add(Role.CASE, case, stmt, missed)
            irrefutable = isinstance(case.pattern, ast.MatchAs) and case.pattern.pattern is None
            missed = [] if irrefutable else missed
            taken = node
            if case.guard is not None:
                taken = self._add(Role.GUARD, case.guard, stmt, [node])
                missed = self._merge([*missed, taken])
            out += yield self._block(case.body, [taken])
        return self._merge(out + missed)


_JUMPS: dict[type[ast.stmt], str] = {
    ast.Return: "return",
    ast.Raise: "raise",
    ast.Break: "break",
    ast.Continue: "continue",
}
