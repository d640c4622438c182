"""The Keras graphs of a module: which of them can move into a compiled function now."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from tape_migrate.flow.scope import ScopeKind
from tape_migrate.shapes.context import Context
from tape_migrate.shapes.keras_calls import BACKEND
from tape_migrate.shapes.keras_compiled import compiled_calls
from tape_migrate.shapes.keras_function import plan_function
from tape_migrate.shapes.keras_hazards import (
    refuse_assertions,
    refuse_attempt,
    refuse_needed,
    refuse_symbol_asked,
    refuse_updates,
)
from tape_migrate.shapes.keras_layers import layers_differ
from tape_migrate.shapes.keras_levels import Levels
from tape_migrate.shapes.keras_plan import KerasPlan
from tape_migrate.shapes.keras_values import Level
from tape_migrate.shapes.modes import OtherModules
from tape_migrate.shapes.plan import Refusal


@dataclass(frozen=True)
class KerasGraphs:
    """What was found out about the gradient calls that differentiate Keras tensors."""

    plan: KerasPlan | None = None
    """The first graph that can move."""
    refusals: dict[int, Refusal] = field(default_factory=dict)
    """By ``id()`` of the gradient call: why its graph cannot move."""
    apart: bool = False
    """Whether a graph that goes through several functions may be brought together."""
    still: dict[int, Refusal] = field(default_factory=dict)
    """By ``id()``: why calls that differentiate real tensors must stay as they are."""


def keras_graphs(
    context: Context, sites: list[ast.Call], left_alone: set[int], *, begun: bool
) -> KerasGraphs:
    """Look at every ``K.function`` on whose way one of ``sites`` stands.

    ``left_alone`` are the ``id()``s of gradient calls that must stay as they are. Once a graph of
    the module has moved (``begun``), compiled functions without gradients follow where they can.
    """
    module = context.module
    calls = compiled_calls(module)
    if not calls:
        return KerasGraphs()
    levels = Levels.of(module)
    symbolic = [site for site in sites if levels.value(site).level is Level.GRAPH]
    if not symbolic and not begun:
        return KerasGraphs(still=_compiled_still(context, calls, sites))
    if context.hazards.refuse() is not None:
        return KerasGraphs()
    changed = (
        layers_differ(module, calls)
        or eager_off_elsewhere(context)
        or refuse_updates(module, calls)
        or refuse_symbol_asked(module)
        or refuse_assertions(module)
    )
    if changed is not None:
        return KerasGraphs(None, {id(site): changed for site in symbolic})
    refusals: dict[int, Refusal] = {}
    follower: KerasPlan | None = None
    real = [site for site in sites if site not in symbolic]
    still = _compiled_still(context, calls, real)
    for call in calls:
        plan = plan_function(context, call, symbolic)
        if not isinstance(plan, Refusal) and plan.sites:
            plan = refuse_attempt(module, call) or refuse_needed(module, calls) or plan
        if isinstance(plan, Refusal):
            scope = module.scope_of(call)
            for site in symbolic:
                if module.scope_of(site) is scope:
                    refusals.setdefault(id(site), plan)
            continue
        kept = [site for site in plan.sites if id(site) in left_alone]
        if kept:
            for site in plan.sites:
                refusals[id(site)] = Refusal(
                    "TM126", "another gradient call of the same graph was left alone"
                )
            continue
        if plan.sites:
            return KerasGraphs(plan, refusals)
        if begun and follower is None:
            follower = plan
    if follower is not None and not symbolic:
        return KerasGraphs(follower, refusals)
    return KerasGraphs(None, refusals, apart=True, still=still)


def _compiled_still(
    context: Context, calls: list[ast.Call], sites: list[ast.Call]
) -> dict[int, Refusal]:
    """By ``id()``: those of ``sites``, gradients of real tensors, that a ``K.function`` compiles.

    It needs a graph, where a tape would do as well, but eager code has none.
    """
    found: dict[int, Refusal] = {}
    for call in calls:
        if context.module.names.resolve(call.func) == BACKEND + "function":
            for site in _on_the_way(context, call, sites):
                found[id(site)] = Refusal(
                    "TM140",
                    f"the K.function at line {call.lineno} compiles it, and nothing tells from "
                    "which inputs of a model it is computed",
                )
    return found


def _on_the_way(context: Context, call: ast.Call, sites: list[ast.Call]) -> list[ast.Call]:
    """Those of ``sites`` whose results ``call`` is given, in its own scope."""
    scope = context.module.scope_of(call)
    near = [site for site in sites if context.module.scope_of(site) is scope]
    if not near or scope.kind not in (ScopeKind.FUNCTION, ScopeKind.MODULE):
        return []
    dep = context.dependence(scope)
    queue = [dep.facts.node_id(call)]
    seen = set(queue)
    while queue:
        for link in dep.links_into(queue.pop()):
            if link.definition.stmt is not None and link.definition.node_id not in seen:
                seen.add(link.definition.node_id)
                queue.append(link.definition.node_id)
    return [site for site in near if dep.facts.node_id(site) in seen]


def eager_off_elsewhere(context: Context) -> Refusal | None:
    """Another module of the project decides in which mode this one runs."""
    module = context.module
    project = module.project
    if not isinstance(project, OtherModules):
        return None
    for path in project.turns_eager_off():
        if path != module.path:
            return Refusal("TM146", f"{path} turns eager execution off for the whole program")
    return None
