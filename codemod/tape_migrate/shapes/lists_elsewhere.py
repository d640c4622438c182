"""Collections that another module of the project keeps: ``lib.KEPT[-1]``, ``lib.last()``.

What is in them was put there by anyone, one member perhaps computed from another.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tape_migrate.module import Module
from tape_migrate.shapes.given_unasked import handed_names
from tape_migrate.shapes.quiet import OtherFunctions

_COLLECTIONS = (ast.List, ast.Dict, ast.ListComp, ast.DictComp)


def reads_kept_list(module: Module, expr: ast.expr) -> bool:
    """Whether ``expr`` reads a collection that another module keeps, or calls what gives one."""
    project = module.project
    if not isinstance(project, OtherFunctions):
        return False
    for node in module.inside(expr):
        if not isinstance(node, (ast.Name, ast.Attribute)):
            continue
        dotted = module.names.resolve(node)
        holder, _, name = dotted.rpartition(".")
        parent = module.parent_of(node)
        if not holder:
            continue
        if isinstance(parent, ast.Call) and parent.func is node:
            there = project.function(dotted)
            if there is not None:
                kept = set(_kept(there[0]))
                if not kept.isdisjoint(handed_names(*there)):
                    return True
            continue
        path, rest = project.split(dotted)
        user = project.module_at(path) if path and rest == (name,) else None
        if user is not None and name in _kept(user):
            return True
    return False


def _kept(module: Module) -> Iterator[str]:
    """Names of the module's own collections."""
    for node in module.tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, _COLLECTIONS):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))
