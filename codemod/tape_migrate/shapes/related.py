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
from tape_migrate.flow.symbols import DefKind, Symbol, symbol_of
from tape_migrate.module import Module
from tape_migrate.shapes.attribute_members import (
    may_be_related,
    sets_attribute,
    values_of_attribute,
)
from tape_migrate.shapes.context import Context
from tape_migrate.shapes.copies import value_of
from tape_migrate.shapes.dependence import Dependence
from tape_migrate.shapes.evaluated import own_expressions
from tape_migrate.shapes.plan import OUTSIDE, Kind, Refusal, Source
from tape_migrate.shapes.put_together import OF_COLLECTIONS, PutTogether, is_carried_mixed
from tape_migrate.shapes.results import result_of
from tape_migrate.shapes.seen_members import alternatives, gives_given, is_mixed, members

_TAKE_OUT = frozenset(("get", "pop", "popitem", "setdefault", "__getitem__"))
"""Methods that give a part of their object."""
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
        _of_definition(context, dep, definition, track.symbol, source.kind)
        for track in source.tracks
        if track.whole
        for definition in track.definitions
        if definition.kind not in OUTSIDE
    }
    found |= {
        _of_attribute(context, track.symbol)
        for track in source.tracks
        if track.whole and track.outside and track.symbol.path
    }
    if any(_is_made_around(context, dep, t.symbol) for t in source.tracks if t.outside):
        found.add(Related.LIKELY)
    if Related.LIKELY in found:
        return Refusal(
            "TM105",
            f"one member of {source.symbol} may have been computed from another where they are "
            "put together; a tape opened after that would miss it",
        )
    if Related.PERHAPS in found:
        known = source.kind in (Kind.LIST, Kind.TUPLE)
        which = source.symbol if known else f"{source.symbol}, if it is a list,"
        return f"assumes that no member of {which} was computed from another"
    return None


def _is_made_around(context: Context, dep: Dependence, symbol: Symbol) -> bool:
    """Whether a scope around puts the collection together, one member computed from another."""
    if symbol.path or context.module.scopes.resolve(symbol.root, dep.scope) is dep.scope:
        return False
    return context.closure.made_together(context.closure.node_for(symbol, dep.scope))


def _of_attribute(context: Context, symbol: Symbol) -> Related:
    """What an object keeps, by all that the module puts into attributes of that name."""
    module = context.module
    if may_be_related(module, context.closure, symbol):
        return Related.LIKELY
    values = values_of_attribute(module, symbol)
    found = [
        Related.PERHAPS if isinstance(value, ast.Name) else _of_value(context, value)
        for value in values
        if not isinstance(value, _COLLECTIONS)
    ]
    if not sets_attribute(module, symbol):
        return Related.PERHAPS  # in another module
    return max([Related.NO, *found], key=lambda one: list(Related).index(one))


def _of_definition(
    context: Context, dep: Dependence, definition: Definition, symbol: Symbol, kind: Kind
) -> Related:
    value = value_of(definition, symbol)
    known = value is None or kind in (Kind.LIST, Kind.TUPLE)
    if _is_of_starred(context, dep, definition) or any(
        _is_put_together(context, each, known)
        or _adds_up(context, each)
        or is_carried_mixed(context, each)
        for seen in ([value] if value is not None else _in_sight(definition, symbol))
        for each in alternatives(seen)
    ):
        return Related.LIKELY
    if value is None and definition.stmt is not None and definition.symbol == symbol:
        if any(_hands_on_made(context, each) for each in _taken_whole(definition, symbol)):
            return Related.LIKELY
        # `x, y = make(…)`: what the function gives there, by whatever name, is put together in it.
        result = result_of(context.module, definition.stmt, symbol)
        if result is None:
            return Related.NO
        several = PutTogether(context).by_result(result)
        return Related.LIKELY if several else Related.PERHAPS
    if value is None or _is_followed(dep, definition, value):
        return Related.NO
    if _hands_on_made(context, value):
        return Related.LIKELY
    return _of_value(context, value)


def _is_put_together(context: Context, value: ast.expr, known: bool) -> bool:
    """Whether a member of ``value`` visibly comes from another.

    Where it is ``known`` to be a list, or is gone through, each name is a source of its own.
    """
    parts = [*members(context.module, value)]
    if is_mixed(parts):
        return True
    taken_apart = known and isinstance(value, (*_COLLECTIONS, ast.Subscript, ast.BinOp))
    return not taken_apart and context.closure.depend([parts])


def _in_sight(definition: Definition, symbol: Symbol) -> list[ast.expr]:
    """What a name is given, or taken out of, by something other than a plain assignment."""
    stmt = definition.stmt
    if stmt is None or definition.symbol != symbol:
        return []
    found = _by_walrus(stmt, symbol)
    if isinstance(stmt, (ast.With, ast.AsyncWith)):
        return [*found, *(item.context_expr for item in stmt.items)]
    if isinstance(stmt, (ast.For, ast.AsyncFor)):
        return [*found, stmt.iter]
    if isinstance(stmt, ast.Match):
        return [*found, stmt.subject]
    return [*found, stmt.value] if isinstance(stmt, ast.Assign) else found


def _by_walrus(stmt: ast.stmt, symbol: Symbol) -> list[ast.expr]:
    parts = [node for own in own_expressions(stmt) for node in ast.walk(own)]
    named = [node for node in parts if isinstance(node, ast.NamedExpr)]
    return [node.value for node in named if symbol_of(node.target) == symbol]


def _taken_whole(definition: Definition, symbol: Symbol) -> list[ast.expr]:
    """What a name is given as a whole, or all of what is left of it: ``*s, = f(x)``."""
    stmt = definition.stmt
    if stmt is None:
        return []
    if isinstance(stmt, ast.Match):
        return [stmt.subject]
    if isinstance(stmt, ast.Assign):
        rest = (n for target in stmt.targets for n in ast.walk(target))
        if any(isinstance(n, ast.Starred) and symbol_of(n.value) == symbol for n in rest):
            return [stmt.value]
        if isinstance(stmt.value, (ast.ListComp, ast.GeneratorExp)):
            return [stmt.value.elt]
    return _by_walrus(stmt, symbol)


def _adds_up(context: Context, value: ast.expr) -> bool:
    """``list(itertools.accumulate(xs))``: each is computed from the one before."""
    return any(
        context.module.names.resolve(call.func) == "itertools.accumulate"
        for call in ast.walk(value)
        if isinstance(call, ast.Call)
    )


def _is_of_starred(context: Context, dep: Dependence, definition: Definition) -> bool:
    """``k, p = given`` and ``p = given[1]`` of ``*given``, for which a caller gives such lists."""
    value = definition.stmt.value if isinstance(definition.stmt, ast.Assign) else None
    while isinstance(value, ast.Subscript):
        value = value.value
    args = dep.scope.args
    if args is None or args.vararg is None or not isinstance(value, ast.Name):
        return False
    own = value.id == args.vararg.arg
    return own and context.closure.hands_mixed((id(dep.scope), value.id))


def _hands_on_made(context: Context, value: ast.expr) -> bool:
    """Whether ``value`` is, or is taken out of, what a function in sight has put together.

    ``list(make(x))``, ``make(x)[:2]``, ``held["xs"]`` and ``held.get("xs")`` after
    ``held = make(x)``.
    """
    together = PutTogether(context)
    match value:
        case ast.ListComp(elt=one) | ast.GeneratorExp(elt=one) | ast.DictComp(value=one):
            if isinstance(one, (ast.BinOp, ast.UnaryOp)):
                return False  # each is made anew, none from another
            if isinstance(one, ast.Call) and not gives_given(context.module, one):
                return False
    made = {node: _calls_behind(context.module, node) for node in ast.walk(value)}
    seen = [node for node, calls in made.items() if any(map(together.sees, calls))]
    if seen and together.by_result(value):
        return True
    if any(together.by_attribute(n.attr) for n in seen if isinstance(n, ast.Attribute)):
        return True
    for node in ast.walk(value):
        held = node.value if isinstance(node, (ast.Subscript, ast.Starred)) else None
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            held = node.func.value if node.func.attr in _TAKE_OUT else None
        while isinstance(held, ast.Subscript):
            held = held.value
        if any(map(together.holds_some, made.get(held, ()) if held is not None else ())):
            return True
        if isinstance(held, (ast.ListComp, ast.GeneratorExp)):
            held = ast.List([held.elt])
        if isinstance(held, (ast.List, ast.Tuple, ast.Dict)):
            parts = held.values if isinstance(held, ast.Dict) else held.elts
            if any(isinstance(part, ast.Call) and together.by_call(part) for part in parts):
                return True
    return False


def _calls_behind(module: Module, node: ast.AST, depth: int = 4) -> list[ast.Call]:
    """``node`` if it is a call, or the calls that a name is given."""
    if isinstance(node, ast.Call):
        return [node]
    if not isinstance(node, (ast.Name, ast.Attribute)) or not isinstance(node.ctx, ast.Load):
        return []
    if isinstance(node, ast.Attribute):
        symbol = symbol_of(node)
        values: list[ast.expr | None] = (
            [*values_of_attribute(module, symbol)] if symbol is not None else []
        )
    else:
        bound = module.names.bindings(node.id, module.scope_of(node))
        values = [each.value for each in bound if isinstance(each, (ast.Assign, ast.AnnAssign))]
    return [
        call
        for value in values
        if value is not None and depth
        for part in ([value.body, value.orelse] if isinstance(value, ast.IfExp) else [value])
        for call in _calls_behind(module, part, depth - 1)
    ]


def _is_followed(dep: Dependence, definition: Definition, value: ast.expr) -> bool:
    """Whether ``value`` is another name of what was given here, and has been looked at as that.

    So is a part of a display that is in sight.
    """
    part = False
    while isinstance(value, ast.Subscript):
        part, value = True, value.value
    other = symbol_of(value)
    if other is None:
        return False
    reached = [d for d in dep.reaching(definition.node_id, other) if d.kind is not DefKind.MUTATION]
    return bool(reached) and all(
        d.symbol == other
        and d.kind not in OUTSIDE
        and (not part or isinstance(value_of(d, other), _COLLECTIONS))
        for d in reached
    )


def _of_value(context: Context, value: ast.expr) -> Related:
    match value:
        case ast.List(elts=members) | ast.Tuple(elts=members) | ast.Dict(values=members):
            return _of_display(members)
        case ast.ListComp(elt=member) | ast.GeneratorExp(elt=member) | ast.DictComp(value=member):
            if isinstance(member, (ast.IfExp, ast.BoolOp, ast.NamedExpr)):
                return Related.LIKELY
            return Related.PERHAPS if isinstance(member, ast.Call) else Related.NO
        case ast.Call(func=ast.Name(id="dict" | "list" | "tuple" | "zip"), args=args):
            if any(_hands_on(arg) for arg in args):
                return Related.LIKELY
            parts = [*args, *(keyword.value for keyword in value.keywords)]
            shown = [_of_value(context, arg) for arg in args if isinstance(arg, _COLLECTIONS)]
            return max([_of_display(parts), *shown], key=lambda one: list(Related).index(one))
        case ast.Call():
            several = PutTogether(context).by_call(value)
            return Related.LIKELY if several else Related.PERHAPS
        case ast.Attribute(attr=name):
            several = PutTogether(context).by_attribute(name)
            return Related.LIKELY if several else Related.PERHAPS
        case ast.Subscript():
            return Related.PERHAPS
    return Related.NO


def _hands_on(expr: ast.expr) -> bool:
    """``held.values()``: whatever was put into it."""
    return (
        isinstance(expr, ast.Call)
        and isinstance(expr.func, ast.Attribute)
        and expr.func.attr in OF_COLLECTIONS
    )


def _of_display(members: list[ast.expr]) -> Related:
    return Related.LIKELY if is_mixed(members) else Related.NO
