"""What a loss does with a gradient, where Keras may drop its last axis of one.

Before Keras calls a loss it drops a last axis of one from what the model gives, if the target has
one axis less (2.6 to 2.21 alike). A gradient by samples of shape ``[batch, steps, 1]`` may so come
as ``[batch, steps]``. What the usual penalties do is the same on both: entry by entry, then a sum
over all axes but the first, or over all.
"""

from __future__ import annotations

import ast
import enum
from collections.abc import Iterator
from dataclasses import dataclass

from tape_migrate.module import Module

_ENTRYWISE = frozenset(("square", "abs", "exp", "sign", "relu", "sqrt", "tanh", "negative"))
_REDUCTIONS = frozenset(
    ("sum", "mean", "max", "min", "reduce_sum", "reduce_mean", "reduce_max", "reduce_min")
)
_FLAT = frozenset(("batch_flatten",))
_LIBRARIES = ("keras.backend.", "tensorflow.", "tensorflow.math.")
_RANK_OF_IMAGES = 3
"""A gradient that has this axis has four: Keras drops none of them for a target of two."""


class _Axes(enum.Enum):
    """What dropping a last axis of one of the gradient does to a value."""

    SAME = "nothing"
    LOOSE = "it lacks the axis too"
    FEWER = "it may lack it; its axes are not the gradient's"


class _MattersErrorError(Exception):
    """The axis of one may matter."""


@dataclass(frozen=True)
class LooseAxes:
    """The gradient in a loss function."""

    module: Module
    taken: ast.expr
    """Where the loss has it from."""
    scalars: frozenset[str] = frozenset()
    """Parameters of the loss that are numbers."""


_Names = dict[str, _Axes]


def refuse_gradient_use(loose: LooseAxes) -> str | None:
    """Why the axis of one could matter, or None if it cannot."""
    module = loose.module
    function = module.scope_of(loose.taken).node
    assert isinstance(function, ast.FunctionDef)
    loosely: _Names = {}
    try:
        for stmt in function.body:
            _statement(loose, stmt, loosely)
    except _MattersErrorError as matters:
        return str(matters)
    return None


def arange_axes(loose: LooseAxes) -> Iterator[ast.Call]:
    """``np.arange(1, len(gradients.shape))`` where it gives axes."""
    module = loose.module
    for node in module.inside(module.scope_of(loose.taken).node):
        if isinstance(node, ast.keyword) and node.arg == "axis":
            if isinstance(node.value, ast.Call) and _is_arange(module, node.value):
                yield node.value


def _is_arange(module: Module, call: ast.Call) -> bool:
    return module.names.resolve(call.func) == "numpy.arange" and not call.keywords


def _statement(loose: LooseAxes, stmt: ast.stmt, loosely: _Names) -> None:
    match stmt:
        case ast.Expr(value=ast.Constant()):
            return
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            loosely[name] = _axes(loose, value, loosely)
        case ast.Return(value=ast.expr() as value):
            _axes(loose, value, loosely)
        case _:
            raise _MattersErrorError(f"line {stmt.lineno} of the loss is not plain arithmetic")


def _axes(loose: LooseAxes, expr: ast.expr, loosely: _Names) -> _Axes:
    if expr is loose.taken:
        return _Axes.LOOSE
    match expr:
        case ast.Name(id=name):
            return loosely.get(name, _Axes.SAME)
        case ast.UnaryOp(operand=operand):
            return _axes(loose, operand, loosely)
        case ast.BinOp(left=left, right=right):
            sides = [_axes(loose, side, loosely) for side in (left, right)]
            if sides[0] is sides[1]:
                return sides[0]
            for side, other in zip(sides, (right, left), strict=True):
                if side is not _Axes.SAME and _is_scalar(loose, other, loosely):
                    return side
            raise _matters(expr)
        case ast.Call():
            return _called(loose, expr, loosely)
    if _reads(loose, expr, loosely):
        raise _matters(expr)
    return _Axes.SAME


def _is_scalar(loose: LooseAxes, expr: ast.expr, loosely: _Names) -> bool:
    named = isinstance(expr, ast.Name) and expr.id in loose.scalars and expr.id not in loosely
    return named or isinstance(expr, ast.Constant)


def _called(loose: LooseAxes, call: ast.Call, loosely: _Names) -> _Axes:
    library, _, name = loose.module.names.resolve(call.func).rpartition(".")
    rest = [*call.args[1:], *(k.value for k in call.keywords)]
    if not any(_reads(loose, part, loosely) for part in (*call.args, *rest)):
        return _Axes.SAME
    if library + "." not in _LIBRARIES or not call.args:
        raise _matters(call)
    own = _axes(loose, call.args[0], loosely)
    if own is _Axes.SAME and not any(_reads(loose, part, loosely) for part in rest):
        return own
    if name in _REDUCTIONS and own is not _Axes.SAME:
        return _reduced(loose, call, loosely, own)
    if name in _FLAT and not rest and own is _Axes.LOOSE:
        return _Axes.SAME
    if name == "pow" and all(isinstance(part, ast.Constant) for part in rest):
        return own
    if name in _ENTRYWISE and not rest:
        return own
    raise _matters(call)


def _reduced(loose: LooseAxes, call: ast.Call, loosely: _Names, own: _Axes) -> _Axes:
    """A sum or mean of what may lack an axis of one."""
    axes = [*call.args[1:], *(k.value for k in call.keywords if k.arg == "axis")]
    if any(k.arg != "axis" for k in call.keywords) or len(axes) > 1:
        raise _matters(call)
    if not axes:
        return _Axes.SAME
    if own is not _Axes.LOOSE:
        raise _matters(call)
    known = _constant_axes(axes[0])
    if known == [1]:
        return _Axes.FEWER
    if known and known == list(range(1, len(known) + 1)) and _RANK_OF_IMAGES in known:
        return _Axes.SAME
    if _all_but_first(loose, axes[0], loosely):
        return _Axes.SAME
    raise _matters(call)


def _constant_axes(axes: ast.expr) -> list[object]:
    """``[1, 2]`` of ``(1, 2)``, ``1`` or ``list(range(1, 3))``; nothing for others."""
    match axes:
        case ast.Constant(value=value):
            return [value]
        case ast.List(elts=members) | ast.Tuple(elts=members):
            return [m.value if isinstance(m, ast.Constant) else None for m in members]
        case ast.Call(func=ast.Name(id="list"), args=[ast.Call() as inner]):
            return _constant_axes(inner)
        case ast.Call(
            func=ast.Name(id="range"),
            args=[ast.Constant(value=int(first)), ast.Constant(value=int(last))],
        ):
            return list(range(first, last))
    return []


def _all_but_first(loose: LooseAxes, axes: ast.expr, loosely: _Names) -> bool:
    """``np.arange(1, len(x.shape))``, ``list(range(1, K.ndim(x)))`` of the same tensor."""
    if isinstance(axes, ast.Call) and isinstance(axes.func, ast.Name):
        if axes.func.id in ("list", "tuple") and len(axes.args) == 1:
            axes = axes.args[0]
    match axes:
        case ast.Call(func=func, args=[ast.Constant(value=1), rank], keywords=[]):
            plain = isinstance(func, ast.Name) and func.id == "range"
            return (plain or _is_arange(loose.module, axes)) and _is_rank(loose, rank, loosely)
    return False


def _is_rank(loose: LooseAxes, expr: ast.expr, loosely: _Names) -> bool:
    match expr:
        case ast.Call(func=ast.Name(id="len"), args=[ast.Attribute(value=tensor, attr="shape")]):
            return _axes(loose, tensor, loosely) is _Axes.LOOSE
        case ast.Call(func=ast.Name(id="len"), args=[ast.Call(args=[tensor], func=func)]):
            shape = loose.module.names.resolve(func) == "keras.backend.int_shape"
            return shape and _axes(loose, tensor, loosely) is _Axes.LOOSE
        case ast.Call(func=func, args=[tensor]):
            rank = loose.module.names.resolve(func) == "keras.backend.ndim"
            return rank and _axes(loose, tensor, loosely) is _Axes.LOOSE
    return False


def _reads(loose: LooseAxes, expr: ast.expr, loosely: _Names) -> bool:
    known = {name for name, axes in loosely.items() if axes is not _Axes.SAME}
    return any(
        node is loose.taken or (isinstance(node, ast.Name) and node.id in known)
        for node in ast.walk(expr)
    )


def _matters(expr: ast.expr) -> _MattersErrorError:
    return _MattersErrorError(
        f"Keras may drop a last axis of one of it, which may matter in {ast.unparse(expr)}"
    )
