"""What the members of the sources are, as they are written in the call: tensors, lists, unknown."""

from __future__ import annotations

import ast

from tape_migrate.shapes.arguments import elements
from tape_migrate.shapes.context import Context
from tape_migrate.shapes.kinds import kind_of
from tape_migrate.shapes.plan import Kind, Request, Source
from tape_migrate.shapes.repeats import Repeat
from tape_migrate.shapes.variables import collected_variables


def kinds_of(
    context: Context, request: Request, sources: list[Source], repeat: Repeat
) -> tuple[Kind, ...]:
    """Kinds of the members of the sources expression, as it is written in the call."""
    if request.all_variables:
        return (Kind.LIST,)
    if repeat.source_over is not None:
        listed = isinstance(repeat.source_over, (ast.List, ast.Tuple))
        tensors = listed and all(source.kind is Kind.TENSOR for source in sources)
        return (Kind.TENSOR if tensors else Kind.UNKNOWN,)
    if isinstance(request.source, (ast.List, ast.Tuple)) and not request.gathered:
        # tf.gradients takes no nested lists: each member of a display is one tensor.
        return tuple(
            Kind.LIST if isinstance(member, ast.Starred) else Kind.TENSOR
            for member in request.source.elts
        )
    return tuple(_kind(context, expr, request) for expr in elements(request.source))


def _kind(context: Context, expr: ast.expr, request: Request) -> Kind:
    collected = collected_variables(context.module, expr)
    if collected is not None and collected.kind is not Kind.UNKNOWN:
        return collected.kind
    return kind_of(context.module, expr, request.found.scope)
