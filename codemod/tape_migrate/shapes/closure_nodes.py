"""What expressions of a module read, as nodes of the graph of ``closure``.

Variables by scope and name, attributes by the family of their class and by their name alone, what a
function gives back, what a lambda holds.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cached_property
from typing import Final

from tape_migrate.flow.bindings import children
from tape_migrate.flow.scope import Scope, ScopeKind
from tape_migrate.flow.symbols import Symbol, symbol_of
from tape_migrate.mentions import asked_by_text
from tape_migrate.module import Module
from tape_migrate.names import KNOWN_MODULES, canonical
from tape_migrate.shapes.barriers import carries_nothing
from tape_migrate.shapes.binding import comprehension_of
from tape_migrate.shapes.functions import Function
from tape_migrate.shapes.libraries import is_library
from tape_migrate.shapes.summaries import Summaries

Node = tuple[int, str]

_READING: Final = frozenset({"get", "pop", "popitem", "popleft", "setdefault", "__getitem__"})
"""Methods by which a collection gives one of its members."""
ANY: Node = (0, ".*")
"""Whatever ``getattr(self, "_build_" + kind)`` may give."""


class Nodes:
    """The nodes of a module, and what reads which of them."""

    def __init__(self, module: Module) -> None:
        self._module = module
        self._summaries = Summaries.of(module)
        self._read: dict[ast.AST, tuple[Node, ...]] = {}

    def node_for(self, symbol: Symbol, scope: Scope) -> Node:
        """The graph's node for ``symbol`` read in ``scope``."""
        if symbol.root in ("self", "cls") and symbol.path and symbol.path[0].startswith("."):
            owner = self._summaries.class_of(scope)
            attributes = [part for part in symbol.path if part.startswith(".")]
            if len(attributes) > 1:
                return (0, attributes[-1])
            if owner is not None:
                return (id(self._summaries.family(owner)), symbol.path[0])
        elif symbol.path and symbol.path[0].startswith("."):
            # Attributes of other objects are told apart by their names alone.
            return (0, [part for part in symbol.path if part.startswith(".")][-1])
        owner_scope = self._module.scopes.resolve(symbol.root, scope)
        args = owner_scope.args if owner_scope is not None else None
        if args is not None and args.kwarg is not None and args.kwarg.arg == symbol.root:
            return (id(owner_scope), symbol.root + "".join(symbol.path[:1]))
        return (id(owner_scope), symbol.root)

    def attributes(self, target: ast.expr) -> list[Node]:
        """The nodes of an attribute, which is read through other names of its object as well."""
        return self.named(target.attr) if isinstance(target, ast.Attribute) else []

    def named(self, attribute: str) -> list[Node]:
        families = (0, *map(id, self._summaries.families())) if attribute else ()
        return [(family, "." + attribute) for family in families]

    def held_by(self, called: Symbol, scope: Scope) -> set[Node]:
        """What a function or a method that is called so may read besides what it is given."""
        name = called.path[-1].removeprefix(".") if called.path else ""
        held = {
            self.node_for(symbol, self._module.scope_of(node))
            for method in self._summaries.methods_named(name)
            for function in self._summaries.reached(method)
            for node in self._module.inside(function)
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)
            if (symbol := symbol_of(node)) is not None and symbol.root == "self"
        }
        if name in _READING and not self._summaries.methods_named(name):
            held.add(self.node_for(Symbol(called.root, called.path[:-1]), scope))
        return held or {self.node_for(called, scope)}

    def returned(self, value: ast.expr, size: int) -> list[ast.Tuple]:
        """The tuples of ``size`` that a visible function called by ``value`` returns, if only
        such."""
        function = self._summaries.callee(value) if isinstance(value, ast.Call) else None
        if function is None:
            return []
        scope = self._module.scopes.opened_by(function)
        returns = [
            node.value
            for node in self._module.inside(function)
            if isinstance(node, ast.Return) and self._module.scope_of(node) is scope
        ]
        tuples = [r for r in returns if isinstance(r, ast.Tuple) and len(r.elts) == size]
        return tuples if len(tuples) == len(returns) else []

    def names_of(self, definition: Function | ast.ClassDef) -> list[Node]:
        """Where a function or a class is read by its name."""
        scope = self._module.scopes.opened_by(definition)
        asked = [ANY] if asks_any_method(self._module) else []
        if asked_by_text(self._module, definition.name) is not None:
            asked.append((0, "." + definition.name))
        if scope.parent is not None and scope.parent.kind is ScopeKind.CLASS:
            if definition.name == "__call__":
                assert isinstance(scope.parent.node, ast.ClassDef)
                return self.names_of(scope.parent.node)
            return [*asked, *self.named(definition.name)]
        return [*asked, (id(scope.parent), definition.name)]

    def _is_library(self, node: ast.Name | ast.Attribute) -> bool:
        """``tf`` in ``tf.cast(x)``: no value that two calls of it have in common."""
        top, _, rest = self._module.names.resolve(node).partition(".")
        if top not in ("tensorflow", "numpy"):
            return False
        return bool(rest) or isinstance(node, ast.Name)

    def is_of_library(self, node: ast.Attribute) -> bool:
        """``tf.Tensor.shape``: what a module of the project has is an attribute like another."""
        dotted = self._module.names.resolve(node)
        return bool(dotted) and is_library(self._module, dotted)

    @cached_property
    def _imported(self) -> dict[str, dict[str, list[Node]]]:
        """Names that are imported from modules, by what they and their modules are called there:
        ``lib.W`` is read by ``W``, too."""
        found: dict[str, dict[str, list[Node]]] = {}
        for stmt in self._module.of_kind(ast.ImportFrom):
            scope = self._module.scope_of(stmt)
            for alias in stmt.names:
                name = alias.asname or alias.name
                dotted = canonical(self._module.names.meaning_of_name(name, scope))
                if dotted.partition(".")[0] not in KNOWN_MODULES:
                    node = (id(self._module.scopes.resolve(name, scope)), name)
                    own = dotted.rpartition(".")[2]  # which may be called otherwise on the way
                    for called in dict.fromkeys((alias.name, own)):
                        found.setdefault(called, {}).setdefault(dotted, []).append(node)
        return found

    def reads(self, expr: ast.AST) -> tuple[Node, ...]:
        """What evaluating ``expr`` reads; asked for of most expressions twice."""
        known = self._read.get(expr)
        if known is None:
            known = self._read[expr] = tuple(self.find_reads(expr))
        return known

    def find_reads(self, expr: ast.AST, *, storing: bool = False) -> Iterator[Node]:
        stack: list[ast.AST] = [expr]
        while stack:
            node = stack.pop()
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                if node.value.id in ("self", "cls"):
                    scope = self._module.scope_of(node)
                    yield self.node_for(Symbol(node.value.id, ("." + node.attr,)), scope)
                    continue
            if isinstance(node, (ast.Name, ast.Attribute)) and (
                self._is_library(node)
                or carries_nothing(self._module, node, self._summaries.keeps_nothing)
            ):
                continue
            if isinstance(node, ast.Name):
                inside = comprehension_of(self._module, node)
                if inside is not None:
                    yield (id(inside), node.id)
                else:
                    yield self.node_for(Symbol(node.id), self._module.scope_of(node))
                continue
            if isinstance(node, ast.Attribute) and not self.is_of_library(node):
                yield (0, "." + node.attr)
                if storing:
                    continue
            if isinstance(node, ast.Attribute) and node.attr in self._imported:
                yield from self._imported[node.attr].get(self._module.names.resolve(node), ())
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                if asked_by_text(self._module, node.value) is not None:
                    yield (0, "." + node.value)
                continue
            if isinstance(node, ast.Call) and _asks_by_expression(node):
                yield ANY
            if isinstance(node, ast.Lambda):
                yield (id(self._module.scopes.opened_by(node)), "lambda")
                stack += [each for each in node.args.defaults + node.args.kw_defaults if each]
                continue
            if isinstance(node, ast.Call) and not storing:
                function = self._summaries.callee(node)
                if function is not None:
                    for each in (function, *self._summaries.overrides(function)):
                        yield (id(each), "return")
                    if not is_abstract(function):
                        continue  # what it makes of its arguments comes back by its return
            stack += children(node)


def is_abstract(function: Function) -> bool:
    """Whether a function only raises, or does nothing: classes elsewhere have one that does."""
    *described, last = function.body
    plain = all(isinstance(stmt, ast.Expr) and isinstance(stmt.value, ast.Constant)
                for stmt in described)  # fmt: skip
    return plain and isinstance(last, ast.Raise)


def asks_any_method(module: Module) -> bool:
    """Whether the module asks an object for an attribute by a name that it puts together."""
    known = module.memo.get("asks any method")
    if not isinstance(known, bool):
        known = any(_asks_by_expression(call) for call in module.of_kind(ast.Call))
        module.memo["asks any method"] = known
    return known


def _asks_by_expression(call: ast.Call) -> bool:
    match call:
        case ast.Call(func=ast.Name(id="getattr"), args=[_, name, *_]):
            return not isinstance(name, ast.Constant)
    return False
