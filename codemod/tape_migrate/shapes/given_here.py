"""What the calls of a module give the parameters of its own functions."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tape_migrate.module import Module
from tape_migrate.shapes.binding import bind
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


def _making(call: ast.Call) -> ast.Call:
    """``Net(h)`` as the call of its constructor."""
    func = ast.Attribute(value=call.func, attr="__init__", ctx=ast.Load())
    return ast.Call(func=func, args=call.args, keywords=call.keywords)
