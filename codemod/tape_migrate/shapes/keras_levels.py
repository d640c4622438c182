"""How symbolic an expression of a Keras program is: plain, a Keras tensor, or a graph tensor.

A *Keras tensor* is what layers, models and ``Input`` give (``model.output``, ``layer.output``,
``Dense(3)(x)``): Keras 2 and 3 both know how to hold one outside any function, and a sub-model can
compute its value. A *graph tensor* is everything that is computed from one by operations
(``K.mean(model.output)``, ``x[:, 0]``, a gradient), and what only a graph has (placeholders, the
learning phase): it has to move into a function that is called with real numbers. Everything else
is *plain*.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tape_migrate.flow.reaching import Definition
from tape_migrate.flow.scope import Scope, ScopeKind
from tape_migrate.flow.symbols import DefKind, Symbol, symbol_of
from tape_migrate.module import Module
from tape_migrate.shapes.binding import bind
from tape_migrate.shapes.functions import Function
from tape_migrate.shapes.keras_calls import CallLevels
from tape_migrate.shapes.keras_values import GRAPH, PLAIN, Level, Value, operation, static, union
from tape_migrate.shapes.kinds import value_given_by
from tape_migrate.shapes.summaries import Summaries
from tape_migrate.shapes.tensorflow_facts import KERAS_GRAPH_ATTRIBUTES

_SWEEPS = 8
_HANDED_IN = (DefKind.PARAMETER, DefKind.EXTERNAL)
_STATIC = frozenset(("shape", "name", "dtype", "_keras_shape", "ndim", "get_shape", "graph"))
_PLURAL = frozenset(("inputs", "outputs"))

Given = tuple[tuple[str, Value], ...]
_Key = tuple[int, Given | None]

Comprehension = ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp


class Levels:
    """Levels of the expressions of one module, found by a fixpoint over each scope's definitions.

    Parameters have the highest level that a visible caller gives them.
    """

    def __init__(self, module: Module) -> None:
        self.module = module
        self.summaries = Summaries.of(module)
        self._tables: dict[_Key, dict[Definition, Value]] = {}
        self._busy: set[_Key] = set()
        self._attributes: dict[tuple[int, Symbol], Value] = {}
        self._assigning: dict[Scope, list[ast.Assign | ast.AnnAssign]] = {}
        self._results: dict[_Key, Value] = {}
        self.calls = CallLevels(self)
        self._parameters: dict[tuple[int, str], Value] = {}
        self._asked: dict[tuple[int, str], bool] = {}
        """Parameters whose level is being found out; True where that was asked for on the way."""
        self._given: dict[int, Given] = {}
        """What the function that is being looked into was called with, by scope."""

    @classmethod
    def of(cls, module: Module) -> Levels:
        """The levels of ``module``, made once."""
        known = module.memo.get("keras levels")
        if not isinstance(known, Levels):
            known = module.memo["keras levels"] = cls(module)
        return known

    def value(self, expr: ast.expr) -> Value:
        """The value of ``expr`` where it stands."""
        match expr:
            case ast.Name():
                return self._variable(expr)
            case ast.Attribute(value=base, attr=attr):
                return self._attribute(expr, base, attr)
            case ast.Subscript(value=base, slice=index):
                return self._subscript(expr, base, index)
            case ast.Call():
                return self.calls.value(expr)
            case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items):
                return union(map(self.value, items), holds=True)
            case ast.Dict(values=items):
                return union(map(self.value, items), holds=True)
            case ast.ListComp(elt=item) | ast.SetComp(elt=item) | ast.GeneratorExp(elt=item):
                return union([self.value(item)], holds=True)
            case ast.DictComp(value=item):
                return union([self.value(item)], holds=True)
            case ast.BinOp(left=left, op=op, right=right):
                sides = [self.value(left), self.value(right)]
                listed = [side.holds for side in sides]
                if (isinstance(op, ast.Add) and all(listed)) or (
                    isinstance(op, ast.Mult) and any(listed)
                ):
                    return union(sides, holds=True)
                return operation(sides)
            case ast.Compare(left=left, ops=ops, comparators=others):
                sides = [self.value(item) for item in (left, *others)]
                by_identity = (ast.Is, ast.IsNot, ast.In, ast.NotIn)
                if all(isinstance(op, by_identity) for op in ops):
                    return static(sides)
                return operation(sides)
            case ast.UnaryOp(operand=inner):
                return operation([self.value(inner)])
            case ast.BoolOp(values=items):
                return union(map(self.value, items))
            case ast.IfExp(test=test, body=body, orelse=orelse):
                parts = union([self.value(body), self.value(orelse)])
                return parts | static([self.value(test)])
            case ast.JoinedStr(values=items):
                return static(map(self.value, items))
            case ast.FormattedValue(value=inner):
                return static([self.value(inner)])
            case ast.Starred(value=inner) | ast.NamedExpr(value=inner) | ast.Await(value=inner):
                return self.value(inner)
            case ast.Lambda(body=body):
                read = (n for n in ast.walk(body) if isinstance(n, ast.Name))
                return GRAPH if any(self.value(n).level is Level.GRAPH for n in read) else PLAIN
            case ast.Slice():
                bounds = [b for b in (expr.lower, expr.upper, expr.step) if b is not None]
                return static(map(self.value, bounds))
        return PLAIN

    def definition(self, scope: Scope, definition: Definition) -> Value:
        """The value that a definition gives its symbol."""
        if definition.kind is DefKind.PARAMETER:
            return self._parameter(scope, definition.symbol.root)
        if definition.kind is DefKind.EXTERNAL:
            return self._outer(scope, definition.symbol)
        return self._solve(scope).get(definition, PLAIN)

    def _variable(self, expr: ast.Name) -> Value:
        if self.module.scopes.is_comprehension_variable(expr):
            return self._comprehension_variable(expr)
        scope = self.module.scope_of(expr)
        if scope.kind is ScopeKind.CLASS:
            return PLAIN
        found, symbol = PLAIN, Symbol(expr.id)
        for definition in self.module.facts(scope).reaching_at(expr, symbol):
            if definition.symbol == symbol or definition.kind in _HANDED_IN:
                found |= self.definition(scope, definition)
            elif definition.symbol.path and definition.symbol.path[0].startswith("["):
                found |= Value(self.definition(scope, definition).level, True)
        return found

    def _attribute(self, expr: ast.Attribute, base: ast.expr, attr: str) -> Value:
        symbol = symbol_of(expr)
        if symbol is not None and symbol.path:
            known = self._assigned(expr, symbol)
            if known is not None:
                return known
        inner = self.value(base)
        if attr in KERAS_GRAPH_ATTRIBUTES and not inner.symbolic:
            if isinstance(expr.ctx, ast.Load) and not self.module.names.resolve(base):
                return Value(Level.KERAS, attr in _PLURAL)
        if attr in _STATIC:
            return static([inner])
        return inner

    def _assigned(self, expr: ast.expr, symbol: Symbol) -> Value | None:
        """The value of ``self.x`` or ``d['k']`` where something is assigned to just that."""
        scope = self.module.scope_of(expr)
        if scope.kind is ScopeKind.CLASS:
            return None
        reached = self.module.facts(scope).reaching_at(expr, symbol)
        exact = [d for d in reached if d.symbol == symbol and d.kind is not DefKind.MUTATION]
        if exact:
            return union(self.definition(scope, d) for d in exact)
        if symbol.root == "self" and len(symbol.path) == 1:
            owner = self.summaries.class_of(scope)
            if owner is not None:
                return self._attribute_of(owner, symbol)
        return None

    def _attribute_of(self, owner: Scope, symbol: Symbol) -> Value | None:
        """What the methods of a class assign to ``self.x``."""
        family = self.summaries.family(owner)
        key = (id(family), symbol)
        if key in self._attributes:
            return self._attributes[key]
        self._attributes[key] = PLAIN
        found: list[Value] = []
        for klass in {family, owner}:
            for node in self._assignments(klass):
                given = value_given_by(node, symbol)
                if given is not None:
                    found.append(self.value(given))
        if not found:
            self._attributes.pop(key, None)
            return None
        self._attributes[key] = union(found)
        return self._attributes[key]

    def _assignments(self, klass: Scope) -> list[ast.Assign | ast.AnnAssign]:
        if klass not in self._assigning:
            nodes = ast.walk(klass.node)
            found = [node for node in nodes if isinstance(node, (ast.Assign, ast.AnnAssign))]
            self._assigning[klass] = found
        return self._assigning[klass]

    def _subscript(self, expr: ast.Subscript, base: ast.expr, index: ast.expr) -> Value:
        symbol = symbol_of(expr)
        if symbol is not None:
            known = self._assigned(expr, symbol)
            if known is not None:
                return known
        inner = self.value(base)
        numbered = isinstance(index, ast.Constant) and isinstance(index.value, int)
        if numbered and isinstance(base, ast.Attribute) and base.attr == "input":
            return inner  # one of several inputs
        if inner.holds:
            sliced = isinstance(index, ast.Slice)
            return Value(inner.level, sliced) | static([self.value(index)])
        return operation([inner, self.value(index)])

    def _comprehension_variable(self, name: ast.Name) -> Value:
        for parent in self.module.parents(name):
            if isinstance(parent, Comprehension):
                for generator in parent.generators:
                    part = self.element(generator.target, generator.iter, name.id)
                    if part is not None:
                        return part
        return PLAIN

    def element(self, target: ast.expr, iterable: ast.expr, name: str) -> Value | None:
        """What a loop over ``iterable`` gives ``name``, a part of its ``target``."""
        if isinstance(target, ast.Name):
            if target.id != name:
                return None
            if _is_call_of(iterable, "zip", "enumerate"):
                return union([self.value(iterable)], holds=True)
            inner = self.value(iterable)
            return Value(inner.level) if inner.holds else operation([inner])
        if not isinstance(target, (ast.Tuple, ast.List)):
            return None
        parts: list[ast.expr | None] = [None] * len(target.elts)
        if isinstance(iterable, ast.Call):
            if _is_call_of(iterable, "zip") and len(iterable.args) == len(parts):
                parts = list(iterable.args)
            elif _is_call_of(iterable, "enumerate") and len(iterable.args) == 1:
                parts = [ast.Constant(0), *iterable.args]
            elif isinstance(iterable.func, ast.Attribute) and iterable.func.attr == "items":
                parts = [ast.Constant(0), iterable.func.value]
        for item, part in zip(target.elts, parts, strict=False):
            if any(isinstance(n, ast.Name) and n.id == name for n in ast.walk(item)):
                if isinstance(part, ast.Constant):
                    return PLAIN
                if part is None:
                    return Value(self.value(iterable).level)
                return self.element(item, part, name)
        return None

    def _solve(self, scope: Scope) -> dict[Definition, Value]:
        key = (id(scope), self._given.get(id(scope)))
        table = self._tables.setdefault(key, {})
        if key in self._busy or table:
            return table
        self._busy.add(key)
        try:
            definitions = self.module.facts(scope).reaching.definitions
            for _ in range(_SWEEPS):
                changed = False
                for definition in definitions:
                    if definition.stmt is None:
                        continue
                    new = table.get(definition, PLAIN) | self._defined(definition)
                    if new != table.get(definition):
                        table[definition] = new
                        changed = changed or new != PLAIN
                if not changed:
                    break
                # What was found meanwhile about other scopes may rest on this one.
                self._forget()
        finally:
            self._busy.discard(key)
        return table

    def _forget(self) -> None:
        self._results.clear()
        self._parameters.clear()
        self._attributes.clear()
        for other in [k for k in self._tables if k not in self._busy]:
            del self._tables[other]

    def _defined(self, definition: Definition) -> Value:
        stmt, symbol = definition.stmt, definition.symbol
        if isinstance(stmt, (ast.For, ast.AsyncFor)) and definition.kind is DefKind.STRONG:
            return self.element(stmt.target, stmt.iter, symbol.root) or PLAIN
        if definition.kind is DefKind.MUTATION:
            return self._put_in(stmt)
        if isinstance(stmt, ast.AugAssign):
            sides = [self.value(stmt.target), self.value(stmt.value)]
            return union(sides) if sides[0].holds else operation(sides)
        if isinstance(stmt, (ast.Assign, ast.AnnAssign)) and stmt.value is not None:
            given = value_given_by(stmt, symbol)
            if given is not None:
                return self.value(given)
            inner = self.value(stmt.value)  # unpacked, or a walrus inside
            return Value(inner.level) if inner.holds else operation([inner])
        return PLAIN

    def _put_in(self, stmt: ast.stmt | None) -> Value:
        if isinstance(stmt, ast.Assign):
            return union([self.value(stmt.value)], holds=True)
        if isinstance(stmt, ast.Expr) and isinstance(stmt.value, ast.Call):
            func = stmt.value.func
            if isinstance(func, ast.Attribute) and func.attr in ("append", "extend", "insert"):
                return union(map(self.value, stmt.value.args), holds=True)
        return PLAIN

    def given(self, scope: Scope, name: str) -> Value:
        """The highest level that a visible caller gives the parameter ``name`` (plain if none)."""
        names = {a.arg for a in scope.args.args} if scope.args is not None else set()
        return self._parameter(scope, name) if name in names else PLAIN

    def _parameter(self, scope: Scope, name: str) -> Value:
        node = scope.node
        if not isinstance(node, ast.FunctionDef):
            return PLAIN
        if id(scope) in self._given:
            return dict(self._given[id(scope)]).get(name, PLAIN)
        key = (id(scope), name)
        if key in self._asked:
            self._asked[key] = True
            return PLAIN  # it hands on what it is given: the other calls tell what that is
        if key in self._parameters and not self._given:
            return self._parameters[key]
        self._asked[key] = False
        try:
            found = self.calls.fed(scope, name)
            for call in self.summaries.callers(node):
                for parameter, given in bind(node, call):
                    if parameter == name:
                        found |= self.value(given)
        finally:
            if self._asked.pop(key):
                self._forget()
        if not self._given:
            self._parameters[key] = found
        return found

    def _outer(self, scope: Scope, symbol: Symbol) -> Value:
        """What a variable of an enclosing scope may hold."""
        owner = self.module.scopes.resolve(symbol.root, scope)
        if owner is None or owner is scope or owner.kind is ScopeKind.CLASS:
            return PLAIN
        table = self._solve(owner)
        found = union(v for d, v in table.items() if d.symbol == symbol)
        if owner.args is not None:
            if symbol.root in {a.arg for a in owner.args.args}:
                found |= self._parameter(owner, symbol.root)
        return found

    def result(self, function: Function, call: ast.Call) -> Value:
        """What a visible function returns when it is called with what ``call`` gives it."""
        scope = self.module.scopes.opened_by(function)
        given: Given = tuple(
            sorted((name, self.value(expr)) for name, expr in bind(function, call))
        )
        key = (id(function), given)
        if key in self._results or id(scope) in self._given:
            return self._results.get(key, PLAIN)
        self._results[key] = PLAIN
        self._given[id(scope)] = given
        try:
            found = union(self.value(value) for value in self._returned(function))
        finally:
            del self._given[id(scope)]
        self._results[key] = found
        return found

    def brings(self, function: Function, expr: ast.expr) -> bool:
        """Whether ``expr``, in ``function``, is symbolic though nothing symbolic is handed in."""
        scope = self.module.scopes.opened_by(function)
        known = self._given.get(id(scope))
        self._given[id(scope)] = ()
        try:
            return self.value(expr).symbolic
        finally:
            if known is None:
                del self._given[id(scope)]
            else:
                self._given[id(scope)] = known

    def _returned(self, function: Function) -> Iterator[ast.expr]:
        scope = self.module.scopes.opened_by(function)
        for node in self.module.inside(function):
            if isinstance(node, ast.Return) and node.value is not None:
                if self.module.scope_of(node) is scope:
                    yield node.value


def _is_call_of(expr: ast.expr, *names: str) -> bool:
    return isinstance(expr, ast.Call) and isinstance(expr.func, ast.Name) and expr.func.id in names
