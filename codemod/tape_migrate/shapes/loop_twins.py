"""Variables of a tensor loop that may be one tensor in a turn that runs eagerly.

``tf.while_loop(more, body, (0, x, x))`` with ``body(i, adv, orig)``: in a graph these are two
tensors. Eagerly the first turn gets ``x`` as both, and a tape that watches ``adv`` finds ``orig``,
too. What the body returns begins the next turn.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from itertools import chain

from tape_migrate.flow.symbols import DefKind, Symbol, symbol_of
from tape_migrate.module import Module
from tape_migrate.shapes.context import Context
from tape_migrate.shapes.dependence import Dependence
from tape_migrate.shapes.given_itself import names_given
from tape_migrate.shapes.loop_body import uses_of
from tape_migrate.shapes.loop_turns import parameters, turns_of
from tape_migrate.shapes.loop_values import may_be_same
from tape_migrate.shapes.loop_variables import is_loop_variable
from tape_migrate.shapes.plan import Link, Refusal, Source, in_order
from tape_migrate.shapes.sources import is_fresh_value

_STARTS = ("loop_vars", "initializer")


def refuse_twins(
    context: Context, dep: Dependence, sources: Iterable[Source], outside: Iterable[Link]
) -> Refusal | None:
    """Refuse a loop's variable as a source, where another that the target reads may be the same."""
    scope = dep.scope
    node = scope.node
    read = {link.use.symbol.root for link in outside if link.definition.kind is DefKind.PARAMETER}
    around = {link.use.symbol.root for link in outside if link.definition.kind is DefKind.EXTERNAL}
    for source in sources:
        if not isinstance(node, ast.FunctionDef) or source.symbol.path:
            continue
        names = parameters(node)
        if source.symbol.root not in names:
            continue
        own = names.index(source.symbol.root)
        in_loop = is_loop_variable(context, scope, source.symbol)
        for read_too in outside if not in_loop else ():
            if read_too.definition.kind is DefKind.EXTERNAL and _is_given(
                context, node, own, read_too.use.node
            ):
                return Refusal(
                    "TM117",
                    f"{source.symbol} may be {read_too.use.symbol} itself in a turn of a loop that "
                    "runs eagerly, and the target is computed from that, too",
                )
        for name in sorted(around) if in_loop else ():
            if _may_begin_as(context, dep, own, name, names):
                return Refusal(
                    "TM117",
                    f"{source.symbol} may be {name} itself in a turn of the loop that runs "
                    "eagerly, and the target is computed from that, too",
                )
        for position, name in enumerate(names):
            if position == own or name not in read:
                continue
            if _may_begin_alike(context, node, own, position):
                return Refusal(
                    "TM117",
                    f"{source.symbol} and {name} of the loop may begin a turn as one tensor, of "
                    "which the eager tape finds both",
                )
    return None


def _may_begin_as(context: Context, dep: Dependence, own: int, name: str, names: list[str]) -> bool:
    """Whether the loop begins with what ``tf.cond`` and the like may have made of ``name``."""
    module = context.module
    for use in uses_of(module, dep.scope):
        call = next((p for p in module.parents(use) if isinstance(p, ast.Call)), None)
        if call is None or module.names.resolve(call.func) == "tensorflow.map_fn":
            continue
        starts = _starts(module, call, len(names))
        if starts is not None and _gives_back(module, ast.Name(id=name), starts[own]):
            return True
    return False


def _may_begin_alike(context: Context, node: ast.FunctionDef, one: int, other: int) -> bool:
    module = context.module
    for turn in turns_of(module, node):
        if turn.values is None:
            return True
        first, second = turn.of(one), turn.of(other)
        if first is None or second is None:
            continue  # bound to something of outside
        if turn.places[one] is not None and turn.places[one] == turn.places[other]:
            continue  # one tensor in a graph, too
        if may_be_same(module, first, second):
            return True
        if turn.first and may_be_alike(context, first, second):
            return True
        if _gives_back(module, first, second) or _gives_back(module, second, first):
            return True
    return False


def _is_given(context: Context, node: ast.FunctionDef, own: int, read: ast.AST) -> bool:
    """Whether a turn may give a parameter what is read of outside."""
    if not isinstance(read, ast.expr):
        return False
    return any(
        given is not None
        and (
            may_be_same(context.module, given, read)
            or (turn.first and may_be_alike(context, given, read))
        )
        for turn in turns_of(context.module, node)
        for given in [turn.of(own)]
    )


def may_be_alike(context: Context, first: ast.expr, second: ast.expr) -> bool:
    """Whether two values that a loop begins with may be one tensor."""
    module = context.module
    if _is_number(first) or _is_number(second) or _is_new(module, context, first, second):
        return False
    return ast.dump(first) == ast.dump(second) or _may_be_one(context, first, second)


def _gives_back(module: Module, first: ast.expr, second: ast.expr) -> bool:
    """``u`` and ``tf.cond(p, lambda: u, lambda: best)``, or a name of that."""
    if not isinstance(first, ast.Name):
        return False
    made = [second]
    if isinstance(second, ast.Name):
        facts = module.facts(module.scope_of(second))
        reached = in_order(facts.reaching_at(second, Symbol(second.id)))
        made = [d.stmt.value for d in reached if isinstance(d.stmt, ast.Assign)]
    return any(first.id in names_given(module, each) for each in made)


def _starts(module: Module, call: ast.Call, count: int) -> list[ast.expr] | None:
    """What the loop begins with, if that is written as one value for each of its variables."""
    given = chain((k.value for k in call.keywords if k.arg in _STARTS), (a for a in call.args if a))
    for value in given:
        if isinstance(value, ast.Name):
            bound = module.names.bindings(value.id, module.scope_of(value))
            stmt = bound[0] if len(bound) == 1 else None
            value = stmt.value if isinstance(stmt, ast.Assign) else value
        if isinstance(value, (ast.List, ast.Tuple)):
            # What ``tf.scan`` and ``tf.foldl`` run over comes after what they begin with.
            if len(value.elts) == count or len(value.elts) == 1:
                return value.elts if len(value.elts) == count else None
    return None


def _is_number(value: ast.expr) -> bool:
    return isinstance(value, (ast.Constant, ast.UnaryOp))


def _is_new(module: Module, context: Context, first: ast.expr, second: ast.expr) -> bool:
    return any(
        is_fresh_value(context.dependence(module.scope_of(value)), value)
        for value in (first, second)
    )


def _may_be_one(context: Context, first: ast.expr, second: ast.expr) -> bool:
    symbol = symbol_of(second)
    if symbol is None or symbol_of(first) is None:
        return False
    scope = context.module.scope_of(second)
    other = context.closure.node_for(Symbol(symbol.root, symbol.path), scope)
    return context.closure.may_be_among([first], other)
