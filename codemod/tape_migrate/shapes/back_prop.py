"""Loops with ``back_prop=False``: a graph takes no gradient through them, an eager tape does.

Such a loop may stand on the way to the target, in a function that is called there, of this module
or another, or be hidden in what is handed on: ``partial(tf.map_fn, back_prop=False)``. By position
it is turned off as well, and whoever calls the loop by another name may do so:
``m = tf.map_fn; m(f, x, None, 10, False)``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tape_migrate.module import Module
from tape_migrate.shapes.evaluated import all_calls
from tape_migrate.shapes.modes import OtherModules
from tape_migrate.shapes.plan import Refusal
from tape_migrate.shapes.program import others_of
from tape_migrate.shapes.summaries import Summaries
from tape_migrate.shapes.tensorflow_facts import tensorflow_function

_WORD = "back_prop"
_POSITION = {"while_loop": 5, **dict.fromkeys(("map_fn", "scan", "foldl", "foldr"), 4)}
_WORDS = frozenset({_WORD, *_POSITION})


def refuse_back_prop(module: Module, parts: list[ast.AST]) -> Refusal | None:
    """Why ``parts``, which carry the sources to the target, may hide a gradient from a graph."""
    off, line, renamed = _turned_off(module)
    project = module.project
    elsewhere = isinstance(project, OtherModules) and project.hold(_WORDS)
    if not off and not line and not renamed and not elsewhere:
        return None
    functions = Summaries.of(module).called_functions(parts)
    for call in (c for part in (*parts, *functions) for c in module.of_kind_inside(ast.Call, part)):
        if id(call) in off:
            return Refusal("TM119", "a loop with back_prop=False is on the path to the target")
        if elsewhere and _takes_table(module, call) and any(map(_first_line, others_of(module))):
            return Refusal("TM119", "a loop on the path may be given back_prop= by another module")
        other = _function_elsewhere(module, call) if elsewhere else None
        if other is not None and _is_turned_off_in(*other):
            return Refusal("TM119", f"{other[1].name}() has a loop with back_prop=False")
    if line:
        return Refusal("TM119", f"line {line} hands on back_prop=, which may be for a loop here")
    if renamed:
        return Refusal(
            "TM119", f"line {renamed} gives a loop another name, by which back_prop= may be given"
        )
    return None


def _is_off(module: Module, call: ast.Call) -> bool:
    given: list[ast.expr] = [k.value for k in call.keywords if k.arg == _WORD]
    name = _loop(module, call.func)
    if name:
        args: list[ast.expr] = []
        for arg in call.args:
            match arg:
                case ast.Starred(value=ast.Tuple(elts=several) | ast.List(elts=several)):
                    args += several
                case _:
                    args.append(arg)
        position = _POSITION[name]
        given += args[position : position + 1]
        given += [arg for arg in args[:position] if isinstance(arg, ast.Starred)]
    return any(not _is_on(value) for value in given)


def _is_turned_off_in(module: Module, function: ast.FunctionDef) -> bool:
    """Whether a function of another module, or one of that module that it calls, turns one off."""
    functions = [function, *Summaries.of(module).called_functions([function])]
    calls = [call for each in functions for call in all_calls(each)]
    if any(_loop(module, call.func) and _is_off(module, call) for call in calls):
        return True
    return _first_line(module) > 0 and any(_takes_table(module, call) for call in calls)


def _loop(module: Module, func: ast.expr) -> str:
    """``map_fn`` for ``tf.map_fn``, or another name of it; methods so called count, too."""
    name = tensorflow_function(module.names.resolve(func)) or ""
    if name in _POSITION:
        return name
    return func.attr if isinstance(func, ast.Attribute) and func.attr in _POSITION else ""


def _takes_table(module: Module, call: ast.Call) -> bool:
    """``tf.map_fn(f, x, **options)``"""
    return any(k.arg is None for k in call.keywords) and _loop(module, call.func) != ""


def _is_on(value: ast.expr | None) -> bool:
    return isinstance(value, ast.Constant) and value.value is True


def _function_elsewhere(module: Module, call: ast.Call) -> tuple[Module, ast.FunctionDef] | None:
    project = module.project
    resolved = module.names.resolve(call.func)
    if not isinstance(project, OtherModules) or resolved.startswith(("tensorflow.", "keras.")):
        return None
    return project.function(resolved) if resolved else None


def _turned_off(module: Module) -> tuple[frozenset[int], int, int]:
    """The loops of the module, by ``id()``, a line that hands the argument on, and one that gives
    a loop another name, or 0."""
    known = module.memo.get(_WORD)
    if known is None:
        off = frozenset(
            id(call)
            for call in module.of_kind(ast.Call)
            if _is_off(module, call) and _loop(module, call.func)
        )
        known = module.memo[_WORD] = (off, _first_line(module), min(_renamed(module), default=0))
    assert isinstance(known, tuple)
    return known


def _first_line(module: Module) -> int:
    return min(_lines(module), default=0)


def _lines(module: Module) -> Iterator[int]:
    """Those of ``{"back_prop": False}``, ``partial(tf.map_fn, back_prop=False)``."""
    if _WORD.encode() not in module.text:
        return
    for given in module.of_kind(ast.keyword):
        call = module.parent_of(given)
        loop = isinstance(call, ast.Call) and _loop(module, call.func)
        if given.arg == _WORD and not _is_on(given.value) and not loop:
            yield given.value.lineno
    on = {
        id(key)
        for table in module.of_kind(ast.Dict)
        for key, value in zip(table.keys, table.values, strict=True)
        if _is_on(value)
    }
    for constant in module.of_kind(ast.Constant):
        if constant.value == _WORD and id(constant) not in on:
            yield constant.lineno


def _renamed(module: Module) -> Iterator[int]:
    """Lines of ``m = tf.map_fn``, ``getattr(tf, "map_fn")``, ``partial(tf.map_fn, f)``."""
    if not any(name.encode() in module.text for name in _POSITION):
        return
    for call in module.of_kind(ast.Call):
        if isinstance(call.func, ast.Name) and call.func.id == "getattr" and len(call.args) > 1:
            name = call.args[1]
            if isinstance(name, ast.Constant) and name.value in _POSITION:
                yield call.lineno
    nodes: list[ast.Attribute | ast.Name] = [
        *module.of_kind(ast.Attribute),
        *module.of_kind(ast.Name),
    ]
    for node in nodes:
        if not isinstance(node.ctx, ast.Load):
            continue
        parent = module.parent_of(node)
        if isinstance(parent, ast.Attribute) or (
            isinstance(parent, ast.Call) and parent.func is node
        ):
            continue
        if tensorflow_function(module.names.resolve(node)) in _POSITION:
            yield node.lineno
