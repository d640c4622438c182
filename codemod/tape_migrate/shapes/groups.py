"""Which calls share a tape: the fewest tapes, the least inside.

Calls on one forward pass share a tape: calls whose regions overlap, as long as no gradient call
would come to stand inside the tape it belongs to. A group is re-chosen as a whole, so that its
region and its watches are right for every member.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import inf

from tape_migrate.flow.scope import Scope
from tape_migrate.model import Shape
from tape_migrate.shapes.context import Context
from tape_migrate.shapes.hazards import refuse_region
from tape_migrate.shapes.plan import Candidate, Paths, Refusal
from tape_migrate.shapes.region import Chosen, choose_region
from tape_migrate.shapes.state import refuse_set_by_callee


@dataclass(frozen=True)
class Group:
    """Candidates that share one tape; all have the same region and watches."""

    members: tuple[Candidate, ...]

    @property
    def first(self) -> Candidate:
        return self.members[0]

    @property
    def persistent(self) -> bool:
        return len(self.members) > 1 or self.first.repeated


def form_groups(context: Context, candidates: list[Candidate]) -> list[Group]:
    """Groups in source order; each candidate is in exactly one, the first that it fits in."""
    of_block: dict[int, list[Candidate]] = {}
    for candidate in candidates:
        of_block.setdefault(id(candidate.region.block), []).append(candidate)
    groups = {
        id(group.first.request): group
        for together in of_block.values()
        for group in _form_in_block(context, together)
    }
    return [groups[key] for c in candidates if (key := id(c.request)) in groups]


def _form_in_block(context: Context, candidates: list[Candidate]) -> Iterator[Group]:
    while candidates:
        first, *rest = candidates
        fitting = _fitting(context, first, rest)
        # Mostly all that look as if they fit do, and are judged together, not one by one.
        group = _join(context, Group((first,)), fitting) if fitting else None
        if group is None:
            group = Group((first,))
            for candidate in rest if len(fitting) > 1 else ():
                if _fitting(context, group.first, [candidate]):
                    group = _join(context, group, [candidate]) or group
        yield group
        joined = {id(member.request) for member in group.members}
        candidates = [c for c in rest if id(c.request) not in joined]


def _fitting(context: Context, first: Candidate, rest: list[Candidate]) -> list[Candidate]:
    """Those of ``rest`` on the forward pass of ``first``, no call of them inside their region."""
    if first.stop_recording or first.shape is Shape.HESSIANS or first.inline_target:
        return []
    scope = first.request.found.scope
    found: list[Candidate] = []
    top, bottom = first.region.first, first.region.last
    after = _call_index(context, first)
    for candidate in rest:
        if (
            candidate.request.found.scope is not scope
            or candidate.stop_recording
            or candidate.shape is Shape.HESSIANS
            or candidate.inline_target
            or candidate.inside != first.inside
        ):
            continue
        region = candidate.region
        if region.first > bottom or top > region.last:
            continue
        taken = min(after, _call_index(context, candidate))
        if not first.inside and taken <= max(bottom, region.last):
            continue
        found.append(candidate)
        top, bottom = min(top, region.first), max(bottom, region.last)
        after = taken
    return found


def _call_index(context: Context, candidate: Candidate) -> float:
    """Where in the region's block the call is made (infinity if outside)."""
    scope = candidate.request.found.scope
    for place in context.module.places(candidate.request.call, within=scope):
        if place.block is candidate.region.block:
            return place.index
    return inf


def _join(context: Context, group: Group, candidates: list[Candidate]) -> Group | None:
    """One group of all, if a region can be chosen that is right for each of them."""
    first = group.first
    scope: Scope = first.request.found.scope
    members = (*group.members, *candidates)
    dep = context.dependence(scope)
    watched = {
        (source.symbol, source.track.definitions): source
        for member in members
        for source in member.paths.to_watch
    }
    paths = Paths(
        frozenset(n for member in members for n in member.paths.required),
        tuple(link for member in members for link in member.paths.links),
        tuple(watched.values()),
        any(member.paths.skipped for member in members),
    )
    chosen: list[Chosen] = []
    for member in members:
        result = choose_region(
            dep, member.request.call, paths, inline=False, within=False, in_header=member.repeated
        )
        if isinstance(result, Refusal) or result.inside != first.inside:
            return None
        # What was found of each member's own region must hold of the common one.
        if refuse_set_by_callee(context, dep, result, paths, member.request.call):
            return None
        if refuse_region(dep, result.region, paths.required):
            return None
        chosen.append(result)
    region = chosen[0].region
    if any(
        c.region.block is not region.block
        or (c.region.first, c.region.last) != (region.first, region.last)
        for c in chosen
    ):
        return None
    return Group(
        tuple(
            replace(member, region=region, watches=c.watches, repeated=c.repeated)
            for member, c in zip(members, chosen, strict=True)
        )
    )
