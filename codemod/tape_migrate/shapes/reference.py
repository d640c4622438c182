"""Reference variables, TensorFlow 1's own: no tape can take one as a source.

After ``disable_v2_behavior()`` or ``disable_resource_variables()``, and where
``use_resource=False`` is said, ``tape.watch(w)`` and ``tape.gradient(y, [w])`` raise for a
variable, whichever way it was made. A source that is made as one is refused there, one of which
nothing is known is taken for a tensor, aloud.
"""

from __future__ import annotations

import ast
import enum
from collections.abc import Iterable

from tape_migrate.flow.reaching import Definition
from tape_migrate.flow.scope import Scope
from tape_migrate.flow.symbols import DefKind, Symbol, symbol_of
from tape_migrate.module import Module
from tape_migrate.shapes.context import Context
from tape_migrate.shapes.dependence import Dependence
from tape_migrate.shapes.given_values import GivenValues
from tape_migrate.shapes.kinds import kind_of, outer_value, value_given_by
from tape_migrate.shapes.modes import reference_variables
from tape_migrate.shapes.plan import Kind, Refusal, Source
from tape_migrate.shapes.tensorflow_facts import (
    VARIABLE_MAKERS,
    makes_one_tensor,
    tensorflow_function,
)

_DEPTH = 6


class _Made(enum.IntEnum):
    """What a value is, the worst last."""

    TENSOR = 0
    UNKNOWN = 1
    VARIABLE = 2


def judge_reference_variables(
    context: Context, dep: Dependence, sources: list[Source]
) -> list[str] | Refusal:
    """Sentences for sources that might be reference variables, or the refusal of one that is."""
    module = context.module
    said = asks_for_reference_variables(module)
    if not said and not reference_variables(module):
        return []
    why = "use_resource=False is said" if said else "the program turns TensorFlow 2 behaviour off"
    values = _Values(context)
    unknown: list[str] = []
    for source in sources:
        made = values.of_symbol(source.symbol, source.node_id, dep)
        if source.variable or made is _Made.VARIABLE:
            return Refusal(
                "TM121",
                f"{why}: a variable is a reference variable there, which a tape cannot take as a "
                "source",
            )
        if made is _Made.UNKNOWN:
            unknown.append(str(source.symbol))
    if not unknown:
        return []
    names = ", ".join(dict.fromkeys(unknown))
    verb = "is no reference variable" if len(unknown) == 1 else "are no reference variables"
    return [f"assumes that {names} {verb}, which a tape cannot take ({why})"]


def may_be_variable(context: Context, dep: Dependence, source: Source, *, unknown: bool) -> bool:
    """Whether a source is made as a variable; with ``unknown``, whether it is not certainly a
    tensor."""
    made = _Values(context).of_symbol(source.symbol, source.node_id, dep)
    return made is _Made.VARIABLE or (unknown and made is _Made.UNKNOWN)


def asks_for_reference_variables(module: Module) -> bool:
    """Whether ``use_resource=`` is given anything but ``True`` or ``None``."""
    key = "asks for reference variables"
    if key not in module.memo:
        module.memo[key] = any(
            keyword.arg == "use_resource"
            and not (
                isinstance(keyword.value, ast.Constant) and keyword.value.value in (True, None)
            )
            for keyword in module.of_kind(ast.keyword)
        )
    return bool(module.memo[key])


class _Values:
    def __init__(self, context: Context) -> None:
        self._context = context
        self._module = context.module
        self._given = GivenValues(context)

    def of_symbol(self, symbol: Symbol, node_id: int, dep: Dependence) -> _Made:
        """What ``symbol`` may be at a node of its function."""
        return self._of_definitions(symbol, dep.scope, dep.reaching(node_id, symbol), _DEPTH)

    def _of_definitions(
        self, symbol: Symbol, scope: Scope, reached: Iterable[Definition], depth: int
    ) -> _Made:
        definitions = [d for d in reached if d.kind is not DefKind.MUTATION]
        found: list[_Made] = []
        outer = outer_value(self._module, symbol, scope, frozenset(definitions))
        for definition in definitions:
            if isinstance(definition.stmt, ast.AugAssign):
                found.append(
                    self._of_operator(definition.stmt.value, [definition.stmt.value], depth)
                )
                continue
            values: list[ast.expr | None] = [None]
            if definition.stmt is not None:
                values = [value_given_by(definition.stmt, definition.symbol)]
            elif outer is not None:
                values = [outer]
            elif symbol.root == "self" and symbol.path:
                values = self._given.stored(Symbol("self", symbol.path[:1]), scope) or values
            elif definition.kind is DefKind.PARAMETER:
                values = [*self._given.given(symbol.root, scope)] or values
            found += [self._of(value, depth - 1) for value in values]
        return max(found, default=_Made.UNKNOWN)

    def _of(self, value: ast.expr | None, depth: int) -> _Made:
        if value is None or depth <= 0:
            return _Made.UNKNOWN
        match value:
            case ast.BinOp(left=left, right=right):
                return self._of_operator(value, [left, right], depth - 1)
            case ast.UnaryOp():
                return _Made.TENSOR
            case ast.Call(func=func):
                return self._of_call(value, func)
            case ast.List(elts=items) | ast.Tuple(elts=items):
                return max((self._of(item, depth - 1) for item in items), default=_Made.TENSOR)
            case ast.Dict(values=items):
                return max((self._of(item, depth - 1) for item in items), default=_Made.TENSOR)
            case ast.ListComp(elt=item):
                return self._of(item, depth - 1)
            case ast.IfExp(body=body, orelse=orelse):
                return max(self._of(body, depth - 1), self._of(orelse, depth - 1))
        symbol = symbol_of(value)
        if symbol is None:
            inner = value.value if isinstance(value, ast.Subscript) else None
            return self._of(inner, depth - 1)
        scope = self._module.scope_of(value)
        reached = self._module.facts(scope).reaching_at(value, symbol)
        return self._of_definitions(symbol, scope, reached, depth)

    def _of_operator(self, result: ast.expr, sides: list[ast.expr], depth: int) -> _Made:
        """An operator makes a new tensor, but of lists it puts together what they hold."""
        scope = self._module.scope_of(result)
        if kind_of(self._module, result, scope) not in (Kind.LIST, Kind.TUPLE):
            return _Made.TENSOR
        return max(self._of(side, depth) for side in sides)

    def _of_call(self, call: ast.Call, func: ast.expr) -> _Made:
        canonical = self._module.names.resolve(func)
        name = tensorflow_function(canonical) or ""
        if name.rpartition(".")[2] in VARIABLE_MAKERS:
            return _Made.VARIABLE
        if makes_one_tensor(canonical):
            return _Made.TENSOR
        function = self._context.summaries.callee(call)
        if function is None:
            return _Made.UNKNOWN
        for node in self._module.inside(function):
            if isinstance(node, ast.Call):
                inner = tensorflow_function(self._module.names.resolve(node.func)) or ""
                if inner.rpartition(".")[2] in VARIABLE_MAKERS:
                    return _Made.VARIABLE
        return _Made.UNKNOWN
