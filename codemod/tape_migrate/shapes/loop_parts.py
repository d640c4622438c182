"""Parts of what a tensor loop carries that may be one tensor in a turn that runs eagerly.

``body(i, s)`` of ``tf.while_loop(more, body, [0, {"a": x, "b": x}])`` takes its variables out of a
structure: ``s["a"]``, ``a, b = ab``, ``i, a, b = args``. In a graph these are tensors of their own.
Eagerly both are ``x`` in the first turn, and a tape that watches one finds the other, too
(``loop_twins`` does the same for variables that are parameters themselves).
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from itertools import combinations

from tape_migrate.flow.symbols import Symbol, symbol_of
from tape_migrate.module import Module
from tape_migrate.shapes.context import Context
from tape_migrate.shapes.dependence import CONTAINER_METHODS, Dependence
from tape_migrate.shapes.loop_turns import Turn, parameters, turns_of
from tape_migrate.shapes.loop_twins import may_be_alike
from tape_migrate.shapes.loop_values import (
    Key,
    any_same,
    elements,
    given_by_definition,
    leaves,
    tensors_of,
)
from tape_migrate.shapes.plan import Link, Refusal, Source


def refuse_part_twins(
    context: Context, dep: Dependence, sources: Iterable[Source], links: Iterable[Link]
) -> Refusal | None:
    """Refuse a part of a loop's variable, where another part that the target reads may be the
    same."""
    node = dep.scope.node
    turns = turns_of(context.module, node) if isinstance(node, ast.FunctionDef) else []
    if not turns or not isinstance(node, ast.FunctionDef):
        return None
    links = tuple(links)
    for source in sources:
        keys = _keys(dep, source)
        for holder in sorted(_holders(dep, source, keys, node)):
            other = next(_others(dep, source, keys, holder, links), None)
            if other is not None and _may_begin_alike(context, node, holder, turns):
                return Refusal(
                    "TM117",
                    f"{source.symbol} and {other} are parts of {holder}, and may begin a turn of "
                    "the loop as one tensor, of which the eager tape finds both",
                )
    return None


def _keys(dep: Dependence, source: Source) -> frozenset[Key]:
    scope = id(dep.scope)
    return frozenset[Key]().union(
        *(
            given_by_definition(dep.module, definition, source.symbol, scope)
            for definition in source.track.definitions
        )
    )


def _holders(
    dep: Dependence, source: Source, keys: frozenset[Key], function: ast.FunctionDef
) -> set[str]:
    """Parameters of which a source is a part."""
    carried = [*parameters(function)]
    if function.args.vararg is not None:
        carried.append(function.args.vararg.arg)
    symbols = [key[1] for key in keys if isinstance(key, tuple) and key[0] == id(dep.scope)]
    return {
        symbol.root
        for symbol in symbols
        if symbol.root in carried and (symbol.path or symbol != source.symbol)
    }


def _others(
    dep: Dependence, source: Source, keys: frozenset[Key], holder: str, links: tuple[Link, ...]
) -> Iterator[str]:
    """Other parts of the parameter that are read on the way to the target."""
    own = [d.stmt for d in source.track.definitions]
    inside = {id(n) for stmt in own if stmt is not None for n in ast.walk(stmt)}
    for link in links:
        symbol = link.use.symbol
        if id(link.use.node) in inside or symbol == source.symbol:
            continue
        if symbol.root == holder or (
            symbol.root != source.symbol.root
            and any(
                isinstance(key, tuple)
                and key[1].root == holder
                and (key not in keys or not key[1].path)
                for key in given_by_definition(dep.module, link.definition, symbol, id(dep.scope))
            )
        ):
            yield str(symbol)


def _may_begin_alike(
    context: Context, function: ast.FunctionDef, holder: str, turns: list[Turn]
) -> bool:
    names, module = parameters(function), context.module
    for turn in turns:
        if turn.values is None:
            return True
        given: ast.expr | None = (
            turn.of(names.index(holder))
            if holder in names
            else ast.Tuple(elts=[*turn.values[len(names) :]])
        )
        if given is None:
            continue  # bound to something of outside
        if elements(module, given) is None:
            if turn.first or not _is_as_before(module, function, given, holder):
                return True
        elif any_same(module, leaves(module, given)) or (
            turn.first and _alike(context, leaves(module, given))
        ):
            return True
    return False


def _alike(context: Context, values: list[ast.expr]) -> bool:
    return any(
        symbol_of(one) is not None and may_be_alike(context, one, other)
        for one, other in combinations(values, 2)
    )


def _is_as_before(module: Module, function: ast.FunctionDef, given: ast.expr, holder: str) -> bool:
    """Whether a turn gives back what it was given, but for parts that are set to new tensors."""
    whole = (id(module.scopes.opened_by(function)), Symbol(holder))
    came = {key for key in tensors_of(module, given) if isinstance(key, tuple)}
    if not isinstance(given, ast.Name) or came != {whole}:
        return False
    stored: list[ast.expr] = []
    for node in module.inside(function):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=attr)):
                if name == holder and attr in CONTAINER_METHODS:
                    return False
            case ast.Assign(targets=targets, value=value):
                parts = (part for target in targets for part in module.inside(target))
                stored += [value for part in parts if _is_part_of(part, holder)]
    return not any_same(module, stored) and not any(
        key[1].root == holder
        for value in stored
        for key in tensors_of(module, value)
        if isinstance(key, tuple)
    )


def _is_part_of(node: ast.AST, holder: str) -> bool:
    if not isinstance(node, (ast.Subscript, ast.Attribute)) or isinstance(node.ctx, ast.Load):
        return False
    symbol = symbol_of(node) or symbol_of(node.value)
    return symbol is not None and symbol.root == holder
