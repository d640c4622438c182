"""Measure how far apart equal and wrong gradients lie, which is what the tolerances rest on.

    python tests/verify/tolerances.py [--seeds N]

Three small networks, each differentiated in five ways: ``tf.gradients`` in a graph, a tape run
eagerly, a tape under ``tf.function``, the same compiled by XLA (which rounds in another order),
and a wrong tape that watches its input after the first of its two uses. Prints, by dtype, the
worst normwise relative error ``max|a-b| / max|b|`` over all networks and seeds: among the first
three, of XLA, of all against float64, and the *least* error of the wrong one. Inputs and weights
are numbers that every dtype holds exactly, so that what is seen is the arithmetic's alone.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

DTYPES = ("float64", "float32", "float16", "bfloat16")
HEADER = ("dtype", "rtol", "graph, eager, function", "XLA", "against float64", "late watch")

Forward = Callable[[Any, Any], Any]
"""``(x as used first, x as used again) -> target``: the same tensor, unless the watch is late."""


def main(argv: list[str] | None = None) -> int:
    """Measure and print the table; 1 if a measurement contradicts a tolerance."""
    parser = argparse.ArgumentParser(prog="tests/verify/tolerances.py")
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args(argv)
    os.environ.update(
        TF_ENABLE_ONEDNN_OPTS="0", TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="-1"
    )
    tf = importlib.import_module("tensorflow")
    tf.get_logger().setLevel("ERROR")  # it warns of functions made anew, as they are here
    compare = importlib.import_module("tape_migrate.verify.compare")
    table = importlib.import_module("tests.benchmarks.table")

    rows = []
    contradicted = False
    exact: dict[tuple[str, int], Any] = {}
    for dtype in DTYPES:
        apart, compiled, away, late = 0.0, 0.0, 0.0, float("inf")
        for name, forward, shape in networks(tf):
            if dtype == "bfloat16" and name == "convolution":
                continue  # no such kernel on CPUs
            for seed in range(options.seeds):
                ways = gradients(tf, forward, shape, dtype, seed)
                *right, xla, wrong = ways
                exact.setdefault((name, seed), right[0])
                error = compare.relative_error
                apart = max(apart, *(error(right[0], way) for way in right))
                compiled = max(compiled, error(right[0], xla))
                away = max(away, *(error(exact[name, seed], way) for way in (*right, xla)))
                late = min(late, error(right[0], wrong))
        rtol = compare.RTOL[dtype]
        contradicted = contradicted or not apart <= rtol < late
        rows.append([dtype, *(f"{n:.1e}" for n in (rtol, apart, compiled, away, late))])
    print(f"TensorFlow {tf.__version__}, {options.seeds} seeds, CPU")
    print(table.text_table(HEADER, rows))
    return int(contradicted)


def networks(tf: Any) -> list[tuple[str, Forward, tuple[int, ...]]]:
    """The functions to differentiate, with the shape of their input."""

    def weights(shape: tuple[int, ...], like: Any, seed: int) -> Any:
        values = np.random.RandomState(seed).standard_normal(shape) / np.sqrt(shape[-2])
        return tf.cast(tf.constant(representable(values)), like.dtype)

    def perceptron(x: Any, again: Any) -> Any:
        h = x
        for layer in range(4):
            h = tf.tanh(tf.matmul(h, weights((64, 64), x, layer)))
        return tf.reduce_sum(h * again)

    def convolution(x: Any, again: Any) -> Any:
        h = x
        for layer in range(3):
            h = tf.nn.relu(tf.nn.conv2d(h, weights((3, 3, 8, 8), x, layer), 1, "SAME"))
        return tf.reduce_sum(h * tf.sin(again))

    def gram(x: Any, again: Any) -> Any:
        # A difference of nearly equal numbers, as style losses are.
        products = tf.matmul(x, again, transpose_a=True) / 64
        noisy = products + weights((64, 64), x, 1) / 8
        return tf.reduce_sum(tf.square(noisy - tf.stop_gradient(products)))

    return [
        ("perceptron", perceptron, (16, 64)),
        ("convolution", convolution, (2, 16, 16, 8)),
        ("gram", gram, (64, 64)),
    ]


def representable(values: Any) -> Any:
    """The nearest numbers with a significand of 8 bits, as bfloat16 has."""
    significand, exponent = np.frexp(values)
    return np.ldexp(np.round(significand * 2**8), exponent - 8).astype(np.float32)


def gradients(
    tf: Any, forward: Forward, shape: tuple[int, ...], dtype: str, seed: int
) -> list[Any]:
    """The gradient in a graph, eagerly, under tf.function, by XLA, and with a late watch."""
    v1 = tf.compat.v1
    values = representable(np.random.RandomState(seed).standard_normal(shape))

    def tape_gradient(x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = forward(x, x)
        return tape.gradient(y, x)

    def late(x: Any) -> Any:
        with tf.GradientTape() as tape:
            first = tf.stop_gradient(x)  # what a tape sees of a use before the watch
            tape.watch(x)
            y = forward(first, x)
        return tape.gradient(y, x)

    with tf.Graph().as_default(), v1.Session() as session:
        x = tf.cast(v1.placeholder("float32", shape, name="x"), dtype)
        old = tf.cast(tf.gradients(forward(x, x), x)[0], "float64")
        results = [session.run(old, {"x:0": values})]
    x = tf.cast(tf.constant(values), dtype)
    compiled = tf.function(tape_gradient, jit_compile=True)
    for way in (tape_gradient, tf.function(tape_gradient), compiled, late):
        results.append(tf.cast(way(x), "float64").numpy())
    return results


if __name__ == "__main__":
    root = Path(__file__).resolve().parents[2]
    sys.path[:1] = [str(root), str(root / "codemod")]
    raise SystemExit(main())
