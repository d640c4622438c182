"""Functions defined inside the scope that change what the target reads, run where nobody sees it.

``def put(v): box.h = v * W`` and ``hand(put, x)``, ``map(put, xs)``, ``table["put"](x)``, or an
object of a local class that is called: what ``box.h`` holds afterwards was computed there, and no
name says so. Where every such call stands inside the tape, all of it is recorded; one outside of it
may have computed a part of the target.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Collection, Iterable, Iterator, Sequence

from tape_migrate.flow.scope import Scope
from tape_migrate.flow.symbols import Symbol, may_overlap, symbol_of
from tape_migrate.module import Module
from tape_migrate.names import KNOWN_MODULES
from tape_migrate.parsed import walk
from tape_migrate.shapes.changed import changes_in
from tape_migrate.shapes.context import Context
from tape_migrate.shapes.dependence import HARMLESS_BUILTINS, Dependence
from tape_migrate.shapes.evaluated import calls_in, own_expressions
from tape_migrate.shapes.plan import OUTSIDE, Link, Refusal, Source
from tape_migrate.shapes.quiet import TENSOR_METHODS

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
_UNRECORDED = "tensorflow.recompute_grad"
_SETTERS = frozenset({"setattr", "delattr", "vars"})
_OWN_SETTERS = frozenset({"__setattr__", "__delattr__", "__setitem__", "__delitem__", "__dict__"})


def refuse_closures(
    context: Context,
    dep: Dependence,
    inside: frozenset[int],
    links: Iterable[Link],
    sources: Iterable[Source],
    call_node: int,
) -> Refusal | None:
    """Refuse if a call outside of the tape may run a function that changes what ``links`` read.

    ``inside`` are the nodes that the tape encloses. A source that such a function sets is watched
    too early, wherever it runs.
    """
    changes = _changes(dep.module, dep.scope)
    for symbol in [source.symbol for source in sources if source.symbol.path] if changes else ():
        if any(may_overlap(changed, symbol) for _, changed in changes):
            return Refusal("TM104", f"a function that is defined here changes what {symbol} holds")
    reads = {link.use.symbol for link in links} if changes else ()
    for function, changed in changes:
        if not any(may_overlap(changed, read) for read in reads):
            continue
        runs = _Runs(context, dep, function)
        for node in dep.cfg.nodes:
            if node.node is not None and runs.hides(node.node):
                return Refusal(
                    "TM104",
                    f"a function that is defined here changes what {changed} holds, and "
                    f"tf.recompute_grad runs it unrecorded (line {_line(dep, node.id)})",
                )
            if node.node is None or node.id in inside or node.id == call_node:
                continue
            if dep.reaches(node.id, call_node) and runs.may_run(node.node):
                return Refusal(
                    "TM104",
                    f"a function that is defined here changes what {changed} holds, and may run "
                    f"in line {_line(dep, node.id)}, outside of the tape",
                )
    return None


def put_by_closures(
    context: Context, dep: Dependence, inside: Collection[int], links: Iterable[Link]
) -> frozenset[int]:
    """Nodes by which what functions defined here put into what ``links`` read came to be, where
    the tape encloses, as ``inside``, that they run: ``def put(): box["h"] = u`` reads ``u``."""
    changes = _changes(dep.module, dep.scope)
    reads = {link.use.symbol for link in links} if changes else set()
    captured = _captured_names(dep) if changes else set()
    found: set[int] = set()
    for function, changed in changes:
        if not any(may_overlap(changed, read) for read in reads):
            continue
        runs = _Runs(context, dep, function)
        for node_id in inside:
            node = dep.cfg.nodes[node_id].node
            if node is None or not runs.may_run(node):
                continue
            reached = [
                definition
                for name in captured
                for definition in dep.reaching(node_id, Symbol(name))
            ]
            given = {link.definition.node_id for link in dep.links_into(node_id)}
            found |= given | {d.node_id for d in reached if d.kind not in OUTSIDE}
    links = [link for node_id in found for link in dep.links_into(node_id)]
    return frozenset(found) | dep.slice_back(links)[0]


def _captured_names(dep: Dependence) -> set[str]:
    """Variables of the scope that functions which are defined in it read."""
    module = dep.module
    return {
        node.id
        for node in module.of_kind_inside(ast.Name, dep.scope.node)
        if isinstance(node.ctx, ast.Load)
        and (scope := module.scope_of(node)) is not dep.scope
        and module.scopes.resolve(node.id, scope) is dep.scope
    }


def _line(dep: Dependence, node_id: int) -> int:
    stmt = dep.stmt_of(node_id)
    return stmt.lineno if stmt is not None else 0


def _changes(module: Module, scope: Scope) -> Sequence[tuple[ast.AST, Symbol]]:
    """The functions and classes inside ``scope`` that change its own objects, and which."""
    key = f"changes by closures {id(scope)}"
    known = module.memo.get(key)
    if not isinstance(known, tuple):
        known = module.memo[key] = tuple(_find_changes(module, scope))
    return known


def _find_changes(module: Module, scope: Scope) -> Iterator[tuple[ast.AST, Symbol]]:
    for node in module.inside(scope.node):
        if not isinstance(node, _FUNCTIONS) or module.scope_of(node) is not scope:
            continue
        for changed, root in _changed_inside(module, node):
            where = module.scope_of(changed)
            if where is not scope and module.scopes.resolve(root, where) is scope:
                yield node, symbol_of(changed) or Symbol(root)


def _changed_inside(module: Module, function: ast.AST) -> Iterator[tuple[ast.expr, str]]:
    """What is stored into, filled, bound again or set behind its back inside ``function``."""
    yield from changes_in(function)
    for node in module.inside(function):
        root: ast.expr | None = None
        if isinstance(node, ast.Attribute) and node.attr in _OWN_SETTERS:
            root = node.value
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            root = node
        elif isinstance(node, ast.Call) and node.args:
            name = node.func.id if isinstance(node.func, ast.Name) else ""
            own = isinstance(node.func, ast.Attribute) and node.func.attr in _OWN_SETTERS
            if name in _SETTERS or own:
                root = node.args[0]
        while isinstance(root, (ast.Attribute, ast.Subscript)):
            root = root.value
        if isinstance(root, ast.Name):
            yield root, root.id


class _Runs:
    """Tells which statements of the scope may run one of the functions defined in it."""

    def __init__(self, context: Context, dep: Dependence, function: ast.AST) -> None:
        self._module = dep.module
        self._summaries = context.summaries
        self._function = function
        self._names: set[str] = set()
        """By which it may be called, or that hold what holds it."""
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            self._names.add(function.name)
        stmts = [n for n in self._module.inside(dep.scope.node) if isinstance(n, ast.stmt)]
        stmts = [stmt for stmt in stmts if self._module.scope_of(stmt) is dep.scope]
        size = -1
        while len(self._names) != size:
            size = len(self._names)
            for stmt in stmts:
                if any(map(self._is_mentioned, _own_parts(stmt))):
                    self._names |= _bound_by(stmt)
        handed = (call for stmt in stmts for part in _own_parts(stmt) for call in calls_in(part))
        self._is_out_of_sight = any(
            self._is_handed_on(call) and self._summaries.callee(call) is None for call in handed
        )

    def may_run(self, node: ast.AST) -> bool:
        return any(self._runs(call) for part in _own_parts(node) for call in calls_in(part))

    def hides(self, node: ast.AST) -> bool:
        """Whether a node hands the function to ``tf.recompute_grad``: no tape records it there."""
        resolve = self._module.names.resolve
        if node is self._function and isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            return any(resolve(each) == _UNRECORDED for each in node.decorator_list)
        return any(
            resolve(call.func) == _UNRECORDED and self._is_handed_on(call)
            for part in _own_parts(node)
            for call in calls_in(part)
        )

    def _is_mentioned(self, part: ast.AST) -> bool:
        return any(
            node is self._function or (isinstance(node, ast.Name) and node.id in self._names)
            for node in self._module.inside(part)
        )

    def _runs(self, call: ast.Call) -> bool:
        resolved = self._module.names.resolve(call.func)
        if resolved.partition(".")[0] in KNOWN_MODULES:
            return self._is_handed_on(call)
        if self._is_mentioned(call.func) or self._is_handed_on(call):
            return True
        return self._is_out_of_sight and not self._is_harmless(call)

    def _is_handed_on(self, call: ast.Call) -> bool:
        func = call.func
        if isinstance(func, ast.Name) and func.id in HARMLESS_BUILTINS:
            return False
        if isinstance(func, ast.Attribute) and func.attr in TENSOR_METHODS:
            return False
        return any(map(self._is_mentioned, (*call.args, *call.keywords)))

    def _is_harmless(self, call: ast.Call) -> bool:
        func = call.func
        if isinstance(func, ast.Attribute):
            return func.attr in TENSOR_METHODS
        builtin = isinstance(func, ast.Name) and hasattr(builtins, func.id)
        return builtin or self._summaries.keeps_nothing(call)


def _own_parts(node: ast.AST) -> list[ast.AST]:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return [*node.decorator_list]
    return own_expressions(node) if isinstance(node, ast.stmt) else [node]


def _bound_by(stmt: ast.stmt) -> set[str]:
    """Names that a statement gives something to, or calls a method of."""
    found: set[str] = set()
    for part in (stmt, *_own_parts(stmt)) if not isinstance(stmt, _FUNCTIONS) else ():
        for node in walk(part) if part is not stmt else _targets(stmt):
            target: ast.AST | None = None
            if isinstance(node, (ast.Name, ast.Attribute, ast.Subscript)):
                target = node if not isinstance(node.ctx, ast.Load) else None
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                target = node.func.value
            while isinstance(target, (ast.Attribute, ast.Subscript)):
                target = target.value
            if isinstance(target, ast.Name):
                found.add(target.id)
    return found


def _targets(stmt: ast.stmt) -> list[ast.AST]:
    match stmt:
        case ast.Assign(targets=targets):
            roots: list[ast.expr] = [*targets]
        case ast.AnnAssign(target=target) | ast.AugAssign(target=target) | ast.For(target=target):
            roots = [target]
        case ast.With(items=items):
            roots = [item.optional_vars for item in items if item.optional_vars is not None]
        case _:
            roots = []
    return [node for root in roots for node in walk(root)]
