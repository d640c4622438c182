"""Sources in a list that a call on the way may have put there, after a tape would watch them.

``activations = []``, ``y = network(x, activations)``, and the gradient is taken with respect to
``activations``: a tape that is opened before the call watches what is in the list by then. What
visible functions do with a list that they are given is looked at; others may do anything.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from tape_migrate.flow.symbols import Symbol, holders, may_overlap
from tape_migrate.shapes.binding import bind
from tape_migrate.shapes.context import Context
from tape_migrate.shapes.dependence import Dependence
from tape_migrate.shapes.evaluated import COMPOUND, calls_in, own_expressions
from tape_migrate.shapes.filled import filled_by, handed_methods, is_container
from tape_migrate.shapes.functions import Function
from tape_migrate.shapes.held import is_only_read
from tape_migrate.shapes.in_place import changes_parameter
from tape_migrate.shapes.plan import Kind, Refusal, Source


def refuse_filled_sources(
    context: Context,
    dep: Dependence,
    given: ast.expr,
    sources: Iterable[Source],
    call_node: int,
) -> Refusal | None:
    """Refuse sources that a call between their watch and the gradient may have replaced.

    ``given`` is what the gradient is taken with respect to: perhaps a list of the ``sources``.
    """
    for symbol in holders([given]):
        # A list whose members were followed one by one: there may be more of them by now.
        made = [d.node_id for d in dep.reaching(call_node, symbol)]
        for node_id, call, grown in _growing(context, dep):
            if symbol in grown and is_container(dep, node_id, symbol):
                if _is_between(dep, made, node_id, call_node):
                    return _refusal(call, symbol)
    for source in sources:
        symbol = source.symbol
        member = any(part.startswith("[") for part in symbol.path)
        if not member and (symbol.path or source.kind is Kind.TENSOR):
            continue
        for node_id, call in _calls_of(dep):
            if not _is_between(dep, source.track.own_nodes, node_id, call_node):
                continue
            if node_id in source.changed_at and _is_statement(dep, node_id, call):
                continue  # `ws.append(x)`: the tape is opened after that, or not at all
            filled = [s for s in _filled(context, dep, node_id, call) if may_overlap(s, symbol)]
            if filled and (member or any(is_container(dep, node_id, s) for s in filled)):
                return _refusal(call, filled[0])
    return None


def _refusal(call: ast.Call, filled: Symbol) -> Refusal:
    return Refusal(
        "TM104",
        f"the call in line {call.lineno} may put something else into {filled}, which the gradient "
        "is taken with respect to",
    )


def _growing(context: Context, dep: Dependence) -> list[tuple[int, ast.Call, list[Symbol]]]:
    """The calls of a scope that put something into what they are given, and into what."""
    known = dep.module.memo.setdefault("calls that put something into what is given", {})
    assert isinstance(known, dict)
    if dep.scope not in known:
        known[dep.scope] = [
            (node_id, call, grown)
            for node_id, call in _calls_of(dep)
            if (grown := _grown(context, call))
        ]
    found: list[tuple[int, ast.Call, list[Symbol]]] = known[dep.scope]
    return found


def _grown(context: Context, call: ast.Call) -> list[Symbol]:
    """What a visible function, called for its result, puts something into."""
    function = context.summaries.callee(call)
    if function is None:
        return []
    summaries = context.summaries
    given = bind(function, call)
    return holders(v for name, v in given if changes_parameter(summaries, function, name))


def _calls_of(dep: Dependence) -> Iterator[tuple[int, ast.Call]]:
    for node in dep.cfg.nodes:
        part = node.node
        if part is None or isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            continue
        # What stands in a loop or a branch has nodes of its own.
        for own in own_expressions(part) if isinstance(part, COMPOUND) else [part]:
            for call in calls_in(own):
                yield node.id, call


def _is_statement(dep: Dependence, node_id: int, call: ast.Call) -> bool:
    stmt = dep.stmt_of(node_id)
    return isinstance(stmt, ast.Expr) and stmt.value is call


def _is_between(dep: Dependence, made: Iterable[int], node_id: int, call_node: int) -> bool:
    return dep.reaches(node_id, call_node) and any(dep.reaches(n, node_id) for n in made)


def _filled(context: Context, dep: Dependence, node_id: int, call: ast.Call) -> Iterable[Symbol]:
    if _is_of_tape(dep, call):
        return ()
    function = context.summaries.callee(call)
    if function is None:
        return filled_by(context, dep, node_id, call)
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    methods = list(handed_methods(dep, node_id, call))
    read = [value for name, value in bind(function, call) if _only_reads(context, function, name)]
    return [*methods, *holders(v for v in given if not any(v is known for known in read))]


def _is_of_tape(dep: Dependence, call: ast.Call) -> bool:
    """``tape.watch(ws)`` in ``with tf.GradientTape() as tape``: it only reads what it is given."""
    match call.func:
        case ast.Attribute(value=ast.Name(id=name), attr="watch" | "gradient"):
            names = dep.module.names
            made = [
                item.context_expr
                for bound in names.bindings(name, dep.scope)
                for item in (bound.items if isinstance(bound, ast.With) else [])
            ]
            return bool(made) and all(
                isinstance(each, ast.Call) and names.resolve(each.func) == "tensorflow.GradientTape"
                for each in made
            )
    return False


def _only_reads(context: Context, function: Function, parameter: str) -> bool:
    module = context.module
    return all(
        is_only_read(module, node)
        for node in module.inside(function)
        if isinstance(node, ast.Name) and node.id == parameter and isinstance(node.ctx, ast.Load)
    )
