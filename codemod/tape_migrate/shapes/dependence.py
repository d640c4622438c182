"""Which statements of one scope carry a source into a target.

Built on reaching definitions: a *link* says that a node reads a symbol which a definition gave
it. ``tainted`` follows links forward from a source, ``slice_back`` follows them backward from a
target; a statement in both carries the source into the target, and has to be inside the tape.
"""

from __future__ import annotations

import ast
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from tape_migrate.flow.cfg import Role
from tape_migrate.flow.reaching import Definition
from tape_migrate.flow.scope import Scope
from tape_migrate.flow.symbols import DefKind, Symbol, Use, is_prefix, may_overlap, symbol_of
from tape_migrate.module import Module
from tape_migrate.names import KNOWN_MODULES
from tape_migrate.parsed import walk
from tape_migrate.shapes.barriers import carries_nothing
from tape_migrate.shapes.evaluated import COMPOUND, functions_in, own_expressions
from tape_migrate.shapes.plan import OUTSIDE, Link, Track, in_order
from tape_migrate.shapes.unittests import is_assertion

CONTAINER_METHODS = frozenset(
    ("append", "extend", "insert", "add", "update", "setdefault", "watch")
)
"""Methods that change their receiver, not their arguments."""

OF_LISTS = frozenset({"list", "dict", "set", "deque", "operator", "heapq", "bisect", "random"})
"""Types and modules whose functions change the collection that they are given first."""

_HOMES_OF_LISTS = frozenset({"builtins", "collections", "operator", "heapq", "bisect", "random"})
"""Modules in which they are."""

HARMLESS_BUILTINS = frozenset(
    ("print", "len", "isinstance", "repr", "str", "type", "id", "hasattr")
)


def is_certain_read(read: Symbol, symbol: Symbol) -> bool:
    """Whether reading ``read`` reads the value of ``symbol`` itself."""
    if is_prefix(symbol, read):
        return True
    # A list or a dictionary holds just what was put into it; an object may hold more.
    return is_prefix(read, symbol) and symbol.path[len(read.path)].startswith("[")


def reads_track(link: Link, track: Track) -> bool:
    """Whether ``link`` reads the value that ``track`` stands for."""
    if link.definition in track.definitions:
        return may_overlap(link.use.symbol, track.symbol)
    return (
        link.definition.kind in OUTSIDE
        and track.outside
        and may_overlap(link.use.symbol, track.symbol)
    )


class CalleeReads(Protocol):
    """What calls of the module's own functions read without being given it."""

    def reads_when_run(self, func: ast.expr) -> Iterable[Symbol]:
        """Attributes of ``self`` and module-level variables that running ``func`` reads, if that
        is a visible function."""

    def is_computed(self, symbol: Symbol, scope: Scope, holders: Iterable[Definition]) -> bool:
        """Whether reading an attribute may run code that reads what the object holds."""

    def changes_something(self, call: ast.Call) -> bool:
        """Whether ``call`` runs a visible function that may keep or change what it is given."""

    def keeps_nothing(self, call: ast.Call) -> bool:
        """Whether ``call`` runs a visible function that keeps and changes nothing."""


class Dependence:
    """Links between the nodes of one scope's control-flow graph."""

    def __init__(self, module: Module, scope: Scope, callees: CalleeReads) -> None:
        self.callees = callees
        self.module = module
        self.scope = scope
        self.facts = module.facts(scope)
        self.cfg = self.facts.cfg
        self._into: dict[int, tuple[Link, ...]] = {}
        self._out_of: dict[int, list[Link]] | None = None
        self._outside: list[Link] = []
        self._tainted: dict[tuple[object, ...], frozenset[int]] = {}
        self._before: dict[int, bytearray] = {}
        """By a node, those from which it can be reached."""
        self._after: dict[int, bytearray] = {}
        self._asked: set[int] = set()
        """For a node, which nodes execution can come from (looked up once)."""

    def links_into(self, node_id: int) -> tuple[Link, ...]:
        """Everything that ``node_id`` reads, with the definitions that reach it."""
        known = self._into.get(node_id)
        if known is None:
            known = tuple(self._compute_links(node_id))
            self._into[node_id] = known
        return known

    def links_of(self, node_id: int, exprs: Iterable[ast.AST]) -> list[Link]:
        """The links of ``node_id`` whose reads stand inside one of ``exprs``."""
        inside = {id(n) for expr in exprs for n in walk(expr)}
        return [link for link in self.links_into(node_id) if id(link.use.node) in inside]

    def _compute_links(self, node_id: int) -> Iterator[Link]:
        node = self.cfg.nodes[node_id]
        if node.role in (Role.TARGET, Role.CASE) and node.stmt is not None:
            # What a loop or a match runs over comes out at its targets.
            header = self.cfg.node_of(node.stmt)
            for link in self.links_into(header) if header != node_id else ():
                yield Link(node_id, link.use, link.definition)
        if isinstance(node.node, ast.ExceptHandler) and node.node.name and node.stmt is not None:
            # What was raised may hold whatever the body has computed.
            for stmt in getattr(node.stmt, "body", ()):
                for raising in self.cfg.span(stmt):
                    for link in self.links_into(raising):
                        yield Link(node_id, link.use, link.definition)
        for use in self._uses(node_id):
            for definition in in_order(self.reaching(node_id, use.symbol)):
                yield Link(node_id, use, definition)

    def reaching(self, node_id: int, symbol: Symbol) -> frozenset[Definition]:
        """Definitions that reach ``node_id``, without "changes" that cannot change a tensor."""
        found = self.facts.reaching.at(node_id, symbol)
        return frozenset(d for d in found if not self.is_harmless(d))

    def is_harmless(self, definition: Definition) -> bool:
        """Whether a mutation is only an argument of a call that keeps and changes nothing."""
        stmt = definition.stmt
        if definition.kind is not DefKind.MUTATION or not isinstance(stmt, ast.Expr):
            return False
        call = stmt.value
        if not isinstance(call, ast.Call):
            return False
        if definition.symbol == Symbol("self") and begins_inherited(self.scope, stmt):
            return True
        if isinstance(call.func, ast.Attribute):
            receiver = symbol_of(call.func.value)
            if receiver is not None and may_overlap(receiver, definition.symbol):
                return self._known_module(call.func) or is_assertion(self.module, call)
            if self.is_of_lists(call.func):
                return False
            # `lib.add(xs, y)` is a function, which may do anything to what it is given.
            method = not self.module.names.resolve(call.func) and not self._is_of_class(call.func)
            if call.func.attr in CONTAINER_METHODS and method:
                # Its arguments stay as they are; what it is called on changes.
                names = {n.id for n in ast.walk(call.func.value) if isinstance(n, ast.Name)}
                return receiver is not None or definition.symbol.root not in names
        return (
            self._known_module(call.func)
            or (isinstance(call.func, ast.Name) and call.func.id in HARMLESS_BUILTINS)
            or is_assertion(self.module, call)
        )

    def is_of_lists(self, func: ast.Attribute) -> bool:
        """``list.append``, ``heapq.heappush``, ``collections.deque.append``."""
        receiver = symbol_of(func.value)
        if receiver is not None and receiver.root in OF_LISTS:
            return True
        return self.module.names.resolve(func).partition(".")[0] in _HOMES_OF_LISTS

    def _is_of_class(self, func: ast.Attribute) -> bool:
        """``Stack.append``: a method of a visible class, which is given its object."""
        if not isinstance(func.value, ast.Name):
            return False
        bound = self.module.names.bindings(func.value.id, self.scope)
        return any(isinstance(node, ast.ClassDef) for node in bound)

    def _known_module(self, func: ast.expr) -> bool:
        return self.module.names.resolve(func).partition(".")[0] in KNOWN_MODULES

    def _uses(self, node_id: int) -> Iterator[Use]:
        seen: set[tuple[str, int]] = set()
        stmt = self.cfg.nodes[node_id].stmt
        begins = stmt is not None and begins_inherited(self.scope, stmt)
        for use in self.cfg.effects(node_id).uses:
            if use.reference or carries_nothing(self.module, use.node, self.callees.keeps_nothing):
                continue
            if begins and use.symbol == Symbol("self"):
                continue
            yield use
            holder = Symbol(use.symbol.root)
            if use.symbol.path and self.callees.is_computed(
                use.symbol, self.scope, self.reaching(node_id, holder)
            ):
                yield Use(holder, use.node)
            # A local function reads its free variables whenever it is called or handed on.
            name = use.symbol.root
            for free in sorted(self.facts.captures.get(name, ())):
                if (free, id(use.node)) not in seen:
                    seen.add((free, id(use.node)))
                    yield Use(Symbol(free), use.node)
        node = self.cfg.nodes[node_id].node
        if node is None or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            return
        parts = own_expressions(node) if isinstance(node, COMPOUND) else [node]
        for func in (func for part in parts for func in functions_in(part)):
            for symbol in self.callees.reads_when_run(func):
                yield Use(symbol, func)

    def _index(self) -> dict[int, list[Link]]:
        if self._out_of is None:
            self._out_of = {}
            for node in self.cfg.nodes:
                for link in self.links_into(node.id):
                    if link.definition.kind in OUTSIDE:
                        self._outside.append(link)
                    else:
                        self._out_of.setdefault(link.definition.node_id, []).append(link)
        return self._out_of

    def reads_of(
        self, symbol: Symbol, definitions: frozenset[Definition], *, certain: bool = False
    ) -> list[Link]:
        """Reads that may get the value which ``definitions`` gave ``symbol``.

        With ``certain``, only reads of that very value (or a part of it): ``net`` in ``f(net)`` is
        no certain read of ``net.x``, for ``f`` may use what ``net`` computed from it earlier.
        """
        found = self._reads_of(symbol, definitions)
        return [r for r in found if is_certain_read(r.use.symbol, symbol)] if certain else found

    def _reads_of(self, symbol: Symbol, definitions: frozenset[Definition]) -> list[Link]:
        out_of = self._index()
        own_nodes = {d.node_id for d in definitions if d.kind not in OUTSIDE}
        found = [
            link
            for node_id in own_nodes
            for link in out_of.get(node_id, ())
            if may_overlap(link.use.symbol, symbol) and may_overlap(link.definition.symbol, symbol)
        ]
        if any(d.kind in OUTSIDE for d in definitions):
            found += [link for link in self._outside if may_overlap(link.use.symbol, symbol)]
        return found

    def tainted(
        self,
        symbol: Symbol,
        definitions: frozenset[Definition],
        *,
        certain: bool = False,
        alias: bool = False,
        without: int | None = None,
    ) -> frozenset[int]:
        """Nodes that may compute from the value which ``definitions`` gave ``symbol``.

        Where ``symbol`` is what is differentiated by, its definitions make another one of it;
        where it is an ``alias``, the copy was taken before: ``w = v; v = tf.sin(v)`` in a loop.
        What comes out of the node ``without`` is not followed. Calls that differentiate by the
        same tensor ask the same, so the answer is kept.
        """
        key = (symbol, definitions, certain, alias, without)
        known = self._tainted.get(key)
        if known is None:
            reads = self.reads_of(symbol, definitions, certain=certain)
            own = {d.node_id for d in definitions if d.kind not in OUTSIDE and not alias}
            known = self._tainted[key] = self._spread(reads, own, without)
        return known

    def computed_from(self, nodes: Iterable[int]) -> frozenset[int]:
        """Nodes that may compute from anything that ``nodes`` define."""
        out_of = self._index()
        return self._spread((link for n in nodes for link in out_of.get(n, ())), set(), None)

    def _spread(self, reads: Iterable[Link], own: set[int], without: int | None) -> frozenset[int]:
        """The nodes of ``reads``, and those that what they compute comes to."""
        out_of = self._index()
        queue = deque(link.node_id for link in reads)
        reached: set[int] = set()
        while queue:
            node_id = queue.popleft()
            if node_id in reached or node_id in own or node_id == without:
                continue
            reached.add(node_id)
            queue.extend(link.node_id for link in out_of.get(node_id, ()))
        return frozenset(reached)

    def tainted_by(
        self, tracks: Iterable[Track], *, certain: bool = False, without: int | None = None
    ) -> frozenset[int]:
        """Nodes that may compute from a source, known by its own name first, then by others."""
        found: set[int] = set()
        for index, track in enumerate(tracks):
            if track.certain or not certain:
                found |= self.tainted(
                    track.symbol,
                    track.definitions,
                    certain=certain,
                    alias=index > 0,
                    without=without,
                )
        return frozenset(found)

    def slice_back(
        self, start: Iterable[Link], *, stop: Callable[[Link], bool] | None = None
    ) -> tuple[frozenset[int], tuple[Link, ...]]:
        """Nodes that ``start`` may depend on, and the links to values from outside the scope.

        Links of which ``stop`` is true (reads of the source itself) are not followed.
        """
        queue = deque(start)
        nodes: set[int] = set()
        outside: dict[tuple[str, int], Link] = {}
        while queue:
            link = queue.popleft()
            definition = link.definition
            if definition.kind in OUTSIDE:
                outside.setdefault((str(link.use.symbol), id(link.use.node)), link)
                continue
            if definition.node_id in nodes or (stop is not None and stop(link)):
                continue
            nodes.add(definition.node_id)
            queue.extend(self.links_into(definition.node_id))
        return frozenset(nodes), tuple(outside.values())

    def stmt_of(self, node_id: int) -> ast.stmt | None:
        return self.cfg.nodes[node_id].stmt

    def reaches(self, start: int, goal: int) -> bool:
        """Whether execution can go from ``start`` to ``goal`` (by at least one edge)."""
        if goal in self._before:
            return bool(self._before[goal][start])
        if start in self._after:
            return bool(self._after[start][goal])
        # Some ask for many nodes before one, others for many behind one: each asks once too often.
        if start in self._asked:
            return bool(self._mark(self._after, start, self.cfg.successors)[goal])
        self._asked.add(start)
        return bool(self._mark(self._before, goal, self.cfg.predecessors)[start])

    def _mark(
        self, known: dict[int, bytearray], begin: int, following: list[list[int]]
    ) -> bytearray:
        marked = known[begin] = bytearray(len(self.cfg.nodes))
        stack = [begin]
        while stack:
            for node_id in following[stack.pop()]:
                if not marked[node_id]:
                    marked[node_id] = 1
                    stack.append(node_id)
        return marked


def begins_inherited(scope: Scope, stmt: ast.stmt) -> bool:
    """Whether ``stmt`` is the call by which a method begins with the one it overrides.

    ``super().setUp()`` or ``super(Test, self).setUp()``, before anything has been read: what the
    object holds after it is, for the rest of the method, what it held at entry.
    """
    node = scope.node
    if not isinstance(node, ast.FunctionDef) or not node.args.args:
        return False
    body = node.body[1:] if ast.get_docstring(node, clean=False) is not None else node.body
    if not body or body[0] is not stmt or node.args.args[0].arg != "self":
        return False
    match stmt:
        case ast.Expr(
            value=ast.Call(
                func=ast.Attribute(
                    value=ast.Call(func=ast.Name(id="super"), args=given, keywords=[]), attr=name
                )
            ) as call
        ):
            named = [arg.id if isinstance(arg, ast.Name) else "" for arg in given]
            read = [n for n in ast.walk(call) if isinstance(n, ast.Name) and n.id == "self"]
            plain = not given or (len(named) == 2 and named[1] == "self")
            return name == node.name and plain and len(read) == len(given) // 2
    return False
