"""Attributes that are computed when they are read.

``net.loss`` may be a property: visible classes are looked at; of an object that a class out of
sight has made, any attribute may be one. Then the forward pass is run by reading it, and reads
whatever the object holds.
"""

from __future__ import annotations

from tape_migrate.flow.symbols import Symbol, may_overlap
from tape_migrate.shapes.context import Context
from tape_migrate.shapes.dependence import Dependence
from tape_migrate.shapes.plan import Link


def may_be_property(context: Context, dep: Dependence, node_id: int, symbol: Symbol) -> bool:
    """Whether reading ``symbol`` at a node may run code that computes it."""
    holders = dep.reaching(node_id, Symbol(symbol.root)) if symbol.path else ()
    return context.summaries.is_computed(symbol, holders)


def may_read_unseen(context: Context, dep: Dependence, symbol: Symbol, link: Link) -> bool:
    """Whether reading another attribute of the same object may read ``symbol``."""
    read = link.use.symbol
    if not symbol.path or read.root != symbol.root or not read.path or may_overlap(symbol, read):
        return False
    return may_be_property(context, dep, link.node_id, read)
