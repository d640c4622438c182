"""Statements and expressions that make variables, and whether these are trainable."""

from __future__ import annotations

import ast
from typing import Final

from tape_migrate.module import Module
from tape_migrate.shapes.modes import identifiers
from tape_migrate.shapes.set_up_elsewhere import set_up_by
from tape_migrate.shapes.tensorflow_facts import VARIABLE_MAKERS, tensorflow_function
from tape_migrate.shapes.variable_getters import getters_average, getters_compute

_REUSE: Final = frozenset({"reuse", "reuse_variables", "AUTO_REUSE", "custom_getter"})
_PLACE: Final = 5
"""Of ``trainable`` among the arguments of ``get_variable``."""
_UNTRAINABLE: Final = r"trainable\s*=\s*(?!True\b|None\b|=)|['\"]trainable['\"]|get_local_variable"


def makes_trainable(call: ast.Call) -> bool:
    """Whether a call of ``get_variable`` says nothing by which the variable may be untrainable."""
    said = any(k.arg in (None, "trainable", "custom_getter", "collections") for k in call.keywords)
    return not said and len(call.args) <= _PLACE


def untrainable_reused(module: Module) -> bool:
    """Whether ``get_variable`` may give, again or by a custom getter, a variable that was made
    untrainable: a tape does not watch that one by itself."""
    key = "untrainable reused"
    if key not in module.memo:
        words = ("trainable", "get_local_variable")
        module.memo[key] = (
            bool(_made_untrainable(module))
            or any(True for _ in set_up_by(module, words, _made_untrainable, _UNTRAINABLE))
            or getters_average(module)
        )
    return bool(module.memo[key])


def _made_untrainable(module: Module) -> list[ast.AST]:
    """What says that a variable which has a name in the graph need not be trainable."""
    if not module.speaks_of((b"trainable", b"get_variable")):
        return []
    kept = {  # `kwargs["trainable"] = True`
        node.targets[0].slice
        for node in module.of_kind(ast.Assign)
        if isinstance(node.targets[0], ast.Subscript) and _is_true([node.value])
    }
    found: list[ast.AST] = [
        node
        for node in module.of_kind(ast.Constant)
        if node.value == "trainable" and node not in kept
    ]
    for call in module.of_kind(ast.Call):
        match call.func:
            case ast.Attribute(attr=leaf) | ast.Name(id=leaf):
                if leaf.endswith("Variable"):
                    continue  # nothing gives that one again
                if leaf == "get_local_variable":
                    found.append(call)
                if leaf == "get_variable" and not _is_true(call.args[_PLACE:][:1]):
                    found.append(call)
        if not _is_true([k.value for k in call.keywords if k.arg == "trainable"]):
            found.append(call)
    return found


def _is_true(values: list[ast.expr]) -> bool:
    return all(isinstance(each, ast.Constant) and each.value in (True, None) for each in values)


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
