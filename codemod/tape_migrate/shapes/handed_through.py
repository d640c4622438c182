"""What other modules give a function, for one that is nested in it and asks.

::

    def once(x, z):
        def slope(u):
            return tf.gradients(u * x, u)[0]

        return slope(z)

A caller of ``once`` in another module may have computed ``x`` from ``z``, or ``z`` from ``x``.
"""

from __future__ import annotations

import ast

from tape_migrate.flow.scope import Scope
from tape_migrate.flow.symbols import Symbol
from tape_migrate.module import Module
from tape_migrate.shapes.calls_elsewhere import closure_of, computed_elsewhere, parameters_of


def handed_through(module: Module, scope: Scope, source: Symbol, other: Symbol) -> str | None:
    """Where another module hands over a source, and what it may have computed from that.

    Both are read in ``scope``; they get there as parameters of a function around it.
    """
    closure = closure_of(module)
    own = closure.node_for(source, scope)
    read = closure.node_for(other, scope)
    same = closure.same_as(own)
    enclosing = set(map(id, scope.enclosing))
    for function in module.of_kind(ast.FunctionDef):
        names = sorted(parameters_of(function))
        around = module.scopes.opened_by(function)
        if id(around) not in enclosing or around is scope:
            continue
        given = [name for name in names if (id(around), name) in same]
        for name in names:
            if not closure.reaches((id(around), name), read):
                continue
            for one in given:
                where = computed_elsewhere(module, around, Symbol(one), Symbol(name), setting=True)
                if one != name and where is not None:
                    return where
    return None
