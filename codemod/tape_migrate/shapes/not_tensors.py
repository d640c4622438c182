"""Sources that are no tensors: numbers and arrays, which ``tf.gradients`` turns into new tensors.

Nothing was computed from a tensor that is made in the call, so the old gradient is always None; a
tape raises.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable

from tape_migrate.module import Module
from tape_migrate.shapes.dependence import Dependence
from tape_migrate.shapes.kinds import value_given_by
from tape_migrate.shapes.plan import Refusal, Source


def refuse_not_tensors(dep: Dependence, sources: Iterable[Source]) -> Refusal | None:
    """A source of which a definition in here is plainly a number or an array."""
    for source in sources:
        for definition in source.track.definitions:
            if definition.stmt is None:
                continue
            value = value_given_by(definition.stmt, source.symbol)
            if value is not None and is_no_tensor(dep.module, value):
                return Refusal(
                    "TM120",
                    f"{source.symbol} is a number or an array, of which the call makes a new "
                    "tensor: its gradient is always None, and a tape raises",
                )
    return None


def is_no_tensor(module: Module, value: ast.expr) -> bool:
    """Whether ``value`` is a literal number or what numpy gives."""
    if isinstance(value, ast.UnaryOp):
        return is_no_tensor(module, value.operand)
    if isinstance(value, ast.BinOp):
        return is_no_tensor(module, value.left) and is_no_tensor(module, value.right)
    if isinstance(value, ast.Constant):
        return True
    return isinstance(value, ast.Call) and module.names.resolve(value.func).startswith("numpy.")
