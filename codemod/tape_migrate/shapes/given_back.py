"""What a function gives back: new tensors, by the statements of the function that make them."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from tape_migrate.flow.reaching import Definition
from tape_migrate.flow.scope import Scope
from tape_migrate.flow.symbols import DefKind, Symbol
from tape_migrate.module import Module
from tape_migrate.shapes.copies import RELISTING
from tape_migrate.shapes.held import is_only_read
from tape_migrate.shapes.kinds import value_given_by
from tape_migrate.shapes.modes import graph_mode, identifiers
from tape_migrate.shapes.plan import in_order
from tape_migrate.shapes.tensorflow_facts import (
    VARIABLE_MAKERS,
    always_new_tensor,
    makes_one_tensor,
    tensorflow_function,
)
from tape_migrate.shapes.unittests import ancestors, is_test_case, only_parameterizes

_DEPTH = 8
_CONVERTING = frozenset({"autograph", "defun", "function"})
_CHOICES = (ast.If, ast.For, ast.While, ast.Match, ast.Try)


def may_be_converted(module: Module, scope: Scope) -> bool:
    """Whether AutoGraph may run a function, and turn an ``if`` into a ``tf.cond``.

    What comes out of that is another tensor than the one that a branch has made.
    """
    if identifiers(module) & _CONVERTING:
        return True
    return graph_mode(module) is None and not _is_of_tests(module, scope)


def _is_of_tests(module: Module, scope: Scope) -> bool:
    """Whether a method is one of a class of tests, which a test runner calls."""
    owner, node = scope.parent, scope.node
    if owner is None or not isinstance(owner.node, ast.ClassDef):
        return False
    if not isinstance(node, ast.FunctionDef):
        return False
    classes = (owner.node, *ancestors(module, owner.node))
    return any(is_test_case(module, base) for each in classes for base in each.bases) and all(
        only_parameterizes(module, decorator) for decorator in node.decorator_list
    )


def is_chosen(module: Module, stmt: ast.stmt, scope: Scope, reader: ast.stmt | None = None) -> bool:
    """Whether a statement stands in a branch or a loop of its function (which ``reader`` does
    not)."""
    around = module.places(reader, within=scope) if reader is not None else []
    known = {id(place.block) for place in around}
    return any(
        isinstance(place.owner, _CHOICES) and id(place.block) not in known
        for place in module.places(stmt, within=scope)
    )


@dataclass
class GivenBack:
    """Follows what a function gives back to the statements that make it."""

    module: Module
    function: ast.FunctionDef
    converted: bool
    """AutoGraph may run it (``may_be_converted``)."""
    leaves: list[tuple[str, ast.Assign]] = field(default_factory=list)
    """Names of new tensors, or of lists of them, and the statements that make them."""
    _lists: set[str] = field(default_factory=set)
    _followed: set[int] = field(default_factory=set)
    """``id()``s of the expressions by which lists are read on the way."""
    _seen: set[tuple[str, int]] = field(default_factory=set)

    def trace(self, expr: ast.expr, depth: int = _DEPTH) -> bool:
        """Whether ``expr`` gives new tensors, or lists of them, and nothing else."""
        self._followed.add(id(expr))
        if depth == 0:
            return False
        match expr:
            case ast.List(elts=items) | ast.Tuple(elts=items):
                return all(self.trace(item, depth - 1) for item in items)
            case ast.ListComp(
                elt=elt, generators=[ast.comprehension(target=ast.Name(id=item), iter=over)]
            ) if _only(elt, item):
                return self.trace(over, depth - 1)
            case ast.Call(args=[inner]) if _relists(self.module, expr):
                return self.trace(inner, depth - 1)
            case ast.IfExp(body=first, orelse=second) if not self.converted:
                return self.trace(first, depth - 1) and self.trace(second, depth - 1)
            case ast.Name():
                return self._trace_name(expr, depth)
        return False

    def _trace_name(self, name: ast.Name, depth: int) -> bool:
        scope = self.module.scopes.opened_by(self.function)
        if name.id in scope.globals | scope.nonlocals:
            return False
        symbol = Symbol(name.id)
        reached = self.module.facts(scope).reaching_at(name, symbol)
        strong = [d for d in in_order(reached) if d.kind is not DefKind.MUTATION]
        return bool(strong) and all(self._trace_definition(d, symbol, depth) for d in strong)

    def _trace_definition(self, definition: Definition, symbol: Symbol, depth: int) -> bool:
        stmt = definition.stmt
        if definition.kind is not DefKind.STRONG or definition.symbol != symbol:
            return False
        if not isinstance(stmt, ast.Assign) or len(stmt.targets) != 1:
            return False
        value = value_given_by(stmt, symbol)
        scope = self.module.scopes.opened_by(self.function)
        if value is None or (self.converted and is_chosen(self.module, stmt, scope)):
            return False
        if (symbol.root, id(stmt)) in self._seen:
            return True
        self._seen.add((symbol.root, id(stmt)))
        if _is_new_tensor(self.module, value):
            self.leaves.append((symbol.root, stmt))
            return True
        self._lists.add(symbol.root)
        match value:
            case ast.ListComp(elt=made) if _is_new_tensor(self.module, made):
                self.leaves.append((symbol.root, stmt))
                return True
            case ast.List(elts=[_, *_] as items) | ast.Tuple(elts=[_, *_] as items) if all(
                _is_new_tensor(self.module, item) for item in items
            ):
                self.leaves.append((symbol.root, stmt))
                return True
        return self.trace(value, depth - 1)

    def only_read(self) -> bool:
        """Whether nothing in the function changes one of the lists, or hands it to what may."""
        returned = self.function.body[-1]
        return not any(
            isinstance(node, ast.Name)
            and node.id in self._lists
            and not isinstance(node.ctx, ast.Store)
            and id(node) not in self._followed
            and self.module.statement_of(node) is not returned
            and not is_only_read(self.module, node)
            for node in self.module.inside(self.function)
        )


def _only(expr: ast.expr, name: str) -> bool:
    """Whether an expression is ``name``, or a list of nothing else."""
    match expr:
        case ast.Name(id=own):
            return own == name
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return bool(items) and all(_only(item, name) for item in items)
    return False


def _is_new_tensor(module: Module, value: ast.expr) -> bool:
    """Whether ``value`` certainly makes one tensor that did not exist before, and no variable."""
    if not isinstance(value, ast.Call):
        return False
    canonical = module.names.resolve(value.func)
    name = tensorflow_function(canonical)
    return (
        name is not None
        and name.rpartition(".")[2] not in VARIABLE_MAKERS
        and makes_one_tensor(canonical)
        and always_new_tensor(canonical)
    )


def _relists(module: Module, call: ast.Call) -> bool:
    """``list(xs)``, ``tf.nest.flatten(xs)``: the same tensors in a new list."""
    if call.keywords:
        return False
    if isinstance(call.func, ast.Name) and call.func.id in ("list", "tuple"):
        return not module.names.is_local(call.func.id, module.scope_of(call))
    return module.names.resolve(call.func) in RELISTING
