"""The names of a function that is written out where it is called, and those of the caller."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator

from tape_migrate.flow.scope import Scope, ScopeKind
from tape_migrate.module import Module
from tape_migrate.shapes.context import Context


class InlinedNames:
    """Which names the statements of ``function`` can have in the place of ``call``."""

    def __init__(
        self, context: Context, function: ast.FunctionDef, call: ast.Call, *, goes: bool
    ) -> None:
        self.context = context
        self.module: Module = context.module
        self.function, self.call, self.goes = function, call, goes
        self.scope = self.module.scopes.opened_by(function)
        self.caller = self.module.scope_of(call)
        self.stmt = self.module.statement_of(call)

    def every_name(self) -> Iterator[ast.Name]:
        for stmt in self.function.body:
            for node in ast.walk(stmt):
                if isinstance(node, ast.Name):
                    yield node

    def own_names(self) -> list[ast.Name]:
        """Names in the function that are its own."""
        scopes = self.module.scopes
        return [
            node
            for node in self.every_name()
            if not scopes.is_comprehension_variable(node)
            and scopes.resolve(node.id, self.module.scope_of(node)) is self.scope
        ]

    def taken(self) -> set[str]:
        """Names that mean something in the caller, or around it."""
        aside = set(map(id, ast.walk(self.function))) if self.goes else set()
        around: Scope = self.caller
        for scope in (self.caller, *self.caller.enclosing):
            if scope.kind is ScopeKind.FUNCTION:
                around = scope
        found: set[str] = set()
        for node in self.module.inside(around.node):
            if id(node) in aside:
                continue
            if isinstance(node, ast.Name):
                if around.kind is ScopeKind.MODULE:
                    owner = self.module.scopes.resolve(node.id, self.module.scope_of(node))
                    if owner is not None and owner.kind is not ScopeKind.MODULE:
                        continue
                found.add(node.id)
            elif isinstance(node, ast.arg) and around.kind is not ScopeKind.MODULE:
                found.add(node.arg)
            elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                found.add(node.name)
            elif isinstance(node, (ast.Global, ast.Nonlocal)):
                found.update(node.names)
            elif isinstance(node, ast.alias):
                found.add((node.asname or node.name).partition(".")[0])
        own = {n.id for n in self.own_names()}
        # What the function reads from outside must not be hidden by a new name.
        return found | {n.id for n in self.every_name() if n.id not in own}

    def taken_over(self, given: dict[str, ast.expr], put_in: dict[str, str]) -> dict[str, str]:
        """Parameters that are bound again, and are given a name that nobody reads afterwards."""
        found: dict[str, str] = {}
        in_loop = any(
            isinstance(place.owner, (ast.For, ast.While))
            for place in self.module.places(self.stmt, within=self.caller)
        )
        for name, expr in given.items():
            if name in put_in or not isinstance(expr, ast.Name) or in_loop:
                continue
            reads = [
                node
                for node in self.module.nodes
                if isinstance(node, ast.Name) and node.id == expr.id and node is not expr
                and isinstance(node.ctx, ast.Load)
                and self.module.scopes.resolve(node.id, self.module.scope_of(node)) is self.caller
            ]  # fmt: skip
            own = self.module.scopes.resolve(expr.id, self.caller) is self.caller
            before = all(
                self.module.scope_of(node) is self.caller and node.lineno < self.stmt.lineno
                for node in reads
            )
            if own and before and self.caller.kind is ScopeKind.FUNCTION:
                found[name] = expr.id
        used = {n.id for n in self.every_name() if n.id not in found}
        used |= {n.id for k in put_in for n in ast.walk(given[k]) if isinstance(n, ast.Name)}
        given_once = Counter(found.values())
        return {k: v for k, v in found.items() if v not in used and given_once[v] == 1}

    def result_names(
        self, result: ast.expr | None, given: dict[str, ast.expr]
    ) -> tuple[dict[str, str], tuple[tuple[str, ast.expr], ...] | None]:
        """The caller's names for the function's own, and the results that are left to be bound."""
        stmt = self.stmt
        if not isinstance(stmt, ast.Assign) or stmt.value is not self.call or result is None:
            return {}, None
        pairs = _paired(stmt.targets[0], result) if len(stmt.targets) == 1 else None
        if pairs is None:
            return {}, None
        own = {n.id for n in self.own_names() if not isinstance(n.ctx, ast.Load)} - set(given)
        outside = {n.id for n in self.every_name()} - {n.id for n in self.own_names()}
        arguments = {
            n.id for expr in given.values() for n in ast.walk(expr) if isinstance(n, ast.Name)
        }
        declared = self.caller.globals | self.caller.nonlocals
        wanted = [target for target, _ in pairs]
        if set(wanted) & (outside | arguments | declared) or len(set(wanted)) < len(wanted):
            return {}, None
        found: dict[str, str] = {}
        for target, value in pairs:
            if isinstance(value, ast.Name) and value.id in own and value.id not in found:
                if target == value.id or target not in own | set(given):
                    found[value.id] = target
        for target in wanted:
            if target in own:
                found.setdefault(target, target)
        if len(set(found.values())) < len(found):
            return {}, None
        left = [
            (target, value)
            for target, value in pairs
            if not (isinstance(value, ast.Name) and found.get(value.id) == target)
        ]
        for number, (target, _) in enumerate(left):
            for _, later in left[number + 1 :]:
                read = {found.get(n.id) for n in ast.walk(later) if isinstance(n, ast.Name)}
                if target in read:
                    return {}, None
        # A name that already stands for a result must not be bound to another on the way.
        kept = set(wanted) - {target for target, _ in left}
        if kept & {target for target, _ in left}:
            return {}, None
        return found, tuple(left)


def _paired(target: ast.expr, value: ast.expr) -> list[tuple[str, ast.expr]] | None:
    """The names that a statement gives to parts of ``value``."""
    if isinstance(target, ast.Name):
        return [(target.id, value)]
    if isinstance(target, (ast.Tuple, ast.List)) and isinstance(value, (ast.Tuple, ast.List)):
        parts = list(zip(target.elts, value.elts, strict=False))
        if len(target.elts) == len(value.elts):
            names = [(t.id, v) for t, v in parts if isinstance(t, ast.Name)]
            return names if len(names) == len(parts) else None
    return None
