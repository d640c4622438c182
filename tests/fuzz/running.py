"""Run one program in a graph, eagerly or under ``tf.function``, and compare what it returns.

A program is a module that defines ``main(x, z, flag, n)`` (two float64 vectors of three elements,
a Python bool and a Python int) or, without ``main``, that leaves its results in ``OUTS``. A result
is any nest of lists, tuples and dicts of tensors and ``None``.
"""

from __future__ import annotations

import contextlib
import linecache
import os
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

from tests.fuzz.importing import importable
from tests.fuzz.program import Program

# Keras graphs run as they were written on Keras 2 only; it serves their migrations as well.
os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import numpy as np
import tensorflow as tf  # type: ignore[import-untyped, unused-ignore]

tf.get_logger().setLevel("ERROR")

_X = np.array([0.7, -0.4, 1.1])
_Z = np.array([-0.6, 0.9, 0.3])
_IMAGES = np.linspace(-1.0, 1.0, 2 * 6 * 6 * 2, dtype=np.float32).reshape((2, 6, 6, 2)) ** 3
_RTOL = 1e-9
_RTOL_FLOAT32 = 2e-5
_ATOL = 1e-12

_PLAIN = (str, int, float, np.ndarray, np.generic)

Value = Any
"""A float64 array, or None."""


@contextlib.contextmanager
def _load(program: Program, name: str) -> Iterator[dict[str, Any]]:
    """Execute the program's modules; AutoGraph can read their lines.

    Those in folders are imported as Python does it, others run in their order.
    """
    if any("/" in helper for helper in program.helpers):
        with importable(program.helpers, lambda t, at, d: _execute(t, f"<fuzz {at} {name}>", d)):
            yield _execute(program.source, f"<fuzz {name}>", {"__name__": "fuzzed"})
        return
    try:
        for helper, text in program.helpers.items():
            module = types.ModuleType(helper)
            sys.modules[helper] = module
            _execute(text, f"<fuzz {helper} {name}>", vars(module))
        yield _execute(program.source, f"<fuzz {name}>", {"__name__": "fuzzed"})
    finally:
        for helper in program.helpers:
            sys.modules.pop(helper, None)


def _execute(source: str, filename: str, namespace: dict[str, Any]) -> dict[str, Any]:
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    exec(compile(source, filename, "exec"), namespace)
    return namespace


def _flatten(result: Any) -> list[Any]:
    """Leaves of a nest in order, with marks for its structure."""
    if isinstance(result, dict):
        return ["{", *(leaf for key in result for leaf in (key, *_flatten(result[key]))), "}"]
    if isinstance(result, (list, tuple)):
        return ["[", *(leaf for item in result for leaf in _flatten(item)), "]"]
    if isinstance(result, tf.IndexedSlices):
        return [tf.convert_to_tensor(result)]
    if isinstance(result, tf.Variable):
        return [tf.convert_to_tensor(result)]
    if result is None or tf.is_tensor(result) or isinstance(result, _PLAIN):
        return [result]
    # Whatever else a program returns (a module, once the shrinker is at work) is named by its type.
    return [f"<{type(result).__name__}>"]


def run_in_graph(program: Program, *, n: int = 2) -> list[Value]:
    """Build the program in a graph and run it in a Session."""
    tf.keras.backend.clear_session()
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        if program.arrays:
            tf.compat.v1.keras.backend.set_session(session)
            with _load(program, "graph") as namespace:
                return _flatten(namespace["main"](_IMAGES.copy(), program.flag, n))
        feeds: dict[Any, Any] = {}
        with _load(program, "graph") as namespace:
            if "main" in namespace:
                x = tf.compat.v1.placeholder(tf.float64, [3])
                z = tf.compat.v1.placeholder(tf.float64, [3])
                feeds = {x: _X, z: _Z}
                result = namespace["main"](x, z, program.flag, n)
            else:
                result = namespace["OUTS"]
        leaves = _flatten(result)
        fetched = {i: v for i, v in enumerate(leaves) if tf.is_tensor(v)}
        session.run(tf.compat.v1.global_variables_initializer())
        for index, value in session.run(fetched, feeds).items() if fetched else ():
            leaves[index] = value
    return leaves


def run_eagerly(program: Program, *, n: int = 2) -> list[Value]:
    """Run the program as TensorFlow 2 does by default."""
    if program.arrays:
        tf.keras.backend.clear_session()
    with _load(program, "eager") as namespace:
        if program.arrays:
            return _flatten(namespace["main"](_IMAGES.copy(), program.flag, n))
        if "main" not in namespace:
            return [_array(leaf) for leaf in _flatten(namespace["OUTS"])]
        result = namespace["main"](tf.constant(_X), tf.constant(_Z), program.flag, n)
        return [_array(leaf) for leaf in _flatten(result)]


def run_compiled(program: Program, *, n: int = 2) -> list[Value]:
    """Run the program's ``main`` under ``tf.function`` (where ``tf.gradients`` works as well)."""
    structure: list[Any] = []

    def traced(x: Any, z: Any) -> list[Any]:
        structure[:] = _flatten(main(x, z, program.flag, n))
        return [leaf for leaf in structure if tf.is_tensor(leaf)]

    with _load(program, "function") as namespace:
        main: Callable[..., Any] = namespace["main"]
        compiled = tf.function(traced, autograph=False)
        values = iter(compiled(tf.constant(_X), tf.constant(_Z)))
    return [next(values).numpy() if tf.is_tensor(leaf) else leaf for leaf in structure]


def _array(leaf: Any) -> Any:
    return leaf.numpy() if tf.is_tensor(leaf) else leaf


def difference(old: list[Value], new: list[Value]) -> str | None:
    """What differs first, or None; None against an array, zeros included, differs."""
    if len(old) != len(new):
        return f"structure: {len(old)} leaves before, {len(new)} after"
    for index, (before, after) in enumerate(zip(old, new, strict=True)):
        if isinstance(before, (str, type(None))) or isinstance(after, (str, type(None))):
            if before is not None and after is not None and type(before) is type(after):
                if before == after:
                    continue
            elif before is None and after is None:
                continue
            return f"leaf {index}: {before!r} before, {after!r} after"
        one, other = np.asarray(before), np.asarray(after)
        if one.shape != other.shape or one.dtype != other.dtype:
            return f"leaf {index}: {one.dtype}{one.shape} before, {other.dtype}{other.shape} after"
        single = one.dtype == np.float32
        rtol = _RTOL_FLOAT32 if single else _RTOL
        # An entry near zero carries the rounding of its larger neighbours.
        atol = rtol * float(np.max(np.abs(one), initial=0.0)) if single else _ATOL
        if not np.allclose(one, other, rtol=rtol, atol=atol, equal_nan=True):
            return f"leaf {index}: {one} before, {other} after"
    return None
