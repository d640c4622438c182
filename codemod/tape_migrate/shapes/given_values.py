"""What calls and statements of the module give a parameter, an attribute or a name."""

from __future__ import annotations

import ast
from typing import TypeGuard

from tape_migrate.flow.scope import Scope
from tape_migrate.flow.symbols import Symbol, symbol_of
from tape_migrate.shapes.binding import bind
from tape_migrate.shapes.context import Context
from tape_migrate.shapes.evaluated import calls_in
from tape_migrate.shapes.functions import Function
from tape_migrate.shapes.kinds import value_given_by
from tape_migrate.shapes.stored import put_into, stored_anywhere
from tape_migrate.shapes.tensorflow_facts import makes_one_tensor
from tape_migrate.shapes.variable_makers import makes_variables


class GivenValues:
    """The values that statements and calls in sight give, as they are written."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._module = context.module

    def given(self, name: str, owner: Scope) -> list[ast.expr]:
        """What calls in sight give a parameter."""
        function = owner.node
        if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return []
        return [
            value
            for call in self._callers(function)
            for parameter, value in bind(function, call)
            if parameter == name
        ]

    def stored(self, symbol: Symbol, scope: Scope) -> list[ast.expr | None]:
        """The values that the class gives ``self.x``; None for one that is not told apart."""
        owner = self._context.summaries.class_of(scope)
        if owner is None:
            return []
        family = self._context.summaries.family(owner)
        return self._stores(family.node).get(symbol, [])

    def shows_tensor(self, symbol: Symbol, scope: Scope) -> bool:
        """Whether the module itself puts a tensor into what is called like a setting."""
        values: list[ast.expr | None] = [*put_into(self._module, Symbol(symbol.root))]
        if symbol.root in ("self", "cls"):
            first = Symbol(symbol.root, symbol.path[:1])
            values = [*self.stored(first, scope), *put_into(self._module, first)]
        else:
            owner = self._module.scopes.resolve(symbol.root, scope)
            values += self._bound(symbol.root, scope)
            seen = self.given(symbol.root, owner) if owner is not None else []
            for given in [*seen, *self._context.closure.given((id(owner), symbol.root))]:
                known = symbol_of(given)
                values.append(given)
                values += self._bound(known.root, self._module.scope_of(given)) if known else []
            values += self._context.closure.held_by((id(owner), symbol.root))
        return any(
            makes_one_tensor(self._module.names.resolve(call.func))
            for value in values
            if value is not None
            for call in calls_in(value)
        ) or (
            any(self._computes_from_variable(v) for v in values if v is not None)
            or self._context.closure.is_computed_from_variables(symbol, scope)
        )

    def _computes_from_variable(self, value: ast.expr) -> bool:
        """``{"h": -self.w}`` where ``self.w`` is visibly made a variable."""
        scope = self._module.scope_of(value)
        operations = [n for n in ast.walk(value) if isinstance(n, (ast.BinOp, ast.UnaryOp))]
        read = {symbol_of(part) for n in operations for part in ast.walk(n) if _is_read(part)}
        return any(
            makes_variables(self._module, made)
            for symbol in read
            if symbol is not None
            for made in (
                *self.stored(symbol, scope),
                *self._bound(symbol.root, scope),
                *self._stored_anywhere(symbol),
            )
            if made is not None
        )

    def _stored_anywhere(self, symbol: Symbol) -> list[ast.expr | None]:
        """What an attribute of this name is given: the object may be of any class."""
        last = symbol.path[-1] if symbol.path else ""
        return stored_anywhere(self._module, last[1:]) if last.startswith(".") else []

    def _callers(self, function: Function) -> list[ast.Call]:
        summaries = self._context.summaries
        if function.name != "__init__":
            return summaries.callers(function)
        return [
            ast.Call(
                func=ast.Attribute(value=call.func, attr="__init__", ctx=ast.Load()),
                args=call.args,
                keywords=call.keywords,
            )
            for call in self._module.of_kind(ast.Call)
            if summaries.made_by(call) is function
        ]

    def _stores(self, node: ast.AST) -> dict[Symbol, list[ast.expr | None]]:
        """Everything that is set inside ``node``, with the values given (looked up once)."""
        key = f"stores {id(node)}"
        known = self._module.memo.get(key)
        if not isinstance(known, dict):
            known = dict[Symbol, list[ast.expr | None]]()
            for inner in self._module.inside(node):
                if isinstance(inner, (ast.Attribute, ast.Subscript)):
                    symbol = None if isinstance(inner.ctx, ast.Load) else symbol_of(inner)
                    if symbol is not None:
                        value = value_given_by(self._module.statement_of(inner), symbol)
                        known.setdefault(symbol, []).append(value)
            self._module.memo[key] = known
        return known

    def _bound(self, name: str, scope: Scope) -> list[ast.expr | None]:
        bound = self._module.names.bindings(name, scope)
        return [n.value for n in bound if isinstance(n, (ast.Assign, ast.AnnAssign))]


def _is_read(node: ast.AST) -> TypeGuard[ast.expr]:
    return isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Load)
