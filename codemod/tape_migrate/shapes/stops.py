"""``stop_gradients=[s]``: leaves need nothing; a computed value is computed off the tape.

``tf.gradients`` cuts the graph at the operation that makes ``s``. A tape that does not record the
statement ``s = …`` (``with tape.stop_recording():``) is cut at the same place, for this gradient
only: other tapes, and other gradients of the same graph, still see it.
"""

from __future__ import annotations

import ast

from tape_migrate.flow.symbols import DefKind, symbol_of
from tape_migrate.shapes.arguments import elements
from tape_migrate.shapes.dependence import Dependence
from tape_migrate.shapes.plan import OUTSIDE, Refusal, Region, Request, Source, in_order
from tape_migrate.shapes.sources import is_fresh_value


def plan_stops(
    dep: Dependence,
    request: Request,
    node_id: int,
    region: Region,
    sources: list[Source],
) -> tuple[ast.stmt, ...] | Refusal:
    """Statements that the tape must not record, for the ``stop_gradients`` of ``request``."""
    if request.stop_gradients is None:
        return ()
    inside = {n for stmt in region.stmts for n in dep.cfg.span(stmt)}
    tainted: set[int] = set()
    for source in sources:
        tainted |= dep.tainted_by(source.tracks)
    stops: list[ast.stmt] = []
    for expr in elements(request.stop_gradients):
        found = _stop(dep, node_id, expr, inside, tainted)
        if isinstance(found, Refusal):
            return found
        stops += [stmt for stmt in found if stmt not in stops]
    return tuple(stops)


def _stop(
    dep: Dependence, node_id: int, expr: ast.expr, inside: set[int], tainted: set[int]
) -> list[ast.stmt] | Refusal:
    symbol = symbol_of(expr)
    if symbol is None:
        return Refusal("TM114", "stop_gradients= holds an expression, not a name")
    definitions = [
        d
        for d in in_order(dep.reaching(node_id, symbol))
        if d.kind is not DefKind.MUTATION or symbol.path
    ]
    stops: list[ast.stmt] = []
    for definition in definitions:
        if definition.kind in OUTSIDE or definition.node_id not in inside | tainted:
            continue
        stmt = definition.stmt
        if isinstance(stmt, ast.Assign) and isinstance(stmt.value, (ast.List, ast.Tuple)):
            for item in stmt.value.elts:
                inner = _stop(dep, definition.node_id, item, inside, tainted)
                if isinstance(inner, Refusal):
                    return inner
                stops += inner
            continue
        if definition.node_id not in tainted:
            continue
        if (
            definition.node_id in inside
            and isinstance(stmt, ast.Assign)
            and len(stmt.targets) == 1
            and symbol_of(stmt.targets[0]) == symbol
            and is_fresh_value(dep, stmt.value)
            and len(definitions) == 1
        ):
            stops.append(stmt)
            continue
        return Refusal(
            "TM114", f"{symbol} in stop_gradients= is not the only result of one operation"
        )
    return stops
