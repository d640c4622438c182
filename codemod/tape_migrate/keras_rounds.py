"""What the rounds do with Keras graphs: move them into functions, gather them, leave them.

Most modules hold no Keras graph: what deals with them is imported only where it is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from tape_migrate.edits.draft import Applied
from tape_migrate.model import Shape
from tape_migrate.module import Module
from tape_migrate.shapes.context import Context
from tape_migrate.shapes.plan import Refusal
from tape_migrate.sites import Found
from tape_migrate.tracking import Tracked, follow

if TYPE_CHECKING:
    from tape_migrate.shapes.keras_plan import KerasPlan


def lift_keras(
    module: Module,
    plan: KerasPlan,
    pending: list[tuple[int, Tracked, Found]],
    tracked: list[Tracked],
) -> tuple[Applied, str]:
    """Move a Keras graph, gradient calls and all, into a function of real tensors: the edit, and
    the name of that function."""
    from tape_migrate.edits.keras_function import write_function  # noqa: PLC0415

    lifted = write_function(module, plan)
    moved = {id(call) for call in plan.sites}
    for _, site, item in pending:
        if id(item.call) in moved:
            site.lifted = True
            site.keras = plan.assumptions
    applied = lifted.draft.apply()
    follow(tracked, applied)
    return applied, lifted.function


def gather_keras(
    context: Context,
    pending: list[tuple[int, Tracked, Found]],
    frozen: dict[int, Refusal],
    tracked: list[Tracked],
    refusals: dict[int, Refusal],
    *,
    assumed: bool,
) -> Applied | None:
    """Bring a Keras graph that goes through several functions into one; why not goes to
    ``refusals``."""
    from tape_migrate.edits.gather import gather_graph  # noqa: PLC0415

    sites = [item.call for index, _, item in pending if index not in frozen]
    gathered = gather_graph(context, sites, assumed=assumed)
    for key, refusal in gathered.refusals.items():
        refusals.setdefault(key, refusal)
    if gathered.draft is None:
        return None
    for _, site, item in pending:
        if id(item.call) in gathered.sites:
            site.lifted = True
            site.gathered = (*site.gathered, gathered.note)
            if gathered.assumption is not None and gathered.assumption not in site.assumed:
                site.assumed = (*site.assumed, gathered.assumption)
    applied = gathered.draft.apply()
    follow(tracked, applied)
    return applied


def lift_layers(
    context: Context,
    pending: list[tuple[int, Tracked, Found]],
    frozen: dict[int, Refusal],
    tracked: list[Tracked],
    refusals: dict[int, Refusal],
    *,
    assumed: bool,
    given: Mapping[str, tuple[str, ...]],
) -> Applied | None:
    """Move a gradient of a loss or a layer into a layer made for it, or say why not.

    ``given`` are the methods of layer classes that other modules give their models.
    """
    from tape_migrate.edits.gradient_layer import write_layer, write_loss  # noqa: PLC0415
    from tape_migrate.edits.layer_class import write_class  # noqa: PLC0415
    from tape_migrate.shapes.gradient_layer import LayerPlan, plan_layer  # noqa: PLC0415
    from tape_migrate.shapes.layer_class import LayerClassPlan  # noqa: PLC0415
    from tape_migrate.shapes.layer_elsewhere import offered_layer  # noqa: PLC0415
    from tape_migrate.shapes.loss_closure import LossPlan, plan_loss  # noqa: PLC0415
    from tape_migrate.shapes.loss_elsewhere import offered_loss  # noqa: PLC0415

    module = context.module
    for index, site, item in pending:
        if index in frozen or site.keras is not None:
            continue
        plan: LossPlan | LayerPlan | LayerClassPlan | Refusal | None
        plan = plan_loss(context, item.call, assumed=assumed)
        plan = (
            plan
            if plan is not None
            else plan_layer(
                context, item.call, assumed=assumed, given=given.get(site.site.function)
            )
        )
        if isinstance(plan, Refusal):
            site.loss = offered_layer(module, item.call)
            refusals[id(item.call)] = plan
            continue
        if plan is None:
            site.loss = offered_loss(module, item.call)
            continue
        site.lifted = True
        if isinstance(plan, LossPlan):
            site.keras, site.shape = plan.assumptions, Shape.LOSS_CLOSURE
            applied = write_loss(module, plan).apply()
        else:
            site.keras, site.shape = plan.assumptions, Shape.GRADIENT_LAYER
            if isinstance(plan, LayerPlan):
                applied = write_layer(module, plan).apply()
            else:
                applied = write_class(module, plan).apply()
        follow(tracked, applied)
        return applied
    return None


def without_graph_mode(
    parse: Callable[[bytes], Module], was: bytes, now: bytes, tracked: list[Tracked]
) -> dict[int, Refusal]:
    """Refusals for the Keras graphs of a program in which something still needs graph mode."""
    moved = [i for i, s in enumerate(tracked) if s.keras is not None and s.migrated]
    if not moved:
        return {}
    from tape_migrate.edits.keras_program import (  # noqa: PLC0415
        eager_switches,
        graph_needs,
    )

    if not eager_switches(parse(was)):
        return {}
    need = graph_needs(parse(now))
    if need is None:
        return {}
    return {i: Refusal("TM146", f"{need} needs graph mode") for i in moved}
