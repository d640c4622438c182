"""Gradients that a call which is left alone differentiates in turn.

``g = tf.gradients(k, x)[0]``, then ``tf.gradients(g, k)``, of which only the first could be
migrated. As long as nothing but plain operations is on the way, ``tf.gradients`` finds in what a
tape has made what it found in its own. Through ``tf.cond`` and ``tf.while_loop`` it does not: the
two write different functions for the way back, and zeros come out where None did.
"""

from __future__ import annotations

from collections.abc import Sequence

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
    context = Context(module, pending=frozenset(id(item.call) for item in found))
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


def _control_flow(context: Context, item: Found) -> str | None:
    """The function by which TensorFlow branches or loops on the way to the target of ``item``."""
    request = read_request(context, item)
    if not isinstance(request, Request):
        return None
    dep = context.dependence(item.scope)
    start = dep.links_of(dep.facts.node_id(request.call), request.given)
    nodes, _ = dep.slice_back(start)
    for call in context.calls_of(dep, nodes, request.given):
        name = tensorflow_function(context.module.names.resolve(call.func))
        if name in V1_CONTROL_FLOW:
            return name
    return None
