"""Decide one gradient call: a candidate (where the tape goes, what it watches) or a refusal."""

from __future__ import annotations

import ast
from dataclasses import replace

from tape_migrate.flow.scope import ScopeKind
from tape_migrate.model import Api
from tape_migrate.shapes import hazards as hz
from tape_migrate.shapes.arguments import elements, hides_none, read_arguments
from tape_migrate.shapes.assumptions import assumptions_of
from tape_migrate.shapes.carry import Carried, carry, refuse_kept, refuse_path, refuse_siblings
from tape_migrate.shapes.cell_variables import refuse_cells
from tape_migrate.shapes.changed import refuse_assigned, refuse_changed
from tape_migrate.shapes.changed_target import refuse_changed_target
from tape_migrate.shapes.closures import refuse_closures
from tape_migrate.shapes.collections_changed import refuse_collections_changed
from tape_migrate.shapes.context import Context
from tape_migrate.shapes.dependence import Dependence
from tape_migrate.shapes.evaluated import calls_in
from tape_migrate.shapes.filled_sources import refuse_filled_sources
from tape_migrate.shapes.given_functions import (
    refuse_functions_of_source,
    refuse_given_functions,
)
from tape_migrate.shapes.given_itself import refuse_given_itself, refuse_given_on
from tape_migrate.shapes.graph_names import refuse_names
from tape_migrate.shapes.holders import readers_by_holders
from tape_migrate.shapes.keras_symbols import refuse_keras, refuse_symbolic
from tape_migrate.shapes.leaves import Leaves
from tape_migrate.shapes.loop_parts import refuse_part_twins
from tape_migrate.shapes.loop_twins import refuse_twins
from tape_migrate.shapes.makers import overridable, refuse_made, refuse_replaced, taken_by
from tape_migrate.shapes.model_sources import frozen_watches, watched_instead, weights_of_fed_model
from tape_migrate.shapes.modes import judge_control_flow, refuse_branch
from tape_migrate.shapes.nested import refuse_tape_from_outside
from tape_migrate.shapes.not_tensors import refuse_not_tensors
from tape_migrate.shapes.optimizers import METHODS, read_optimizer_call
from tape_migrate.shapes.out_of_sight import refuse_out_of_sight, refuse_set_on_results
from tape_migrate.shapes.outer_readers import outer_readers
from tape_migrate.shapes.overridden import assume_overridden, overridden, refuse_overridden
from tape_migrate.shapes.plan import (
    Candidate,
    Decision,
    Link,
    Paths,
    Refusal,
    Request,
    Source,
)
from tape_migrate.shapes.properties_elsewhere import properties_elsewhere
from tape_migrate.shapes.reference import judge_reference_variables
from tape_migrate.shapes.region import Chosen, bound_late, choose_region, nothing_between
from tape_migrate.shapes.repeats import Repeat, refuse_variables, repeat_of
from tape_migrate.shapes.shape_of import shape_of
from tape_migrate.shapes.source_kinds import kinds_of
from tape_migrate.shapes.sources import all_trainable, by_values, find_sources
from tape_migrate.shapes.special_variables import refuse_special_variables
from tape_migrate.shapes.state import refuse_target_set_by_callee, widen_for_state
from tape_migrate.shapes.stops import plan_stops
from tape_migrate.shapes.targets import Target, find_targets
from tape_migrate.shapes.training_elsewhere import refuse_computed_elsewhere, refuse_given_in_stars
from tape_migrate.shapes.unconnected import zeros_wanted
from tape_migrate.shapes.unseen import hidden_readers
from tape_migrate.shapes.variables import collected_variables
from tape_migrate.shapes.watched_members import refuse_put_there_later
from tape_migrate.sites import Found


def read_request(context: Context, found: Found) -> Request | Refusal:
    """The arguments of ``found``, unless something in the whole module forbids a tape."""
    module = context.module
    if found.site.api is Api.BATCH_JACOBIAN:
        return Refusal("TM129", "pfor's batch_jacobian needs the output computed inside a tape")
    refusal = context.hazards.refuse()
    if refusal is not None:
        return refusal
    if found.site.api in METHODS:
        return read_optimizer_call(context, found)
    request = read_arguments(found, spelled=module.names.spelled(found.call.func))
    if isinstance(request, Request) and hides_none(module, request.output_gradients):
        return Refusal(
            "TM113",
            "a member of grad_ys may be None, which means ones to tf.gradients, but not to a tape",
        )
    return request


def decide_request(context: Context, request: Request) -> Decision:
    """Whether and how a call whose arguments are known can be a tape's gradient."""
    refusal = (
        hz.refuse_position(context.module, request)
        or context.refuse_scope(request.found.scope)
        or refuse_names(context.module, request)
        or refuse_branch(context.module, request.found.scope)
    )
    if refusal is not None:
        return refusal
    if request.found.scope.kind is ScopeKind.LAMBDA:
        return Refusal("TM122", "the call stands in a lambda that cannot become a function")
    return _decide_in_scope(context, request)


def _decide_in_scope(context: Context, request: Request) -> Decision:
    module = context.module
    dep = context.dependence(request.found.scope)
    node_id = dep.facts.node_id(request.call)
    repeat = repeat_of(module, request)
    if isinstance(repeat, Refusal):
        return repeat
    source_expr = repeat.source_over or request.source
    sources: list[Source] | Refusal = []  # on the tape already, whatever they are
    if request.all_variables:
        sources = [all_trainable(node_id)]
    elif collected_variables(module, source_expr) is not None:
        sources = find_sources(dep, node_id, source_expr)
    elif not request.entry:
        refusal = refuse_variables(repeat, source_expr)
        sources = refusal or find_sources(dep, node_id, source_expr)
    if request.entry and isinstance(sources, list):
        sources = [*request.entry, *sources]
    if dep.scope.name in context.fed:
        sources = weights_of_fed_model(dep, node_id, source_expr) or sources
    targets = find_targets(context, dep, node_id, request, repeat, sources)
    if isinstance(targets, Refusal):
        return refuse_symbolic(module, [request.target, request.source]) or targets
    if isinstance(sources, Refusal):
        return sources
    sources = watched_instead(dep, sources)
    if isinstance(sources, Refusal):
        return sources
    if not sources:
        return Refusal("TM106", "the list of sources is empty where it is written")
    for source in sources:
        if context.summaries.reads_property(source.symbol, dep.scope):
            return Refusal(
                "TM120", f"{source.symbol} is a property: each read may make a new value"
            )
    for target in targets:
        for link in () if target.inline else target.links:
            if link.use.symbol.path:
                refusal = refuse_target_set_by_callee(
                    context,
                    dep,
                    link.use.symbol,
                    link.definition.node_id,
                    request.call,
                    target.nodes if request.attribute is not None else frozenset(),
                )
                if refusal is not None:
                    return refusal
    refusal = refuse_made(request, sources) or refuse_keras(module, dep, targets, sources)
    if refusal is not None:
        return refusal
    return _decide_paths(context, request, dep, node_id, targets, sources, repeat)


def _decide_paths(
    context: Context,
    request: Request,
    dep: Dependence,
    node_id: int,
    targets: list[Target],
    sources: list[Source],
    repeat: Repeat,
) -> Decision:
    start = [link for target in targets for link in target.links]
    target_nodes = frozenset(n for target in targets for n in target.nodes)
    inline = any(target.inline for target in targets)
    inline_exprs = [target.expr for target in targets if target.inline]
    every_node, outside = dep.slice_back(start)
    opaque = not all(context.is_closed(dep, n) for n in every_node) or not all(
        context.summaries.is_closed(call) for expr in inline_exprs for call in calls_in(expr)
    )
    slice_links = [*start, *(link for n in sorted(every_node) for link in dep.links_into(n))]
    others = overridden(context, dep, every_node, inline_exprs)
    refusal = (
        refuse_special_variables(context, dep, request, sources)
        or refuse_out_of_sight(context, dep, every_node, inline_exprs, sources)
        or refuse_changed(context, dep, sources, slice_links, node_id)
        or refuse_collections_changed(dep, slice_links, node_id)
        or refuse_changed_target(context, dep, targets, node_id)
        or refuse_given_itself(dep, sources, every_node, inline_exprs)
        or refuse_given_on(dep, request)
        or refuse_twins(context, dep, sources, slice_links)
        or refuse_part_twins(context, dep, sources, slice_links)
        or refuse_filled_sources(context, dep, request.source, sources, node_id)
        or refuse_overridden(others, sources)
    )
    if refusal is None and any(source.collected for source in sources):
        refusal = refuse_set_on_results(context, dep, every_node, inline_exprs) or refuse_cells(
            context, dep, every_node, inline_exprs
        )
    if refusal is not None:
        return refusal
    refusal = refuse_tape_from_outside(dep, every_node, node_id, inline_exprs)
    if refusal is not None and not request.entry and not all(s.fresh for s in sources):
        return refusal
    leaves = Leaves(context, dep)
    carried = _carry_all(
        context, request, dep, targets, sources, leaves, every_node, outside, opaque=opaque
    )
    if isinstance(carried, Refusal):
        return carried
    lookup = context.looks_up(dep, every_node, [target.expr for target in targets])
    if lookup is not None:
        return Refusal(
            "TM105",
            f"the target uses {lookup} may have been computed from the source before a tape was "
            "opened",
        )
    carriers = frozenset(n for path in carried for n in path.carriers)
    hot = frozenset(n for path in carried for n in path.tainted)
    tracks = tuple(track for source in sources for track in source.tracks)
    refusal = hz.refuse_leaving(dep, carriers | target_nodes, inline_exprs, start, hot, tracks)
    if refusal is not None:
        return refusal
    links = tuple(link for n in every_node for link in dep.links_into(n)) + tuple(start)
    # What is computed on a tape that is handed on is computed from the sources themselves, too.
    to_watch = tuple(p.source for p in carried if p.visible or request.reenters)
    late = bound_late(dep, request, target_nodes | carriers)
    paths = Paths(target_nodes | carriers | late, links, to_watch, request.skipped)
    within = inline and repeat.in_comprehension and repeat.mapped is None
    references = judge_reference_variables(context, dep, sources)
    if isinstance(references, Refusal):
        return references
    if request.entry and not paths.required and not inline:
        chosen: Chosen | Refusal = nothing_between(dep, request.call, in_header=repeat.repeated)
    else:
        chosen = choose_region(
            dep, request.call, paths, inline=inline, within=within, in_header=repeat.repeated
        )
    if isinstance(chosen, Refusal):
        return chosen
    widened = widen_for_state(
        context,
        dep,
        chosen,
        paths,
        every_node,
        request.call,
        inline_exprs,
        inline=inline,
        within=within,
        repeated=repeat.repeated,
    )
    if isinstance(widened, Refusal):
        return widened
    chosen, paths = widened
    inside = frozenset(n for stmt in chosen.region.stmts for n in dep.cfg.span(stmt))
    refusal = refuse_closures(
        context, dep, inside, links, sources, node_id
    ) or refuse_put_there_later(context, dep, sources, chosen.watches, inside, node_id)
    if refusal is not None:
        return refusal
    if not (chosen.watches or request.entry) and any(
        not source.variable and not source.made for source in paths.to_watch
    ):
        # Whatever led here: a tape that watches nothing would give None without a word.
        return Refusal("TM105", "no name was found by which a tape could watch the source")
    refusal = hz.refuse_region(dep, chosen.region, paths.required)
    if refusal is not None:
        return refusal
    if inline and not chosen.inside and repeat.conditional:
        return Refusal("TM123", "the target is an expression that is not always evaluated")
    if inline and not chosen.inside and context.order_matters(request):
        return Refusal(
            "TM123", "naming the target before its statement would change the order of calls"
        )
    refusal = refuse_assigned(context, dep, sources, request.call) or refuse_not_tensors(
        context, dep, sources, request
    )
    if refusal is not None:
        return refusal
    if request.reenters and chosen.inside:
        return Refusal(
            "TM117", "the tape would still be recording when the helper computes something on it"
        )
    stops = plan_stops(context, dep, request, node_id, chosen.region, sources)
    if isinstance(stops, Refusal):
        return stops
    assumptions: list[str] | Refusal = []
    if not request.entry:
        assumptions = assumptions_of(
            context, dep, sources, outside, every_node, inline_exprs, elements(request.source)
        )
    if isinstance(assumptions, Refusal):
        return assumptions
    properties = properties_elsewhere(context, dep, every_node, inline_exprs)
    refusal = refuse_overridden(properties, sources)
    refusal = (
        refusal
        or refuse_replaced(context.module, sources)
        or refuse_functions_of_source(
            context.module, sources, context.calls_of(dep, sorted(every_node), inline_exprs)
        )
    )
    if refusal is None and any(source.collected for source in sources):
        run = context.run_by(dep, sorted(every_node), inline_exprs)
        calls = [*context.calls_of(dep, sorted(every_node), inline_exprs)]
        refusal = (
            refuse_computed_elsewhere(context.module, run)
            or refuse_given_functions(context.module, request, calls)
            or refuse_given_in_stars(context.module, dep.scope, calls)
        )
    if refusal is not None:
        return refusal
    modes = judge_control_flow(
        context.module, context.calls_of(dep, paths.required, inline_exprs), context.others
    )
    if isinstance(modes, Refusal):
        return modes
    zeros = zeros_wanted(
        context,
        dep,
        request,
        repeat,
        targets,
        carried,
        paths.required,
        every_node,
        inline_exprs,
    )
    if isinstance(zeros, Refusal):
        return zeros
    assumptions = [*assumptions, *overridable(context.module, sources), *references, *modes]
    assumptions += assume_overridden(others, sources)
    if any(source.collected for source in sources):
        assumptions += leaves.assumptions(request, every_node, inline_exprs)
    return Candidate(
        request=request,
        region=chosen.region,
        watches=by_values(dep, request.source, sources, chosen.watches),
        frozen=frozen_watches(dep, request.source) if dep.scope.name in context.fed else (),
        inline_target=inline,
        inside=chosen.inside,
        mapped=repeat.mapped,
        repeated=chosen.repeated or repeat.repeated or request.repeated,
        shape=shape_of(context, dep, request, every_node, sources),
        assumptions=tuple(assumptions),
        notes=(*request.notes, *taken_by(sources)),
        paths=paths,
        kinds=kinds_of(context, request, sources, repeat),
        zero_unconnected=zeros,
        stop_recording=stops,
        hoisted=_hoisted(request, inline_exprs),
    )


def _carry_all(
    context: Context,
    request: Request,
    dep: Dependence,
    targets: list[Target],
    sources: list[Source],
    leaves: Leaves,
    every_node: frozenset[int],
    outside: tuple[Link, ...],
    *,
    opaque: bool,
) -> list[Carried] | Refusal:
    """How each source comes to the targets, unless something on the way forbids a tape."""
    node_id = dep.facts.node_id(request.call)
    start = [link for target in targets for link in target.links]
    known = frozenset(track.symbol for source in sources for track in source.tracks)
    carried: list[Carried] = []
    readers: frozenset[int] = frozenset()
    if any(source.collected for source in sources):
        entry = {source.symbol for source in request.entry}
        refusal = leaves.refuse_outside(link for link in outside if link.use.symbol not in entry)
        if refusal is not None:
            return refusal
        readers = leaves.readers(every_node)
    for source in sources:
        if source.collected:
            carried.append(Carried(source, readers, (), readers, visible=True))
            continue
        path = carry(dep, node_id, source, start, targets)
        refusal = (
            refuse_siblings(dep, source, start, every_node, sources)
            or refuse_path(
                context, dep, path, targets, every_node, outside, opaque=opaque, known=known
            )
            or refuse_kept(context, dep, node_id, path, targets, every_node)
        )
        if refusal is not None:
            return refusal
        if all(track.outside for track in source.tracks):
            path = replace(path, carriers=path.carriers | hidden_readers(context, dep, every_node))
        unseen = outer_readers(context, dep, source, every_node)
        unseen |= readers_by_holders(dep, source, every_node)
        path = replace(path, carriers=path.carriers | unseen)
        carried.append(path)
    return carried


def _hoisted(request: Request, inline: list[ast.expr]) -> tuple[ast.expr, ...]:
    """The arguments of a helper that hold inline targets, in the order of the source."""
    found = [
        given
        for given in request.given
        if given in inline or any(part in inline for part in elements(given))
    ]
    found.sort(key=lambda expr: (expr.lineno, expr.col_offset))
    return tuple(found) if request.handed else ()
