"""The edit by which helpers take a tape, and their calls have room to hand one in."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from tape_migrate.edits.draft import Draft
from tape_migrate.edits.hand_tape import add_parameter, make_room
from tape_migrate.edits.names import add_import, fresh_name, tensorflow_name, used_names
from tape_migrate.helper_calls import are_nested, calls_of, found_at
from tape_migrate.model import Helper, Shape
from tape_migrate.module import Module
from tape_migrate.shapes.context import Context
from tape_migrate.shapes.decide import read_request
from tape_migrate.shapes.helper import (
    crossing,
    find_helper,
    function_of,
    handed_request,
    is_method,
    is_part,
)
from tape_migrate.shapes.plan import Candidate, Kind, Paths, Refusal, Region, Request
from tape_migrate.shapes.reentered import (
    Recorded,
    decide_in_helper,
    find_any_helper,
    share_blocks,
    write_recorded,
)
from tape_migrate.shapes.repeats import repeat_of
from tape_migrate.shapes.source_kinds import kinds_of
from tape_migrate.sites import Found


@dataclass(frozen=True)
class CallOfHelper:
    """A call that gets a tape to hand in."""

    found: Found
    helper: Helper
    inside: bool
    """It stands in a helper itself and hands on the tape of that one."""


@dataclass(frozen=True)
class Handing:
    """The edit by which helpers take a tape."""

    draft: Draft
    calls: tuple[CallOfHelper, ...]
    sites: tuple[tuple[int, Candidate], ...]
    """Gradient calls in the helpers (by index), rewritten by the draft."""
    clashes: dict[str, Refusal]
    """Helpers (by qualified name) whose calls cannot share one tape."""


def hand_tapes(
    module: Module, found: list[Found], helpers: Iterable[Helper], tensors: Collection[str] = ()
) -> Handing:
    """Give each of ``helpers`` a tape as its first parameter, and room for it in every call.

    Of those in ``tensors`` (by qualified name) the callers in other modules give one tensor for
    each source.
    """
    draft = Draft(module.text)
    context = Context.of(module, pending=frozenset())
    helpers = list(helpers)
    sites: list[tuple[int, Candidate]] = []
    inner: set[int] = set()
    uses: list[tuple[str, str]] = []
    counts: Counter[str] = Counter()
    clashes: dict[str, Refusal] = {}
    for helper in helpers:
        if helper.dotted:
            continue  # its own module gives it the parameter
        function = function_of(module, helper)
        assert function is not None
        scope = module.scopes.opened_by(function)
        tape = fresh_name("tape", used_names(module, scope))
        add_parameter(module, draft, function, tape, method=is_method(scope))
        parts: list[Candidate] = []
        for index, item in enumerate(found):
            request = read_request(context, item) if item.scope is scope else None
            if isinstance(request, Request) and is_part(find_any_helper(context, request), helper):
                candidate = _candidate(context, request)
                if helper.qualname in tensors:
                    kinds = tuple(Kind.TENSOR for _ in candidate.kinds)
                    candidate = replace(candidate, kinds=kinds)
                parts.append(candidate)
                sites.append((index, candidate))
                counts[helper.qualname] += 1
        called = [
            (call, c) for call, c in calls_of(module, helpers) if module.scope_of(call) is scope
        ]
        for call, each in called:
            request = handed_request(each, found_at(module, call), room=False)
            if isinstance(request, Request) and is_part(find_any_helper(context, request), helper):
                parts.append(_candidate(context, request))
                inner.add(id(call))
                counts[helper.qualname] += 1
                uses.append((helper.qualname, each.dotted or each.qualname))
        blocks = share_blocks(context.dependence(scope), parts)
        if blocks is None or are_nested(parts):
            clashes[helper.qualname] = crossing(helper)
            continue
        if any(each.reenters and _is_recording(module, call, blocks) for call, each in called):
            clashes[helper.qualname] = crossing(helper)
        names: dict[int, set[str]] = {}
        for block in blocks:
            # What two blocks of one statement name is read together.
            stmt = module.statement_of(block.members[-1].request.call)
            used = names.setdefault(id(stmt), used_names(module, scope) | {tape})
            _write(module, draft, block, tape, used)
    repeated = {h.dotted or h.qualname for h in helpers if h.repeated or counts[h.qualname] > 1}
    while more := {user for user, used in uses if used in repeated} - repeated:
        repeated |= more
    calls: list[CallOfHelper] = []
    for call, helper in calls_of(module, helpers):
        if id(call) not in inner:
            make_room(module, draft, call)
        several = replace(helper, repeated=(helper.dotted or helper.qualname) in repeated)
        calls.append(CallOfHelper(found_at(module, call), several, id(call) in inner))
    return Handing(draft, tuple(calls), tuple(sites), clashes)


def _is_recording(module: Module, call: ast.Call, blocks: Iterable[Recorded]) -> bool:
    """Whether the tape of the helper around ``call`` is open where it stands."""
    return any(
        any(part is call for part in ast.walk(stmt)) for b in blocks for stmt in b.region.stmts
    )


def _candidate(context: Context, request: Request) -> Candidate:
    part = find_any_helper(context, request)
    own = part is not None and part.reenters and find_helper(context, request) is None
    decision = decide_in_helper(context, request) if own else None
    if isinstance(decision, Candidate):
        return replace(decision, shape=Shape.HELPER)
    repeat = repeat_of(context.module, request)
    assert not isinstance(repeat, Refusal)
    place = context.module.place_of(context.module.statement_of(request.call))
    return Candidate(
        request=request,
        paths=Paths(frozenset(), (), ()),
        region=Region(place.block, place.index, place.index - 1),
        watches=(),
        inline_target=False,
        inside=False,
        repeated=False,
        shape=Shape.HELPER,
        assumptions=(),
        notes=request.notes,
        kinds=kinds_of(context, request, [], repeat),
    )


def _write(module: Module, draft: Draft, recorded: Recorded, tape: str, names: set[str]) -> None:
    request = recorded.members[0].request
    scope = request.found.scope
    stmt = module.statement_of(request.call)
    tf = tensorflow_name(module, scope, request.call, module.first_line(stmt))
    if tf is None and not all(member.request.handed for member in recorded.members):
        tf = add_import(module, draft)
    write_recorded(module, draft, recorded, tape=tape, tf=tf or "tf", names=names)
