"""What names are bound to: parameters by a call, variables by a comprehension."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tape_migrate.flow.bindings import target_names
from tape_migrate.module import Module

_Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


def _hands_object(function: _Function, call: ast.Call, names: list[str]) -> bool:
    """Whether the first parameter is given what the method is called on."""
    if not isinstance(call.func, ast.Attribute):
        return False
    decorators = [] if isinstance(function, ast.Lambda) else function.decorator_list
    kinds = {node.id for node in decorators if isinstance(node, ast.Name)}
    if "staticmethod" in kinds:
        return False
    if "classmethod" in kinds or names[0] == "cls":
        return True
    starred = any(isinstance(arg, ast.Starred) for arg in call.args)
    given = len(call.args) + len(call.keywords)
    if given < len(names) - len(function.args.defaults):
        return True
    # `utils.slope(y, x)`, `Model.run(model, x)`: modules and classes hand over nothing themselves.
    value = call.func.value
    name = value.id if isinstance(value, ast.Name) else ""
    full = len(call.args) == len(names) and not starred and function.args.vararg is None
    return names[0] == "self" and not full and (not name[:1].isupper() or name.isupper())


def bind(function: _Function, call: ast.Call) -> Iterator[tuple[str, ast.expr]]:
    """Parameters of ``function`` and the expressions that ``call`` gives them."""
    names = [a.arg for a in [*function.args.posonlyargs, *function.args.args]]
    if names and _hands_object(function, call, names):
        names = names[1:]
    for index, arg in enumerate(call.args):
        if isinstance(arg, ast.Starred):
            for name in names[index:]:
                yield name, arg.value
            break
        if index < len(names):
            yield names[index], arg
    for keyword in call.keywords:
        if keyword.arg is not None:
            yield keyword.arg, keyword.value
        else:
            for name in names:
                yield name, keyword.value


def comprehension_of(module: Module, name: ast.Name) -> ast.AST | None:
    """The comprehension whose variable ``name`` is."""
    if not module.scopes.is_comprehension_variable(name):
        return None
    around = (
        parent
        for parent in module.parents(name)
        if name.id in target_names([g.target for g in getattr(parent, "generators", ())])
    )
    return next(around, None)
