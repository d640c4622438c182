"""Loops with ``back_prop=False``: a graph takes no gradient through them, an eager tape does.

Such a loop may stand on the way to the target, in a function that is called there, of this module
or another, or be hidden in what is handed on: ``partial(tf.map_fn, back_prop=False)``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tape_migrate.module import Module
from tape_migrate.shapes.evaluated import all_calls
from tape_migrate.shapes.modes import OtherModules
from tape_migrate.shapes.plan import Refusal
from tape_migrate.shapes.summaries import Summaries

_WORD = "back_prop"
_POSITION = {"while_loop": 5, **dict.fromkeys(("map_fn", "scan", "foldl", "foldr"), 4)}


def refuse_back_prop(module: Module, parts: list[ast.AST]) -> Refusal | None:
    """Why ``parts``, which carry the sources to the target, may hide a gradient from a graph."""
    off, line = _turned_off(module)
    project = module.project
    elsewhere = isinstance(project, OtherModules) and project.hold(frozenset((_WORD,)))
    if not off and not line and not elsewhere:
        return None
    functions = Summaries.of(module).called_functions(parts)
    for call in (c for part in (*parts, *functions) for c in module.of_kind_inside(ast.Call, part)):
        if id(call) in off:
            return Refusal("TM119", "a loop with back_prop=False is on the path to the target")
        other = _function_elsewhere(module, call) if elsewhere else None
        if other is not None and any(_is_loop(c) and _is_off(c) for c in all_calls(other)):
            return Refusal("TM119", f"{other.name}() has a loop with back_prop=False")
    if line:
        return Refusal("TM119", f"line {line} hands on back_prop=, which may be for a loop here")
    return None


def _is_off(call: ast.Call) -> bool:
    given = [k.value for k in call.keywords if k.arg == _WORD]
    if _is_loop(call):
        position = _POSITION[call.func.attr]  # type: ignore[attr-defined]
        given += call.args[position : position + 1]
    return any(not _is_on(value) for value in given)


def _is_loop(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute) and call.func.attr in _POSITION


def _is_on(value: ast.expr | None) -> bool:
    return isinstance(value, ast.Constant) and value.value is True


def _function_elsewhere(module: Module, call: ast.Call) -> ast.FunctionDef | None:
    project = module.project
    resolved = module.names.resolve(call.func)
    if not isinstance(project, OtherModules) or resolved.startswith(("tensorflow.", "keras.")):
        return None
    found = project.function(resolved) if resolved else None
    return found[1] if found is not None else None


def _turned_off(module: Module) -> tuple[frozenset[int], int]:
    """The loops of the module, by ``id()``, and a line that hands the argument on, or 0."""
    known = module.memo.get(_WORD)
    if known is None:
        off = frozenset(id(call) for call in module.of_kind(ast.Call) if _is_off(call))
        known = module.memo[_WORD] = (off, min(_lines(module), default=0))
    assert isinstance(known, tuple)
    return known


def _lines(module: Module) -> Iterator[int]:
    """Those of ``{"back_prop": False}``, ``partial(tf.map_fn, back_prop=False)``."""
    if _WORD.encode() not in module.text:
        return
    for given in module.of_kind(ast.keyword):
        call = module.parent_of(given)
        loop = isinstance(call, ast.Call) and _is_loop(call)
        if given.arg == _WORD and not _is_on(given.value) and not loop:
            yield given.value.lineno
    for table in module.of_kind(ast.Dict):
        for key, value in zip(table.keys, table.values, strict=True):
            if isinstance(key, ast.Constant) and key.value == _WORD and not _is_on(value):
                yield value.lineno
