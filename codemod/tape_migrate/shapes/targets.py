"""Where a target is computed: by statements of the scope, in the call itself, or elsewhere."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from tape_migrate.flow.scope import ScopeKind
from tape_migrate.flow.symbols import DefKind, Symbol, symbol_of
from tape_migrate.mentions import last_name
from tape_migrate.shapes.arguments import elements
from tape_migrate.shapes.context import Context
from tape_migrate.shapes.dependence import Dependence
from tape_migrate.shapes.evaluated import all_calls
from tape_migrate.shapes.kinds import kind_of, value_given_by
from tape_migrate.shapes.own_state import is_set_here
from tape_migrate.shapes.plan import OUTSIDE, Kind, Link, Refusal, Request, Source
from tape_migrate.shapes.read_anew import may_compute
from tape_migrate.shapes.repeats import Repeat, iterable_of
from tape_migrate.shapes.state import sets_path

_LISTS = (Kind.LIST, Kind.TUPLE)
"""What a loop can run through without making new tensors."""


@dataclass(frozen=True)
class Target:
    """One target expression."""

    expr: ast.expr
    links: tuple[Link, ...]
    """What the expression reads."""
    nodes: frozenset[int]
    """Nodes that compute a target given by name; empty for an inline one."""
    inline: bool


def find_targets(
    context: Context,
    dep: Dependence,
    node_id: int,
    request: Request,
    repeat: Repeat,
    sources: list[Source] | Refusal,
) -> list[Target] | Refusal:
    """The targets of ``request``, or why they are out of a tape's reach."""
    if request.attribute is not None:
        target = _set_on_self(context, dep, node_id, request, request.attribute)
        return target if isinstance(target, Refusal) else [target]
    if repeat.target_over is not None:
        exprs: tuple[ast.expr, ...] = elements(repeat.target_over)
    else:
        exprs = elements(request.target)
    for given in request.more_targets:
        exprs += elements(given)
    if not exprs and not request.others:
        return Refusal("TM113", "the list of targets is empty")
    found: list[Target] = []
    own: dict[Symbol | None, Source] = (
        {s.symbol: s for s in sources} if isinstance(sources, list) else {}
    )
    for expr in exprs:
        source = own.get(symbol_of(expr))
        if source is not None and source.track.outside:
            # dx/dx: the target is the source itself, nothing has to be computed.
            found.append(
                Target(expr, tuple(dep.links_of(node_id, [expr])), frozenset(), inline=False)
            )
            continue
        if repeat.mapped is not None and _is_made_there(context, repeat, expr):
            found.append(Target(expr, (), frozenset(), inline=True))
            continue
        target = _find(context, dep, node_id, expr, frozenset(s for s in own if s is not None))
        if isinstance(target, Refusal):
            return target
        found.append(target)
    if any(target.inline for target in found):
        # A variable of a comprehension has no definition: it is read where the iterable is.
        found += [
            Target(over, tuple(dep.links_of(node_id, [over])), frozenset(), inline=True)
            for over in repeat.target_reads
        ]
    others = _others(context, dep, node_id, request, sources)
    if isinstance(others, Refusal):
        return others
    found += others
    if request.others and not any(target.nodes or target.inline for target in found):
        return Refusal("TM101", "the target is computed from values that come in from outside")
    return found


def _is_made_there(context: Context, repeat: Repeat, expr: ast.expr) -> bool:
    """``y_i`` of ``for y_i in tf.unstack(y)``: made in the comprehension, by no gradient."""
    if not isinstance(expr, ast.Name) or expr.id not in repeat.variables:
        return False
    if any(isinstance(over, (ast.Name, ast.Attribute)) for over in repeat.target_reads):
        return False  # made before, perhaps by a gradient
    summaries = context.summaries
    calls = [call for over in repeat.target_reads for call in all_calls(over)]
    plain = all(summaries.is_closed(call) or last_name(call.func) == "values" for call in calls)
    return plain and not summaries.calls_gradient(repeat.target_reads)


def _others(
    context: Context,
    dep: Dependence,
    node_id: int,
    request: Request,
    sources: list[Source] | Refusal,
) -> list[Target] | Refusal:
    """What else comes into the target inside the helper: what came in from outside stays there."""
    own = frozenset(s.symbol for s in sources) if isinstance(sources, list) else frozenset()
    found: list[Target] = []
    for expr in request.others:
        target = _find(context, dep, node_id, expr, own)
        if isinstance(target, Refusal):
            links = tuple(dep.links_of(node_id, [expr]))
            if any(link.definition.kind not in OUTSIDE for link in links):
                return target
            target = Target(expr, links, frozenset(), inline=False)
        found.append(target)
    return found


def _set_on_self(
    context: Context, dep: Dependence, node_id: int, request: Request, symbol: Symbol
) -> Target | Refusal:
    """``self.loss`` that what is called reads: set before by this method, or by what it called."""
    found: list[Link] = []
    for link in dep.links_of(node_id, [request.call.func]):
        definition = link.definition
        if link.use.symbol != symbol or is_set_here(dep, link):
            continue
        if definition.kind is DefKind.MUTATION:
            stmt = definition.stmt
            call = stmt.value if isinstance(stmt, ast.Expr) else None
            function = context.summaries.callee(call) if isinstance(call, ast.Call) else None
            if function is None or not isinstance(call, ast.Call):
                return Refusal("TM102", f"{symbol} may be set by what is not seen through")
            if not sets_path(context, function, symbol):
                continue
        else:
            refusal = _refuse_definition(context, dep, link)
            if refusal is not None:
                return refusal
        found.append(link)
    if not found:
        return Refusal("TM102", f"{symbol} is not computed by any statement that is seen here")
    nodes = frozenset(link.definition.node_id for link in found)
    return Target(request.call.func, tuple(found), nodes, inline=False)


def _find(
    context: Context, dep: Dependence, node_id: int, expr: ast.expr, own: frozenset[Symbol]
) -> Target | Refusal:
    links = tuple(dep.links_of(node_id, [expr]))
    symbol = symbol_of(expr)
    if symbol is None or _makes_slice(dep, expr):
        if isinstance(expr, ast.Starred):
            return Refusal("TM113", "the targets are unpacked from something unknown")
        return Target(expr, links, frozenset(), inline=True)
    nodes: set[int] = set()
    kept: list[Link] = []
    outside = [link for link in links if link.definition.kind is DefKind.EXTERNAL]
    if outside and len(outside) < len(links):
        return Refusal("TM127", f"{symbol} is not computed on every path to the gradient")
    for link in links:
        refusal = _refuse_definition(context, dep, link)
        if refusal is not None:
            return refusal
        refusal = _refuse_copy(context, dep, link, own, depth=4)
        if refusal is not None:
            return refusal
        over = _element_of(dep, link)
        if over is not None and kind_of(dep.module, over, dep.scope) not in _LISTS:
            over = None
        inner = (
            _find(context, dep, link.definition.node_id, over, own) if over is not None else None
        )
        if isinstance(inner, Refusal):
            return inner
        if inner is not None:
            nodes |= inner.nodes
            kept += inner.links
        if inner is None or inner.inline:  # what is written in the header is computed there
            nodes.add(link.definition.node_id)
            kept.append(link)
    if not links:
        return Refusal("TM102", f"{symbol} is not computed by any statement that is seen here")
    if may_compute(dep, symbol, links):
        return Target(expr, links, frozenset(), inline=True)
    return Target(expr, tuple(kept), frozenset(nodes), inline=False)


def _makes_slice(dep: Dependence, expr: ast.expr) -> bool:
    """Whether ``expr`` is ``y[0]`` of what may be a tensor: an operation, done at the call."""
    while isinstance(expr, (ast.Subscript, ast.Attribute)):
        base = expr.value
        if isinstance(expr, ast.Subscript) and not (
            isinstance(expr.slice, ast.Constant) and isinstance(expr.slice.value, str)
        ):
            if kind_of(dep.module, base, dep.scope) not in _LISTS:
                return True
        expr = base
    return False


def _refuse_copy(
    context: Context, dep: Dependence, link: Link, own: frozenset[Symbol], depth: int
) -> Refusal | None:
    """``ds = ys`` with a parameter ``ys``: the target is the parameter (unless it is a source)."""
    stmt = link.definition.stmt
    if depth == 0 or not isinstance(stmt, ast.Assign) or link.definition.symbol != link.use.symbol:
        return None
    value = value_given_by(stmt, link.use.symbol)
    symbol = symbol_of(value) if value is not None else None
    if symbol is None or symbol in own:
        return None
    for inner in dep.links_of(link.definition.node_id, [value] if value is not None else []):
        if inner.use.symbol != symbol:
            continue
        refusal = _refuse_definition(context, dep, inner)
        refusal = refusal or _refuse_copy(context, dep, inner, own, depth - 1)
        if refusal is not None:
            return refusal
    return None


def _element_of(dep: Dependence, link: Link) -> ast.expr | None:
    """The list that a ``for`` target runs through."""
    stmt = link.definition.stmt
    if isinstance(stmt, ast.For) and not link.use.symbol.path:
        return iterable_of(stmt.target, stmt.iter, link.use.symbol.root)
    return None


def _refuse_definition(context: Context, dep: Dependence, link: Link) -> Refusal | None:
    definition, symbol = link.definition, link.use.symbol
    if definition.kind is DefKind.PARAMETER:
        if symbol.path:
            return Refusal(
                "TM102", f"{symbol} was computed elsewhere, before a tape could be opened here"
            )
        if symbol.root == "y_pred":
            return Refusal(
                "TM147",
                "the target y_pred is what Keras hands to a loss: the model ran before the loss is "
                "called; override train_step of a keras.Model, call the model inside a tape there, "
                "and add what needs the gradient to its loss",
            )
        return Refusal("TM101", f"the target {symbol} is a parameter")
    if definition.kind is DefKind.EXTERNAL:
        enclosing = context.module.scopes.resolve(symbol.root, dep.scope)
        nested = enclosing is not None and enclosing.kind is not ScopeKind.MODULE
        if nested and enclosing is not dep.scope:
            return Refusal(
                "TM116", f"the target {symbol} is computed in the function around this one"
            )
        return Refusal("TM102", f"the target {symbol} is computed elsewhere")
    if definition.kind in (DefKind.REMOTE, DefKind.DELETE):
        return Refusal("TM115", f"{symbol} is bound by another function or deleted")
    if definition.kind is DefKind.MUTATION and symbol.path and definition.symbol != symbol:
        return Refusal(
            "TM102", f"{symbol} is set inside a call, where no tape opened here can be sure of it"
        )
    assert definition.kind not in OUTSIDE
    return None
