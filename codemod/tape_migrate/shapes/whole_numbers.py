"""Arguments of TensorFlow's functions that are whole numbers: shapes, axes, sizes, indices.

``tf.layers.dense(x, units)``, ``tf.reshape(y, shape)``: what stands there is counted with, and both
a graph's gradients and a tape's stop at whole numbers, whatever these were computed from.
"""

from __future__ import annotations

import ast
from typing import Final

_AXIS: Final = ("axis", "keepdims", "keep_dims", "reduction_indices")
_CONVOLUTION: Final = (
    (1, 2, 3, 4, 5, 6),
    ("filters", "kernel_size", "strides", "padding", "data_format", "dilation_rate"),
)
_POOL: Final = ((1, 2, 3), ("pool_size", "strides", "padding", "data_format", "ksize"))
_REDUCTION: Final = ((1, 2), _AXIS)

_WHOLE: Final[dict[str, tuple[tuple[int, ...], tuple[str, ...]]]] = {
    "layers.dense": ((1,), ("units",)),
    **dict.fromkeys(
        (f"layers.{kind}{size}d" for kind in ("conv", "separable_conv") for size in (1, 2, 3)),
        _CONVOLUTION,
    ),
    **dict.fromkeys((f"layers.conv{size}d_transpose" for size in (2, 3)), _CONVOLUTION),
    **dict.fromkeys(
        (f"layers.{kind}_pooling{size}d" for kind in ("max", "average") for size in (1, 2, 3)),
        _POOL,
    ),
    "nn.max_pool": _POOL,
    "nn.avg_pool": _POOL,
    "nn.conv2d": ((2, 3), ("strides", "padding", "data_format", "dilations")),
    **dict.fromkeys(
        (f"reduce_{kind}" for kind in ("sum", "mean", "max", "min", "prod", "logsumexp")),
        _REDUCTION,
    ),
    "reshape": ((1,), ("shape",)),
    "transpose": ((1,), ("perm",)),
    "tile": ((1,), ("multiples",)),
    "expand_dims": ((1,), ("axis", "dim")),
    "squeeze": ((1,), ("axis", "squeeze_dims")),
    "concat": ((1,), ("axis",)),
    "stack": ((1,), ("axis",)),
    "unstack": ((1, 2), ("num", "axis")),
    "split": ((1, 2), ("num_or_size_splits", "axis")),
    "slice": ((1, 2), ("begin", "size")),
    "gather": ((1,), ("indices", "axis")),
    "gather_nd": ((1,), ("indices",)),
    "pad": ((1,), ("paddings",)),
    "cumsum": ((1,), ("axis",)),
    "one_hot": ((0, 1), ("indices", "depth", "axis")),
    "nn.embedding_lookup": ((1,), ("ids",)),
    "nn.top_k": ((1,), ("k",)),
    "fill": ((0,), ("dims",)),
    "zeros": ((0, 1), ("shape", "dtype")),
    "ones": ((0, 1), ("shape", "dtype")),
    "random_normal": ((0,), ("shape", "dtype", "seed")),
    "random_uniform": ((0,), ("shape", "dtype", "seed")),
    "truncated_normal": ((0,), ("shape", "dtype", "seed")),
    "random.normal": ((0,), ("shape", "dtype", "seed")),
    "random.uniform": ((0,), ("shape", "dtype", "seed")),
    "placeholder": ((0, 1), ("dtype", "shape")),
}
"""Positions and keywords, by function."""

_AXIS_CAME_FIRST: Final = frozenset(("concat", "split", "stack", "unstack"))
"""Functions that old code calls in the order of TensorFlow 0: ``tf.concat(1, [a, b])``."""


def takes_whole_number(name: str | None, call: ast.Call, given: ast.AST) -> bool:
    """Whether the TensorFlow function ``name`` takes ``given``, which stands in ``call``, as one.

    ``given`` is an argument or a keyword of the call.
    """
    known = _WHOLE.get(name) if name is not None else None
    if known is None:
        return False
    if name in _AXIS_CAME_FIRST and call.args and isinstance(call.args[0], ast.Constant):
        return False
    positions, keywords = known
    if isinstance(given, ast.keyword):
        return given.arg in keywords
    for position, argument in enumerate(call.args):
        if isinstance(argument, ast.Starred):
            return False
        if argument is given:
            return position in positions
    return False
