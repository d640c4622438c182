"""What other modules give a function that hands it on to the one that differentiates.

::

    def slope(u, w):
        return tf.gradients(u * w, u)[0]


    def once(x, z):
        return slope(x, z)

A caller of ``once`` in another module may have computed ``z`` from ``x``. It is the same where
``slope`` stands inside ``once`` and reads ``z`` there, or where ``once`` is the constructor of an
object that keeps both.
"""

from __future__ import annotations

import ast

from tape_migrate.flow.scope import Scope
from tape_migrate.flow.symbols import Symbol
from tape_migrate.module import Module
from tape_migrate.shapes.calls_elsewhere import (
    DEPTH,
    OtherCallers,
    computed_elsewhere,
    parameters_of,
)
from tape_migrate.shapes.computed_from import closure_of


def handed_through(
    module: Module, scope: Scope, source: Symbol, other: Symbol, depth: int = DEPTH
) -> str | None:
    """Where another module hands over a source, and what it may have computed from that.

    Both are read in ``scope``; they get there as parameters of another function of the module.
    """
    if not isinstance(module.project, OtherCallers):
        return None
    closure = closure_of(module)
    read = closure.node_for(other, scope)
    for owner, one in sorted(closure.same_as(closure.node_for(source, scope))):
        function = _functions(module).get(owner)
        if function is None or owner == id(scope) or one not in parameters_of(function):
            continue
        if function.args.kwarg is not None and function.args.kwarg.arg == one:
            continue  # settings: what is differentiated by is named
        around = module.scopes.opened_by(function)
        for name in sorted(parameters_of(function) - {one, "self", "cls"}):
            if closure.leads_to((owner, name), read):
                where = computed_elsewhere(
                    module, around, Symbol(one), Symbol(name), depth, setting=True
                )
                if where is not None:
                    return where
    return None


def _functions(module: Module) -> dict[int, ast.FunctionDef]:
    """Functions by what the nodes of the closure call their scopes."""
    known = module.memo.get("functions by scope")
    if not isinstance(known, dict):
        known = module.memo["functions by scope"] = {
            id(module.scopes.opened_by(node)): node for node in module.of_kind(ast.FunctionDef)
        }
    return known
