"""What callers in sight give a parameter: those of the module, and those of others."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tape_migrate.module import Module
from tape_migrate.shapes.binding import bind
from tape_migrate.shapes.calls_elsewhere import Call, OtherCallers, calls_elsewhere
from tape_migrate.shapes.kinds_elsewhere import kinds_of
from tape_migrate.shapes.overridden import OtherTexts
from tape_migrate.shapes.summaries import Summaries


def given_in(home: Module, function: ast.FunctionDef, parameter: str) -> Iterator[ast.expr]:
    """The expressions that calls of the same module give ``parameter``."""
    summaries = Summaries.of(home)
    calls = list(summaries.callers(function))
    if function.name == "__init__":
        made = home.of_kind(ast.Call)
        calls += [_making(call) for call in made if summaries.made_by(call) is function]
    for call in calls:
        yield from (value for name, value in bind(function, call) if name == parameter)


def given_by_callers(
    home: Module, function: ast.FunctionDef, parameter: str
) -> Iterator[tuple[Module, ast.expr]]:
    """Those of all modules, each with its module."""
    yield from ((home, value) for value in given_in(home, function, parameter))
    if isinstance(home.project, OtherCallers):
        for use in calls_elsewhere(home, home.scopes.opened_by(function), function).calls:
            if _is_of_class(home, function, use):
                for name, value in bind(function, use.node):
                    if name == parameter:
                        yield use.module, value


def _making(call: ast.Call) -> ast.Call:
    """``Net(h)`` as the call of its constructor."""
    func = ast.Attribute(value=call.func, attr="__init__", ctx=ast.Load())
    return ast.Call(func=func, args=call.args, keywords=call.keywords)


def _is_of_class(home: Module, function: ast.FunctionDef, use: Call) -> bool:
    """Whether ``super().__init__(…)`` of another module may be of the class around ``function``."""
    owner = home.parent_of(function)
    if function.name != "__init__" or not isinstance(owner, ast.ClassDef):
        return True
    if not isinstance(use.node.func, ast.Attribute) or not isinstance(home.project, OtherTexts):
        return True
    around = Summaries.of(use.module).class_of(use.module.scope_of(use.node))
    made = kinds_of(home, home.project, owner)
    return around is None or any(kind is around.node for _, kind in made)
