"""Functions that a layer is made with, and calls: ``Lambda(f)``, ``Dense(3, activation=f)``.

An object with a ``__call__``, or a method of one, is a function as well, and may count its calls.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tape_migrate.flow.bindings import FunctionNode
from tape_migrate.module import Module
from tape_migrate.shapes.summaries import Summaries

_TAKE_FUNCTIONS = frozenset(("Lambda", "Activation"))
_FUNCTION_ARGUMENTS = frozenset(("activation", "recurrent_activation"))


def functions_handed(call: ast.Call) -> list[ast.expr]:
    """What a layer is made with that it calls."""
    func = call.func
    last = func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")
    given = [k.value for k in call.keywords if k.arg in _FUNCTION_ARGUMENTS]
    if last in _TAKE_FUNCTIONS:
        given += [*call.args[:1], *(k.value for k in call.keywords if k.arg == "function")]
    return given


def functions_given(module: Module, call: ast.Call) -> Iterator[FunctionNode]:
    for expr in functions_handed(call):
        if isinstance(expr, ast.Lambda):
            yield expr
        if isinstance(expr, ast.Name):
            for bound in module.names.bindings(expr.id, module.scope_of(expr)):
                if isinstance(bound, ast.FunctionDef):
                    yield bound
                elif isinstance(bound, ast.Assign) and isinstance(bound.value, ast.Lambda):
                    yield bound.value


def methods_given(module: Module, call: ast.Call) -> Iterator[ast.FunctionDef]:
    """``Lambda(noise.scaled)``, and ``Lambda(Noise())`` of a class with a ``__call__``."""
    for expr in functions_handed(call):
        if module.names.resolve(expr):
            continue
        if isinstance(expr, ast.Attribute):
            yield from _methods(module, expr.attr)
        values = [expr]
        if isinstance(expr, ast.Name):
            bound = module.names.bindings(expr.id, module.scope_of(expr))
            values = [b.value for b in bound if isinstance(b, ast.Assign)]
        if any(isinstance(v, (ast.Call, ast.Attribute, ast.Subscript)) for v in values):
            yield from _methods(module, "__call__")
            yield from (
                method
                for value in values
                if isinstance(value, ast.Attribute)
                for method in _methods(module, value.attr)
            )


def _methods(module: Module, name: str) -> Iterator[ast.FunctionDef]:
    for method in Summaries.of(module).methods_named(name):
        if isinstance(method, ast.FunctionDef):
            yield method
