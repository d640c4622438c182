"""What is computed by a function that is held: by a lambda, an object, or a table of either.

::

    net = lambda v: v * W
    h = net(x)

That ``net`` reads ``W`` makes it nothing that was computed from ``W``: it does so when it is run.
What it gives then was computed from it. Here is told which expressions run what they hold.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tape_migrate.module import Module
from tape_migrate.shapes.displays import collects
from tape_migrate.shapes.summaries import Summaries

_CARRY = frozenset(
    {"dict", "enumerate", "frozenset", "getattr", "iter", "list", "next", "reversed", "set"}
    | {
        "classmethod",
        "property",
        "setattr",
        "staticmethod",
        "sorted",
        "tuple",
        "vars",
        "zip",
        "functools.partial",
        "operator.attrgetter",
    }
)
"""What gives the functions that it is given, and runs none."""


def run_in(module: Module, summaries: Summaries, value: ast.expr) -> Iterator[ast.expr]:
    """Parts of ``value`` that may hold a function that is run there, for what it gives."""
    for node in module.inside(value):
        match node:
            case ast.Call() if not _only_carries(module, summaries, node):
                yield node.func
                yield from node.args
                yield from (keyword.value for keyword in node.keywords)
            case ast.Attribute(attr=name, ctx=ast.Load()) if summaries.is_property(name):
                yield node.value
            case ast.BinOp(left=left, right=right) if not collects(node):
                yield left
                yield right


def _only_carries(module: Module, summaries: Summaries, call: ast.Call) -> bool:
    """Whether a call makes an object, or hands on what it is given."""
    if summaries.callee(call) is not None:
        return True  # what it gives comes back by its return
    func = call.func
    if isinstance(func, ast.Name):
        bound = module.names.bindings(func.id, module.scope_of(func))
        if any(isinstance(each, ast.ClassDef) for each in bound):
            return True
        if func.id in _CARRY and not module.names.is_local(func.id, module.scope_of(func)):
            return True
    return module.names.resolve(func) in _CARRY
