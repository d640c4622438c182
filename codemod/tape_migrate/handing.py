"""Helpers that are handed a tape: which of them, and the edit that all their callers share.

All or nothing: the engine makes the edit first, migrates the callers like any other call, and
starts again without the helper if one of them cannot be.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass, replace

from tape_migrate.edits.call import rewrite_call
from tape_migrate.edits.draft import Draft
from tape_migrate.edits.grads_and_vars import rewrite_optimizer_call
from tape_migrate.edits.hand_tape import add_parameter, make_room
from tape_migrate.edits.names import add_import, fresh_name, tensorflow_name, used_names
from tape_migrate.flow.scope import ScopeKind
from tape_migrate.model import Api, Shape, Site
from tape_migrate.module import Module
from tape_migrate.shapes.context import Context
from tape_migrate.shapes.decide import kinds_of, read_request
from tape_migrate.shapes.helper import (
    Helper,
    callers_of,
    find_helper,
    function_of,
    handed_request,
)
from tape_migrate.shapes.optimizers import METHODS
from tape_migrate.shapes.plan import Candidate, Paths, Refusal, Region, Request
from tape_migrate.shapes.repeats import repeat_of
from tape_migrate.sites import Found, function_name


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


def hand_tapes(module: Module, found: list[Found], helpers: Iterable[Helper]) -> Handing:
    """Give each of ``helpers`` a tape as its first parameter, and room for it in every call."""
    draft = Draft(module.text)
    context = Context(module, pending=frozenset())
    sites: list[tuple[int, Candidate]] = []
    helpers = list(helpers)
    inner: dict[int, str] = {}
    counts: dict[str, int] = {}
    for helper in helpers:
        function = function_of(module, helper)
        assert function is not None
        scope = module.scopes.opened_by(function)
        tape = fresh_name("tape", used_names(module, scope))
        method = scope.parent is not None and scope.parent.kind is ScopeKind.CLASS
        add_parameter(module, draft, function, tape, method=method)
        for index, item in enumerate(found):
            if item.scope is not scope:
                continue
            request = read_request(context, item)
            if isinstance(request, Refusal) or find_helper(context, request) != helper:
                continue
            candidate = _candidate(context, request)
            _write(module, draft, candidate, tape)
            sites.append((index, candidate))
            counts[helper.qualname] = counts.get(helper.qualname, 0) + 1
        for call, called in _calls(module, helpers):
            if module.scope_of(call) is scope:
                request = handed_request(module, called, _found(module, call))
                if not isinstance(request, Refusal) and find_helper(context, request) == helper:
                    inner[id(call)] = tape
                    counts[helper.qualname] = counts.get(helper.qualname, 0) + 1
    calls: list[CallOfHelper] = []
    for call, helper in _calls(module, helpers):
        make_room(module, draft, call, inner.get(id(call), "None"))
        if counts.get(helper.qualname, 0) > 1:
            helper = replace(helper, repeated=True)
        calls.append(CallOfHelper(_found(module, call), helper, id(call) in inner))
    return Handing(draft, tuple(calls), tuple(sites))


def _calls(module: Module, helpers: Iterable[Helper]) -> list[tuple[ast.Call, Helper]]:
    found: list[tuple[ast.Call, Helper]] = []
    for helper in helpers:
        callers = callers_of(module, helper)
        assert not isinstance(callers, Refusal)
        found += [(call, helper) for call in callers]
    return found


def _found(module: Module, call: ast.Call) -> Found:
    scope = module.scope_of(call)
    return Found(Site(call.lineno, 1, Api.TF_GRADIENTS, function_name(scope)), call, scope)


def calls_at(module: Module, offsets: Iterable[int]) -> dict[int, Found]:
    """The calls whose callees end at ``offsets``."""
    wanted = set(offsets)
    return {
        end: _found(module, node)
        for node in (module.nodes if wanted else ())
        if isinstance(node, ast.Call) and (end := module.end(node.func)) in wanted
    }


def _candidate(context: Context, request: Request) -> Candidate:
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


def _write(module: Module, draft: Draft, candidate: Candidate, tape: str) -> None:
    request = candidate.request
    scope = request.found.scope
    stmt = module.statement_of(request.call)
    tf = tensorflow_name(module, scope, request.call, module.first_line(stmt))
    if tf is None:
        tf = add_import(module, draft)
    if request.found.site.api in METHODS:
        names = used_names(module, scope)
        rewrite_optimizer_call(
            module, draft, candidate, tape=tape, tf=tf, target_name=None, names=names
        )
    else:
        rewrite_call(module, draft, candidate, tape=tape, tf=tf, target_name=None)
