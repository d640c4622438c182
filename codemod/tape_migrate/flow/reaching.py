"""Reaching definitions: which changes of a symbol may still hold before a node is executed.

Classic gen/kill sweeps over Python integers as bitsets, one bit per definition. A path symbol
(``self.x``) that is itself assigned somewhere hides the definitions of its prefixes from there
on; only such symbols need sweeps of their own, run when first asked for.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from dataclasses import dataclass
from typing import NamedTuple

from .cfg import Cfg
from .symbols import Def, DefKind, Effects, Symbol, Use, is_prefix, may_overlap


class Definition(NamedTuple):
    """A definition as it reaches a node: made by node ``node_id``, part of statement ``stmt``.

    ``stmt`` is None for parameters and for values from outside.
    """

    symbol: Symbol
    node_id: int
    kind: DefKind
    stmt: ast.stmt | None
    conditional: bool = False

    @property
    def kills(self) -> bool:
        """Whether it hides what was defined before it."""
        return self.kind is not DefKind.MUTATION and not self.conditional


@dataclass(frozen=True)
class _Transfer:
    """What a node does to a bitset: ``out = in & ~kill | gen``."""

    gen: int
    kill: int


def reaching(cfg: Cfg) -> ReachingDefs:
    """Reaching definitions of a graph (solved for plain variables at once, else when asked)."""
    return ReachingDefs(cfg)


class ReachingDefs:
    """Answers about one graph; see :func:`reaching`."""

    def __init__(self, cfg: Cfg) -> None:
        self.cfg = cfg
        self.definitions: list[Definition] = []
        self._at_node: dict[int, list[int]] = defaultdict(list)
        self._by_root: dict[str, dict[Symbol, int]] = defaultdict(dict)
        """Root -> symbol -> bits of its definitions."""
        self._extensions: dict[Symbol, int] = defaultdict(int)
        """Symbol -> bits of its own definitions and of those of everything below it."""
        self._killed: set[Symbol] = set()
        self._reachable = _reachable(cfg)
        self._collect()
        self._sticky = self._remote()
        self._affecting: dict[Symbol, int] = {}
        self._own: dict[Symbol, list[int]] = {}
        self._uses: dict[str, list[tuple[int, Use]]] | None = None
        self._before = self._solve(None)

    def at(self, node_id: int, symbol: Symbol) -> frozenset[Definition]:
        """Definitions of ``symbol``, its prefixes and its parts that reach *before* the node.

        Empty only for a node that cannot be reached. A prefix counts until the symbol itself
        is assigned; EXTERNAL stands for a path from entry without any definition.
        """
        if not self._reachable[node_id]:
            return frozenset()
        return self._decode(self._bits(node_id, symbol), symbol)

    def of_use(self, node_id: int, use: Use) -> frozenset[Definition]:
        """Like :meth:`at`, but also sees what the node itself defines before evaluating ``use``.

        It differs from ``at`` only after a walrus or an in-place change in the same node.
        """
        if not self._reachable[node_id]:
            return frozenset()
        return self._decode(self._bits_of_use(node_id, use), use.symbol)

    def after(self, node_id: int, symbol: Symbol) -> frozenset[Definition]:
        """Definitions that hold once the node has been executed."""
        if not self._reachable[node_id]:
            return frozenset()
        bits = self._bits(node_id, symbol)
        for index in self._at_node.get(node_id, ()):
            bits = self._apply(index, bits, symbol)
        return self._decode(bits, symbol)

    def uses_of(self, definition: Definition) -> list[tuple[int, Use]]:
        """Every use that ``definition`` may reach, in order of nodes.

        A store into the object (``reference`` use) counts only if it reads what was defined:
        ``self.y = e`` uses a definition of ``self`` but none of ``self.x``.
        """
        if self._uses is None:
            self._uses = defaultdict(list)
            for node in self.cfg.nodes:
                for use in self.cfg.effects(node.id).uses:
                    self._uses[use.symbol.root].append((node.id, use))
        found = []
        for node_id, use in self._uses.get(definition.symbol.root, ()):
            if not may_overlap(definition.symbol, use.symbol):
                continue
            if use.reference and not is_prefix(definition.symbol, use.symbol):
                continue
            if definition in self.of_use(node_id, use):
                found.append((node_id, use))
        return found

    def _collect(self) -> None:
        cfg = self.cfg
        parameters = {} if cfg.args is None else _parameters(cfg.args)
        for name in parameters:
            self._add(Definition(Symbol(name), cfg.entry, DefKind.PARAMETER, None))
        roots: dict[str, None] = {}
        made: list[tuple[int, Def]] = []
        for node in cfg.nodes:
            effects = cfg.effects(node.id)
            for event in effects.events:
                roots[event.symbol.root] = None
            made.extend((node.id, change) for change in effects.defs)
        for root in roots:
            if root not in parameters:
                self._add(Definition(Symbol(root), cfg.entry, DefKind.EXTERNAL, None))
        for node_id, change in made:
            stmt = cfg.nodes[node_id].stmt
            self._add(Definition(change.symbol, node_id, change.kind, stmt, change.conditional))

    def _add(self, definition: Definition) -> None:
        index = len(self.definitions)
        bit = 1 << index
        symbol: Symbol | None = definition.symbol
        self.definitions.append(definition)
        self._at_node[definition.node_id].append(index)
        known = self._by_root[definition.symbol.root]
        known[definition.symbol] = known.get(definition.symbol, 0) | bit
        if definition.kills and definition.symbol.path:
            self._killed.add(definition.symbol)
        while symbol is not None:
            self._extensions[symbol] |= bit
            symbol = symbol.parent

    def _remote(self) -> dict[str, list[Definition]]:
        """Definitions that no statement of this scope can hide, by root."""
        names = self.cfg.names
        found: dict[str, list[Definition]] = defaultdict(list)
        for name in sorted(names.remote_writes - names.globals - names.nonlocals):
            found[name].append(Definition(Symbol(name), self.cfg.entry, DefKind.REMOTE, None))
        for name in sorted(names.globals | names.nonlocals):
            found[name].append(Definition(Symbol(name), self.cfg.entry, DefKind.EXTERNAL, None))
        return dict(found)

    def _affects(self, symbol: Symbol) -> int:
        """Bits of all definitions that reading ``symbol`` can see."""
        bits = self._affecting.get(symbol)
        if bits is None:
            bits = 0
            for other, mask in self._by_root.get(symbol.root, {}).items():
                if may_overlap(other, symbol):
                    bits |= mask
            self._affecting[symbol] = bits
        return bits

    def _hides_prefix(self, symbol: Symbol) -> bool:
        step: Symbol | None = symbol
        while step is not None:
            if step in self._killed:
                return True
            step = step.parent
        return False

    def _bits(self, node_id: int, symbol: Symbol) -> int:
        affecting = self._affects(symbol)
        if not affecting:
            return 0
        if self._killed and symbol.path and self._hides_prefix(symbol):
            own = self._own.get(symbol)
            if own is None:
                own = self._own[symbol] = self._solve(symbol)
            return own[node_id]
        return self._before[node_id] & affecting

    def _apply(self, index: int, bits: int, symbol: Symbol) -> int:
        """Bits relevant to ``symbol`` after one definition has been executed."""
        definition = self.definitions[index]
        if not may_overlap(definition.symbol, symbol):
            return bits
        if definition.kills:
            if is_prefix(definition.symbol, symbol):
                bits = 0
            else:
                bits &= ~self._extensions[definition.symbol]
        return bits | 1 << index

    def _bits_of_use(self, node_id: int, use: Use) -> int:
        bits = self._bits(node_id, use.symbol)
        made = self._at_node.get(node_id)
        if not made or node_id == self.cfg.entry:
            return bits
        position = 0
        effects: Effects = self.cfg.effects(node_id)
        for event in effects.events:
            if event is use or event == use:
                break
            if isinstance(event, Def):
                bits = self._apply(made[position], bits, use.symbol)
                position += 1
        return bits

    def _decode(self, bits: int, symbol: Symbol) -> frozenset[Definition]:
        found = []
        while bits:
            low = bits & -bits
            found.append(self.definitions[low.bit_length() - 1])
            bits ^= low
        found += self._sticky.get(symbol.root, ())
        if not found:
            found.append(Definition(Symbol(symbol.root), self.cfg.entry, DefKind.EXTERNAL, None))
        return frozenset(found)

    def _transfers(self, symbol: Symbol | None) -> dict[int, _Transfer]:
        """Gen and kill of every node that changes anything, for all symbols or for one."""
        relevant = -1 if symbol is None else self._affects(symbol)
        transfers: dict[int, _Transfer] = {}
        for node_id, indices in self._at_node.items():
            gen = kill = 0
            for index in indices:
                if not relevant >> index & 1:
                    continue
                definition = self.definitions[index]
                if definition.kills and node_id != self.cfg.entry:
                    hidden = self._extensions[definition.symbol]
                    if symbol is not None and is_prefix(definition.symbol, symbol):
                        hidden = relevant
                    gen &= ~hidden
                    kill |= hidden
                gen |= 1 << index
            if gen or kill:
                transfers[node_id] = _Transfer(gen, kill)
        return transfers

    def _solve(self, symbol: Symbol | None) -> list[int]:
        """Bits before each node. Ids follow the source, so few sweeps reach the fixpoint."""
        transfers = self._transfers(symbol)
        count = len(self.cfg.nodes)
        before = [0] * count
        after = [0] * count
        dirty = bytearray(b"\1" * count)
        reachable = self._reachable
        # Dead code defines nothing, though it has edges out.
        order = [i for i in (self.cfg.entry, *range(2, count), self.cfg.exit) if reachable[i]]
        pending = True
        while pending:
            pending = False
            for node_id in order:
                if not dirty[node_id]:
                    continue
                dirty[node_id] = 0
                preds = self.cfg.predecessors[node_id]
                bits = after[preds[0]] if preds else 0
                for pred in preds[1:]:
                    bits |= after[pred]
                before[node_id] = bits
                transfer = transfers.get(node_id)
                if transfer is not None:
                    bits = bits & ~transfer.kill | transfer.gen
                if bits != after[node_id]:
                    after[node_id] = bits
                    for successor in self.cfg.successors[node_id]:
                        dirty[successor] = 1
                    pending = True
        return before


def _parameters(args: ast.arguments) -> dict[str, None]:
    every = [*args.posonlyargs, *args.args, args.vararg, *args.kwonlyargs, args.kwarg]
    return {arg.arg: None for arg in every if arg is not None}


def _reachable(cfg: Cfg) -> bytearray:
    seen = bytearray(len(cfg.nodes))
    seen[cfg.entry] = 1
    stack = [cfg.entry]
    while stack:
        for successor in cfg.successors[stack.pop()]:
            if not seen[successor]:
                seen[successor] = 1
                stack.append(successor)
    return seen
