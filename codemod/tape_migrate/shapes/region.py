"""Choose the statements a tape encloses: the central rule.

The gradient of a target with respect to a source equals a tape's gradient if the tape is opened
after the source's definition, watches it before its first use on the way to the target, and
encloses every statement that carries the source into the target. So: collect those statements
(``required``), and take the smallest contiguous run of siblings that holds them all, in the
innermost block that (a) is certainly executed before the gradient call, (b) holds them in the
order in which they are executed (nothing comes around a loop), and (c) can watch every source in
time. Statements are enclosed, never moved.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass

from tape_migrate.flow.symbols import DefKind, Symbol, is_prefix
from tape_migrate.module import Block, Place
from tape_migrate.parsed import walk
from tape_migrate.shapes.dependence import Dependence
from tape_migrate.shapes.kinds import kind_of
from tape_migrate.shapes.plan import (
    OUTSIDE,
    Kind,
    Link,
    Paths,
    Refusal,
    Region,
    Request,
    Track,
    Watch,
    in_order,
)
from tape_migrate.shapes.skipped import guarded

_LOOPS = (ast.For, ast.AsyncFor, ast.While)


@dataclass(frozen=True)
class Chosen:
    """A region and how the gradient relates to it."""

    region: Region
    watches: tuple[Watch, ...]
    inside: bool
    repeated: bool


def choose_region(
    dep: Dependence,
    call: ast.Call,
    paths: Paths,
    *,
    inline: bool,
    within: bool,
    in_header: bool,
) -> Chosen | Refusal:
    """The smallest region for ``paths``.

    ``inline`` targets are named right before the call's statement; those evaluated ``within`` it
    (in a comprehension) need the whole statement inside the tape.
    """
    call_places = dep.module.places(call, within=dep.scope)
    chains = [
        dep.module.places(stmt, within=dep.scope)
        for stmt in (dep.stmt_of(node_id) for node_id in sorted(paths.required))
        if stmt is not None
    ]
    if inline or not chains:
        chains.append(call_places)
    refusal: Refusal | None = None
    for block in _common_blocks(chains):
        result = _try_block(dep, call, block, chains, call_places, paths, inline, within, in_header)
        if isinstance(result, Chosen):
            return result
        refusal = refusal or result
    return refusal or Refusal(
        "TM127", "no block holds the forward pass and is certainly run before the gradient"
    )


def bound_late(dep: Dependence, request: Request, nodes: Iterable[int]) -> frozenset[int]:
    """What gives the sources of a Hessian their names after some of the ``nodes`` have run.

    Its gradient is taken at the end of the region, where these names are read: so they have to
    be bound in there. What a call lists may change until the Hessian is taken.
    """
    if not request.is_hessian:
        return frozenset()
    call_node = dep.facts.node_id(request.call)
    behind = [link.definition.node_id for link in dep.links_of(call_node, [request.source])]
    if any(isinstance(node, ast.Call) for node in walk(request.source)):
        place, *_ = dep.module.places(request.call, within=dep.scope)
        behind += [dep.cfg.node_of(stmt) for stmt in place.block[: place.index][-1:]]
    line = dep.module.statement_of(request.call).lineno
    return frozenset(
        n
        for n in behind
        if (stmt := dep.stmt_of(n)) is not None and stmt.lineno <= line
        # What a loop comes round to is bound again before the forward pass.
        if any(dep.reaches(node, n) and _starts(dep, node) <= stmt.lineno for node in nodes)
    )


def _starts(dep: Dependence, node_id: int) -> int:
    stmt = dep.stmt_of(node_id)
    return stmt.lineno if stmt is not None else 0


def nothing_between(dep: Dependence, call: ast.Call, *, in_header: bool) -> Chosen:
    """The empty region of a target that was recorded elsewhere."""
    place, *_ = dep.module.places(call, within=dep.scope)
    return Chosen(Region(place.block, place.index, place.index - 1), (), False, in_header)


def _common_blocks(chains: list[list[Place]]) -> list[Block]:
    """Blocks that hold every chain, innermost first."""
    shared = [place.block for place in chains[0]]
    for chain in chains[1:]:
        ids = {id(place.block) for place in chain}
        shared = [block for block in shared if id(block) in ids]
    return shared


def _index_in(chain: list[Place], block: Block) -> int | None:
    for place in chain:
        if place.block is block:
            return place.index
    return None


def _try_block(
    dep: Dependence,
    call: ast.Call,
    block: Block,
    chains: list[list[Place]],
    call_places: list[Place],
    paths: Paths,
    inline: bool,
    within: bool,
    in_header: bool,
) -> Chosen | Refusal:
    call_index = _index_in(call_places, block)
    if call_index is None and not _runs_before(dep, block, call_places):
        return Refusal(
            "TM127",
            "the forward pass stands in a branch or loop that the gradient call is not part of",
        )
    indexes = [index for chain in chains if (index := _index_in(chain, block)) is not None]
    first, last = min(indexes), max(indexes)
    direct = call_places[0].block is block
    inside = False
    if call_index is not None:
        if within:
            last, inside = call_index, True
        elif inline and direct:
            last = call_index - 1
            first = min(first, call_index)
        elif last >= call_index:
            if last > call_index or (direct and not inline):
                return Refusal(
                    "TM117", "the target is computed after the gradient, in an earlier turn"
                )
            inside = True
    region = Region(block, first, last)
    carried = _comes_around(dep, region, paths)
    if carried is not None:
        return carried
    watches = _watches(dep, region, call_places, paths)
    if isinstance(watches, Refusal):
        return watches
    watches = guarded(dep, call, region, watches, paths)
    if isinstance(watches, Refusal):
        return watches
    tensor_loop = _tensor_loop(dep, call_places, block)
    if tensor_loop and (inside or not direct):
        return Refusal(
            "TM117", "the gradient is taken in a loop over tensors, the source is outside it"
        )
    repeated = in_header or _in_loop(call_places, block)
    return Chosen(region, watches, inside, repeated)


def _runs_before(dep: Dependence, block: Block, call_places: list[Place]) -> bool:
    """Whether ``block`` is reached only through ``with`` from a block that holds the call."""
    holders = {id(place.block) for place in call_places}
    current = block
    while id(current) not in holders:
        owner = dep.module.parent_of(current[0])
        if not isinstance(owner, (ast.With, ast.AsyncWith)):
            return False
        current = dep.module.place_of(owner).block
    return True


def _in_loop(call_places: list[Place], block: Block) -> bool:
    for place in call_places:
        if place.block is block:
            return False
        if isinstance(place.owner, _LOOPS) and place.field == "body":
            return True
    return False


def _tensor_loop(dep: Dependence, call_places: list[Place], block: Block) -> bool:
    """Whether a loop between ``block`` and the call may run in the graph (``tf.range``)."""
    for place in call_places:
        if place.block is block:
            return False
        owner = place.owner
        if isinstance(owner, _LOOPS) and place.field == "body":
            over = owner.test if isinstance(owner, ast.While) else owner.iter
            if any(dep.module.names.resolve(c.func).startswith("tensorflow.")
                   for c in ast.walk(over) if isinstance(c, ast.Call)):  # fmt: skip
                return True
    return False


def _block_in_loop(dep: Dependence, block: Block) -> bool:
    around = dep.module.parents_below(block[0], dep.scope.node)
    return any(isinstance(parent, _LOOPS) for parent in around)


def _comes_around(dep: Dependence, region: Region, paths: Paths) -> Refusal | None:
    """A value that a statement of the region gets from an earlier turn of a loop around it."""
    if not _block_in_loop(dep, region.block):
        return None
    entry = dep.cfg.node_of(region.block[region.first])
    for link in paths.links:
        if link.definition.node_id not in paths.required:
            continue
        symbol = link.use.symbol
        if link.definition in dep.reaching(entry, symbol) and _keeps(dep, entry, symbol, link):
            return Refusal("TM117", f"{symbol} comes around the loop from an earlier turn")
    return None


def _keeps(dep: Dependence, entry: int, symbol: Symbol, link: Link) -> bool:
    """Whether what ``symbol`` is at ``entry`` may be what ``link`` reads: nothing binds it anew."""
    seen, stack = {entry}, [entry]
    while stack:
        node_id = stack.pop()
        if node_id == link.node_id:
            return True
        if not any(
            change.kind is not DefKind.MUTATION
            and not change.conditional
            and is_prefix(change.symbol, symbol)
            for change in dep.cfg.effects(node_id).defs
        ):
            stack += [n for n in dep.cfg.successors[node_id] if n not in seen]
            seen.update(dep.cfg.successors[node_id])
    return False


def _watches(
    dep: Dependence, region: Region, call_places: list[Place], paths: Paths
) -> tuple[Watch, ...] | Refusal:
    found: list[Watch] = []
    entry = _entry_node(dep, region, call_places)
    inside_nodes = {node_id for stmt in region.stmts for node_id in dep.cfg.span(stmt)}
    for source in paths.to_watch:
        if source.made:
            continue
        if source.variable:
            late = [d for d in source.track.definitions if d.node_id in inside_nodes]
            if not late:
                continue
        placed = _watch_track(dep, source.track, entry, inside_nodes, found)
        early = placed and not (source.track.own_nodes & inside_nodes)
        named = placed or source.track.copied
        for track in () if early else source.tracks[1:]:
            # Only what certainly is a tensor (or a list of them) can be watched.
            if track.certain or _is_tensor(dep, track, region, call_places):
                here = _watch_track(dep, track, entry, inside_nodes, found)
                placed |= here
                if here or track.copied:
                    continue
            placed = False
            break
        changed = [n for n in source.changed_at if n in inside_nodes or dep.reaches(entry, n)]
        if changed:
            return Refusal(
                "TM104", f"{source.symbol} is still being filled while the target is computed"
            )
        if not (placed and named):
            region_end = _entry_node(dep, region, call_places)
            if any(dep.reaches(region_end, n) for n in source.track.own_nodes - inside_nodes):
                return Refusal(
                    "TM104",
                    f"{source.symbol} is bound again between its use and the gradient call",
                )
            return Refusal(
                "TM105",
                f"{source.symbol} is not known by any name before the statements that use it",
            )
    unique: list[Watch] = []
    for watch in found:
        if watch not in unique:
            unique.append(watch)
    return tuple(unique)


def _is_tensor(dep: Dependence, track: Track, region: Region, call_places: list[Place]) -> bool:
    for link in dep.links_into(_entry_node(dep, region, call_places)):
        if link.use.symbol == track.symbol and isinstance(link.use.node, ast.expr):
            return kind_of(dep.module, link.use.node, dep.scope) is Kind.TENSOR
    return False


def _entry_node(dep: Dependence, region: Region, call_places: list[Place]) -> int:
    if region.first <= region.last or region.first < len(region.block):
        return dep.cfg.node_of(region.block[region.first])
    return dep.cfg.node_of(call_places[0].stmt)


def _watch_track(
    dep: Dependence,
    track: Track,
    entry: int,
    inside_nodes: set[int],
    found: list[Watch],
) -> bool:
    """Watch what ``track`` names, at the top or where it is made; False if that is not enough.

    What only copies another track inside the region is watched under that name.
    """
    at_entry = frozenset(
        d for d in dep.reaching(entry, track.symbol) if d.kind is not DefKind.MUTATION
    )
    late = [
        d
        for d in in_order(track.definitions)
        if d.node_id in inside_nodes and d.kind not in OUTSIDE
    ]
    if late and track.copied:
        return False
    for definition in late:
        stmt = definition.stmt
        if stmt is None or isinstance(stmt, (ast.With, ast.AsyncWith, *_LOOPS)):
            return False
        found.append(Watch(str(track.symbol), stmt))
    early = track.definitions - set(late)
    if late and _is_own(dep, track.symbol):
        # A name of the scope that nothing has bound by then: there is nothing to watch yet.
        early = frozenset(d for d in early if d.kind is not DefKind.EXTERNAL)
    if early and early <= at_entry:
        # What else may reach the top is bound again before the gradient call.
        if at_entry == track.definitions or late:
            found.append(Watch(str(track.symbol)))
            return True
        return False
    return bool(late) and not early


def _is_own(dep: Dependence, symbol: Symbol) -> bool:
    """Whether a name is a variable of the scope, so that reading it early raises."""
    return dep.module.scopes.resolve(symbol.root, dep.scope) is dep.scope
