"""Sources that are collections: what was put into them after they were made, and by which name.

A list that is filled in steps holds tensors that may have been computed from one another, and an
object under two names may be changed by either. What is put in is followed under its own name;
what cannot be followed is a reason to refuse.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tape_migrate.flow.reaching import Definition
from tape_migrate.flow.symbols import DefKind, Symbol, is_prefix, may_overlap, symbol_of
from tape_migrate.shapes.dependence import Dependence
from tape_migrate.shapes.kinds import kind_of
from tape_migrate.shapes.plan import Kind, Refusal, Track

_PUTS_IN = frozenset({"append", "appendleft", "extend", "extendleft", "insert", "add"})
OF_LISTS = frozenset({"list", "dict", "set", "deque", "operator", "heapq", "bisect", "random"})
"""Types and modules whose functions change the collection that they are given first."""
TAKES_OUT = frozenset({"reverse", "sort", "pop", "popleft", "remove", "clear"})


def put_in(
    dep: Dependence, symbol: Symbol, changes: list[Definition], *, certainly_list: bool
) -> tuple[tuple[Track, ...], frozenset[int]] | Refusal:
    """What ``changes`` put into the collection ``symbol``, and the nodes at which they do."""
    tracks: list[Track] = []
    changes = [
        c for c in changes if certainly_list or not _only_hands_out(dep, c, symbol)
    ]  # fmt: skip
    for change in changes:
        stmt = change.stmt
        values: list[ast.expr] | None = None
        if change.kind is not DefKind.MUTATION:
            values = [stmt.value] if isinstance(stmt, ast.Assign) else None
        elif isinstance(stmt, ast.Expr) and isinstance(stmt.value, ast.Call):
            func = stmt.value.func
            if isinstance(func, ast.Attribute) and symbol_of(func.value) == symbol:
                if func.attr in _PUTS_IN:
                    values = list(stmt.value.args)
                elif func.attr in TAKES_OUT:
                    values = []
        if values is None:
            return Refusal(
                "TM104", f"{symbol} is changed in a way that is not followed before the gradient"
            )
        for link in dep.links_of(change.node_id, values):
            reached = dep.reaching(change.node_id, link.use.symbol)
            strong = frozenset(d for d in reached if d.kind is not DefKind.MUTATION)
            if strong:
                tracks.append(Track(link.use.symbol, strong, whole=False, single=False))
    return tuple(tracks), frozenset(change.node_id for change in changes)


def _only_hands_out(dep: Dependence, change: Definition, symbol: Symbol) -> bool:
    """``log(x)``: what gets ``x`` as an argument only is taken to change none of its members,
    unless it is seen to be a function that changes something."""
    call = change.stmt.value if isinstance(change.stmt, ast.Expr) else None
    if change.kind is not DefKind.MUTATION or not isinstance(call, ast.Call):
        return False
    if isinstance(call.func, ast.Attribute):
        receiver = symbol_of(call.func.value)
        if receiver is None or may_overlap(receiver, symbol) or receiver.root in OF_LISTS:
            return False
    return not dep.callees.changes_something(call)


def other_names(dep: Dependence, symbol: Symbol) -> Iterator[Symbol]:
    """Other names of the objects by which ``symbol`` is reached (``b`` after ``b = a``)."""
    holders = {Symbol(symbol.root, symbol.path[:length]) for length in range(len(symbol.path) + 1)}
    for group in _groups(dep):
        if holders & group:
            yield from group - holders


def _groups(dep: Dependence) -> list[set[Symbol]]:
    """Names of one object, for each assignment of the scope that makes some (found once)."""
    key = f"names of one object, {id(dep.scope)}"
    known = dep.module.memo.get(key)
    if isinstance(known, list):
        return known
    stmts = [node.node for node in dep.cfg.nodes]
    found = [g for stmt in stmts if isinstance(stmt, ast.Assign) for g in _same_object(stmt)]
    dep.module.memo[key] = found
    return found


def _same_object(stmt: ast.Assign) -> Iterator[set[Symbol]]:
    """Names that an assignment makes names of one object."""
    for exprs in [[*stmt.targets, stmt.value]] + [
        [part, item]
        for target in stmt.targets
        if isinstance(target, (ast.Tuple, ast.List))
        and isinstance(stmt.value, (ast.Tuple, ast.List))
        for part, item in zip(target.elts, stmt.value.elts, strict=False)
    ]:
        names = {name for expr in exprs if (name := symbol_of(expr)) is not None}
        if len(names) > 1:
            yield names


def changed_by_other_name(
    dep: Dependence, symbol: Symbol, reader: int, *, seen: bool = False
) -> Symbol | None:
    """Another name by which a statement that may run before ``reader`` changes an object that
    holds ``symbol``.

    For a plain variable: the object itself, should it be a collection. With ``seen``, calls of
    what is not seen through are taken to change nothing.
    """
    handles = set(other_names(dep, symbol))
    if not handles:
        return None
    for node in dep.cfg.nodes:
        for change in dep.cfg.effects(node.id).defs:
            for handle in handles:
                if not is_prefix(handle, change.symbol) or not dep.reaches(node.id, reader):
                    continue
                if len(change.symbol.path) > len(handle.path):
                    return handle
                mutated = change.kind is DefKind.MUTATION
                if mutated and _changes(dep, node.id, handle, symbol, seen=seen):
                    return handle
                if change.kind is DefKind.AUGMENTED and _grows(dep, node.id):
                    return handle
    return None


def _grows(dep: Dependence, node_id: int) -> bool:
    """Whether ``ys += …`` changes a collection: a tensor gets a new one under that name."""
    stmt = dep.stmt_of(node_id)
    if not isinstance(stmt, ast.AugAssign) or not isinstance(
        stmt.op, (ast.Add, ast.Mult, ast.BitOr)
    ):
        return False
    kinds = [kind_of(dep.module, expr, dep.scope) for expr in (stmt.target, stmt.value)]
    return Kind.TENSOR not in kinds


def _changes(dep: Dependence, node_id: int, handle: Symbol, symbol: Symbol, *, seen: bool) -> bool:
    """Whether the call at ``node_id`` may change what ``symbol`` reads through ``handle``."""
    stmt = dep.stmt_of(node_id)
    call = stmt.value if isinstance(stmt, ast.Expr) else None
    if not isinstance(call, ast.Call):
        return True
    if seen:
        own = isinstance(call.func, ast.Attribute) and symbol_of(call.func.value) == handle
        fills = isinstance(call.func, ast.Attribute) and call.func.attr in _PUTS_IN | TAKES_OUT
        fills = fills or (isinstance(call.func, ast.Attribute) and call.func.attr == "update")
        return (own and fills) or dep.callees.changes_something(call)
    if isinstance(call.func, ast.Attribute) and symbol_of(call.func.value) == handle:
        return call.func.attr in _PUTS_IN | TAKES_OUT or bool(symbol.path)
    change = Definition(handle, node_id, DefKind.MUTATION, stmt)
    return bool(symbol.path) and not dep.is_harmless(change)
