"""What a migration takes for granted: that nothing computed from the source comes in sideways.

For a fresh source nothing has to be assumed. For one that existed before (a parameter, an
attribute, a captured variable) every other value from outside must not have been computed from it.
Where the module itself shows that one was, the call is refused; where it does not show, the
assumption is spelled out.
"""

from __future__ import annotations

import ast
from itertools import product

from tape_migrate.flow.scope import Scope, ScopeKind
from tape_migrate.flow.symbols import DefKind, Symbol, is_prefix, may_overlap, symbol_of
from tape_migrate.shapes.attribute_members import may_be_related
from tape_migrate.shapes.attributes_elsewhere import set_elsewhere
from tape_migrate.shapes.calls_elsewhere import computed_elsewhere, members_elsewhere
from tape_migrate.shapes.context import Context
from tape_migrate.shapes.dependence import Dependence
from tape_migrate.shapes.given_away import given_away
from tape_migrate.shapes.handed_through import handed_through
from tape_migrate.shapes.layer_functions import is_called_by_layer
from tape_migrate.shapes.loop_variables import is_given_to_loop, is_loop_variable
from tape_migrate.shapes.may_hold import may_hold_tensor
from tape_migrate.shapes.plan import Kind, Link, Refusal, Source
from tape_migrate.shapes.related import related_members
from tape_migrate.shapes.remembered import remembered
from tape_migrate.shapes.state_elsewhere import kept_elsewhere
from tape_migrate.shapes.used_before import used_before


def assumptions_of(
    context: Context,
    dep: Dependence,
    sources: list[Source],
    outside: tuple[Link, ...],
    every_node: frozenset[int],
    inline: list[ast.expr],
    source_exprs: tuple[ast.expr, ...],
) -> list[str] | Refusal:
    """Sentences for the report, or a refusal where an assumption is visibly wrong."""
    external = [source for source in sources if not source.fresh]
    if not external or dep.scope.name in context.fed:
        return []
    given = [s for s in external if not is_loop_variable(context, dep.scope, s.symbol)]
    others = _others(context, dep, sources, outside, source_exprs)
    if len(given) < len(external):
        for symbol in others:
            if is_given_to_loop(context, dep.scope, symbol):
                return Refusal(
                    "TM117", f"the loop body uses {symbol}, which the loop is given, too"
                )
    others = others if given else []
    for source in given if others else ():
        for track in source.tracks:
            node = context.closure.node_for(track.symbol, dep.scope)
            for symbol in others:
                other = context.closure.node_for(symbol, dep.scope)
                if _siblings(symbol, track.symbol) and _unknown_making(context, dep.scope, symbol):
                    return _of_one_object(symbol, track.symbol)
                shared = other == node and symbol != track.symbol
                if context.closure.may_come_from_same(other, node) or (
                    shared
                    and (
                        context.closure.members_depend(node)
                        or may_be_related(context.module, context.closure, symbol)
                    )
                ):
                    return Refusal(
                        "TM105",
                        f"{symbol} may have been computed from {source.symbol} before this "
                        "function was entered; a tape in here would miss that part",
                    )
                where = (
                    computed_elsewhere(context.module, dep.scope, track.symbol, symbol)
                    or handed_through(context.module, dep.scope, track.symbol, symbol)
                    or set_elsewhere(context.module, dep.scope, track.symbol, symbol)
                    or given_away(context, dep.scope, track.symbol, symbol)
                )
                if where is not None:
                    return _from_elsewhere(symbol, source.symbol, where)
    for source, symbol in product(given, _called(context, dep, outside)):
        for track in source.tracks:
            node = context.closure.node_for(track.symbol, dep.scope)
            if context.closure.holds_computed(symbol, dep.scope, node):
                return Refusal(
                    "TM105",
                    f"what {symbol} reads may have been computed from {source.symbol} before this "
                    "function was entered; a tape in here would miss that part",
                )
    for symbol in sorted({link.use.symbol for link in outside}, key=str) if given else ():
        where = kept_elsewhere(context.module, dep.scope, symbol)
        if where is not None:
            return Refusal(
                "TM105",
                f"{where} changes {symbol}, which may have been computed from {given[0].symbol} "
                "then; a tape in here would miss that part",
            )
    run = context.run_by(dep, sorted(every_node), inline)
    tensors = frozenset(source.symbol.root for source in given if not source.symbol.path)
    found = remembered(context.module, run, tensors) if given else None
    if found is not None:
        return Refusal(
            "TM105",
            f"{found[0]} reads what is kept in {found[1]}, which may have been computed from "
            f"{given[0].symbol} then; a tape in here would miss that part",
        )
    for source in given:
        for track in (t for t in source.tracks if t.whole and t.outside):
            kept = used_before(context, dep, every_node, inline, track.symbol)
            if kept is not None:
                return Refusal(
                    "TM105",
                    f"{kept[0]} may have been computed from {source.symbol} in {kept[1]}, and kept "
                    "by the object that is used here; a tape in here would miss that part",
                )
    read = {link.use.symbol for link in outside if link.definition.kind is DefKind.PARAMETER}
    refusal = _settings_elsewhere(context, dep, given, read - set(others))
    if refusal is not None:
        return refusal
    members = _members(context, dep, external)
    if isinstance(members, Refusal):
        return members
    between = _between(context, dep, external)
    if isinstance(between, Refusal):
        return between
    what = ", ".join(dict.fromkeys(str(source.symbol) for source in external))
    sentences: list[str] = []
    if others:
        names = ", ".join(sorted({str(symbol) for symbol in others}))
        were = "was" if "," not in names else "were"
        them = ", ".join(dict.fromkeys(str(source.symbol) for source in given))
        sentences.append(f"assumes that {names} {were} not computed from {them}")
    sentences += [*between, *members]
    called = sorted(
        {root for node_id in every_node for root in _opaque(context, dep, node_id)}
        | {root for expr in inline for root in context.summaries.opaque_roots(expr)}
    )
    if called:
        sentences.append(
            f"assumes that what {', '.join(called)} returns depends on {what} only through its "
            "arguments"
        )
    return sentences


def _settings_elsewhere(
    context: Context, dep: Dependence, given: list[Source], settings: set[Symbol]
) -> Refusal | None:
    """``scale=1.0``, for which another module gives what it computed from a source."""
    tracks = [(source, track.symbol) for source in given for track in source.tracks]
    for symbol, (source, own) in product(sorted(settings, key=str), tracks):
        where = computed_elsewhere(context.module, dep.scope, own, symbol, setting=True)
        if where is not None:
            return _from_elsewhere(symbol, source.symbol, where)
    return None


def _of_one_object(symbol: Symbol, source: Symbol) -> Refusal:
    return Refusal(
        "TM105",
        f"{symbol} and {source} belong to one object, which may have computed one from the other",
    )


def _from_elsewhere(symbol: Symbol, source: Symbol, where: str) -> Refusal:
    return Refusal(
        "TM105",
        f"{symbol} may have been computed from {source} where {where} uses this function; a tape "
        "in here would miss that part",
    )


def _between(context: Context, dep: Dependence, external: list[Source]) -> list[str] | Refusal:
    """Several sources from outside: the gradient is total, so none may come from another."""
    symbols: list[Symbol] = []
    for source in external:
        # A variable is made from a value, not computed from a tensor.
        if source.variable or is_loop_variable(context, dep.scope, source.symbol):
            continue
        if source.symbol not in symbols:
            symbols.append(source.symbol)
    for one in symbols:
        for other in symbols:
            if _siblings(one, other) and _unknown_making(context, dep.scope, other):
                if one != other:
                    return _of_one_object(other, one)
            nodes = (
                context.closure.node_for(other, dep.scope),
                context.closure.node_for(one, dep.scope),
            )
            kept = nodes[0] == nodes[1] and (
                may_be_related(context.module, context.closure, one)
                or context.closure.members_depend(nodes[0])
            )
            if one != other and (kept or context.closure.may_come_from_same(*nodes)):
                return Refusal(
                    "TM105",
                    f"{other} may have been computed from {one} before this function was "
                    "entered; a tape in here would miss that part",
                )
            where = computed_elsewhere(context.module, dep.scope, one, other)
            if one != other:
                where = (
                    where
                    or handed_through(context.module, dep.scope, one, other)
                    or set_elsewhere(context.module, dep.scope, one, other)
                    or given_away(context, dep.scope, one, other)
                )
            if where is not None:
                return _from_elsewhere(other, one, where)
    if len(symbols) < 2:
        return []
    return [f"assumes that none of {', '.join(map(str, symbols))} was computed from another"]


def _members(context: Context, dep: Dependence, external: list[Source]) -> list[str] | Refusal:
    """Sources handed in together: one of them must not have been computed from another."""
    sentences: list[str] = []
    for source in external:
        related = related_members(context, dep, source)
        if isinstance(related, Refusal):
            return related
        sentences += [related] if related is not None else []
        for track in source.tracks:
            if not track.outside or track.symbol.path:
                continue
            if track.whole and source.kind is Kind.TENSOR:
                continue
            if source.variable or is_loop_variable(context, dep.scope, source.symbol):
                continue
            node = context.closure.node_for(track.symbol, dep.scope)
            if context.closure.members_depend(node):
                return Refusal(
                    "TM105",
                    f"a caller computes one member of {track.symbol} from another; a tape in here "
                    "would miss that part",
                )
            where = members_elsewhere(context.module, dep.scope, track.symbol)
            if where is not None:
                return Refusal(
                    "TM105",
                    f"{where} computes one member of {track.symbol} from another; a tape in here "
                    "would miss that part",
                )
            layer = is_called_by_layer(context.module, dep.scope)
            if layer is not None and source.symbol != track.symbol:
                return Refusal(
                    "TM148",
                    f"the layer in {layer} calls this function with what layers give, one "
                    "of which may be computed from another",
                )
            sentences.append(
                f"assumes that no member of {track.symbol}, if it is a list, was computed from "
                "another"
            )
    return list(dict.fromkeys(sentences))


def _given_callee(context: Context, scope: Scope, symbol: Symbol) -> bool:
    """A function that is handed in: it may hold on to anything."""
    owner = context.module.scopes.resolve(symbol.root, scope)
    return owner is not None and owner.kind is ScopeKind.FUNCTION and symbol.root != "self"


def _opaque(context: Context, dep: Dependence, node_id: int) -> frozenset[str]:
    node = dep.cfg.nodes[node_id].node
    if node is None or isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return frozenset()
    return context.summaries.opaque_roots(node)


def _others(
    context: Context,
    dep: Dependence,
    sources: list[Source],
    outside: tuple[Link, ...],
    source_exprs: tuple[ast.expr, ...],
) -> list[Symbol]:
    """Values from outside that the target is computed from, other than the sources."""
    external = [source for source in sources if not source.fresh]
    # What a source was before it was bound here is another value.
    tracks = [t.symbol for source in external for t in source.tracks if t.whole and t.outside]
    bound = {s.symbol for s in sources if not any(t.whole and t.outside for t in s.tracks)}
    # A list that the sources are written in is read for the sources.
    written = [symbol for expr in source_exprs if (symbol := symbol_of(expr)) is not None]
    tracks += [symbol for symbol in written if symbol not in bound]
    containers = [t.symbol for source in external for t in source.tracks if not t.whole]
    found: dict[Symbol, None] = {}
    for link in outside:
        symbol = link.use.symbol
        if any(may_overlap(symbol, track) and is_prefix(track, symbol) for track in tracks):
            continue
        if any(_is_member(symbol, container) for container in containers):
            continue  # another member of the list that a source is taken from: see _members
        if _is_callee(context, link) and not _given_callee(context, dep.scope, symbol):
            continue
        if is_loop_variable(context, dep.scope, symbol) or _is_local(context, dep.scope, symbol):
            continue
        if may_hold_tensor(context, dep.scope, symbol):
            found[symbol] = None
    return list(found)


def _called(context: Context, dep: Dependence, outside: tuple[Link, ...]) -> list[Symbol]:
    """Functions and methods of objects from outside that are called by names that may change."""
    found = {
        link.use.symbol
        for link in outside
        if _is_callee(context, link)
        and isinstance(link.use.node, ast.expr)
        and not context.module.names.resolve(link.use.node)
        and context.summaries.named(link.use.node) is None
        and context.module.scopes.resolve(link.use.symbol.root, dep.scope) is not None
    }
    return sorted(found, key=str)


def _is_local(context: Context, scope: Scope, symbol: Symbol) -> bool:
    """A name that only the function itself binds: before that it holds nothing."""
    return (
        scope.kind is ScopeKind.FUNCTION
        and not symbol.path
        and context.module.scopes.resolve(symbol.root, scope) is scope
        and None not in context.module.names.bindings(symbol.root, scope)
        and not any(symbol.root in other.nonlocals for other in context.module.scopes)
    )


def _is_member(symbol: Symbol, container: Symbol) -> bool:
    """``tensors`` itself or ``tensors[1]``, not ``tensors.loss``."""
    if not is_prefix(container, symbol):
        return False
    rest = symbol.path[len(container.path) :]
    return not rest or rest[0].startswith("[")


def _siblings(one: Symbol, other: Symbol) -> bool:
    """Attributes of one object: ``net.logits`` and ``net.images``."""
    first, second = _attribute(one), _attribute(other)
    return (
        one.root == other.root
        and len(first) == len(second) > 0
        and (first != second or one.path == first)
        and first[:-1] == second[:-1]
        and first[-1].startswith(".")
        and second[-1].startswith(".")
    )


def _attribute(symbol: Symbol) -> tuple[str, ...]:
    """The path of the attribute that holds ``symbol`` as a member: ``net.feats`` of
    ``net.feats[0]``."""
    path = symbol.path
    while path and path[-1].startswith("["):
        path = path[:-1]
    return path


def _unknown_making(context: Context, scope: Scope, symbol: Symbol) -> bool:
    """An attribute that no statement of the module sets: whoever made it may have used anything."""
    name = _attribute(symbol)[-1]
    return not any(
        isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store)
        and "." + node.attr == name
        for node in context.module.nodes
    )


def _is_callee(context: Context, link: Link) -> bool:
    """Whether the read is only of a function to be called (not of what it reads in turn)."""
    node = link.use.node
    parent = context.module.parent_of(node)
    return (
        isinstance(parent, ast.Call) and parent.func is node and symbol_of(node) == link.use.symbol
    )
