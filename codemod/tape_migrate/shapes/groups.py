"""Which calls share a tape: the fewest tapes, the least inside.

Calls on one forward pass share a tape: calls whose regions overlap, as long as no gradient call
would come to stand inside the tape it belongs to. A group is re-chosen as a whole, so that its
region and its watches are right for every member.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

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
    """Groups in source order; each candidate is in exactly one."""
    groups: list[Group] = []
    of_block: dict[int, list[int]] = {}
    """Indices of the groups of a block: only those can be joined."""
    for candidate in candidates:
        near = of_block.setdefault(id(candidate.region.block), [])
        for index in near:
            joined = _join(context, groups[index], candidate)
            if joined is not None:
                groups[index] = joined
                break
        else:
            near.append(len(groups))
            groups.append(Group((candidate,)))
    return groups


def _join(context: Context, group: Group, candidate: Candidate) -> Group | None:
    scope: Scope = candidate.request.found.scope
    first = group.first
    if (
        first.request.found.scope is not scope
        or first.region.block is not candidate.region.block
        or first.stop_recording
        or candidate.stop_recording
        or first.shape is Shape.HESSIANS
        or candidate.shape is Shape.HESSIANS
        or first.inline_target
        or candidate.inline_target
        or first.inside != candidate.inside
        or not _overlap(first, candidate)
    ):
        return None
    members = (*group.members, candidate)
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


def _overlap(one: Candidate, other: Candidate) -> bool:
    a, b = one.region, other.region
    return a.first <= b.last and b.first <= a.last
