"""What is taken for granted of TensorFlow's functions, held against the real TensorFlow."""

from __future__ import annotations

import ast

import pytest

from tape_migrate.names import canonical
from tape_migrate.shapes.tensorflow_facts import (
    always_new_tensor,
    makes_one_tensor,
    tensorflow_function,
)
from tape_migrate.verify import Case, Verifier
from tape_migrate.verify.harness import run_side
from tape_migrate.verify.results import Scalar, Tree

# Calls everything that can be called with one float matrix, and tells of each whether it gave the
# very same tensor back, one other tensor, or something else.
PROBE = """
import tensorflow as tf

SKIP = {"print", "Print", "Assert", "py_function", "numpy_function", "breakpoint", "function"}


def attempt(function, x):
    for arguments in ((x,), (x, x), ([x, x],), (x, 1), (x, "float32"), (x, [2, 2]), (x, 0.0)):
        try:
            result = function(*arguments)
        except Exception:
            continue
        if result is x:
            return "same"
        if tf.is_tensor(result):
            return "tensor"
        return "other"
    return "raises"


def eager():
    return probe()


def graph():
    with tf.Graph().as_default():  # built, never run
        return probe()


def probe():
    found = []
    for prefix in ("", "math.", "nn.", "linalg.", "compat.v1.", "compat.v1.nn.", "keras.backend."):
        module = tf
        for part in prefix.split(".")[:-1]:
            module = getattr(module, part)
        for name in dir(module):
            function = getattr(module, name)
            if name.startswith(("_", "set_", "clear_")) or name in SKIP or not callable(function):
                continue
            if isinstance(function, type):
                continue
            x = tf.constant([[4.0, 1.0], [1.0, 3.0]])
            found.append(prefix + name + ":" + attempt(function, x))
    return found
"""


@pytest.fixture(scope="module", params=["eager", "graph"])
def measured(request: pytest.FixtureRequest, verifier: Verifier) -> dict[str, str]:
    """Dotted name of a function -> ``same``, ``tensor``, ``other`` or ``raises``."""
    case = Case("probe", PROBE, PROBE, request.param)
    run = run_side(verifier.new, case, PROBE, mode="eager", device="CPU:0", seed=0)
    assert run.error is None, run.error
    assert isinstance(run.value, Tree)
    lines = [ast.literal_eval(item.text) for item in run.value.items if isinstance(item, Scalar)]
    return dict(line.split(":") for line in lines)


def test_enough_was_measured(measured: dict[str, str]) -> None:
    assert sum(what == "tensor" for what in measured.values()) > 150
    assert measured["sin"] == "tensor"
    assert measured["convert_to_tensor"] == "same"


def test_new_tensors_are_new(measured: dict[str, str]) -> None:
    wrong = [
        name
        for name, what in measured.items()
        if what == "same" and always_new_tensor(canonical(f"tensorflow.{name}"))
        # Graphs, which the code was written for, refuse to make a constant of a tensor.
        if name.rpartition(".")[2] != "constant"
    ]
    assert not wrong, " ".join(wrong)


def test_one_tensor_is_one_tensor(measured: dict[str, str]) -> None:
    wrong = [
        name
        for name, what in measured.items()
        if what == "other" and makes_one_tensor(canonical(f"tensorflow.{name}"))
    ]
    assert not wrong, " ".join(wrong)


@pytest.mark.parametrize(
    ("dotted", "name"),
    [
        ("tensorflow.sin", "sin"),
        ("tensorflow.math.log", "math.log"),
        ("tensorflow", None),
        ("keras.backend.sum", None),
        ("tensorflowjs.sin", None),
        ("", None),
    ],
)
def test_names_of_functions(dotted: str, name: str | None) -> None:
    assert tensorflow_function(dotted) == name


@pytest.mark.parametrize(
    "dotted",
    [
        "tensorflow.split",
        "tensorflow.gradients",
        "tensorflow.map_fn",
        "tensorflow.cond",
        "tensorflow.keras.layers.Dense",
        "tensorflow.train.AdamOptimizer",
        "tensorflow.layers.dense",
        "tensorflow._private",
        "keras.backend.function",
        "keras.backend.eval",
        "numpy.sin",
        "",
    ],
)
def test_not_one_tensor(dotted: str) -> None:
    assert not makes_one_tensor(dotted)
    assert not always_new_tensor(dotted) or dotted == "tensorflow.split"


@pytest.mark.parametrize(
    ("dotted", "new"),
    [
        ("tensorflow.Variable", True),
        ("tensorflow.get_variable", False),
        ("tensorflow.identity", True),
        ("tensorflow.cast", False),
        ("tensorflow.math.real", False),
        ("keras.backend.sum", True),
        ("keras.backend.cast", False),
        ("keras.backend.variable", True),
        ("mylib.sin", False),
    ],
)
def test_new_or_perhaps_the_argument(dotted: str, new: bool) -> None:
    assert always_new_tensor(dotted) is new
