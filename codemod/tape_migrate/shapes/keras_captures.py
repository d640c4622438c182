"""What moves into a compiled function takes from outside must mean the same where it is made.

Names that are bound again, or whose objects change, between the first statement that moves and
the ``K.function``; lists of weights, where layers begin or stop to be trained in between.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable

from tape_migrate.flow.reaching import Definition
from tape_migrate.flow.symbols import DefKind
from tape_migrate.shapes.keras_between import changed_between
from tape_migrate.shapes.keras_moves import MoveChecks
from tape_migrate.shapes.keras_moves import refused as _no

_OF_MODELS = frozenset(
    {"compile", "load_weights", "set_weights", "summary", "fit", "predict", "evaluate"}
)

_LISTS_OF_WEIGHTS = frozenset(
    f"{kind}{word}"
    for kind in ("", "trainable_", "non_trainable_")
    for word in ("weights", "variables")
)


class CaptureChecks(MoveChecks):
    """Checks of what the statements that are to move read; each raises what is in the way."""

    def check_captured(self) -> None:
        """Names taken from outside must mean the same where the function is made."""
        inside = self.nodes()
        cfg = self.dep.cfg
        uses = [(n, use) for n in sorted(inside) for use in cfg.effects(n).uses]
        captured: set[str] = set()
        for node_id, use in uses:
            root = use.symbol.root
            if root in self.result.locals or root in self.keep or id(use.node) in self.exempt:
                continue
            owner = self.module.scopes.resolve(root, self.dep.scope)
            if owner is None:
                continue
            captured.add(root)
            if owner is not self.dep.scope:
                bound = self.module.names.bindings(root, self.dep.scope)
                if len(bound) > 1 and self._something_between():
                    raise _no("TM144", f"{root} is bound more than once in the scope around")
                continue
            here = self._changes(self.dep.reaching(node_id, use.symbol))
            there = self._changes(self.dep.reaching(self.node_id, use.symbol))
            if here != there:
                raise _no("TM144", f"{use.symbol} changes before the K.function")
            if any(d.kind is DefKind.REMOTE for d in self.dep.reaching(node_id, use.symbol)):
                raise _no("TM144", f"{root} is bound by another function")
        self._check_free_variables(inside)
        self.result.captured = frozenset(captured)
        first = min(self.moved, default=len(self.block))
        last = self.block.index(self.stmt)
        between = [(i, self.block[i]) for i in range(first, last) if i not in self.moved]
        moved = sorted(self.moved.items())
        found = changed_between(self.module, self.dep.scope, moved, between)
        if found is not None:
            raise _no("TM144", f"{found[0]} may change (line {found[1]}) before the K.function")

    def _check_free_variables(self, inside: set[int]) -> None:
        """What functions of the scope read that are called on the way must stay the same, too."""
        for node_id in sorted(inside):
            for link in self.dep.links_into(node_id):
                symbol = link.use.symbol
                free = isinstance(link.use.node, ast.Name) and link.use.node.id != symbol.root
                if not free or symbol.root in self.result.locals or symbol.root in self.keep:
                    continue
                here = self._changes(self.dep.reaching(node_id, symbol))
                there = self._changes(self.dep.reaching(self.node_id, symbol))
                if here != there:
                    raise _no("TM144", f"{symbol} changes before the K.function")

    def check_weights(self) -> None:
        """Which weights can be trained must not change between a list of them and the function."""
        lists = [
            stmt for stmt in self.moved.values() for node in ast.walk(stmt)
            if isinstance(node, ast.Attribute) and node.attr in _LISTS_OF_WEIGHTS
        ]  # fmt: skip
        if not lists:
            return
        first = min(self.block.index(stmt) for stmt in lists)
        for index in range(first + 1, self.block.index(self.stmt)):
            stmt = self.block[index]
            if index in self.moved:
                continue
            for node in ast.walk(stmt):
                if isinstance(node, ast.Attribute) and node.attr == "trainable":
                    if isinstance(node.ctx, ast.Store):
                        raise _no(
                            "TM144",
                            f"{ast.unparse(node)} (line {node.lineno}) is set between the list of "
                            "weights and the K.function",
                        )

    def _something_between(self) -> bool:
        """Whether a statement that stays stands between the first that moves and the function."""
        first = min(self.moved, default=len(self.block))
        last = self.block.index(self.stmt)
        return any(index not in self.moved for index in range(first, last))

    def _changes(self, definitions: Iterable[Definition]) -> frozenset[Definition]:
        """What gives or changes a value, but for calls of a model's methods."""
        return frozenset(d for d in definitions if not self._leaves_alone(d))

    def _leaves_alone(self, definition: Definition) -> bool:
        stmt = definition.stmt
        if definition.node_id in self.nodes():
            return True
        if definition.kind is not DefKind.MUTATION or not isinstance(stmt, ast.Expr):
            return False
        if not isinstance(stmt.value, ast.Call):
            return False
        func = stmt.value.func
        # `model.compile(…)`, `model.load_weights(…)`: variables are read at each call.
        return isinstance(func, ast.Attribute) and func.attr in _OF_MODELS
