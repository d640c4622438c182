"""The Keras graphs of a module: which of them can move into a compiled function now."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from tape_migrate.shapes.context import Context
from tape_migrate.shapes.keras_compiled import compiled_calls
from tape_migrate.shapes.keras_function import plan_function
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
        return KerasGraphs()
    if context.hazards.refuse() is not None:
        return KerasGraphs()
    changed = _layers_changed(context) or eager_off_elsewhere(context)
    if changed is not None:
        return KerasGraphs(None, {id(site): changed for site in symbolic})
    refusals: dict[int, Refusal] = {}
    follower: KerasPlan | None = None
    for call in calls:
        plan = plan_function(context, call, symbolic)
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
    return KerasGraphs(None, refusals, apart=True)


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


def _is_true(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value in (1, True)


def _is_layer(text: str) -> bool:
    return (text.endswith("]") and ".layers[" in text) or "get_layer(" in text


_HARMLESS_ON_LAYERS = frozenset(("trainable", "name", "_name"))


def _layers_changed(context: Context) -> Refusal | None:
    """``model.layers[-1].activation = linear``: a graph built before does not see it."""
    module = context.module
    for node in module.nodes:
        if isinstance(node, ast.keyword) and node.arg == "training" and _is_true(node.value):
            return Refusal(
                "TM140",
                f"a layer is called with training=True (line {node.value.lineno}), which the "
                "sub-model's training=False may override",
            )
        if isinstance(node, ast.keyword) and node.arg == "stateful" and _is_true(node.value):
            return Refusal(
                "TM140",
                f"a layer is stateful (line {node.value.lineno}): each call of a model moves its "
                "state, a run of the old graph did not",
            )
        if not isinstance(node, ast.Attribute) or not isinstance(node.ctx, ast.Store):
            continue
        base = ast.unparse(node.value)
        looped = isinstance(node.value, ast.Name) and any(
            isinstance(bound, ast.For) and ast.unparse(bound.iter).endswith(".layers")
            for bound in module.names.bindings(node.value.id, module.scope_of(node))
        )
        if node.attr in _HARMLESS_ON_LAYERS:
            continue
        named = isinstance(node.value, ast.Name) and any(
            isinstance(bound, ast.Assign) and _is_layer(ast.unparse(bound.value))
            for bound in module.names.bindings(node.value.id, module.scope_of(node))
        )
        if looped or named or _is_layer(base):
            return Refusal(
                "TM144",
                f"{ast.unparse(node)} (line {node.lineno}) changes a layer, which a graph built "
                "before does not see",
            )
    return None
