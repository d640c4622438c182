"""Whether what goes from a source to a target goes through ``tf.cond`` or a tensor loop.

And whether Python chooses on the way what is computed (see ``unconnected``).
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import Final

from tape_migrate.module import Module
from tape_migrate.shapes.dependence import Dependence
from tape_migrate.shapes.evaluated import calls_in
from tape_migrate.shapes.functions import Function
from tape_migrate.shapes.summaries import Summaries
from tape_migrate.shapes.tensorflow_facts import tensorflow_function

_MAY_NOT_CALL: Final = frozenset({"cond", "case", "switch_case", "while_loop"})
_CHOICES: Final = (
    *(ast.If, ast.IfExp, ast.BoolOp, ast.For, ast.While, ast.Match, ast.Try),
    *(ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp),
)
_SCOPES_OF_GRAPHS: Final = frozenset(
    {"as_default", "device", "name_scope", "scope", "variable_scope"}
)


def through_branches(
    dep: Dependence,
    nodes: Iterable[int],
    inline: Iterable[ast.AST],
    functions_of_graphs: frozenset[str] = _MAY_NOT_CALL,
) -> bool:
    """Whether a path runs through a TensorFlow function that may not call what it is given.

    (Or through another of ``functions_of_graphs``.)
    """
    parts: list[ast.AST] = list(inline)
    for node_id in nodes:
        node = dep.cfg.nodes[node_id].node
        if node is not None and not isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            parts.append(node)
    functions = _functions_run(dep.module, parts)
    calls = [call for part in parts for call in calls_in(part)]
    calls += [n for function in functions for n in dep.module.of_kind_inside(ast.Call, function)]
    return any(
        tensorflow_function(dep.module.names.resolve(call.func)) in functions_of_graphs
        for call in calls
    )


def through_choices(
    dep: Dependence, nodes: Iterable[int], inline: Iterable[ast.AST], call: ast.Call
) -> bool:
    """Whether Python chooses what is computed on a path: the graph may not hold all of it."""
    blocks = {id(place.block) for place in dep.module.places(call, within=dep.scope)}
    parts: list[ast.AST] = list(inline)
    for node_id in nodes:
        node = dep.cfg.nodes[node_id].node
        stmt = dep.stmt_of(node_id)
        if node is None or stmt is None:
            continue
        for place in dep.module.places(stmt, within=dep.scope):
            if id(place.block) in blocks:
                break
            if isinstance(place.owner, ast.With):
                if _may_suppress(dep.module, place.owner):
                    return True
            elif not isinstance(place.owner, (ast.FunctionDef, ast.Module)):
                return True
        if not isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            parts.append(node)
    functions = _functions_run(dep.module, parts)
    return any(
        isinstance(node, _CHOICES)
        or type(node).__name__ == "TryStar"
        or (isinstance(node, ast.With) and _may_suppress(dep.module, node))
        for part in (*parts, *functions)
        for node in ast.walk(part)
    )


def _functions_run(module: Module, parts: list[ast.AST]) -> list[Function]:
    """The module's own functions that ``parts`` call, or hand on by name to what calls them."""
    summaries = Summaries.of(module)
    named = (summaries.mentioned(node) for part in parts for node in ast.walk(part))
    found = {
        id(each): each
        for function in (*summaries.called_functions(parts), *named)
        if function is not None
        for each in summaries.reached(function)
    }
    return list(found.values())


def _may_suppress(module: Module, stmt: ast.With) -> bool:
    """Whether what is raised in a block may be dropped: the rest of the block was skipped then."""
    for item in stmt.items:
        call = item.context_expr
        if not isinstance(call, ast.Call):
            return True
        if module.names.resolve(call.func).startswith(("tensorflow.", "keras.")):
            continue
        if not isinstance(call.func, ast.Attribute) or call.func.attr not in _SCOPES_OF_GRAPHS:
            return True
    return False
