"""What functions and classes of other modules call on the way to a target.

``lib.total()`` may take tensors out of a collection, and ``lib.Quantizer()(v)`` override gradients,
as if this module did.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable

from tape_migrate.module import Module
from tape_migrate.shapes.evaluated import all_calls
from tape_migrate.shapes.modes import OtherModules


def called_elsewhere(
    module: Module, parts: Iterable[ast.AST], leaves: frozenset[str], *, across: bool
) -> list[tuple[str, str]]:
    """Functions of other modules that ``parts`` call, and what those call that ends in ``leaves``.

    Of a class all methods count. With ``across`` calls are followed into further modules. Methods
    have a dot before their names.
    """
    project = module.project
    if not isinstance(project, OtherModules) or not project.hold(leaves):
        return []
    found: dict[tuple[str, str], None] = {}
    for call in (call for part in parts for call in all_calls(part)):
        dotted = module.names.resolve(call.func)
        if not dotted:
            continue
        names = project.function_calls(dotted, leaves, across=across, classes=True)
        for name in sorted(names):
            if name.rpartition(".")[2] in leaves:
                found[dotted, name] = None
    return list(found)
