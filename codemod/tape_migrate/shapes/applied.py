"""Variables that an optimizer changes: in a graph when its operation is run, eagerly at once."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tape_migrate.module import Module
from tape_migrate.parsed import walk
from tape_migrate.shapes.modes import graph_mode
from tape_migrate.shapes.summaries import Summaries

_DEPTH = 4


def applied_variables(module: Module, part: ast.AST) -> Iterator[ast.expr]:
    """``w`` of ``optimizer.apply_gradients([(g, w)])``, or of pairs that were made before, and what
    ``optimizer.minimize`` is given beside a function.

    None where the module shows that it builds a graph for a Session: there it stays one.
    """
    if graph_mode(module) is not None:
        return
    for node in walk(part):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr == "apply_gradients":
                given = [*node.args[:1], *(k.value for k in node.keywords if "vars" in str(k.arg))]
                for pairs in given:
                    yield from _of_pairs(module, pairs, _DEPTH)
            elif node.func.attr == "minimize":
                yield from _minimized(module, node)


def _minimized(module: Module, call: ast.Call) -> Iterator[ast.expr]:
    """``w`` of ``optimizer.minimize(lambda: tf.reduce_sum(w * w))``, which changes it at once.

    A loss that is a tensor makes it fail eagerly: nothing is changed then.
    """
    given = [*call.args[:1], *(k.value for k in call.keywords if k.arg == "loss")]
    runs = [run for loss in given for run in _run(module, loss)]
    if not runs:
        return
    listed = [k.value for k in call.keywords if k.arg == "var_list"] or call.args[1:3]
    for each in listed:
        yield from _of_list(module, each, _DEPTH)
    if not listed:
        for run in runs:
            yield from (node for node in walk(run) if isinstance(node, (ast.Name, ast.Attribute)))


def _run(module: Module, loss: ast.expr) -> Iterator[ast.AST]:
    """The function that ``loss`` is, and those that it calls."""
    summaries = Summaries.of(module)
    values = [loss, *_given(module, loss)] if isinstance(loss, ast.Name) else [loss]
    for value in values:
        if isinstance(value, ast.Lambda):
            yield value
            yield from summaries.called_functions([value])
        named = summaries.named(value)
        if named is not None:
            yield from summaries.reached(named)


def _of_pairs(module: Module, pairs: ast.expr, depth: int) -> Iterator[ast.expr]:
    match pairs:
        case ast.List(elts=items) | ast.Tuple(elts=items):
            for item in items:
                if isinstance(item, ast.Tuple) and len(item.elts) == 2:
                    yield item.elts[1]
        case ast.Call(func=ast.Name(id="zip"), args=[_, variables]):
            yield from _of_list(module, variables, depth)
        case ast.Call(func=ast.Name(id="list" | "tuple"), args=[inner]):
            yield from _of_pairs(module, inner, depth)
        case ast.Call(func=ast.Attribute(attr="compute_gradients"), args=args, keywords=keywords):
            for each in (*args[1:2], *(k.value for k in keywords if k.arg == "var_list")):
                yield from _of_list(module, each, depth)
        case ast.ListComp(generators=[generator]) | ast.GeneratorExp(generators=[generator]):
            yield from _of_pairs(module, generator.iter, depth)
        case ast.Name() if depth:
            values = list(_given(module, pairs))
            for value in values:
                yield from _of_pairs(module, value, depth - 1)
            if not values:  # a parameter: what is handed in is looked at by its names
                yield pairs
        case ast.Attribute():
            yield pairs


def _of_list(module: Module, variables: ast.expr, depth: int) -> Iterator[ast.expr]:
    match variables:
        case ast.List(elts=items) | ast.Tuple(elts=items):
            yield from items
        case ast.Attribute():
            yield variables
        case ast.Name():
            yield variables
            for value in _given(module, variables) if depth else ():
                yield from _of_list(module, value, depth - 1)


def _given(module: Module, name: ast.Name) -> Iterator[ast.expr]:
    for bound in module.names.bindings(name.id, module.scope_of(name)):
        if isinstance(bound, ast.Assign):
            yield bound.value
