"""Members of a collection of sources that were computed from one another where it was made.

::

    def parts(x):
        z = tf.square(x)
        return {"a": z, "b": tf.sin(z)}

    values = parts(x)
    y = values["a"] * values["b"]
    g = tf.gradients(y, list(values.values()))

A tape that is opened once the collection is made misses the way from ``a`` over ``b`` to ``y``: the
gradient of the graph is total. Displays are taken apart before (``sources``), each member under its
own name; here is what is left.
"""

from __future__ import annotations

import ast
import enum

from tape_migrate.flow.reaching import Definition
from tape_migrate.flow.scope import ScopeKind
from tape_migrate.flow.symbols import Symbol, symbol_of
from tape_migrate.shapes.context import Context
from tape_migrate.shapes.copies import value_of
from tape_migrate.shapes.dependence import CONTAINER_METHODS, Dependence
from tape_migrate.shapes.functions import Function
from tape_migrate.shapes.plan import OUTSIDE, Kind, Refusal, Source
from tape_migrate.shapes.results import result_of

_COLLECTIONS = (ast.List, ast.Tuple, ast.Set, ast.Dict)


class Related(enum.Enum):
    """What is known of how the members of a collection came to be."""

    NO = "each was made by itself"
    PERHAPS = "a call has made them"
    LIKELY = "one is there under a name, another is computed"


def related_members(context: Context, dep: Dependence, source: Source) -> Refusal | str | None:
    """A refusal where members may come from one another; a sentence where that is assumed not."""
    if source.fresh or source.variable or source.kind is Kind.TENSOR:
        return None
    found = {
        _of_definition(context, dep, definition, track.symbol)
        for track in source.tracks
        if track.whole
        for definition in track.definitions
        if definition.kind not in OUTSIDE
    }
    if Related.LIKELY in found:
        return Refusal(
            "TM105",
            f"one member of {source.symbol} may have been computed from another where they are "
            "put together; a tape opened after that would miss it",
        )
    if Related.PERHAPS in found and source.kind in (Kind.LIST, Kind.TUPLE):
        return f"assumes that no member of {source.symbol} was computed from another"
    return None


def _of_definition(
    context: Context, dep: Dependence, definition: Definition, symbol: Symbol
) -> Related:
    value = value_of(definition, symbol)
    if value is None and definition.stmt is not None and definition.symbol == symbol:
        result = result_of(context.module, definition.stmt, symbol)
        return _of_result(context, result) if result is not None else Related.NO
    return _of_value(context, dep, value) if value is not None else Related.NO


def _of_result(context: Context, result: ast.expr) -> Related:
    """What a function gives back, by whatever name: what it puts together is seen there."""
    scope = context.module.scope_of(result)
    held: list[ast.expr | None] = [result]
    if isinstance(result, ast.Name):
        held = [
            getattr(node, "value", None) for node in context.module.names.bindings(result.id, scope)
        ]
        if any(_puts_into(node, result.id) for node in context.module.inside(scope.node)):
            return Related.LIKELY
    for value in held:
        size = len(value.values if isinstance(value, ast.Dict) else getattr(value, "elts", ()))
        if isinstance(value, _COLLECTIONS) and size != 1:
            return Related.LIKELY
    return Related.PERHAPS


def _puts_into(node: ast.AST, name: str) -> bool:
    """``xs.append(…)``, ``xs[0] = …``, ``xs += [y]``."""
    match node:
        case ast.Attribute(value=ast.Name(id=own), attr=method):
            return own == name and method in CONTAINER_METHODS
        case ast.Subscript(value=ast.Name(id=own), ctx=ast.Store()):
            return own == name
        case ast.AugAssign(target=ast.Name(id=own), value=ast.List() | ast.ListComp()):
            return own == name
    return False


def _of_value(context: Context, dep: Dependence, value: ast.expr) -> Related:
    match value:
        case ast.List(elts=members) | ast.Tuple(elts=members) | ast.Dict(values=members):
            return _of_display(members)
        case ast.ListComp(elt=member) | ast.GeneratorExp(elt=member) | ast.DictComp(value=member):
            if isinstance(member, (ast.IfExp, ast.BoolOp, ast.NamedExpr)):
                return Related.LIKELY
            return Related.PERHAPS if isinstance(member, ast.Call) else Related.NO
        case ast.Call(func=ast.Name(id="dict" | "list" | "tuple" | "zip"), args=args):
            parts = [*args, *(keyword.value for keyword in value.keywords)]
            shown = [_of_value(context, dep, arg) for arg in args if isinstance(arg, _COLLECTIONS)]
            return max([_of_display(parts), *shown], key=lambda one: list(Related).index(one))
        case ast.Call():
            function = context.summaries.callee(value)
            if function is None:
                return Related.PERHAPS
            return _of_function(context, function)
    return Related.NO


def _of_display(members: list[ast.expr]) -> Related:
    named = [m for m in members if symbol_of(m) is not None]
    made = [m for m in members if symbol_of(m) is None and not isinstance(m, ast.Constant)]
    return Related.LIKELY if named and made else Related.NO


def _of_function(context: Context, function: Function) -> Related:
    """What a function of the module puts together: several members, or what only it knows."""
    scope = context.module.scopes.opened_by(function)
    for node in ast.walk(function):
        if not isinstance(node, ast.Return) or node.value is None:
            continue
        if context.module.scope_of(node) is not scope or scope.kind is not ScopeKind.FUNCTION:
            continue
        if _of_result(context, node.value) is Related.LIKELY:
            return Related.LIKELY
    return Related.PERHAPS
