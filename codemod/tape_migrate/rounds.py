"""What one round of the engine edits: which groups of calls, and in which lines."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tape_migrate.edits.draft import Applied, Draft
from tape_migrate.edits.layout import split_shared_lines
from tape_migrate.edits.names import outermost_function
from tape_migrate.edits.tape_block import first_comment_line
from tape_migrate.edits.watch_in_maker import take_tapes
from tape_migrate.module import Module
from tape_migrate.shapes.context import Context
from tape_migrate.shapes.groups import Group, form_groups
from tape_migrate.shapes.local import write_group
from tape_migrate.shapes.plan import Candidate
from tape_migrate.tracking import DEPENDS, Tracked, follow


def refuse_dependents(
    waiting: dict[int, tuple[Tracked, frozenset[int]]], refused: set[int]
) -> None:
    """Refuse the calls that wait for a gradient whose call was refused, and those that wait for
    them."""
    changed = True
    while changed:
        changed = False
        for call, (site, waits) in list(waiting.items()):
            if waits & refused:
                site.refusal = DEPENDS
                refused.add(call)
                del waiting[call]
                changed = True


def first_of_circle(
    context: Context,
    waiting: Mapping[int, tuple[Tracked, frozenset[int]]],
    decisions: Mapping[int, Candidate],
) -> list[tuple[Tracked, Candidate]]:
    """The first call that waits in a circle, but has no other gradient inside of its tape.

    In a loop, ``x`` may come from the next gradient, and that one's source from this: neither is
    differentiated again, and each can be written before the other.
    """
    for call, (site, waits) in waiting.items():
        if waits <= waiting.keys() and not context.pending_inside(decisions[call]):
            return [(site, decisions[call])]
    return []


@dataclass(frozen=True)
class Turns:
    """Which groups are written in a round, and which cannot be written in the next one either."""

    now: list[Group]
    later: list[tuple[Group, Group]]
    """A group, and the one whose turn comes before its own."""


class _Lines:
    """Spans of lines that are taken, none of them inside another."""

    def __init__(self) -> None:
        self._taken: list[tuple[int, int]] = []

    def take(self, first: int, last: int) -> bool:
        """Whether ``first`` to ``last`` was free; it is taken then."""
        at = bisect_right(self._taken, (first, last))
        if at and self._taken[at - 1][1] >= first:
            return False
        if at < len(self._taken) and self._taken[at][0] <= last:
            return False
        self._taken.insert(at, (first, last))
        return True


def take_turns(module: Module, groups: list[Group]) -> Turns:
    """The groups that can be written in one go: none inside the lines of another.

    In each outermost function they are the first ones, up to one that is in the way of another:
    what it becomes is seen first. None of them computes with another's gradient, for such a call
    waits, and a tape encloses nothing but its own lines.
    """
    now: list[Group] = []
    lines = _Lines()
    left: dict[int, list[tuple[Group, int, int]]] = {}
    for group in groups:
        outer = id(outermost_function(group.first.request.found.scope))
        spans = [span_of(module, member) for member in group.members]
        first, last = min(top for top, _ in spans), max(end for _, end in spans)
        if outer not in left and lines.take(first, last):
            now.append(group)
        else:
            left.setdefault(outer, []).append((group, first, last))
    later = [turn for groups_of_one in left.values() for turn in _later(groups_of_one)]
    return Turns(now, later)


def _later(groups: list[tuple[Group, int, int]]) -> Iterator[tuple[Group, Group]]:
    """Whom each of ``groups`` has to wait for, beyond the first ones, which are next."""
    lines, head = _Lines(), groups[0][0]
    before: Group | None = None
    for group, first, last in groups:
        if not lines.take(first, last):
            lines, before, head = _Lines(), head, group
            lines.take(first, last)
        if before is not None:
            yield group, before


def span_of(module: Module, candidate: Candidate) -> tuple[int, int]:
    """Offsets from the line where the tape is opened to the end of the gradient call."""
    stmts = candidate.region.stmts
    stmt = module.statement_of(candidate.request.call)
    top = module.line_start(first_comment_line(module, stmts[0] if stmts else stmt))
    end = max(module.end(stmts[-1]) if stmts else 0, module.end(candidate.request.call) - 1)
    return top, end


def split_lines(module: Module, group: Group) -> Draft | None:
    """Give each statement of the group lines of its own; None where each has them."""
    places = [
        module.place_of(stmt)
        for member in group.members
        for stmt in [
            *member.region.stmts,
            *(watch.after for watch in member.watches if watch.after is not None),
            module.statement_of(member.request.call),
        ]
    ]
    return split_shared_lines(module, places)


def write_ready(
    module: Module,
    context: Context,
    ready: list[tuple[Tracked, Candidate]],
    tracked: list[Tracked],
) -> Applied | None:
    """Write the tapes whose turn it is; None if there is nothing to write."""
    if not ready:
        return None
    owner = {id(candidate.request.call): site for site, candidate in ready}
    turns = take_turns(module, form_groups(context, [candidate for _, candidate in ready]))
    for group, before in turns.later:
        for member in group.members:
            owner[id(member.request.call)].turn_after = owner[id(before.first.request.call)]
    groups = turns.now
    for group in groups:
        split = split_lines(module, group)
        if split is not None:
            for member in group.members:
                owner[id(member.request.call)].lifted = True
            applied = split.apply()
            follow(tracked, applied)
            return applied
    draft = Draft(module.text)
    used: dict[int, set[str]] = {}
    spans: list[tuple[Tracked, Candidate, int, int]] = []
    for group in groups:
        write_group(module, draft, group, used)
        for member in group.members:
            top, end = span_of(module, member)
            spans.append((owner[id(member.request.call)], member, top, end))
    take_tapes(module, draft)
    applied = draft.apply()
    follow(tracked, applied)
    for site, member, top, end in spans:
        site.migrated = member
        site.first = applied.before(top)
        site.last = applied.follow(end)
    return applied
