"""Calls of helpers in one module: where they stand, and those that stand inside one another."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Sequence

from tape_migrate.edits.draft import Applied
from tape_migrate.edits.hoist_call import hoist_call
from tape_migrate.model import Api, Helper, Site
from tape_migrate.module import Module
from tape_migrate.shapes.callers import callers_of
from tape_migrate.shapes.helper import function_of
from tape_migrate.shapes.modes import OtherModules
from tape_migrate.shapes.plan import Candidate, Refusal
from tape_migrate.shapes.summaries import Summaries
from tape_migrate.sites import Found, function_name


def calls_of(module: Module, helpers: Iterable[Helper]) -> list[tuple[ast.Call, Helper]]:
    """Every call of each of ``helpers``."""
    found: list[tuple[ast.Call, Helper]] = []
    for helper in helpers:
        callers = callers_of(module, helper)
        found += [] if isinstance(callers, Refusal) else [(call, helper) for call in callers]
    return found


def found_at(module: Module, call: ast.Call) -> Found:
    """A call of a helper as the gradient call that it is for its caller."""
    scope = module.scope_of(call)
    return Found(Site(call.lineno, 1, Api.TF_GRADIENTS, function_name(scope)), call, scope)


def calls_at(module: Module, offsets: Iterable[int]) -> dict[int, Found]:
    """The calls whose callees end at ``offsets``."""
    wanted = set(offsets)
    return {
        end: found_at(module, node)
        for node in (module.nodes if wanted else ())
        if isinstance(node, ast.Call) and (end := module.end(node.func)) in wanted
    }


def hoist_nested(
    module: Module, found: Sequence[Found], helpers: Sequence[Helper]
) -> Applied | None:
    """Give a name to a call in a helper that stands in the arguments of another one.

    So the tape can be open while it is evaluated. None where there is no such call, or where that
    could change what is evaluated when.
    """
    functions = [function_of(module, helper) for helper in helpers if not helper.dotted]
    calls = [*(item.call for item in found), *(call for call, _ in calls_of(module, helpers))]
    known = {id(call) for call in calls}
    quiet = {id(call) for call in calls if _is_quiet(module, call)}
    for call in calls:
        if module.scope_of(call).node in functions and _stands_in_one(module, call, known):
            draft = hoist_call(module, call, quiet)
            if draft is not None:
                return draft.apply()
    return None


def _is_quiet(module: Module, call: ast.Call) -> bool:
    """Whether a call of a function here, or of another module of the project, keeps nothing."""
    callee = Summaries.of(module).callee(call)
    if callee is not None:
        return Summaries.of(module).is_quiet(callee)
    if not isinstance(module.project, OtherModules):
        return False
    found = module.project.function(module.names.resolve(call.func))
    if found is None:
        return False
    summaries = Summaries.of(found[0])
    return summaries.stands_alone(found[1]) and summaries.is_quiet(found[1])


def _stands_in_one(module: Module, call: ast.Call, calls: Collection[int]) -> bool:
    return any(id(parent) in calls for parent in module.parents_in_statement(call))


def are_nested(parts: Sequence[Candidate]) -> bool:
    """Whether a call stands in the arguments of another, where no tape can be opened."""
    inside = {id(n) for p in parts for given in p.request.given for n in ast.walk(given)}
    return any(id(part.request.call) in inside for part in parts)
