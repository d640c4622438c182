"""Other ways to what a source is a part of: ``net.w`` is ``holder.net.w``, too.

``net.w = x * 2.0`` makes a new tensor, so nothing that was computed before depends on it. But
whatever was given ``net`` before (``holder = Holder(net)``, ``late.attach(net)``, ``[net]``), or
was made of a collection (``table.values()``, ``iter(parts)``), finds the new tensor when it is
asked afterwards, and no name of the source is read then.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import Final

from tape_migrate.flow.reaching import Definition
from tape_migrate.flow.symbols import DefKind, Symbol, is_prefix, may_overlap
from tape_migrate.module import Module
from tape_migrate.names import KNOWN_MODULES
from tape_migrate.shapes.barriers import runs_arguments
from tape_migrate.shapes.dependence import Dependence
from tape_migrate.shapes.kinds import value_given_by
from tape_migrate.shapes.plan import OUTSIDE, Link, Source, Track

_COLLECTIONS: Final = (ast.List, ast.Tuple, ast.Dict, ast.ListComp, ast.DictComp)
_ARITHMETIC: Final = (ast.BinOp, ast.UnaryOp, ast.Compare, ast.AugAssign)


def readers_by_holders(dep: Dependence, source: Source, nodes: Iterable[int]) -> frozenset[int]:
    """Those of ``nodes`` that may read ``source`` from what holds the object it is a part of."""
    links = [link for n in nodes for link in dep.links_into(n)]
    return frozenset(link.node_id for link in reads_by_holders(dep, source, links))


def reads_by_holders(dep: Dependence, source: Source, links: Iterable[Link]) -> list[Link]:
    """Those of ``links`` that may read ``source`` so."""
    tracks = [track for track in source.tracks if track.symbol.path and track.own_nodes]
    if not tracks:
        return []
    links = list(links)
    return [link for track in tracks for link in _reads(dep, track, links)]


def _reads(dep: Dependence, track: Track, links: list[Link]) -> Iterator[Link]:
    place = track.symbol
    handed = {
        node.id
        for node in dep.cfg.nodes
        if any(_is_handle(link.use.symbol, place) for link in dep.links_into(node.id))
    }
    holding = handed | dep.computed_from(handed)
    # `holder.net = net`: any method of `holder` may find it.
    filled = {d.symbol.root for n in handed for d in dep.cfg.effects(n).defs if d.symbol.path}
    for link in links:
        definition, root = link.definition, link.use.symbol.root
        if definition.kind in OUTSIDE or may_overlap(link.use.symbol, place):
            continue
        if definition.node_id not in holding and (root == place.root or root not in filled):
            continue
        if _is_plain(dep.module, link, place):
            continue
        if any(dep.reaches(node_id, link.node_id) for node_id in track.own_nodes):
            yield link


def is_own(dep: Dependence, source: Source) -> bool:
    """Whether nobody outside can have what ``source`` is a part of: it was made right here.

    An object of a class may be known to what its ``__init__`` has told of it.
    """
    if not source.symbol.path:
        return True
    held = dep.reaching(source.node_id, Symbol(source.symbol.root))
    return all(_is_made_here(dep.module, d) for d in held if d.kind is not DefKind.MUTATION)


def _is_made_here(module: Module, definition: Definition) -> bool:
    if definition.kind is not DefKind.STRONG or definition.stmt is None:
        return False
    value = value_given_by(definition.stmt, definition.symbol)
    if isinstance(value, ast.Call):
        return module.names.resolve(value.func).partition(".")[0] in KNOWN_MODULES
    return definition.symbol.path != () or isinstance(value, _COLLECTIONS)


def is_neighbour(module: Module, source: Source, link: Link) -> bool:
    """Whether ``link`` reads a tensor from outside that a new ``source`` is no part of.

    ``z``, or ``self.k`` beside ``self.w``; ``other.w`` may be that of the same object.
    """
    read, place = link.use.symbol, source.symbol
    beside = read.root == place.root and len(read.path) == 1 and not may_overlap(read, place)
    return (not read.path or beside) and _is_operand(module, link.use.node, place)


def _is_handle(read: Symbol, place: Symbol) -> bool:
    """Whether what ``read`` gives may be, or lead to, the object that ``place`` is a part of."""
    if read.root != place.root:
        return False
    if is_prefix(read, place):
        return len(read.path) < len(place.path)
    for mine, other in zip(read.path, place.path, strict=False):
        if mine != other:
            # `parts[0]` and `parts[1]` are neighbours; `parts.pop` and `net.child` may know more.
            return mine.startswith(".")
    return False


def _is_plain(module: Module, link: Link, place: Symbol) -> bool:
    """Whether a value is read as a tensor, not as an object that is asked for something."""
    same = link.use.symbol == link.definition.symbol
    return same and _is_operand(module, link.use.node, place)


def _is_operand(module: Module, node: ast.AST, place: Symbol) -> bool:
    parent = module.parent_of(node)
    if isinstance(parent, _ARITHMETIC):
        return True
    if not isinstance(parent, ast.Call) or node is parent.func or place.path[-1][0] != ".":
        return False
    resolved = module.names.resolve(parent.func)
    return resolved.partition(".")[0] in KNOWN_MODULES and not runs_arguments(resolved)
