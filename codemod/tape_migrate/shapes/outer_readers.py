"""Statements that may read a source from outside the function without naming it.

``W = tf.Variable(…); net = lambda v: v * W`` at module level: ``h = net(x)`` reads ``W``, and no
name says so. What visible functions read is followed by name (``Summaries.reads_when_run``); any
other call on the way to the target may read a source that existed before the function was entered,
so it has to be inside the tape. There it does no harm if it does not.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Container, Iterable, Iterator
from itertools import takewhile
from typing import Final

from tape_migrate.flow.reaching import Definition
from tape_migrate.flow.symbols import DefKind
from tape_migrate.names import KNOWN_MODULES, canonical
from tape_migrate.shapes.context import Context
from tape_migrate.shapes.dependence import CONTAINER_METHODS, Dependence
from tape_migrate.shapes.evaluated import calls_in, own_expressions
from tape_migrate.shapes.functions import Function
from tape_migrate.shapes.kinds import value_given_by
from tape_migrate.shapes.plan import Source, Track
from tape_migrate.shapes.quiet import TENSOR_METHODS
from tape_migrate.shapes.shared import may_be_shared, parameter_is_shared
from tape_migrate.shapes.unnamed_calls import captured

_PLAIN_METHODS: Final = frozenset(
    {"copy", "format", "get", "items", "join", "keys", "values", "pop", "index", "count", "split"}
)
"""Methods of collections and strings: they run nothing that reads a variable."""

_RUNS_METHODS: Final = (ast.Attribute, ast.Subscript, ast.BinOp, ast.UnaryOp, ast.Compare, ast.Name)
"""What may run a method of an object whose class has operators of its own."""


def outer_readers(
    context: Context, dep: Dependence, source: Source, nodes: Iterable[int]
) -> frozenset[int]:
    """Those of ``nodes`` that may read ``source``, which the function did not make, unseen."""
    outer = any(_is_outer(context, dep, track) for track in source.tracks)
    given = any(_is_given(context, d) for track in source.tracks for d in track.definitions)
    if not outer and not given:
        return frozenset()
    nodes = list(nodes)
    calls = _Calls(context, imported=_imported_names(context, dep, source))
    making = {n for track in source.tracks for n in track.own_nodes}
    # What gives a value that others have cannot have read it before.
    unseen = {n for n in nodes if (outer or n not in making) and calls.unseen_in(dep, n)}
    names = {track.symbol.root for track in source.tracks if not track.symbol.path}
    seen = [n for n in nodes if n not in making | unseen and _reads_others(dep, n, names)]
    if seen:
        own = [context.closure.node_for(track.symbol, dep.scope) for track in source.tracks]
        for n in seen:
            read = [*_parts(dep, n), *calls.read_around(dep, n)]
            if any(context.closure.may_be_among(read, node) for node in own):
                unseen.add(n)
    return frozenset(unseen)


def _reads_others(dep: Dependence, node_id: int, names: Container[str]) -> bool:
    """Whether a node reads any name but those of the source and of libraries."""
    resolve = dep.module.names.resolve
    return any(
        isinstance(node.ctx, ast.Load) and not resolve(node)
        for part in _parts(dep, node_id)
        for node in dep.module.inside(part)
        if isinstance(node, ast.Name) and node.id not in names
    )


def _is_outer(context: Context, dep: Dependence, track: Track) -> bool:
    """Whether a track existed before the function was entered, where others can read it, too."""
    kinds = {d.kind for d in track.definitions}
    if DefKind.PARAMETER in kinds:
        handed = track.certain and parameter_is_shared(context, dep.scope, track.symbol.root)
        return bool(track.symbol.path) or handed
    if DefKind.EXTERNAL not in kinds:
        return False
    bound = context.module.names.bindings(track.symbol.root, dep.scope)
    called: tuple[type[ast.AST], ...] = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    if not track.certain:
        called += (ast.Import, ast.ImportFrom)  # `lib.f` of `x = lib.f(z)` is no other name of `x`
    elif track.symbol.path:
        return True
    return not all(isinstance(node, called) for node in bound)


def _is_given(context: Context, definition: Definition) -> bool:
    """Whether a call gave the value that somebody else may have, too: ``w = weight_of(net)``."""
    if definition.kind is not DefKind.STRONG or not isinstance(definition.stmt, ast.Assign):
        return False
    value = value_given_by(definition.stmt, definition.symbol)
    return isinstance(value, ast.Call) and may_be_shared(context, value)


def _imported_names(context: Context, dep: Dependence, source: Source) -> frozenset[str]:
    """What a source of another module is called there, dotted."""
    names = context.module.names
    found: set[str] = set()
    for track in source.tracks:
        name = track.symbol.root
        bound = names.bindings(name, dep.scope)
        if any(isinstance(node, (ast.Import, ast.ImportFrom)) for node in bound):
            attributes = takewhile(lambda part: part.startswith("."), track.symbol.path)
            found.add(canonical(names.meaning_of_name(name, dep.scope)) + "".join(attributes))
    return frozenset(found)


def _parts(dep: Dependence, node_id: int) -> Iterable[ast.AST]:
    """The expressions that a node of the control flow evaluates itself."""
    node = dep.cfg.nodes[node_id].node
    if node is None or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return ()
    return own_expressions(node) if isinstance(node, ast.stmt) else [node]


class _Calls:
    """Tells calls that are seen through from the rest."""

    def __init__(self, context: Context, *, imported: frozenset[str]) -> None:
        self._module = context.module
        self._summaries = context.summaries
        self._imported = imported
        self._functions: dict[int, bool] = {}

    def unseen_in(self, dep: Dependence, node_id: int) -> bool:
        """Whether a node runs anything that is not seen through."""
        return any(self._unseen(part) for part in _parts(dep, node_id))

    def read_around(self, dep: Dependence, node_id: int) -> Iterator[ast.expr]:
        """What the functions in sight that a node calls read of what is around them."""
        for part in _parts(dep, node_id):
            for call in calls_in(part):
                function = self._summaries.callee(call)
                for each in self._summaries.reached(function) if function is not None else ():
                    yield from captured(self._module, each)

    def _unseen(self, part: ast.AST) -> bool:
        if any(self._unseen_call(call) for call in calls_in(part)):
            return True
        if any(map(self._unseen_if_run, self._module.inside(part))):
            return True
        if self._imported and any(map(self._is_source, self._module.inside(part))):
            return True
        return any(
            isinstance(node, _RUNS_METHODS)
            if self._summaries.has_operators
            else isinstance(node, ast.Attribute)
            and isinstance(node.ctx, ast.Load)
            and self._summaries.is_property("." + node.attr)
            for node in self._module.inside(part)
        )

    def _unseen_if_run(self, node: ast.AST) -> bool:
        """``net_of`` in ``map(net_of, xs)``, judged as where it is called."""
        if not isinstance(node, ast.Name):
            return False
        parent = self._module.parent_of(node)
        if isinstance(parent, ast.Call) and parent.func is node:
            return False
        function = self._summaries.mentioned(node)
        return function is not None and self._unseen_function(function)

    def _is_source(self, node: ast.AST) -> bool:
        """Whether the source is read by what it is called in its own module (``lib.W``)."""
        if not isinstance(node, (ast.Name, ast.Attribute)):
            return False
        if isinstance(self._module.parent_of(node), ast.Attribute):
            return False
        dotted = self._module.names.resolve(node)
        return bool(dotted) and any(f"{name}.".startswith(f"{dotted}.") for name in self._imported)

    def _unseen_call(self, call: ast.Call) -> bool:
        resolved = self._module.names.resolve(call.func)
        if resolved:
            return bool(self._imported) and resolved.partition(".")[0] not in KNOWN_MODULES
        function = self._summaries.callee(call)
        if function is not None:
            return bool(function.decorator_list) or self._unseen_function(function)
        func = call.func
        if isinstance(func, ast.Name):
            return self._unseen_name(func)
        if isinstance(func, ast.Attribute):
            if self._summaries.methods_named(func.attr):
                return True
            return func.attr not in TENSOR_METHODS | CONTAINER_METHODS | _PLAIN_METHODS
        return True

    def _unseen_name(self, func: ast.Name) -> bool:
        scope = self._module.scope_of(func)
        if not self._module.names.is_local(func.id, scope):
            return not hasattr(builtins, func.id)
        if self._module.is_module_scope(self._module.scopes.resolve(func.id, scope) or scope):
            return True
        # A lambda, or what a call gave, is judged where it was made: on the way, too.
        return not all(
            isinstance(node, ast.FunctionDef)
            or (
                isinstance(node, ast.Assign)
                and (
                    isinstance(node.value, (ast.Lambda, ast.Call))
                    or self._summaries.named(node.value) is not None
                )
            )
            for node in self._module.names.bindings(func.id, scope)
        )

    def _unseen_function(self, function: Function) -> bool:
        key = id(function)
        if key not in self._functions:
            self._functions[key] = False  # recursion adds nothing of its own
            self._functions[key] = any(self._unseen(stmt) for stmt in function.body)
        return self._functions[key]
