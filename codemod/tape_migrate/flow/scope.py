"""Scopes of a module, who encloses what, name resolution, and the facts of one scope."""

from __future__ import annotations

import ast
import enum
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

from .bindings import (
    COMPREHENSIONS,
    FUNCTION_NODES,
    NameTable,
    OwnNames,
    Scans,
    ScopeNode,
    outside_parts,
    tables_of,
    target_names,
    walk_down,
)
from .captures import Captures, captures_of
from .cfg import Cfg, build_cfg
from .reaching import Definition, ReachingDefs, reaching
from .suppressing import Suppressing
from .symbols import Symbol

_OPENING = (*FUNCTION_NODES, ast.ClassDef)
_OPENS = frozenset(_OPENING)
_DECLARES = frozenset((ast.Global, ast.Nonlocal))


class ScopeKind(enum.Enum):
    """What opens a scope. Comprehensions open none here."""

    MODULE = "module"
    FUNCTION = "function"
    LAMBDA = "lambda"
    CLASS = "class"


class Scope:
    """A module, function, lambda or class body. Compared by identity."""

    def __init__(self, node: ScopeNode, parent: Scope | None, tree: ScopeTree) -> None:
        self.node = node
        self.parent = parent
        self.kind: ScopeKind
        self.name: str
        self.tree = tree
        self.children: list[Scope] = []
        self.body: list[ast.stmt] = [] if isinstance(node, ast.Lambda) else node.body
        """Statements of the scope; empty for a lambda."""
        self.args: ast.arguments | None = node.args if isinstance(node, FUNCTION_NODES) else None
        if isinstance(node, ast.Module):
            self.kind = ScopeKind.MODULE
            self.name = "<module>"
        elif isinstance(node, ast.Lambda):
            self.kind = ScopeKind.LAMBDA
            self.name = "<lambda>"
        else:
            is_class = isinstance(node, ast.ClassDef)
            self.kind = ScopeKind.CLASS if is_class else ScopeKind.FUNCTION
            self.name = node.name
        inside = parent is not None and parent.kind is not ScopeKind.MODULE
        self.qualname: str = f"{parent.qualname}.{self.name}" if parent and inside else self.name

    @cached_property
    def table(self) -> NameTable:
        """The scope's names."""
        return self.tree.table_of(self)

    @cached_property
    def globals(self) -> frozenset[str]:
        """Names that the scope declares ``global``."""
        return self.tree.own_names(self).globals

    @cached_property
    def nonlocals(self) -> frozenset[str]:
        """Names that the scope declares ``nonlocal``."""
        return self.tree.own_names(self).nonlocals

    @property
    def enclosing(self) -> Iterator[Scope]:
        """The scopes around this one, innermost first."""
        scope = self.parent
        while scope is not None:
            yield scope
            scope = scope.parent


class ScopeTree:
    """All scopes of a module; see :func:`build_scopes`."""

    def __init__(
        self, tree: ast.Module, nodes: Iterable[ast.AST], parents: dict[ast.AST, ast.AST]
    ) -> None:
        self.module = Scope(tree, None, self)
        self._nodes = nodes
        self._parents = parents
        self._scopes: dict[ast.AST, Scope] = {tree: self.module}
        """Of nodes that were asked about, and of what is evaluated outside of its function."""
        self._opened: dict[ast.AST, Scope] = {tree: self.module}
        self._tables: dict[ast.AST, NameTable] = {}
        self._facts: dict[Scope, ScopeFacts] = {}
        self._owners: dict[tuple[str, Scope], Scope | None] = {}
        self._scans = Scans()
        self._declaring: set[Scope] = set()
        self._comprehension_variables: set[str] = set()
        self._open(nodes)

    def __iter__(self) -> Iterator[Scope]:
        """Every scope, each before the scopes inside it."""
        stack = [self.module]
        while stack:
            scope = stack.pop()
            yield scope
            stack.extend(reversed(scope.children))

    def _open(self, nodes: Iterable[ast.AST]) -> None:
        for node in nodes:
            if node.__class__ in _OPENS:
                assert isinstance(node, _OPENING)
                scope = self.scope_of(node)
                inner = Scope(node, scope, self)
                scope.children.append(inner)
                self._opened[node] = inner
                # Defaults and annotations sit below ``arguments`` but are evaluated outside.
                self._scopes.update(dict.fromkeys(outside_parts(node), scope))
            elif node.__class__ in _DECLARES:
                self._declaring.add(self.scope_of(node))
            elif node.__class__ is ast.comprehension:
                assert isinstance(node, ast.comprehension)
                self._comprehension_variables |= target_names([node.target])

    def parent_of(self, node: ast.AST) -> ast.AST | None:
        """The node directly around ``node``; None for the module."""
        return self._parents.get(node)

    def scope_of(self, node: ast.AST) -> Scope:
        """The scope that evaluates ``node``.

        A ``def`` statement belongs to the scope it is in, and so do its decorators, defaults
        and annotations; see :meth:`opened_by` for the scope it opens. Raises KeyError for a
        node of another tree (operators and contexts included).
        """
        known = self._scopes.get(node)
        if known is not None:
            return known
        way: list[ast.AST] = []
        found: ast.AST = node
        while known is None:
            way.append(found)
            found = self._parents[found]
            known = self._opened.get(found) or self._scopes.get(found)
        self._scopes.update(dict.fromkeys(way, known))
        return known

    def opened_by(self, node: ast.AST) -> Scope:
        """The scope that a function, lambda, class or module node opens."""
        return self._opened[node]

    def statement_of(self, node: ast.AST) -> ast.stmt:
        """The innermost statement that holds ``node`` (itself if it is one)."""
        found: ast.AST | None = node
        while found is not None and not isinstance(found, ast.stmt):
            found = self._parents.get(found)
        if found is None:
            raise KeyError(node)
        return found

    def table_of(self, scope: Scope) -> NameTable:
        """Names of a scope; made with those of the scopes inside it when first asked for."""
        if scope.node not in self._tables:
            self._tables.update(tables_of(scope.node, self._scans))
        return self._tables[scope.node]

    def bindings(self, scope: Scope) -> frozenset[str]:
        """Names that are variables of ``scope``; for the module also those set by ``global``."""
        return self._module_names if scope is self.module else self.own_names(scope).bound

    def own_names(self, scope: Scope) -> OwnNames:
        """What the scope binds and declares itself."""
        return self._scans.own(scope.node)

    def declares(self, scope: Scope) -> bool:
        """Whether the scope has a ``global`` or ``nonlocal`` statement."""
        return scope in self._declaring

    @cached_property
    def suppresses(self) -> Suppressing:
        """Of which contexts an error inside may go no further."""
        return Suppressing(self._nodes)

    @cached_property
    def _module_names(self) -> frozenset[str]:
        writes = (self.own_names(scope).global_writes for scope in self._declaring)
        return self.own_names(self.module).bound.union(*writes)

    def resolve(self, name: str, scope: Scope) -> Scope | None:
        """The scope whose variable ``name`` means in ``scope``; None for builtins and unknowns.

        Comprehension variables are not looked at: see :meth:`is_comprehension_variable`.
        """
        key = (name, scope)
        if key not in self._owners:
            self._owners[key] = self._owner(name, scope)
        return self._owners[key]

    def _owner(self, name: str, scope: Scope) -> Scope | None:
        if name in scope.globals:
            return self.module
        if name in self.bindings(scope):
            return scope
        for outer in scope.enclosing:
            if outer.kind is ScopeKind.CLASS:
                continue
            if name in outer.globals:
                return self.module
            if name in self.bindings(outer):
                return outer
        return None

    def is_comprehension_variable(self, name: ast.Name) -> bool:
        """Whether ``name`` means the loop variable of a comprehension (or a lambda's inside)."""
        if name.id not in self._comprehension_variables:
            return False
        child: ast.AST = name
        node = self._parents.get(name)
        while node is not None and not isinstance(node, ast.stmt):
            if isinstance(node, ast.Lambda) and name.id in self.table_of(self._opened[node]).bound:
                return False
            if isinstance(node, COMPREHENSIONS):
                first = node.generators[0]
                outside = child is first and self._below(name, first.iter, first)
                targets = target_names(generator.target for generator in node.generators)
                if not outside and name.id in targets:
                    return True
            child, node = node, self._parents.get(node)
        return False

    def _below(self, node: ast.AST, top: ast.AST, stop: ast.AST) -> bool:
        found: ast.AST | None = node
        while found is not None and found is not stop:
            if found is top:
                return True
            found = self._parents.get(found)
        return False

    def release(self) -> None:
        """Let go of all that is known; of no use from then on."""
        for scope in list(self):
            scope.__dict__.clear()
        self.__dict__.clear()

    def facts(self, scope: Scope) -> ScopeFacts:
        """The facts of a scope, made once."""
        facts = self._facts.get(scope)
        if facts is None:
            facts = self._facts[scope] = ScopeFacts(scope, self)
        return facts


def build_scopes(
    tree: ast.Module,
    walked: tuple[Iterable[ast.AST], dict[ast.AST, ast.AST]] | None = None,
) -> ScopeTree:
    """Scopes and parents of every node, in one walk over the module.

    ``walked`` is what ``bindings.walk_down`` gave of it, where that is known.
    """
    return ScopeTree(tree, *(walked or walk_down(tree)))


class ScopeFacts:
    """Dataflow of one scope, each part computed when first asked for."""

    def __init__(self, scope: Scope, tree: ScopeTree) -> None:
        self.scope = scope
        self.tree = tree

    @cached_property
    def cfg(self) -> Cfg:
        """Control-flow graph; a lambda is one return statement."""
        node = self.scope.node
        if isinstance(node, ast.Lambda):
            result = ast.copy_location(ast.Return(value=node.body), node.body)
            return build_cfg([result], node.args, self.scope.table)
        suppresses = self.tree.suppresses
        return build_cfg(self.scope.body, self.scope.args, self.scope.table, suppresses)

    @cached_property
    def reaching(self) -> ReachingDefs:
        """Reaching definitions over :attr:`cfg`."""
        return reaching(self.cfg)

    @cached_property
    def captures(self) -> Mapping[str, frozenset[str]]:
        """Local function name -> names it takes from outside, transitively."""
        captures: Captures = captures_of(self.scope.body)
        return captures

    def node_id(self, node: ast.AST) -> int:
        """Id of the graph node that evaluates ``node``; a nested def for what is inside one.

        Raises KeyError for a node outside the scope.
        """
        found: ast.AST | None = node
        while found is not None:
            if found is self.scope.node:
                break
            if found in self.cfg:
                return self.cfg.node_of(found)
            found = self.tree.parent_of(found)
        if found is not None and isinstance(self.scope.node, ast.Lambda):
            return self.cfg.node_of(self.cfg.body[0])
        raise KeyError(node)

    def reaching_at(self, node: ast.AST, symbol: Symbol) -> frozenset[Definition]:
        """Definitions of ``symbol`` that reach ``node``, a statement or anything within one.

        For the very expression that reads ``symbol`` this also sees a walrus evaluated before
        it in the same statement.
        """
        node_id = self.node_id(node)
        if isinstance(node, ast.expr):
            for use in self.cfg.effects(node_id).uses:
                if use.node is node and use.symbol == symbol:
                    return self.reaching.of_use(node_id, use)
        return self.reaching.at(node_id, symbol)
