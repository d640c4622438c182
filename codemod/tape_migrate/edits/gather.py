"""One step towards a Keras graph that stands in one function: write out, or make earlier."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from tape_migrate.edits.draft import Draft
from tape_migrate.edits.hoist import write_hoist
from tape_migrate.edits.inline import write_inline
from tape_migrate.edits.unroll import comments_stay, write_run, write_run_in_place, write_unrolled
from tape_migrate.shapes.context import Context
from tape_migrate.shapes.keras_compiled import session_backend
from tape_migrate.shapes.keras_hoist import Hoist, find_hoist
from tape_migrate.shapes.keras_inline import find_inline
from tape_migrate.shapes.keras_levels import Levels
from tape_migrate.shapes.keras_unroll import find_run, find_run_elsewhere, find_unrolled
from tape_migrate.shapes.keras_values import Level
from tape_migrate.shapes.plan import Refusal


@dataclass(frozen=True)
class Gathered:
    """The edit, or why there is none."""

    draft: Draft | None
    sites: frozenset[int]
    """``id()``s of the gradient calls that it is made for."""
    note: str
    assumption: str | None
    """What is taken for granted."""
    refusals: dict[int, Refusal]
    """By ``id()`` of the gradient call."""


def gather_graph(context: Context, sites: list[ast.Call], *, assumed: bool) -> Gathered:
    """The next step for the gradient calls ``sites``.

    ``assumed`` says that nothing but the module calls its functions.
    """
    module = context.module
    inlines = find_inline(context, sites, assumed=assumed)
    plan = inlines.plan
    if plan is not None:
        draft = write_inline(module, plan.function, plan.call, plan.binding, goes=plan.goes)
        return Gathered(
            draft, frozenset(map(id, plan.sites)), plan.note, plan.assumption, inlines.refusals
        )
    symbolic = [site for site in sites if Levels.of(module).value(site).level is Level.GRAPH]
    hoist = find_hoist(module, symbolic)
    if isinstance(hoist, Hoist):
        concerned = frozenset(map(id, hoist.sites))
        return Gathered(write_hoist(module, hoist), concerned, hoist.note, None, inlines.refusals)
    run = find_run(module, symbolic)
    backend = session_backend(module, run.compiled.call) if run is not None else None
    if run is not None and backend is not None:
        draft = write_run(module, run, backend)
        note = "what a Session ran in a loop is compiled before it"
        return Gathered(draft, frozenset((id(run.site),)), note, None, inlines.refusals)
    elsewhere = find_run_elsewhere(module, symbolic)
    backend = session_backend(module, elsewhere.call) if elsewhere is not None else None
    if elsewhere is not None and backend is not None:
        draft = write_run_in_place(module, elsewhere, backend)
        note = "what a Session ran is compiled"
        return Gathered(draft, frozenset(map(id, symbolic)), note, None, inlines.refusals)
    unrolled = find_unrolled(module, symbolic)
    if unrolled is not None and comments_stay(module, unrolled):
        concerned = frozenset(map(id, unrolled.sites))
        note = "a comprehension is written as a loop"
        return Gathered(write_unrolled(module, unrolled), concerned, note, None, inlines.refusals)
    return Gathered(None, frozenset(), "", None, {**hoist, **inlines.refusals})
