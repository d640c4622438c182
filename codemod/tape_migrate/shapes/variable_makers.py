"""Statements and expressions that make variables, and whether these are trainable."""

from __future__ import annotations

import ast
from typing import Final

from tape_migrate.module import Module
from tape_migrate.shapes.modes import identifiers
from tape_migrate.shapes.tensorflow_facts import VARIABLE_MAKERS, tensorflow_function
from tape_migrate.shapes.variable_getters import getters_compute

_REUSE: Final = frozenset({"reuse", "reuse_variables", "AUTO_REUSE", "custom_getter"})


def makes_trainable(call: ast.Call) -> bool:
    """Whether a call of ``get_variable`` says nothing by which the variable may be untrainable."""
    return not any(k.arg in (None, "trainable", "custom_getter", "collections")
                   for k in call.keywords)  # fmt: skip


def mentions_reuse(module: Module) -> bool:
    """Whether ``get_variable`` may give a variable in this module that was made before."""
    known = module.memo.get("reuse")
    if not isinstance(known, bool):
        known = module.memo["reuse"] = bool(identifiers(module) & _REUSE) or any(
            keyword.arg in _REUSE for keyword in module.of_kind(ast.keyword)
        )
    return known


def makes_variables(module: Module, value: ast.expr) -> bool:
    """Whether an expression only makes variables (or displays of such): it reads none."""
    match value:
        case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Dict(values=items):
            return bool(items) and all(makes_variables(module, item) for item in items)
        case ast.ListComp(elt=item) | ast.DictComp(value=item):
            return makes_variables(module, item)
        case ast.Call(func=func, keywords=keywords):
            name = tensorflow_function(module.names.resolve(func)) or ""
            own = any(k.arg in (None, "custom_getter", "caching_device") for k in keywords)
            made = name.rpartition(".")[2] in VARIABLE_MAKERS and not own
            return made and not getters_compute(module)
    return False


def is_trainable_variable(module: Module, value: ast.expr | None) -> bool:
    """Whether ``value`` certainly makes a trainable variable, which every tape watches."""
    if not isinstance(value, ast.Call):
        return False
    name = tensorflow_function(module.names.resolve(value.func))
    if name != "Variable":
        return False  # a scope or a custom getter may make get_variable's untrainable
    if any(isinstance(arg, ast.Starred) for arg in value.args) or len(value.args) > 1:
        return False  # `tf.Variable(value, trainable)` positionally
    for keyword in value.keywords:
        given = isinstance(keyword.value, ast.Constant) and keyword.value.value is True
        if keyword.arg == "trainable" and given:
            continue
        if keyword.arg in (None, "trainable", "collections", "aggregation", "synchronization"):
            return False
    return True
