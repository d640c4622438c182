"""Sources that are no tensors, of which ``tf.gradients`` makes some.

Of a number or an array it makes a new tensor: nothing was computed from that, so the old gradient
is always None. Of an object of a class (a random variable of Edward's) it takes the tensor that the
object stands for. A tape raises for both.
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
            made = _class_called(dep.module, value)
            if made is not None:
                return Refusal(
                    "TM120",
                    f"{source.symbol} is an object of {made}, which may be no tensor: a tape takes "
                    "tensors and variables only",
                )
    return None


_TENSOR_CLASSES = ("Input", "Parameter", "Tensor", "Variable")


def _class_called(module: Module, value: ast.expr | None) -> str | None:
    """The name of the class of which ``value`` makes an object, if it looks like one."""
    if not isinstance(value, ast.Call) or not isinstance(value.func, (ast.Name, ast.Attribute)):
        return None
    name = value.func.id if isinstance(value.func, ast.Name) else value.func.attr
    if not name[:1].isupper() or name.isupper() or name in _TENSOR_CLASSES:
        return None
    library = module.names.resolve(value.func).partition(".")[0]
    return None if library in ("tensorflow", "keras") else name


def is_no_tensor(module: Module, value: ast.expr) -> bool:
    """Whether ``value`` is a literal number or what numpy gives."""
    if isinstance(value, ast.UnaryOp):
        return is_no_tensor(module, value.operand)
    if isinstance(value, ast.BinOp):
        return is_no_tensor(module, value.left) and is_no_tensor(module, value.right)
    if isinstance(value, ast.Constant):
        return True
    return isinstance(value, ast.Call) and module.names.resolve(value.func).startswith("numpy.")
