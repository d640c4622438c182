"""Zeros or None: what a graph gives where a branch or a turn of a loop leaves a source out.

A graph holds both branches of ``tf.cond`` and one body of a loop, and gives zeros for what goes
through them, taken or not. A tape that runs eagerly sees the branch that is taken, and gives None.
``unconnected_gradients=ZERO`` makes the two equal where the source is certainly connected in the
graph; where it may be left out altogether, the graph gives None, and the call is refused.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import Final

from tape_migrate.flow.symbols import DefKind, Symbol, symbol_of
from tape_migrate.shapes.branches import through_branches, through_choices
from tape_migrate.shapes.branches_behind import branches_behind
from tape_migrate.shapes.carry import Carried
from tape_migrate.shapes.connected import certainly_connected
from tape_migrate.shapes.context import Context
from tape_migrate.shapes.dependence import Dependence
from tape_migrate.shapes.loop_stops import leaves_out_parameter, only_stopped
from tape_migrate.shapes.nested import is_nested
from tape_migrate.shapes.plan import OUTSIDE, Kind, Link, Refusal, Request
from tape_migrate.shapes.repeats import Repeat
from tape_migrate.shapes.targets import Target
from tape_migrate.shapes.tensorflow_facts import (
    V1_CONTROL_FLOW,
    makes_one_tensor,
    tensorflow_function,
)

_REBINDING: Final = frozenset({DefKind.STRONG, DefKind.AUGMENTED, *OUTSIDE})
_DEFINITIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_LOOPS: Final = frozenset({"map_fn", "scan", "foldl", "foldr"})


def zeros_wanted(
    context: Context,
    dep: Dependence,
    request: Request,
    repeat: Repeat,
    targets: list[Target],
    carried: list[Carried],
    required: frozenset[int],
    every_node: frozenset[int],
    inline: list[ast.expr],
) -> bool | Refusal:
    """Whether the tape must give zeros for what it does not see; a refusal if that is unknown."""
    branches = through_branches(dep, required, inline)
    said = request.unconnected is not None
    zero = request.unconnected is not None and _is_zero(request.unconnected)
    start = [link for target in targets for link in target.links]
    exprs = [target.expr for target in targets]
    start += dep.links_of(dep.facts.node_id(request.call), exprs)
    if not branches and not said:
        nodes = (dep.cfg.nodes[n].node for n in required)
        stmts = [n for n in nodes if n is not None and not isinstance(n, _DEFINITIONS)]
        behind = branches_behind(context.module, [*stmts, *inline])
        if behind is not None:
            what = ast.unparse(behind.func)
            return Refusal("TM103", f"{what} may go through tf.cond or a loop: zeros or None")
    graphs = branches or through_branches(dep, required, inline, V1_CONTROL_FLOW)
    if graphs and request.is_hessian:
        # pfor, by which a jacobian is computed, cannot vectorise all of what loops are made of.
        return Refusal("TM127", "the Hessian goes through tf.cond or a tensor loop")
    hessians = [call for call in context.calls_of(dep, required, inline) if _is_jacobian(call)]
    if hessians and not said:
        # A graph takes a Hessian in a loop, that everything by which it was computed goes into.
        sources = {symbol_of(call.args[1]) for call in hessians if len(call.args) > 1}
        if graphs or any(path.source.symbol not in sources for path in carried):
            return Refusal("TM103", "the target goes through a Hessian: zeros or None")
        return True
    if not said:
        if graphs and is_nested(dep, every_node, request):
            return _refusal("the target is a gradient", "zeros and None could not be told apart")
        if graphs and request.handed and request.reenters:
            # It may differentiate its gradients again.
            return _refusal("", "whether zeros or None are wanted is said inside the helper")
        loops = context.calls_of(dep, required, inline)
        if any(_may_leave_out(context, call) for call in loops):
            return _refusal("", "a loop may leave a source out: zeros or None")
        if branches and _several(dep, request.call, repeat, targets, carried):
            return _refusal("", "another target or source may not: zeros or None")
    if branches and not all(path.visible for path in carried):
        return _refusal("", "one source has no visible path to it: zeros or None")
    if branches and not said:
        for path in carried:
            if not path.source.collected and not certainly_connected(
                context, dep, start, exprs, path.source
            ):
                name = path.source.symbol
                return _refusal("", f"{name} may not go into it at all: zeros or None")
        if _may_be_left(dep, start, carried, required):
            return _refusal("", "Python chooses what is on the path: zeros or None")
    if branches and not said and through_choices(dep, required, inline, request.call):
        return _refusal("", "Python chooses what is on the path: zeros or None")
    if branches and not said and request.stop_gradients is not None:
        return _refusal("", "stop_gradients may cut it off altogether: zeros or None")
    if branches and (request.handed or request.entry):
        return _refusal("", "whether zeros or None are wanted is said inside the helper")
    if not zero:
        call_node = dep.facts.node_id(request.call)
        own = [path.source for path in carried]
        again = request.handed and request.reenters
        stopped = only_stopped(
            context, dep, every_node, inline, call_node, start, exprs, own, again=again
        )
        if stopped is not None:
            return Refusal("TM103", f"a loop may stop {stopped} on the way: zeros or None")
        if branches and said:
            return _refusal("", "a graph gives zeros where unconnected_gradients= asks for None")
    return branches and not said


def _is_zero(said: ast.expr) -> bool:
    """Whether ``unconnected_gradients=`` visibly asks for zeros."""
    match said:
        case ast.Constant(value=str(text)):
            return text.lower() == "zero"
        case ast.Attribute(attr=name):
            return name == "ZERO"
    return False


def _may_be_left(
    dep: Dependence, start: list[Link], carried: list[Carried], required: frozenset[int]
) -> bool:
    """Whether a read on the way may give what no source went into: ``if flag: h = z``."""
    on_path = required.union(*(path.source.track.own_nodes for path in carried))
    given: dict[tuple[int, Symbol], set[bool]] = {}
    for link in (*start, *(link for node in required for link in dep.links_into(node))):
        definition = link.definition
        if definition.kind in _REBINDING and definition.symbol == link.use.symbol:
            found = given.setdefault((id(link.use.node), link.use.symbol), set())
            found.add(definition.node_id in on_path and definition.kind not in OUTSIDE)
    return any(len(found) > 1 for found in given.values())


def _is_jacobian(call: ast.Call) -> bool:
    """What a Hessian has become."""
    return isinstance(call.func, ast.Attribute) and call.func.attr == "jacobian"


def _refusal(first: str, why: str) -> Refusal:
    subject = f"{first}, and goes" if first else "the target goes"
    return Refusal("TM103", f"{subject} through tf.cond or a tensor loop, and {why}")


def _several(
    dep: Dependence,
    call: ast.Call,
    repeat: Repeat,
    targets: list[Target],
    carried: list[Carried],
) -> bool:
    """Whether one call differentiates, in turn, what may and what may not go through a branch."""
    if repeat.target_over is not None:
        return True
    if any(path.source.kind in (Kind.LIST, Kind.TUPLE) for path in carried):
        return True
    reads = dep.links_of(dep.facts.node_id(call), [target.expr for target in targets])
    nodes = [link.definition.node_id for link in reads]
    nodes += [n for path in carried for n in path.source.track.own_nodes]
    return any(isinstance(dep.stmt_of(n), (ast.For, ast.AsyncFor)) for n in nodes)


def _may_leave_out(context: Context, call: ast.Call) -> bool:
    """Whether the body of a loop may compute its result without all that it is given."""
    if tensorflow_function(context.module.names.resolve(call.func)) not in _LOOPS:
        return False
    given = {k.arg: k.value for k in call.keywords}
    body = call.args[0] if call.args else given.get("fn")
    over: Iterable[ast.expr | None] = (
        *call.args[1:3],
        given.get("elems"),
        given.get("initializer"),
    )
    if any(isinstance(expr, (ast.Tuple, ast.List, ast.Dict)) for expr in over):
        return True  # each result may come from one of them
    function: ast.Lambda | ast.FunctionDef | ast.AsyncFunctionDef | None = None
    if isinstance(body, ast.Lambda):
        function = body
    elif body is not None:
        function = context.summaries.named(body)
    if function is None:
        return body is None or not makes_one_tensor(context.module.names.resolve(body))
    names = [a.arg for a in function.args.args]
    own = isinstance(body, ast.Attribute) and names[:1] == ["self"]
    return leaves_out_parameter(context, function, names[1:] if own else names)
