"""Sources that are no tensors, of which ``tf.gradients`` makes some.

Of a number or an array it makes a new tensor: nothing was computed from that, so the old gradient
is always None. Of an object of a class (a random variable of Edward's) it takes the tensor that the
object stands for. A tape raises for both.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable

from tape_migrate.module import Module
from tape_migrate.shapes.context import Context
from tape_migrate.shapes.dependence import Dependence
from tape_migrate.shapes.kinds import value_given_by
from tape_migrate.shapes.plan import Refusal, Request, Source
from tape_migrate.shapes.skipped import may_be_skipped

_NUMBERS = frozenset({"bool", "float", "int", "len", "range"})
"""Builtins that give numbers and know nothing else."""
_OF_NUMBERS = frozenset({"abs", "max", "min", "round", "sum"})
"""Those that give numbers as long as they are given such."""


def refuse_not_tensors(
    context: Context, dep: Dependence, sources: Iterable[Source], request: Request
) -> Refusal | None:
    """A source of which a definition in here is plainly a number or an array, or for which a
    visible caller gives one, where it is watched: not if the gradient may not be taken then."""
    for source in sources:
        skipped = request.skipped or may_be_skipped(dep.module, dep.scope, request.call)
        plain = not (request.entry or skipped or source.symbol.path)
        given = _given(context, dep, source) if plain else []
        if given:
            return Refusal(
                "TM120",
                f"line {given[0].lineno} gives a number or an array for {source.symbol}, of which "
                "the call makes a new tensor: its gradient is always None, and a tape raises",
            )
        for definition in source.track.definitions:
            if definition.stmt is None:
                continue
            value = value_given_by(definition.stmt, source.symbol)
            if value is not None and (
                is_no_tensor(dep.module, value) or _is_number(dep.module, value)
            ):
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


def _given(context: Context, dep: Dependence, source: Source) -> list[ast.expr]:
    """What visible callers give for a parameter that plainly is no tensor."""
    if not source.track.outside:
        return []
    values = context.closure.given(context.closure.node_for(source.symbol, dep.scope))
    return [value for value in values if _is_number(dep.module, value)]


def _is_number(module: Module, value: ast.expr) -> bool:
    match value:
        case ast.Constant():
            return isinstance(value.value, (int, float)) and value.value is not None
        case ast.UnaryOp(op=op, operand=operand):
            return isinstance(op, ast.Not) or _is_number(module, operand)
        case ast.BinOp(left=left, right=right):
            return _is_number(module, left) and _is_number(module, right)
        case ast.IfExp(body=body, orelse=orelse):
            return _is_number(module, body) or _is_number(module, orelse)
        case ast.List(elts=members) | ast.Tuple(elts=members):
            return any(_is_number(module, member) for member in members)
        case ast.Call(func=ast.Name(id=name), args=args) if name in _NUMBERS | _OF_NUMBERS:
            known = name in _NUMBERS or (bool(args) and all(_is_number(module, a) for a in args))
            return known and not module.names.is_local(name, module.scope_of(value))
    return is_no_tensor(module, value)


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
