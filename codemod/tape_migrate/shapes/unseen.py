"""Variables that a target reads under no name of the source: by ``get_variable``, by a layer.

A source that is handed in, or handed out by a function that is not seen through, may be one of
them. Names tell nothing of that, so what may read such a variable is looked for by itself.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import Final

from tape_migrate.flow.symbols import Symbol, symbol_of
from tape_migrate.shapes.context import Context
from tape_migrate.shapes.dependence import Dependence
from tape_migrate.shapes.evaluated import calls_in
from tape_migrate.shapes.kinds import value_given_by
from tape_migrate.shapes.plan import OUTSIDE
from tape_migrate.shapes.tensorflow_facts import tensorflow_function
from tape_migrate.shapes.variable_makers import makes_variables, mentions_reuse

_GETTERS: Final = frozenset({"get_variable", "get_local_variable"})
_LAYERS: Final = frozenset({"layers", "keras", "contrib"})


def reads_unseen(
    context: Context,
    dep: Dependence,
    nodes: Iterable[int],
    exprs: Iterable[ast.AST],
    *,
    earlier: bool,
) -> bool:
    """Whether ``nodes`` or ``exprs`` may read a variable that is the source, under another name.

    ``earlier`` says that the source existed before the function was entered: then it is none of
    the variables that are newly made in here.
    """
    module = context.module
    nodes = sorted(nodes)
    for node_id in nodes:
        stmt = dep.stmt_of(node_id)
        if not earlier and isinstance(stmt, (ast.Assign, ast.AnnAssign)):
            if stmt.value is not None and makes_variables(module, stmt.value):
                return True
        for link in dep.links_into(node_id):
            if link.definition.kind in OUTSIDE and _made_elsewhere(context, dep, link.use.symbol):
                return True
    for call in context.calls_of(dep, nodes, exprs):
        name = tensorflow_function(module.names.resolve(call.func)) or ""
        if name.rpartition(".")[2] in _GETTERS and (not earlier or mentions_reuse(module)):
            return True
        if name.partition(".")[0] in _LAYERS:
            return True
    return False


def hidden_readers(context: Context, dep: Dependence, nodes: Iterable[int]) -> frozenset[int]:
    """Those of ``nodes`` that may read again a variable which has a name in here."""
    if not mentions_reuse(context.module):
        return frozenset()
    names = context.module.names
    return frozenset(
        n
        for n in nodes
        if any(
            (tensorflow_function(names.resolve(call.func)) or "").rpartition(".")[2] in _GETTERS
            for call in context.calls_of(dep, [n], ())
        )
    )


def _made_elsewhere(context: Context, dep: Dependence, symbol: Symbol) -> bool:
    """Whether a name from outside holds variables that the module makes."""
    module = context.module
    values: list[ast.expr | None] = []
    if symbol.root in ("self", "cls") and symbol.path:
        first = Symbol(symbol.root, symbol.path[:1])
        owner = context.summaries.class_of(dep.scope)
        family = context.summaries.family(owner).node if owner is not None else None
        for node in module.of_kind_inside(ast.Attribute, family) if family is not None else ():
            if symbol_of(node) == first and isinstance(node.ctx, ast.Store):
                values.append(value_given_by(module.statement_of(node), first))
    else:
        bound = module.names.bindings(symbol.root, dep.scope)
        values = [n.value for n in bound if isinstance(n, (ast.Assign, ast.AnnAssign))]
    return any(
        value is not None and any(makes_variables(module, call) for call in calls_in(value))
        for value in values
    )
