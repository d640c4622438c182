"""Variables of a tensor loop: leaves for its body, whatever they were outside."""

from __future__ import annotations

import ast

from tape_migrate.flow.scope import Scope
from tape_migrate.flow.symbols import Symbol
from tape_migrate.shapes.context import Context
from tape_migrate.shapes.loop_body import is_only_loop_body, uses_of


def is_loop_variable(context: Context, scope: Scope, symbol: Symbol) -> bool:
    """A parameter of a tensor loop's body: a leaf, whatever it was computed from outside.

    It is a tensor of its own in the graph of the loop. Where the loop runs eagerly its first value
    may be the very tensor that was given, but what was computed from that before the turn began is
    on no tape of the turn.
    """
    node = scope.node
    return (
        isinstance(node, ast.FunctionDef)
        and not symbol.path
        and is_only_loop_body(context.module, scope)
        and symbol.root in given_by_caller(node)
    )


def is_given_to_loop(context: Context, scope: Scope, symbol: Symbol) -> bool:
    """Whether the first value of a loop's variable may be the very tensor of ``symbol``.

    Run eagerly, the first turn gets that; the elements that ``tf.map_fn`` gives are new.
    """
    other = context.closure.node_for(symbol, scope)
    for name in uses_of(context.module, scope):
        calls = (p for p in context.module.parents(name) if isinstance(p, ast.Call))
        call = next(calls, None)
        if call is None or context.module.names.resolve(call.func) == "tensorflow.map_fn":
            continue
        given = [*call.args, *(keyword.value for keyword in call.keywords)]
        values = [g for g in given if g is not name and not isinstance(g, ast.Lambda)]
        if context.closure.may_be_among(values, other):
            return True
    return False


def given_by_caller(function: ast.FunctionDef) -> frozenset[str]:
    """Parameters that a loop gives a value: a default would be a tensor of outside."""
    plain = [*function.args.posonlyargs, *function.args.args]
    return frozenset(arg.arg for arg in plain[: len(plain) - len(function.args.defaults)])
