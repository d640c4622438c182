"""Functions that a program puts between itself and the variables that it makes.

``custom_getter=`` of a variable scope, ``set_custom_getter`` and ``variable_creator_scope`` name
one that is handed what makes the variable. It may give the variable as it is, or its moving
average, or compute something from it (its half-precision copy, its norm): then ``get_variable``
reads the variable, too.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

from tape_migrate.mentions import last_name
from tape_migrate.module import Module
from tape_migrate.shapes.set_up_elsewhere import set_up_by
from tape_migrate.shapes.summaries import Summaries

_SETTING: Final = ("set_custom_getter", "variable_creator_scope", "_variable_creator_scope")
_WORDS: Final = (b"custom_getter", b"variable_creator_scope", b"variable_scope")
_PLACE: Final = 7
"""Where ``variable_scope`` takes a getter without its name."""
_DEPTH: Final = 4


def getters_compute(module: Module) -> bool:
    """Whether some getter may give anything but a variable: of this module, or of another one of
    the program that may run for it."""
    key = "getters compute"
    if key not in module.memo:
        module.memo[key] = False  # asked again for what is looked at
        module.memo[key] = computing_getters(module) or any(
            True for _ in set_up_by(module, ("custom_getter", *_SETTING), _computing)
        )
    return bool(module.memo[key])


def computing_getters(module: Module) -> bool:
    """Whether a getter of the module itself may give something else."""
    key = "own getters compute"
    if key not in module.memo:
        module.memo[key] = bool(_computing(module))
    return bool(module.memo[key])


def getters_average(module: Module) -> bool:
    """Whether some getter may give the moving average of a variable, which is not trainable."""
    key = "getters average"
    if key not in module.memo:
        module.memo[key] = bool(_averaging(module)) or any(
            True for _ in set_up_by(module, ("custom_getter", *_SETTING), _averaging)
        )
    return bool(module.memo[key])


def _averaging(module: Module) -> list[ast.AST]:
    """The getters of a module that takes moving averages."""
    return [*_getters(module)] if any(True for _ in module.attributes("average")) else []


def _computing(module: Module) -> list[ast.AST]:
    """The getters of a module that may give something else."""
    return [each for each in _getters(module) if not _gives_variable(module, each, _DEPTH)]


def _getters(module: Module) -> list[ast.expr]:
    found = [k.value for k in module.of_kind(ast.keyword) if k.arg == "custom_getter"]
    if any(word in module.text for word in _WORDS):
        for call in module.of_kind(ast.Call):
            leaf = last_name(call.func)
            if leaf in _SETTING:
                found += [*call.args, *(keyword.value for keyword in call.keywords)]
            elif leaf == "variable_scope":
                found += call.args[_PLACE : _PLACE + 1]
        found += _by_other_names(module)
    return [each for each in found if not (isinstance(each, ast.Constant) and each.value is None)]


def _by_other_names(module: Module) -> Iterator[ast.expr]:
    """``put = scope.set_custom_getter``, ``options["custom_getter"] = double``, and the like: what
    is put there is not followed."""
    called = {id(call.func) for call in module.of_kind(ast.Call)}
    for name in (*_SETTING, "_custom_getter"):
        for node in module.attributes(name):
            if id(node) not in called:
                yield node
    for constant in module.of_kind(ast.Constant):
        if constant.value in ("custom_getter", "_custom_getter", *_SETTING):
            yield constant
    for alias in module.of_kind(ast.alias):
        if alias.name in _SETTING and alias.asname not in (None, alias.name):
            yield ast.Constant(alias.name)


def _gives_variable(module: Module, getter: ast.expr, depth: int) -> bool:
    """Whether a getter certainly gives the variable, or another one (its moving average)."""
    if isinstance(getter, ast.Lambda):
        first = [arg.arg for arg in (*getter.args.posonlyargs, *getter.args.args)][:1]
        return bool(first) and _is_variable(module, getter.body, first[0], depth)
    if not isinstance(getter, ast.Name):
        return False
    bound = module.names.bindings(getter.id, module.scope_of(getter))
    function = bound[0] if len(bound) == 1 else None
    if not isinstance(function, ast.FunctionDef) or function.decorator_list:
        return False
    first = [arg.arg for arg in (*function.args.posonlyargs, *function.args.args)][:1]
    scope = module.scopes.opened_by(function)
    if any(len(module.names.bindings(name, scope)) > 1 for name in first):
        return False
    returns = [
        node
        for node in module.of_kind_inside(ast.Return, function)
        if module.scope_of(node) is scope
    ]
    return (
        bool(first)
        and bool(returns)
        and all(
            node.value is not None and _is_variable(module, node.value, first[0], depth)
            for node in returns
        )
    )


def _is_variable(module: Module, value: ast.expr, getter: str, depth: int) -> bool:
    """``getter(name, …)``, a name of that, ``ema.average(getter(name, …))``."""
    if depth == 0:
        return False
    match value:
        case ast.Call(func=ast.Name(id=name)) if name == getter:
            return True
        case ast.Call(func=ast.Attribute(attr="average") as func, args=[inner], keywords=[]):
            other = module.names.resolve(func) or Summaries.of(module).methods_named("average")
            return not other and _is_variable(module, inner, getter, depth - 1)
        case ast.IfExp(body=body, orelse=orelse):
            return all(_is_variable(module, each, getter, depth - 1) for each in (body, orelse))
        case ast.BoolOp(values=values):
            return all(_is_variable(module, each, getter, depth - 1) for each in values)
        case ast.Name(id=name):
            bound = module.names.bindings(name, module.scope_of(value))
            return bool(bound) and all(
                isinstance(each, ast.Assign)
                and isinstance(each.targets[0], ast.Name)
                and len(each.targets) == 1
                and _is_variable(module, each.value, getter, depth - 1)
                for each in bound
            )
    return False
