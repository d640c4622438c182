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
_KEEPS = frozenset({"update", "setdefault"})
TAKES_OUT = frozenset({"reverse", "sort", "pop", "popleft", "remove", "clear"})
_CHANGES = _PUTS_IN | _KEEPS | TAKES_OUT


def put_in(
    dep: Dependence, symbol: Symbol, changes: list[Definition], *, certainly_list: bool
) -> tuple[tuple[Track, ...], frozenset[int]] | Refusal:
    """What ``changes`` put into the collection ``symbol``, and the nodes at which they do."""
    tracks: list[Track] = []
    changes = [
        c for c in changes if certainly_list or not only_hands_out(dep, c, symbol)
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


def only_hands_out(dep: Dependence, change: Definition, symbol: Symbol) -> bool:
    """``log(x)``: what gets ``x`` as an argument only is taken to change none of its members,
    unless it is seen to be a function that changes something."""
    call = change.stmt.value if isinstance(change.stmt, ast.Expr) else None
    if change.kind is not DefKind.MUTATION or not isinstance(call, ast.Call):
        return False
    if isinstance(call.func, ast.Attribute):
        receiver = symbol_of(call.func.value)
        if receiver is None or may_overlap(receiver, symbol) or dep.is_of_lists(call.func):
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


def refuse_changed_elsewhere(
    dep: Dependence, reader: int, symbol: Symbol, expr: ast.expr
) -> Refusal | None:
    """Refuse ``symbol``, as ``expr`` reads it, if something else changes it as a collection."""
    other: Symbol | str | None = changed_by_other_name(dep, symbol, reader)
    if other is None and kind_of(dep.module, expr, dep.scope) in (Kind.LIST, Kind.TUPLE):
        other = changed_by_holder(dep, symbol, reader)
    if other is None:
        return None
    return Refusal("TM104", f"what {symbol} holds is also changed by the name of {other}")


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


def changed_by_holder(dep: Dependence, symbol: Symbol, reader: int) -> str | None:
    """What holds the collection ``symbol`` and may change it before ``reader`` runs.

    ``held = [xs]``, ``held[0].append(v)``; ``put = xs.append``, ``put(v)``; ``box = Box(xs)``,
    ``box.put(v)``.
    """
    if symbol.path:
        return None
    holding = holders_of(dep, symbol.root)
    for root, node in _held_collections(dep)[1] if holding else ():
        if root in holding and dep.reaches(dep.facts.node_id(node), reader):
            return root
    return None


def holders_of(dep: Dependence, name: str) -> set[str]:
    """The names of what keeps the collection ``name``, or what keeps that: ``held = [xs]``."""
    held = _held_collections(dep)[0]
    holding = {name}
    while more := {each for one in holding for each in held.get(one, ())} - holding:
        holding |= more
    return holding - {name}


def _held_collections(
    dep: Dependence,
) -> tuple[dict[str, set[str]], list[tuple[str, ast.expr | ast.stmt]]]:
    """For names of the scope what keeps them; and what is changed through what (found once)."""
    key = f"held collections, {id(dep.scope)}"
    known = dep.module.memo.get(key)
    if isinstance(known, tuple):
        return known
    held: dict[str, set[str]] = {}
    changes: list[tuple[str, ast.expr | ast.stmt]] = []
    for node in dep.module.inside(dep.scope.node):
        if not isinstance(node, (ast.Name, ast.Call, ast.Subscript, ast.AugAssign)):
            continue
        if dep.module.scope_of(node) is not dep.scope:
            continue
        if isinstance(node, ast.Name):
            if isinstance(node.ctx, ast.Load) and (holding := _holding(dep, node)):
                held.setdefault(node.id, set()).update(holding)
            continue
        root = _changed_in(dep, node)
        while isinstance(root, (ast.Attribute, ast.Subscript, ast.Call)):
            root = root.func if isinstance(root, ast.Call) else root.value
        if isinstance(root, ast.Name):
            changes.append((root.id, node))
    dep.module.memo[key] = held, changes
    return held, changes


def _holding(dep: Dependence, name: ast.Name) -> set[str]:
    """The names of what keeps ``name`` by the expression that it stands in."""
    module = dep.module
    child: ast.AST = name
    for parent in module.parents_in_statement(name):
        if isinstance(parent, ast.Attribute) and parent.attr not in _CHANGES:
            return set()
        if isinstance(parent, ast.Call) and child is not parent.func:
            func = parent.func
            if isinstance(func, ast.Attribute) and func.attr in _PUTS_IN | _KEEPS:
                return {n.id for n in ast.walk(func.value) if isinstance(n, ast.Name)}
            made = isinstance(func, ast.Name) and any(
                isinstance(node, ast.ClassDef)
                for node in module.names.bindings(func.id, module.scope_of(func))
            )
            if not made:
                return set()
        elif not isinstance(parent, (ast.Attribute, *_DISPLAYS)):
            return set()
        child = parent
    stmt = module.statement_of(name)
    if not isinstance(stmt, ast.Assign) or stmt.value is not child:
        return set()
    return {n.id for target in stmt.targets for n in ast.walk(target) if isinstance(n, ast.Name)}


_DISPLAYS = (ast.List, ast.Tuple, ast.Dict, ast.keyword)


def _changed_in(dep: Dependence, node: ast.AST) -> ast.expr | None:
    """Through what ``node`` changes something that it does not name itself."""
    match node:
        case ast.Call(func=ast.Name() as func):
            return func  # `put(v)`
        case ast.Call(func=ast.Attribute(value=receiver, attr=attr)):
            inner = not isinstance(receiver, ast.Name) and attr in _PUTS_IN | TAKES_OUT
            return receiver if inner or dep.callees.changes_something(node) else None
        case ast.Subscript(ctx=ast.Store() | ast.Del(), value=holder):
            return holder if not isinstance(holder, ast.Name) else None
        case ast.AugAssign(target=ast.Subscript() | ast.Attribute() as target):
            return target
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
        fills = isinstance(call.func, ast.Attribute) and call.func.attr in _CHANGES
        return (own and fills) or dep.callees.changes_something(call)
    if isinstance(call.func, ast.Attribute) and symbol_of(call.func.value) == handle:
        return call.func.attr in _CHANGES or bool(symbol.path)
    change = Definition(handle, node_id, DefKind.MUTATION, stmt)
    return bool(symbol.path) and not dep.is_harmless(change)
