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

from tape_migrate.flow.symbols import symbol_of
from tape_migrate.module import Module
from tape_migrate.shapes.context import Context
from tape_migrate.shapes.dependence import Dependence
from tape_migrate.shapes.loop_body import is_loop_body, uses_of
from tape_migrate.shapes.loop_twins import may_be_alike
from tape_migrate.shapes.plan import Link, Refusal, Source
from tape_migrate.shapes.tensorflow_facts import tensorflow_function

_STEPWISE = ("scan", "foldl", "foldr")
_DISPLAYS = (ast.List, ast.Tuple, ast.Dict)


def refuse_part_twins(
    context: Context, dep: Dependence, sources: Iterable[Source], links: Iterable[Link]
) -> Refusal | None:
    """Refuse a part of a loop's variable, where another part that the target reads may be the
    same."""
    node = dep.scope.node
    if not isinstance(node, ast.FunctionDef) or not is_loop_body(context.module, dep.scope):
        return None
    links = tuple(links)
    for source in sources:
        for holder in _holders(source, node):
            other = next(_others(source, holder, links), None)
            if other is not None and _may_begin_alike(context, dep, holder):
                return Refusal(
                    "TM117",
                    f"{source.symbol} and {other} are parts of {holder}, and may begin a turn of "
                    "the loop as one tensor, of which the eager tape finds both",
                )
    return None


def _parameters(function: ast.FunctionDef) -> list[str]:
    return [arg.arg for arg in (*function.args.posonlyargs, *function.args.args)]


def _holders(source: Source, function: ast.FunctionDef) -> Iterator[str]:
    """Parameters of which a source is a part."""
    carried = [*_parameters(function)]
    if function.args.vararg is not None:
        carried.append(function.args.vararg.arg)
    if source.symbol.path and source.symbol.root in carried:
        yield source.symbol.root
    for definition in source.track.definitions:
        name = _taken_from(definition.stmt)
        if name in carried:
            yield name


def _taken_from(stmt: ast.AST | None) -> str:
    """``ab`` of ``a, b = ab`` and of ``a = ab[0]``."""
    if not isinstance(stmt, ast.Assign):
        return ""
    value = stmt.value
    if isinstance(value, ast.Name) and all(isinstance(t, ast.Name) for t in stmt.targets):
        return ""
    while isinstance(value, ast.Subscript):
        value = value.value
    return value.id if isinstance(value, ast.Name) else ""


def _others(source: Source, holder: str, links: tuple[Link, ...]) -> Iterator[str]:
    """Other parts of the parameter that are read on the way to the target."""
    own = [d.stmt for d in source.track.definitions]
    inside = {id(n) for stmt in own if stmt is not None for n in ast.walk(stmt)}
    for link in links:
        symbol = link.use.symbol
        if id(link.use.node) in inside:
            continue
        if (symbol.root == holder and symbol != source.symbol) or (
            symbol.root != source.symbol.root and _taken_from(link.definition.stmt) == holder
        ):
            yield str(symbol)


def _may_begin_alike(context: Context, dep: Dependence, holder: str) -> bool:
    module, node = context.module, dep.scope.node
    assert isinstance(node, ast.FunctionDef)
    names = _parameters(node)
    position = names.index(holder) if holder in names else None
    for use in uses_of(module, dep.scope):
        call = next((p for p in module.parents(use) if isinstance(p, ast.Call)), None)
        if call is None:
            return True
        leaf = tensorflow_function(module.names.resolve(call.func))
        if leaf == "map_fn" or (leaf in _STEPWISE and position not in (None, 0)):
            continue  # the elements of a tensor are new ones
        begun = _begun(module, call, leaf or "", position)
        if begun is None or _alike(context, begun):
            return True
    for stmt in module.of_kind_inside(ast.Return, node):
        if module.scope_of(stmt) is not dep.scope or stmt.value is None:
            continue
        given: ast.expr = stmt.value
        if position is not None and isinstance(given, (ast.List, ast.Tuple)) and len(names) > 1:
            if len(given.elts) == len(names):
                given = given.elts[position]
        if isinstance(given, _DISPLAYS):
            read = [p.id for p in _parts(given) if isinstance(p, ast.Name)]
            if len(set(read)) < len(read):
                return True
    return False


def _begun(module: Module, call: ast.Call, leaf: str, position: int | None) -> ast.expr | None:
    """The structure that the loop begins with as this parameter, if it is written out."""
    named = [k.value for k in call.keywords if k.arg in ("loop_vars", "initializer")]
    value: ast.expr | None = next(iter([*named, *call.args[2:3]]), None)
    value = _written(module, value)
    if leaf in _STEPWISE or position is None:
        return value if isinstance(value, _DISPLAYS) else None
    if isinstance(value, (ast.List, ast.Tuple)) and position < len(value.elts):
        part = _written(module, value.elts[position])
        return part if isinstance(part, _DISPLAYS) else None
    return None


def _written(module: Module, value: ast.expr | None) -> ast.expr | None:
    if isinstance(value, ast.Name):
        bound = module.names.bindings(value.id, module.scope_of(value))
        stmt = bound[0] if len(bound) == 1 else None
        return stmt.value if isinstance(stmt, ast.Assign) else value
    return value


def _parts(display: ast.expr) -> list[ast.expr]:
    if isinstance(display, (ast.List, ast.Tuple)):
        return [part for each in display.elts for part in _parts(each)]
    if isinstance(display, ast.Dict):
        return [part for each in display.values for part in _parts(each)]
    return [display]


def _alike(context: Context, begun: ast.expr) -> bool:
    return any(
        symbol_of(first) is not None and may_be_alike(context, first, second)
        for first, second in combinations(_parts(begun), 2)
    )
