"""Functions that a Keras layer calls: ``Lambda(grad_cam)([conv, output, label])``, or a layer's own
``call``.

What the layer is called with are tensors of one model, one of which may well be computed from
another: before any tape that the function opens.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Protocol, runtime_checkable

from tape_migrate.flow.scope import Scope
from tape_migrate.mentions import last_name
from tape_migrate.module import Module
from tape_migrate.shapes.summaries import Summaries


@runtime_checkable
class OtherNames(Protocol):
    """What a project can tell of names in its other modules."""

    def naming(self, name: str) -> list[str]:
        """Paths of modules whose text may hold ``name`` as a word; no others do."""

    def module_at(self, path: str) -> Module | None:
        """The module at ``path``, or None if it cannot be read."""


def is_called_by_layer(module: Module, scope: Scope) -> str | None:
    """Where a layer calls the function that ``scope`` is, or is made with it, or None."""
    function = scope.node
    if not isinstance(function, ast.FunctionDef):
        return None
    for call in Summaries.of(module).callers(function):
        if _is_in_call(module, call):
            return f"line {call.lineno}"
    name = function.name
    for user in (module, *_others(module, name)):
        for call in user.of_kind(ast.Call):
            if any(_names(value, name) for value in _functions_of_lambda(user, call)):
                place = "" if user is module else f" of {user.path}"
                return f"line {call.lineno}{place}"
    if any(_is_handed_on(user, name) for user in (module, *_others(module, name))):
        places = map(_makes_of_any, (module, *_others(module, "Lambda")))
        return next((place for place in places if place is not None), None)
    return None


def _functions_of_lambda(user: Module, call: ast.Call) -> list[ast.expr]:
    """What ``Lambda(f)`` makes a layer of."""
    if last_name(call.func) != "Lambda" and (
        not user.names.resolve(call.func).endswith(".layers.Lambda")
    ):
        return []
    return [*call.args[:1], *(k.value for k in call.keywords if k.arg == "function")]


def _is_handed_on(user: Module, name: str) -> bool:
    """``lib.run(x, f)``, ``g = f``: the function is used as a value, which may come to others."""
    named: list[ast.Name | ast.Attribute] = [*user.attributes(name)]
    named += (node for node in user.of_kind(ast.Name) if node.id == name)
    return any(isinstance(node.ctx, ast.Load) and not _is_called(user, node) for node in named)


def _is_called(user: Module, node: ast.expr) -> bool:
    around = user.parent_of(node)
    if not isinstance(around, ast.Call) or around.func is not node:
        return False
    # `lib.run(x, lambda t: f(t))`
    return not any(isinstance(parent, ast.Lambda) for parent in user.parents(node))


def _makes_of_any(user: Module) -> str | None:
    """Where a module makes a layer of what it is given: ``Lambda(f)``, ``Lambda(self.f)``."""
    for call in user.of_kind(ast.Call):
        for value in _functions_of_lambda(user, call):
            if isinstance(value, ast.Attribute) and not user.names.resolve(value):
                return f"line {call.lineno} of {user.path}"
            if isinstance(value, ast.Name):
                bound = user.names.bindings(value.id, user.scope_of(value))
                if None in bound or any(isinstance(each, ast.arg) for each in bound):
                    return f"line {call.lineno} of {user.path}"
    return None


def _is_in_call(module: Module, call: ast.Call) -> bool:
    """Whether a layer's own ``call`` hands on what it is given itself."""
    scope = module.scope_of(call)
    method, owner = scope.node, scope.parent.node if scope.parent is not None else None
    if not isinstance(method, ast.FunctionDef) or not isinstance(owner, ast.ClassDef):
        return False
    given = {arg.arg for arg in method.args.args[1:]}
    return (
        method.name == "call"
        and any(last_name(base) == "Layer" for base in owner.bases)
        and any(isinstance(value, ast.Name) and value.id in given for value in call.args)
    )


def _names(value: ast.expr, name: str) -> bool:
    """``f``, ``lib.f``, ``partial(f, 2)``, ``lambda v: f(v)``."""
    return any(
        last_name(node) == name
        for node in ast.walk(value)
        if isinstance(node, (ast.Name, ast.Attribute))
    )


def _others(module: Module, name: str) -> Iterator[Module]:
    project = module.project
    if not isinstance(project, OtherNames):
        return
    if not project.naming("Lambda"):
        return
    for path in sorted({*project.naming(name)} - {module.path}):
        other = project.module_at(path)
        if other is not None:
            yield other
