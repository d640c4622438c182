"""What functions of other modules change, in place, of what they are given: ``kit.grow(parts, z)``.

Whatever else such a call is given may be in it afterwards, or what was computed from that.
"""

from __future__ import annotations

import ast

from tape_migrate.mentions import last_name
from tape_migrate.module import Module
from tape_migrate.shapes.binding import bind
from tape_migrate.shapes.functions import Function
from tape_migrate.shapes.in_place import changes_parameter
from tape_migrate.shapes.libraries import is_library
from tape_migrate.shapes.quiet import OtherFunctions
from tape_migrate.shapes.summaries import Summaries


def changed_arguments(module: Module, call: ast.Call) -> list[ast.expr]:
    """The arguments of ``call`` that a function of another module changes in place."""
    if not call.args and not call.keywords:
        return []
    there = function_elsewhere(module, call)
    if there is None:
        return []
    home, function = there
    summaries = Summaries.of(home)
    plain = ast.Call(
        func=ast.Name(id=function.name, ctx=ast.Load()), args=call.args, keywords=call.keywords
    )
    pairs = list(bind(function, plain))
    changed = [arg for name, arg in pairs if changes_parameter(summaries, function, name)]
    if function.args.vararg is not None and not summaries.is_quiet(function):
        named = {id(arg) for _, arg in pairs}
        changed += [arg for arg in call.args if id(arg) not in named]
    return changed


def function_elsewhere(module: Module, call: ast.Call) -> tuple[Module, Function] | None:
    """The function of another module of the project that ``call`` runs, if that is plain."""
    project = module.project
    if project is None or not last_name(call.func):
        return None
    dotted = module.names.resolve(call.func)
    if not dotted or is_library(module, dotted) or not isinstance(project, OtherFunctions):
        return None
    return project.function(dotted)
