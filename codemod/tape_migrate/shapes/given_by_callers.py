"""What callers in sight give a parameter: those of the module, and those of others."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tape_migrate.module import Module
from tape_migrate.shapes.binding import bind
from tape_migrate.shapes.calls_elsewhere import Call, OtherCallers, calls_elsewhere
from tape_migrate.shapes.given_here import given_in
from tape_migrate.shapes.kinds_elsewhere import kinds_of
from tape_migrate.shapes.overridden import OtherTexts
from tape_migrate.shapes.summaries import Summaries


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


def given_to_stars(home: Module, function: ast.FunctionDef) -> Iterator[tuple[Module, ast.expr]]:
    """What callers in sight give ``*args`` and ``**kwargs``."""
    calls = [(home, call) for call in Summaries.of(home).callers(function)]
    if isinstance(home.project, OtherCallers):
        found = calls_elsewhere(home, home.scopes.opened_by(function), function).calls
        calls += [(use.module, use.node) for use in found]
    arguments = function.args
    named = {a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)}
    for user, call in calls:
        bound = {id(value) for name, value in bind(function, call) if name in named}
        given = [*call.args, *(keyword.value for keyword in call.keywords)]
        yield from ((user, value) for value in given if id(value) not in bound)


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
