"""Objects that a call fills with what it is given, which no name shows.

``activations = []``, ``out = network(x, activations)``, and the target is computed from
``activations[0]``; or ``net = Net()``, ``out = net.build(x)``, and the target is ``net.loss``. What
the call computes from ``x`` comes back by the object, so the call belongs inside the tape.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator

from tape_migrate.flow.symbols import Symbol, holders, may_overlap, symbol_of
from tape_migrate.names import KNOWN_MODULES
from tape_migrate.shapes.barriers import runs_arguments
from tape_migrate.shapes.context import Context
from tape_migrate.shapes.dependence import CONTAINER_METHODS, Dependence
from tape_migrate.shapes.evaluated import calls_in
from tape_migrate.shapes.given_unasked import returned
from tape_migrate.shapes.kinds import kind_of, value_given_by
from tape_migrate.shapes.plan import Kind, Link
from tape_migrate.shapes.quiet import TENSOR_METHODS

_VIEWS = frozenset(
    f"six.{how}{what}" for how in ("iter", "view") for what in ("items", "keys", "values")
)
"""Functions of other libraries that only read the dictionary that they are given."""

_DEPTH = 3


def fills_what_is_read(context: Context, dep: Dependence, node_id: int, links: list[Link]) -> bool:
    """Whether a node calls what may put its arguments into an object that ``links`` read later."""
    node = dep.cfg.nodes[node_id].node
    if node is None or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return False
    filled: set[Symbol] = set()
    for call in calls_in(node):
        filled.update(filled_by(context, dep, node_id, call))
    return any(
        may_overlap(symbol, link.use.symbol)
        for symbol in filled
        for link in links
        if link.node_id != node_id
    )


def filled_by(context: Context, dep: Dependence, node_id: int, call: ast.Call) -> Iterator[Symbol]:
    """Objects that a call may put its arguments into: ``net.build(x)``, ``f(x, kept)``.

    Of what is handed on, containers and objects that this scope has made: of others it is not known
    whether they are tensors.
    """
    yield from handed_methods(dep, node_id, call)
    names, summaries = dep.module.names, context.summaries
    func = call.func
    resolved = names.resolve(func)
    known = resolved.partition(".")[0] in KNOWN_MODULES or resolved in _VIEWS
    if (known and not runs_arguments(resolved)) or summaries.keeps_nothing(call):
        return
    if isinstance(func, ast.Name) and not names.is_local(func.id, dep.scope):
        if hasattr(builtins, func.id) and func.id != "setattr":
            return
    methods = summaries.methods_named(func.attr) if isinstance(func, ast.Attribute) else []
    if methods and all(map(summaries.is_quiet, methods)):
        return
    if not resolved and summaries.callee(call) is None:
        called = _called_object(dep, func)
        if called is not None:
            yield called
    if isinstance(func, ast.Name):
        for bound in names.bindings(func.id, dep.scope):
            if isinstance(bound, ast.Assign) and isinstance(bound.value, ast.Lambda):
                for inner in calls_in(bound.value.body):
                    yield from filled_by(context, dep, node_id, inner)
    for ran in (call, *_made_with(dep, func)):
        for symbol in holders([*ran.args, *(keyword.value for keyword in ran.keywords)]):
            if _is_made(dep, node_id, symbol):
                yield symbol
            yield from _holder_looped_over(dep, node_id, symbol)


def _made_with(dep: Dependence, func: ast.expr) -> Iterator[ast.Call]:
    """The calls that made what is called, or whose method is called: ``partial(fill, kept)``."""
    made = func.value if isinstance(func, ast.Attribute) else func
    if isinstance(made, ast.Call):
        yield made
    if isinstance(made, ast.Name):
        for bound in dep.module.names.bindings(made.id, dep.scope):
            if isinstance(bound, ast.Assign) and isinstance(bound.value, ast.Call):
                yield bound.value


def handed_methods(dep: Dependence, node_id: int, call: ast.Call) -> Iterator[Symbol]:
    """``kept``, where ``kept.append``, or a name of it, is called or handed on to be called."""
    for given in (call.func, *call.args, *(keyword.value for keyword in call.keywords)):
        values: list[ast.expr | None] = [given]
        if isinstance(given, ast.Name):
            reached = dep.reaching(node_id, Symbol(given.id))
            values += [value_given_by(d.stmt, d.symbol) for d in reached if d.stmt is not None]
        for value in values:
            if isinstance(value, ast.Attribute) and value.attr in CONTAINER_METHODS:
                kept = symbol_of(value.value)
                if kept is not None:
                    yield kept


def _called_object(dep: Dependence, func: ast.expr) -> Symbol | None:
    """The object whose method is called, or which is called itself."""
    if isinstance(func, ast.Name):
        bound = dep.module.names.bindings(func.id, dep.scope)
        made = (ast.Assign, ast.AnnAssign, ast.For, ast.With)
        return Symbol(func.id) if any(isinstance(node, made) for node in bound) else None
    if not isinstance(func, ast.Attribute) or func.attr in TENSOR_METHODS:
        return None
    own = isinstance(func.value, ast.Name) and func.value.id in ("self", "cls")
    return symbol_of(func) if own else symbol_of(func.value)


def _is_made(dep: Dependence, node_id: int, symbol: Symbol) -> bool:
    """Whether a symbol names a container, or an object of a class, that the scope has made."""
    if is_container(dep, node_id, symbol):
        return True
    for value in _given(dep, node_id, symbol):
        if isinstance(value, ast.Call):
            known = dep.module.names.resolve(value.func).partition(".")[0] in KNOWN_MODULES
            if _leaf(value)[:1].isupper() and not known:
                return True
    return False


_CONTAINERS = frozenset(
    {"list", "dict", "set", "sorted", "deque", "defaultdict", "OrderedDict", "Counter"}
)
"""Types of collections, and what makes lists."""


def is_container(dep: Dependence, node_id: int, symbol: Symbol) -> bool:
    """Whether a symbol names a list, dictionary or set that the scope has made."""
    return any(_makes_container(dep, value) for value in _given(dep, node_id, symbol))


def _makes_container(dep: Dependence, value: ast.expr, depth: int = _DEPTH) -> bool:
    """Whether an expression makes a list, dictionary or set: ``[z] * 2``, ``xs[:]`` of a list."""
    match value:
        case ast.List() | ast.Dict() | ast.Set() | ast.ListComp() | ast.DictComp():
            return True
        case ast.BinOp(left=left, op=ast.Add() | ast.Mult() | ast.BitOr(), right=right):
            return any(_makes_container(dep, side, depth - 1) for side in (left, right) if depth)
        case ast.IfExp(body=first, orelse=second):
            return any(_makes_container(dep, side, depth - 1) for side in (first, second) if depth)
        case ast.Subscript(value=ast.Name() as whole, slice=ast.Slice()):
            return kind_of(dep.module, whole, dep.scope) is Kind.LIST
        case ast.Call():
            leaf = _leaf(value)
            if leaf in _CONTAINERS or not depth:
                return leaf in _CONTAINERS
            return any(_makes_container(dep, given, 0) for given in returned(dep, value))
    return False


def _holder_looped_over(dep: Dependence, node_id: int, symbol: Symbol) -> Iterator[Symbol]:
    """``xs`` for ``u`` in ``for u in xs``, where ``xs`` holds lists or dictionaries."""
    for definition in dep.reaching(node_id, symbol):
        if isinstance(definition.stmt, ast.For):
            over = symbol_of(definition.stmt.iter)
            for value in _given(dep, node_id, over) if over is not None else ():
                members = value.elts if isinstance(value, (ast.List, ast.Tuple)) else []
                if over is not None and any(_makes_container(dep, m) for m in members):
                    yield over


def _given(dep: Dependence, node_id: int, symbol: Symbol) -> Iterator[ast.expr]:
    for definition in dep.reaching(node_id, symbol):
        stmt = definition.stmt
        value = value_given_by(stmt, definition.symbol) if stmt is not None else None
        if value is not None:
            yield value


def _leaf(call: ast.Call) -> str:
    func = call.func
    if isinstance(func, ast.Attribute):
        return func.attr
    return func.id if isinstance(func, ast.Name) else ""
