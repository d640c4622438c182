"""What one round of the engine edits: which groups of calls, and in which lines."""

from __future__ import annotations

from bisect import bisect_right

from tape_migrate.edits.draft import Draft
from tape_migrate.edits.layout import split_shared_lines
from tape_migrate.edits.names import outermost_function
from tape_migrate.edits.tape_block import first_comment_line
from tape_migrate.module import Module
from tape_migrate.shapes.groups import Group
from tape_migrate.shapes.plan import Candidate
from tape_migrate.tracking import DEPENDS, Tracked


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


def apart(module: Module, groups: list[Group]) -> list[Group]:
    """The groups that can be written in one go: none inside the lines of another.

    In each outermost function they are the first ones, up to one that is in the way of another:
    what it becomes is seen first. None of them computes with another's gradient, for such a call
    waits, and a tape encloses nothing but its own lines.
    """
    chosen: list[Group] = []
    lines: list[tuple[int, int]] = []
    done: set[int] = set()
    for group in groups:
        outer = id(outermost_function(group.first.request.found.scope))
        if outer in done:
            continue
        spans = [span_of(module, member) for member in group.members]
        first, last = min(top for top, _ in spans), max(end for _, end in spans)
        at = bisect_right(lines, (first, last))
        if (at and lines[at - 1][1] >= first) or (at < len(lines) and lines[at][0] <= last):
            done.add(outer)
            continue
        lines.insert(at, (first, last))
        chosen.append(group)
    return chosen


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
        for stmt in [*member.region.stmts, module.statement_of(member.request.call)]
    ]
    return split_shared_lines(module, places)
