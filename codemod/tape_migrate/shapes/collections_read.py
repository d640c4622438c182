"""Calls that take out of the graph's collections what may be tensors, or only variables."""

from __future__ import annotations

import ast
from typing import Final

from tape_migrate.mentions import last_name
from tape_migrate.module import Module
from tape_migrate.shapes.functions import Function
from tape_migrate.shapes.libraries import is_own
from tape_migrate.shapes.quiet import OtherFunctions
from tape_migrate.shapes.summaries import Summaries
from tape_migrate.shapes.tensorflow_facts import COLLECTIONS, tensorflow_function

ALL_VARIABLES: Final = frozenset(
    ("trainable_variables", "global_variables", "all_variables", "model_variables")
)
"""Functions that give variables which the program may have by other names, too."""
_KEYS: Final = "tensorflow.GraphKeys."
_OF_VARIABLES: Final = ("TRAINABLE_VARIABLES", "GLOBAL_VARIABLES", "MODEL_VARIABLES")
_NO_TENSORS: Final = ("UPDATE_OPS", "SUMMARIES")
_PUTTING: Final = ("add_to_collection", "add_to_collections", "get_collection_ref")
_DEPTH: Final = 4
"""How many modules may call one another for it."""
_PUT_ELSEWHERE: Final = (
    r"(?:add_to_collections?|get_collection_ref)\s*\(\s*\W?"
    r"(?:[\w.]*\.)?(?i:(?:trainable|global|model)_var)"
)


def key_of(module: Module, call: ast.Call) -> str:
    """The name of the collection that a call is about, in capitals, or ``""``."""
    key = next((k.value for k in call.keywords if k.arg in ("key", "name")), None)
    if key is None:
        key = call.args[0] if call.args else None
    if isinstance(key, ast.Constant):
        return str(key.value).upper()
    resolved = module.names.resolve(key) if key is not None else ""
    return resolved.removeprefix(_KEYS) if resolved.startswith(_KEYS) else ""


def collects_variables(module: Module, call: ast.Call) -> bool:
    """``tf.get_collection(tf.GraphKeys.TRAINABLE_VARIABLES)``: variables, and nothing that code has
    put there."""
    if key_of(module, call) not in _OF_VARIABLES:
        return False
    puts = (c for c in module.of_kind(ast.Call) if last_name(c.func) in _PUTTING)
    if any(key_of(module, put) in ("", *_OF_VARIABLES) for put in puts):
        return False
    matching = getattr(module.project, "matching", None)
    return matching is None or not matching(module.path, "_collection", _PUT_ELSEWHERE)


def collected_elsewhere(module: Module, call: ast.Call, depth: int = _DEPTH) -> str | None:
    """The function by which one of another module takes tensors out of a collection.

    Or one of a further module that this one calls.
    """
    project = module.project
    resolved = module.names.resolve(call.func)
    if not isinstance(project, OtherFunctions) or not is_own(module, resolved) or not depth:
        return None
    known = project.function(resolved)
    if known is None:
        return None
    home, function = known
    found = home.memo.setdefault("collected by functions", {})
    assert isinstance(found, dict)
    if (function, depth) not in found:
        found[function, depth] = None
        found[function, depth] = _collected_by(home, function, depth)
    name = found[function, depth]
    return f"{name} ({resolved})" if name is not None else None


def _collected_by(home: Module, function: Function, depth: int) -> str | None:
    speaks = b"_collection" in home.text or b"losses" in home.text
    for reached in Summaries.of(home).reached(function):
        for asked in home.of_kind_inside(ast.Call, reached):
            resolved = home.names.resolve(asked.func)
            name = tensorflow_function(resolved)
            if name is None:
                further = collected_elsewhere(home, asked, depth - 1) if resolved else None
                if further is not None:
                    return further.partition(" (")[0]
                continue
            if not speaks or name not in COLLECTIONS:
                continue
            if isinstance(home.parent_of(asked), ast.Compare):
                continue
            if key_of(home, asked) in _NO_TENSORS or collects_variables(home, asked):
                continue
            return name
    return None
