"""Gradients that a call which is left alone differentiates in turn.

``g = tf.gradients(k, x)[0]``, then ``tf.gradients(g, k)``, of which only the first could be
migrated. As long as nothing but plain operations is on the way, ``tf.gradients`` finds in what a
tape has made what it found in its own. Through ``tf.cond`` and ``tf.while_loop`` it does not: the
two write different functions for the way back, and zeros come out where None did.

And gradients through a branch that a call which is left alone has gone through before:
``tf.gradients(y, w)``, or the ``minimize`` of an optimizer, gives the operation of a ``tf.cond``
more outputs, and a tape that recorded it before raises an AssertionError. (The other way round, and
through loops and functions, both find what they did.)
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from tape_migrate.flow.scope import Scope
from tape_migrate.module import Module
from tape_migrate.shapes.context import Context
from tape_migrate.shapes.decide import read_request
from tape_migrate.shapes.plan import Refusal, Request
from tape_migrate.shapes.tensorflow_facts import V1_CONTROL_FLOW, tensorflow_function
from tape_migrate.sites import Found, find_sites
from tape_migrate.tracking import DEPENDS, Tracked


def refuse_differentiated(module: Module, tracked: Sequence[Tracked]) -> dict[int, Refusal]:
    """Refusals, by index, of what must be left alone because of what is left alone.

    ``module`` is the text as it was; its gradient calls are the first of ``tracked``, in order.
    """
    found = find_sites(module)
    own = list(zip(found, tracked, strict=False))
    left = [i for i, (_, site) in enumerate(own) if site.migrated is None]
    migrated = {i for i, (_, site) in enumerate(own) if site.migrated is not None}
    scopes = {found[i].scope for i in left} & {found[i].scope for i in migrated}
    if not scopes:
        return {}
    context = Context.of(module, pending=frozenset(id(item.call) for item in found))
    refusals: dict[int, Refusal] = {}
    for i in left:
        request = read_request(context, found[i]) if found[i].scope in scopes else None
        if not isinstance(request, Request):
            continue
        fed_by = context.waits_on(request)
        for j in migrated:
            name = _control_flow(context, found[j]) if id(found[j].call) in fed_by else None
            if name is not None:
                # It keeps its own reason: that its target is left alone would say nothing.
                refusals[i] = tracked[i].refusal or DEPENDS
                refusals[j] = Refusal(
                    "TM126",
                    f"its result is differentiated in line {found[i].site.line}, which is left "
                    f"alone, and goes through tf.{name}: there the one needs the other",
                )
    return refusals


def refuse_behind_left(module: Module, tracked: Sequence[Tracked]) -> dict[int, Refusal]:
    """Refusals, by index, of gradients through a branch that a left call goes through before.

    ``module`` and ``tracked`` are as for ``refuse_differentiated``.
    """
    branches, left = _branches_and_left(module, tracked)
    if not left:
        return {}
    found = find_sites(module)
    context = Context.of(module, pending=frozenset(id(item.call) for item in found))
    refusals: dict[int, Refusal] = {}
    for i, (item, site) in enumerate(zip(found, tracked, strict=False)):
        if site.migrated is None:
            continue
        line = None
        if site.kept or site.handed:  # the way to the target is in another function
            line = next(iter(left.values())).lineno
        elif way := _branches_on(context, item, branches):
            line = _before(context, item, left, way)
        if line is not None:
            refusals[i] = _behind(line)
    return refusals


def refuse_imported(module: Module, tracked: Sequence[Tracked]) -> Refusal | None:
    """Why no helper of another module can be handed a tape: a left call goes through a branch.

    ``module`` and ``tracked`` are as for ``refuse_differentiated``.
    """
    if not any(site.helper is not None and site.helper.dotted for site in tracked):
        return None
    branches, left = _branches_and_left(module, tracked)
    if not left:
        return None
    context = Context.of(module, pending=frozenset(id(i.call) for i in find_sites(module)))
    for call in left.values():
        scope = module.scope_of(call)
        given = [*call.args, *(keyword.value for keyword in call.keywords)]
        node = scope.node
        # What a function is given may have come through a branch of its caller.
        is_called = isinstance(node, ast.FunctionDef) and bool(context.summaries.callers(node))
        if is_called or _on_way(context, scope, call, given) & branches:
            return _behind(call.lineno)
    return None


def _behind(line: int) -> Refusal:
    return Refusal(
        "TM126",
        f"it goes through tf.cond, and so does the gradient in line {line} before it, "
        "which is left alone: a tape raises there",
    )


def _branches_and_left(
    module: Module, tracked: Sequence[Tracked]
) -> tuple[set[int], dict[int, ast.Call]]:
    """Calls that branch in the graph, and the gradient calls that are left alone if there are."""
    if all(site.migrated is None for site in tracked):
        return set(), {}
    branches = {id(call) for call in _calls(module, module.tree) if _is_branch(module, call)}
    if not branches:
        return set(), {}
    own = list(zip(find_sites(module), tracked, strict=False))
    gone = {id(item.call) for item, site in own if site.migrated is not None}
    sites = {id(item.call) for item, _ in own}
    left = {
        id(call): call
        for call in _calls(module, module.tree)
        if id(call) not in gone and (id(call) in sites or _is_symbolic(call))
    }
    return branches, left


_BRANCHES = frozenset({"cond", "case", "switch_case"})
_SYMBOLIC = frozenset({"minimize", "compute_gradients", "get_gradients", "get_updates"})


def _is_symbolic(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute) and call.func.attr in _SYMBOLIC


def _is_branch(module: Module, call: ast.Call) -> bool:
    func = call.func
    # Far cheaper than to resolve every callee: a name that is no alias means nothing, and the last
    # part of an attribute stays what it is.
    if isinstance(func, ast.Attribute):
        if func.attr not in _BRANCHES:
            return False
    elif not isinstance(func, ast.Name) or not module.names.is_alias(func.id):
        return False
    return tensorflow_function(module.names.resolve(func)) in _BRANCHES


def _calls(module: Module, node: ast.AST) -> Iterator[ast.Call]:
    return (inner for inner in module.inside(node) if isinstance(inner, ast.Call))


def _branches_on(context: Context, item: Found, branches: set[int]) -> set[int]:
    """The branches on the way to the target of ``item``."""
    request = read_request(context, item)
    if not isinstance(request, Request):
        return set(branches)
    return _on_way(context, item.scope, request.call, request.given) & branches


def _on_way(context: Context, scope: Scope, call: ast.Call, given: Sequence[ast.expr]) -> set[int]:
    dep = context.dependence(scope)
    nodes, _ = dep.slice_back(dep.links_of(dep.facts.node_id(call), given))
    return {id(inner) for inner in context.calls_of(dep, nodes, given)}


def _before(context: Context, item: Found, left: dict[int, ast.Call], way: set[int]) -> int | None:
    """The line of a left gradient that shares a branch with ``item`` and may be taken before."""
    module, scope = context.module, item.scope
    dep = context.dependence(scope)
    goal = dep.facts.node_id(item.call)
    for call in _calls(module, scope.node):
        if module.scope_of(call) is not scope or call is item.call:
            continue
        start = dep.facts.node_id(call)
        if not (
            dep.reaches(start, goal) or (start == goal and module.end(call) < module.end(item.call))
        ):
            continue
        if id(call) in left:
            if _on_way(context, scope, call, [*call.args, *(k.value for k in call.keywords)]) & way:
                return call.lineno
        else:
            for function in context.summaries.called_functions([call]):
                inner = next((c for c in _calls(module, function) if id(c) in left), None)
                if inner is not None:
                    return inner.lineno
    return None


def _control_flow(context: Context, item: Found) -> str | None:
    """The function by which TensorFlow branches or loops on the way to the target of ``item``."""
    request = read_request(context, item)
    if not isinstance(request, Request):
        return None
    if request.is_hessian:
        return "hessians"  # a loop over the entries of the gradient
    dep = context.dependence(item.scope)
    start = dep.links_of(dep.facts.node_id(request.call), request.given)
    nodes, _ = dep.slice_back(start)
    for call in context.calls_of(dep, nodes, request.given):
        name = tensorflow_function(context.module.names.resolve(call.func))
        if name in V1_CONTROL_FLOW:
            return name
    return None
