"""What a statement does to the symbols in it, in the order of evaluation.

The order matters for a walrus, which is seen by what is evaluated after it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass

from .bindings import (
    COMPREHENSIONS,
    FUNCTION_NODES,
    all_arguments,
    children,
    class_body_variables,
    free_variables,
    import_bindings,
    outside_parts,
    target_names,
)
from .places import (
    Def,
    DefKind,
    Effects,
    Part,
    Symbol,
    Use,
    is_prefix,
    may_overlap,
    split_path,
    symbol_of,
)

__all__ = [
    "Def",
    "DefKind",
    "Effects",
    "Part",
    "Symbol",
    "Use",
    "effects_of",
    "free_variables",
    "is_prefix",
    "may_overlap",
    "symbol_of",
]

_NOTHING = Effects()
_NO_NAMES: frozenset[str] = frozenset()
# In-place changers that real code also calls inside larger expressions.
_MUTATORS = frozenset(
    ("append", "appendleft", "extend", "extendleft", "pop", "popitem", "popleft", "setdefault")
)
_HARMLESS_STATEMENTS = frozenset(("print",))


@dataclass(frozen=True)
class _Context:
    """How an expression is evaluated: names hidden from the scope, and whether at all."""

    hidden: frozenset[str] = _NO_NAMES
    conditional: bool = False
    deferred: bool = False

    def inner(self, names: Iterable[str] = (), *, deferred: bool = False) -> _Context:
        return _Context(self.hidden.union(names), True, deferred or self.deferred)


_PLAIN = _Context()


class _Collector:
    def __init__(self) -> None:
        self.events: list[Use | Def] = []

    def result(self) -> Effects:
        if not self.events:
            return _NOTHING
        uses = tuple(event for event in self.events if isinstance(event, Use))
        defs = tuple(event for event in self.events if isinstance(event, Def))
        return Effects(uses, defs, tuple(self.events))

    def define(self, name: str, node: ast.AST) -> None:
        self.events.append(Def(Symbol(name), DefKind.STRONG, node))

    def read(self, *roots: ast.AST | None, context: _Context = _PLAIN) -> None:
        """Record what evaluating the expressions (or patterns) reads and changes, in order."""
        stack: list[tuple[ast.AST, _Context] | Def] = []
        stack.extend((root, context) for root in reversed(roots) if root is not None)
        while stack:
            item = stack.pop()
            if isinstance(item, Def):
                self.events.append(item)
                continue
            node, context = item
            if isinstance(node, ast.Constant):
                continue
            if isinstance(node, (ast.Name, ast.Attribute, ast.Subscript)):
                base, path = split_path(node)
                if not isinstance(base, ast.Name):
                    parts = [base]
                    if base is node:
                        assert isinstance(base, ast.Subscript)
                        parts = [base.value, base.slice]
                    stack.extend((part, context) for part in reversed(parts))
                elif base.id not in context.hidden:
                    self.events.append(Use(Symbol(base.id, tuple(path)), node))
                continue
            stack.extend(reversed(self._steps(node, context)))

    def _steps(self, node: ast.AST, context: _Context) -> list[tuple[ast.AST, _Context] | Def]:
        steps: list[tuple[ast.AST, _Context] | Def] = []
        maybe = context.inner()
        if isinstance(node, ast.NamedExpr):
            steps.append((node.value, context))
            if not context.deferred:
                symbol = Symbol(node.target.id)
                steps.append(Def(symbol, DefKind.STRONG, node, context.conditional))
        elif isinstance(node, ast.Lambda):
            steps += [(part, context) for part in outside_parts(node)]
            names = [arg.arg for arg in all_arguments(node.args)]
            steps.append((node.body, context.inner(names, deferred=True)))
        elif isinstance(node, COMPREHENSIONS):
            steps.append((node.generators[0].iter, context))
            inner = context.inner(target_names(gen.target for gen in node.generators))
            for index, generator in enumerate(node.generators):
                if index:
                    steps.append((generator.iter, inner))
                steps += [(test, inner) for test in generator.ifs]
            steps += [(part, inner) for part in children(node) if part not in node.generators]
        elif isinstance(node, ast.BoolOp):
            steps.append((node.values[0], context))
            steps += [(value, maybe) for value in node.values[1:]]
        elif isinstance(node, ast.IfExp):
            steps += [(node.test, context), (node.body, maybe), (node.orelse, maybe)]
        elif isinstance(node, ast.Compare):
            steps += [(node.left, context), (node.comparators[0], context)]
            steps += [(value, maybe) for value in node.comparators[1:]]
        else:
            steps += [(child, context) for child in children(node)]
            if isinstance(node, (ast.MatchAs, ast.MatchStar)) and node.name:
                steps.append(Def(Symbol(node.name), DefKind.STRONG, node))
            elif isinstance(node, ast.MatchMapping) and node.rest:
                steps.append(Def(Symbol(node.rest), DefKind.STRONG, node))
            elif (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in _MUTATORS
            ):
                changed = holders([node.func.value])
                steps += [
                    Def(symbol, DefKind.MUTATION, node)
                    for symbol in changed
                    if symbol.root not in context.hidden
                ]
        return steps

    def mutate(self, exprs: Iterable[ast.expr], node: ast.AST) -> None:
        for symbol in holders(exprs):
            event = Def(symbol, DefKind.MUTATION, node)
            if event not in self.events[-8:]:
                self.events.append(event)

    def store(self, target: ast.expr, kind: DefKind) -> None:
        """Record an assignment to (or deletion of) ``target``."""
        stack = [target]
        while stack:
            target = stack.pop()
            if isinstance(target, (ast.Tuple, ast.List)):
                stack.extend(reversed(target.elts))
                continue
            if isinstance(target, ast.Starred):
                stack.append(target.value)
                continue
            symbol = symbol_of(target)
            if symbol is None:
                assert isinstance(target, (ast.Attribute, ast.Subscript))
                self._reach(target.value)
                if isinstance(target, ast.Subscript):
                    self.read(target.slice)
                self.mutate([target.value], target)
                continue
            parent = symbol.parent
            if parent is not None:
                assert isinstance(target, (ast.Attribute, ast.Subscript))
                # `del xs[0]`: what stays is found under other keys, and was in `xs` before.
                moves = kind is DefKind.DELETE and isinstance(target, ast.Subscript)
                self.events.append(Use(parent, target.value, reference=not moves))
            elif kind is DefKind.DELETE:
                self.events.append(Use(symbol, target, reference=True))
            self.events.append(Def(symbol, kind, target))
            if kind is DefKind.DELETE and isinstance(target, ast.Subscript):
                self.mutate([target.value], target)  # the elements after it move up

    def _reach(self, base: ast.expr) -> None:
        symbol = symbol_of(base)
        if symbol is None:
            self.read(base)
        else:
            self.events.append(Use(symbol, base, reference=True))

    def augment(self, node: ast.AugAssign) -> None:
        symbol = symbol_of(node.target)
        if symbol is not None:
            self.events.append(Use(symbol, node.target))
            self.read(node.value)
            self.events.append(Def(symbol, DefKind.AUGMENTED, node.target))
            return
        self.read(node.target, node.value)
        assert isinstance(node.target, (ast.Attribute, ast.Subscript))
        self.mutate([node.target.value], node.target)

    def expression_statement(self, value: ast.expr) -> None:
        """A call made for its side effect may change its receiver and its arguments."""
        self.read(value)
        if isinstance(value, ast.Await):
            value = value.value
        if not isinstance(value, ast.Call):
            return
        func = value.func
        if isinstance(func, ast.Name) and func.id in _HARMLESS_STATEMENTS:
            return
        exprs = [func.value] if isinstance(func, ast.Attribute) else []
        exprs += [*value.args, *(keyword.value for keyword in value.keywords)]
        self.mutate(exprs, value)


def holders(exprs: Iterable[ast.expr]) -> list[Symbol]:
    """The symbols through which the objects that ``exprs`` give can be reached and changed."""
    found: dict[Symbol, None] = {}
    stack = list(exprs)[::-1]
    while stack:
        expr, path = split_path(stack.pop())
        if isinstance(expr, ast.Name):
            found[Symbol(expr.id, tuple(path))] = None
        elif isinstance(expr, (ast.Subscript, ast.Starred, ast.Await, ast.NamedExpr)):
            stack.append(expr.value)
        elif isinstance(expr, ast.Call):
            stack += [*(keyword.value for keyword in expr.keywords), *expr.args[::-1]]
            if isinstance(expr.func, ast.Attribute):
                stack.append(expr.func.value)
        elif isinstance(expr, ast.IfExp):
            stack += [expr.orelse, expr.body]
        elif isinstance(expr, ast.BoolOp):
            stack += expr.values[::-1]
        elif isinstance(expr, (ast.Tuple, ast.List, ast.Set)):
            stack += expr.elts[::-1]
        elif isinstance(expr, ast.Dict):
            stack += expr.values[::-1]
    return list(found)


def effects_of(node: ast.AST, part: Part = Part.ALL) -> Effects:
    """Effects of a simple statement, or of the header of a compound one.

    ``node`` may also be an ``except`` handler, a ``with`` item, a ``match`` case (its pattern
    alone; the guard is an expression) or any expression. ``part`` splits a ``for`` header.
    """
    collector = _Collector()
    if isinstance(node, (ast.For, ast.AsyncFor)):
        if part is not Part.TARGET:
            collector.read(node.iter)
        if part is not Part.ITER:
            collector.store(node.target, DefKind.STRONG)
    else:
        _header(node, collector)
    return collector.result()


def _header(node: ast.AST, to: _Collector) -> None:
    if isinstance(node, ast.Assign):
        to.read(node.value)
        for target in node.targets:
            to.store(target, DefKind.STRONG)
    elif isinstance(node, ast.AnnAssign):
        to.read(node.annotation, node.value)
        if node.value is not None:
            to.store(node.target, DefKind.STRONG)
    elif isinstance(node, ast.AugAssign):
        to.augment(node)
    elif isinstance(node, ast.Expr):
        to.expression_statement(node.value)
    elif isinstance(node, ast.Delete):
        for target in node.targets:
            to.store(target, DefKind.DELETE)
    elif isinstance(node, (ast.If, ast.While)):
        to.read(node.test)
    elif isinstance(node, (ast.With, ast.AsyncWith)):
        for item in node.items:
            _header(item, to)
    elif isinstance(node, ast.withitem):
        to.read(node.context_expr)
        if node.optional_vars is not None:
            to.store(node.optional_vars, DefKind.STRONG)
    elif isinstance(node, ast.ExceptHandler):
        to.read(node.type)
        if node.name:
            to.define(node.name, node)
    elif isinstance(node, ast.Match):
        to.read(node.subject)
    elif isinstance(node, ast.match_case):
        to.read(node.pattern)
    elif isinstance(node, (ast.Import, ast.ImportFrom)):
        for name in import_bindings(node):
            to.define(name, node)
    elif isinstance(node, (*FUNCTION_NODES[:2], ast.ClassDef)):
        to.read(*outside_parts(node))
        if isinstance(node, ast.ClassDef):
            to.events += [Use(Symbol(n), node) for n in sorted(class_body_variables(node))]
        to.define(node.name, node)
    elif isinstance(node, (ast.Return, ast.Raise, ast.Assert)):
        to.read(*children(node))
    elif isinstance(node, ast.expr):
        to.read(node)
    elif type(node).__name__ == "TypeAlias":  # Python 3.12
        alias = getattr(node, "name", None)
        to.read(getattr(node, "value", None), context=_PLAIN.inner(deferred=True))
        if isinstance(alias, ast.Name):
            to.define(alias.id, node)
