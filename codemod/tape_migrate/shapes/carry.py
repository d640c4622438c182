"""How a source gets into the target: by names that are followed, or unseen."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from tape_migrate.flow.reaching import Definition
from tape_migrate.flow.scope import ScopeKind
from tape_migrate.flow.symbols import DefKind, Symbol, is_prefix, symbol_of
from tape_migrate.shapes.context import Context
from tape_migrate.shapes.dependence import Dependence, is_certain_read, reads_track
from tape_migrate.shapes.escapes import Escapes
from tape_migrate.shapes.filled import fills_what_is_read
from tape_migrate.shapes.holders import is_neighbour, is_own, reads_by_holders
from tape_migrate.shapes.kinds import kind_of, value_given_by
from tape_migrate.shapes.loop_body import is_loop_body
from tape_migrate.shapes.loop_variables import given_by_caller
from tape_migrate.shapes.may_hold import may_hold_tensor
from tape_migrate.shapes.plan import OUTSIDE, Kind, Link, Refusal, Source, Track
from tape_migrate.shapes.read_anew import may_read_unseen
from tape_migrate.shapes.targets import Target
from tape_migrate.shapes.unseen import reads_unseen


@dataclass(frozen=True)
class Carried:
    """How one source gets into the target."""

    source: Source
    carriers: frozenset[int]
    direct: tuple[Link, ...]
    """Reads of the source inside an inline target expression."""
    tainted: frozenset[int]
    """Every node that computes from the source, on the way to the target or not."""

    visible: bool
    """Whether a path is seen from the source under a name that is certainly its own."""


def carry(
    dep: Dependence, call_node: int, source: Source, start: list[Link], targets: list[Target]
) -> Carried:
    listed = _may_be_list(dep, source)
    singles = [track for track in source.tracks if track.single and not listed]
    sliced, _ = dep.slice_back(
        start, stop=lambda link: any(_is_read_of(link, track) for track in singles)
    )
    tainted = dep.tainted_by(source.tracks)
    # What the gradient gave in an earlier turn of a loop was computed from the source only if the
    # target of that turn was: it is no path of its own.
    certain = dep.tainted_by(source.tracks, certain=True, without=call_node)
    direct: list[Link] = []
    inline_reads = {id(link) for target in targets if target.inline for link in target.links}
    for track in source.tracks:
        if track.certain:
            direct += [
                link
                for link in start
                if id(link) in inline_reads
                and reads_track(link, track)
                and is_certain_read(link.use.symbol, track.symbol)
            ]
    if source.made:
        # Whatever else the call of the maker gives may have been computed from the source.
        made = source.track.own_nodes
        sliced, _ = dep.slice_back(start)
        tainted = dep.computed_from(made) | made
        return Carried(source, tainted & sliced | made, (), tainted, visible=True)
    tainted -= source.track.own_nodes
    carriers = tainted & sliced
    for target in targets:
        # The target is the source itself: dx/dx, or an alias of it.
        if not target.inline and any(reads_track(link, t) for link in target.links
                                     for t in source.tracks):  # fmt: skip
            direct += target.links
    visible = bool(direct) or bool(carriers & certain)
    return Carried(source, carriers, tuple(direct), tainted, visible)


def _may_be_list(dep: Dependence, source: Source) -> bool:
    """Whether the source holds members, of which one may have been computed from another.

    What reads one member reads what came of another then, so that the way goes on behind it.
    """
    if source.kind is not Kind.UNKNOWN:
        return source.kind is not Kind.TENSOR
    values = (
        value_given_by(definition.stmt, track.symbol)
        for track in source.tracks[1:]
        for definition in track.definitions
        if definition.stmt is not None
    )
    return any(
        value is not None and kind_of(dep.module, value, dep.scope) in (Kind.LIST, Kind.TUPLE)
        for value in values
    )


def _is_read_of(link: Link, track: Track) -> bool:
    return link.definition in track.definitions and is_prefix(track.symbol, link.use.symbol)


def _refuse_handed_to_loop(
    context: Context, dep: Dependence, source: Source, outside: tuple[Link, ...]
) -> Refusal | None:
    """``tf.while_loop(cond, body, [x])`` with ``x`` as the source in the body: a graph's parameter
    is a tensor of its own, but an eager loop begins with ``x`` itself. What ``tf.map_fn`` gives may
    have been computed from ``x``, which a graph follows. A default is from outside, too."""
    function = dep.scope.node
    if source.variable or not is_loop_body(context.module, dep.scope):
        return None
    assert isinstance(function, ast.FunctionDef)
    given = given_by_caller(function)
    if source.symbol.root in given or any(d.kind not in OUTSIDE for d in source.track.definitions):
        return None
    for link in outside:
        if link.definition.kind is DefKind.PARAMETER and link.use.symbol.root in given:
            return Refusal(
                "TM117",
                f"the loop may begin with {source.symbol} as the value of {link.use.symbol.root}",
            )
    return None


def refuse_path(
    context: Context,
    dep: Dependence,
    path: Carried,
    targets: list[Target],
    every_node: frozenset[int],
    outside: tuple[Link, ...],
    *,
    opaque: bool,
    known: frozenset[Symbol],
) -> Refusal | None:
    source = path.source
    if path.visible:
        return _refuse_handed_to_loop(context, dep, source, outside)
    if not source.fresh and every_node & source.track.own_nodes:
        return Refusal("TM128", "the source and the target come out of one call")
    for node_id in every_node:
        for link in dep.links_into(node_id):
            same = link.use.symbol == source.symbol
            if same and link.definition not in source.track.definitions:
                return Refusal(
                    "TM104",
                    f"{source.symbol} is bound again after the target was computed from it",
                )
    if path.carriers:
        return Refusal(
            "TM103", f"{source.symbol} may be what the target is computed from, under another name"
        )
    slice_links = [link for n in every_node for link in dep.links_into(n)]
    for link in slice_links:
        if may_read_unseen(dep, source.symbol, link):
            return Refusal(
                "TM103", f"{link.use.symbol} may be a property that reads {source.symbol}"
            )
    # A target that has a name is a tensor, computed where the name was given.
    at_call = [
        link
        for target in targets
        for link in target.links
        if target.inline or link.use.symbol != link.definition.symbol
    ]
    held = reads_by_holders(dep, source, [*slice_links, *at_call])
    holder = held[0].use.symbol if held else None
    through = Refusal(
        "TM103", f"{holder} may hold what {source.symbol} is a part of, and give it to the target"
    )
    if source.fresh and held:
        return through
    if source.fresh and is_own(dep, source):
        return None
    strangers = [
        link
        for link in outside
        if link.use.symbol not in known
        and may_hold_tensor(context, dep.scope, link.use.symbol)
        and not (source.fresh and is_neighbour(context.module, source, link))
    ]
    earlier = all(track.outside for track in source.tracks)
    inline = [target.expr for target in targets if target.inline]
    if not source.fresh and reads_unseen(context, dep, every_node, inline, earlier=earlier):
        return Refusal(
            "TM106",
            f"{source.symbol} may be a variable (or hold some) that the target reads under no name "
            "that is seen here",
        )
    if held and not strangers:
        return through
    if not opaque and not strangers:
        # Nothing on the way to the target could know the source: unconnected in both.
        return None
    for link in strangers:
        symbol = link.use.symbol
        owner = context.module.scopes.resolve(symbol.root, dep.scope)
        if owner is not None and owner.kind is ScopeKind.FUNCTION and owner is not dep.scope:
            if is_loop_body(context.module, dep.scope):
                return Refusal("TM117", f"the loop body uses {symbol}, computed outside the loop")
            return Refusal("TM116", f"the target uses {symbol} of the function around this one")
        if link.definition.kind is DefKind.PARAMETER and not symbol.path:
            return Refusal("TM101", f"the target is computed from the parameter {symbol}")
    if outside:
        names = sorted({str(link.use.symbol) for link in outside})[:3]
        return Refusal(
            "TM103",
            f"no path from {source.symbol} to the target is visible "
            f"(the target is computed from {', '.join(names)})",
        )
    return Refusal("TM103", f"no path from {source.symbol} to the target is visible")


def refuse_kept(
    context: Context,
    dep: Dependence,
    call_node: int,
    path: Carried,
    targets: list[Target],
    every_node: frozenset[int],
) -> Refusal | None:
    """A source that an object may have kept, and that may come into the target from there."""
    if path.source.made:
        return None  # whatever keeps it does so while the tape is recording
    escapes = Escapes(context, dep)
    inline = [target.expr for target in targets if target.inline]
    own = path.source.track.own_nodes
    if any(escapes.calls_keeper(n) for n in own) and escapes.recalls(
        every_node - own, inline, call_node
    ):
        return Refusal(
            "TM128",
            f"the call that makes {path.source.symbol} may keep what it computed from it, and the "
            "target is computed from something that may have been kept",
        )
    registered = bool(escapes.registered())
    if path.visible and not registered:
        return None
    # An attribute is read at the call, whoever set it in between.
    goals = {n for target in targets for n in target.nodes} | {call_node}
    kept = any(
        node_id != call_node
        and any(node_id == goal or dep.reaches(node_id, goal) for goal in goals)
        and escapes.escapes(node_id)
        for node_id in sorted(path.tainted)
    )
    kept = registered or (kept and not path.visible)
    # A list of targets is read at the call as well, and may have been changed by then.
    if kept and escapes.recalls(every_node, [target.expr for target in targets], call_node):
        return Refusal(
            "TM103",
            f"{path.source.symbol} is given to something that may keep it, and the target is "
            "computed from something that may have kept it",
        )
    if path.visible:
        return None
    links = [link for n in every_node for link in dep.links_into(n)]
    links += dep.links_of(call_node, [target.expr for target in targets])
    filled = any(
        node_id != call_node
        and any(dep.reaches(node_id, goal) for goal in goals)
        and fills_what_is_read(context, dep, node_id, links)
        for node_id in sorted(path.tainted)
    )
    if filled:
        return Refusal(
            "TM103",
            f"{path.source.symbol} is given to a call that may put what it computes into an object "
            "which the target is computed from",
        )
    return None


def refuse_siblings(
    dep: Dependence,
    source: Source,
    start: list[Link],
    every_node: frozenset[int],
    sources: list[Source],
) -> Refusal | None:
    """What one statement makes beside the source may have been made from it.

    ``h, s = f(x)``: ``s`` may be computed from ``h``, before any tape could watch ``h``. Results of
    one operation are not, but a graph gives zeros for one if the gradient goes through the other to
    one of the ``sources`` before them.
    """
    several = any(_unpacks(d) or _is_one_of(source, d) for d in source.track.definitions)
    again = several and _comes_from_another(dep, source, sources)
    if source.made or (source.fresh and not again):
        return None
    own = {n for n in source.track.own_nodes if not _is_inert(dep.stmt_of(n))}
    if not own:
        return None
    for link in (*start, *(link for n in every_node for link in dep.links_into(n))):
        if link.definition.node_id not in own:
            continue
        if not is_prefix(source.symbol, link.use.symbol) or (
            source.kind in (Kind.LIST, Kind.TUPLE) and source.fresh
        ):
            return Refusal(
                "TM128",
                f"{source.symbol} and {link.use.symbol}, from which the target is computed, come "
                "out of one statement",
            )
    return None


def _comes_from_another(dep: Dependence, source: Source, sources: list[Source]) -> bool:
    """Whether ``source`` may have been computed from another one of ``sources``."""
    own = source.track.own_nodes
    nodes, _ = dep.slice_back(link for n in own for link in dep.links_into(n))
    read = {link.definition for n in nodes | own for link in dep.links_into(n)}
    return any(
        other is not source
        and (other.collected or any(track.definitions & read for track in other.tracks))
        for other in sources
    )


def _unpacks(definition: Definition) -> bool:
    """``a, b = tf.unstack(x)``"""
    stmt = definition.stmt
    return isinstance(stmt, ast.Assign) and any(
        isinstance(target, (ast.Tuple, ast.List)) for target in stmt.targets
    )


def _is_one_of(source: Source, definition: Definition) -> bool:
    """``parts[0]``, or all of ``parts``, where ``parts = tf.split(x, 2)``"""
    stmt = definition.stmt
    value = value_given_by(stmt, definition.symbol) if stmt is not None else None
    member = any(part.startswith("[") for part in source.symbol.path)
    return isinstance(value, ast.Call) and (member or source.kind in (Kind.LIST, Kind.TUPLE))


def _is_inert(stmt: ast.stmt | None) -> bool:
    """Whether a statement computes nothing: it only gives names to what has some."""
    if isinstance(stmt, (ast.For, ast.Import, ast.ImportFrom)):
        return True  # a loop over what exists; its iterable is followed by itself
    if not isinstance(stmt, (ast.Assign, ast.AnnAssign)) or stmt.value is None:
        return False
    return _names_only(stmt.value)


def _names_only(expr: ast.expr) -> bool:
    match expr:
        case ast.Constant():
            return True
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return all(_names_only(item) for item in items)
        case ast.Dict(values=items):
            return all(_names_only(item) for item in items)
        case ast.Starred(value=inner):
            return _names_only(inner)
        case ast.IfExp(body=first, orelse=second):
            return _names_only(first) and _names_only(second)
        case ast.Call(func=ast.Name(id="list" | "tuple" | "zip" | "dict"), args=items):
            return all(_names_only(item) for item in items)
    return symbol_of(expr) is not None
