"""Statements that may read a source from outside the function without naming it.

``W = tf.Variable(…); net = lambda v: v * W`` at module level: ``h = net(x)`` reads ``W``, and no
name says so. What visible functions read is followed by name (``Summaries.reads_when_run``); any
other call on the way to the target may read a source that existed before the function was entered,
so it has to be inside the tape. There it does no harm if it does not.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable
from typing import Final

from tape_migrate.flow.symbols import DefKind, symbol_of
from tape_migrate.names import KNOWN_MODULES
from tape_migrate.shapes.context import Context
from tape_migrate.shapes.dependence import CONTAINER_METHODS, Dependence
from tape_migrate.shapes.evaluated import calls_in, own_expressions
from tape_migrate.shapes.functions import Function, bind
from tape_migrate.shapes.plan import Source, Track
from tape_migrate.shapes.quiet import TENSOR_METHODS

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
    if not any(_is_outer(context, dep, track) for track in source.tracks):
        return frozenset()
    imported = _is_imported(context, dep, source)
    calls = _Calls(context, imported=imported)
    return frozenset(n for n in nodes if calls.unseen_in(dep, n))


def _is_outer(context: Context, dep: Dependence, track: Track) -> bool:
    """Whether a track existed before the function was entered, where others can read it, too."""
    kinds = {d.kind for d in track.definitions}
    if DefKind.PARAMETER in kinds:
        handed = track.certain and _may_be_handed(context, dep, track.symbol.root)
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


def _may_be_handed(context: Context, dep: Dependence, name: str) -> bool:
    """Whether a visible caller hands the parameter what others can read, too."""
    function = dep.scope.node
    if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return True
    for call in context.summaries.callers(function):
        for parameter, value in bind(function, call):
            symbol = symbol_of(value)
            if parameter != name or symbol is None:
                continue
            owner = context.module.scopes.resolve(symbol.root, context.module.scope_of(call))
            if symbol.path or owner is context.module.scopes.module:
                return True
    return False


def _is_imported(context: Context, dep: Dependence, source: Source) -> bool:
    return any(
        isinstance(node, (ast.Import, ast.ImportFrom))
        for track in source.tracks
        for node in context.module.names.bindings(track.symbol.root, dep.scope)
    )


class _Calls:
    """Tells calls that are seen through from the rest."""

    def __init__(self, context: Context, *, imported: bool) -> None:
        self._module = context.module
        self._summaries = context.summaries
        self._imported = imported
        self._functions: dict[int, bool] = {}

    def unseen_in(self, dep: Dependence, node_id: int) -> bool:
        """Whether a node runs anything that is not seen through."""
        node = dep.cfg.nodes[node_id].node
        if node is None or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            return False
        parts = own_expressions(node) if isinstance(node, ast.stmt) else [node]
        return any(self._unseen(part) for part in parts)

    def _unseen(self, part: ast.AST) -> bool:
        if any(self._unseen_call(call) for call in calls_in(part)):
            return True
        return any(
            isinstance(node, _RUNS_METHODS)
            if self._summaries.has_operators
            else isinstance(node, ast.Attribute)
            and isinstance(node.ctx, ast.Load)
            and self._summaries.is_property("." + node.attr)
            for node in ast.walk(part)
        )

    def _unseen_call(self, call: ast.Call) -> bool:
        resolved = self._module.names.resolve(call.func)
        if resolved:
            return self._imported and resolved.partition(".")[0] not in KNOWN_MODULES
        function = self._summaries.callee(call)
        if function is not None:
            return bool(function.decorator_list) or self._unseen_function(function)
        func = call.func
        if isinstance(func, ast.Name):
            return self._unseen_name(func)
        if isinstance(func, ast.Attribute):
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
