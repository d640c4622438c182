"""What one round of the engine edits: which groups of calls, and in which lines."""

from __future__ import annotations

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


def one_per_function(module: Module, groups: list[Group]) -> list[Group]:
    """The first group of each outermost function, none inside the lines of another."""
    chosen: list[Group] = []
    lines: list[tuple[int, int]] = []
    functions: set[int] = set()
    for group in groups:
        outer = outermost_function(group.first.request.found.scope)
        tops_ends = [span_of(module, member) for member in group.members]
        first = min(top for top, _ in tops_ends)
        last = max(end for _, end in tops_ends)
        if id(outer) in functions or any(a <= last and first <= b for a, b in lines):
            continue
        functions.add(id(outer))
        lines.append((first, last))
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
