"""Which names a run of sibling statements needs from before it and provides for after it."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from .captures import Captures, captures_of
from .cfg import Cfg
from .symbols import DefKind, Use

_REBINDING = (DefKind.STRONG, DefKind.AUGMENTED, DefKind.DELETE)


@dataclass
class _Names:
    """Names as bits, and per node the names it reads first and the names it surely rebinds."""

    bits: dict[str, int]
    reads: list[int]
    rebinds: list[int]
    writes: list[int]
    live_before: list[int] | None = None

    def decode(self, mask: int) -> frozenset[str]:
        return frozenset(name for name, bit in self.bits.items() if mask & bit)

    def bit(self, name: str) -> int:
        return self.bits.setdefault(name, 1 << len(self.bits))


_KNOWN: WeakKeyDictionary[Cfg, _Names] = WeakKeyDictionary()


def live_in(cfg: Cfg, stmts: Sequence[ast.stmt]) -> frozenset[str]:
    """Names that ``stmts`` (siblings, in order) may read before writing them.

    Free variables of local functions count where the function is mentioned. Globals and
    builtins are names like any other here. Raises KeyError if ``stmts`` is not in the graph.
    """
    if not stmts:
        return frozenset()
    names = _names(cfg)
    span = _span(cfg, stmts)
    live = _solve(cfg, names, span, 0)
    return names.decode(live[cfg.node_of(stmts[0])])


def live_out(cfg: Cfg, stmts: Sequence[ast.stmt]) -> frozenset[str]:
    """Names that ``stmts`` may bind and that may be read after them, wherever they lead.

    A name that any nested function, lambda or class of the scope takes is read after; so is
    every name at module or class level, and every name declared global or nonlocal.
    """
    if not stmts:
        return frozenset()
    names = _names(cfg)
    span = _span(cfg, stmts)
    written = 0
    for node_id in span:
        written |= names.writes[node_id]
    if not cfg.is_function:
        return names.decode(written)
    if names.live_before is None:
        names.live_before = _solve(cfg, names, range(len(cfg.nodes)), 0)
    table = cfg.names
    wanted = 0
    for name in table.captured | table.globals | table.nonlocals:
        wanted |= names.bits.get(name, 0)
    for node_id in span:
        for successor in cfg.successors[node_id]:
            if successor not in span:
                wanted |= names.live_before[successor]
    return names.decode(written & wanted)


def _span(cfg: Cfg, stmts: Sequence[ast.stmt]) -> range:
    return range(cfg.span(stmts[0]).start, cfg.span(stmts[-1]).stop)


def _names(cfg: Cfg) -> _Names:
    known = _KNOWN.get(cfg)
    if known is not None:
        return known
    captures = captures_of(cfg.body)
    names = _Names({}, [], [], [])
    for node in cfg.nodes:
        reads = rebinds = writes = 0
        for event in cfg.effects(node.id).events:
            root = names.bit(event.symbol.root)
            if isinstance(event, Use):
                reads |= root & ~rebinds
                for name in captures.get(event.symbol.root, ()):
                    reads |= names.bit(name) & ~rebinds
            elif event.kind in _REBINDING and not event.symbol.path:
                writes |= root
                if event.kills:
                    rebinds |= root
        for name in _read_at_definition(node.node, captures):
            reads |= names.bit(name) & ~rebinds
        names.reads.append(reads)
        names.rebinds.append(rebinds)
        names.writes.append(writes)
    _KNOWN[cfg] = names
    return names


def _read_at_definition(node: ast.AST | None, captures: Captures) -> Iterable[str]:
    """A decorator may call the function at once."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.decorator_list:
        return captures.get(node.name, ())
    return ()


def _solve(cfg: Cfg, names: _Names, span: range, at_end: int) -> list[int]:
    """Live names before each node of ``span``; nothing is live beyond it."""
    live = [0] * len(cfg.nodes)
    changed = True
    while changed:
        changed = False
        for node_id in reversed(span):
            after = at_end
            for successor in cfg.successors[node_id]:
                if successor in span:
                    after |= live[successor]
            before = names.reads[node_id] | after & ~names.rebinds[node_id]
            if before != live[node_id]:
                live[node_id] = before
                changed = True
    return live
