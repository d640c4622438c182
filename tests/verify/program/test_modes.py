"""Which modes a program is tried in, and what in a failure asks for another."""

from __future__ import annotations

import pytest

from tape_migrate.verify.program.modes import (
    asks_for_another,
    new_modes,
    old_modes,
    raised_for_mode,
)
from tape_migrate.verify.results import RunError


@pytest.mark.parametrize(
    ("source", "modes"),
    [
        (b"def f(x):\n    return tf.gradients(x * x, x)\n", ["graph", "as-is", "v1-alias"]),
        (b"x = tf.placeholder(tf.float32)\n", ["v1-alias", "as-is"]),
        (b"tf.compat.v1.disable_eager_execution()\n", ["as-is", "v1", "graph", "v1-alias"]),
        (b"@tf.function\ndef f(x): ...\n", ["as-is", "graph", "v1-alias"]),
        (b"f = K.function([x], [y])\n", ["keras-2", "as-is", "graph", "v1-alias"]),
        (b"from keras import backend\n", ["keras-2", "graph", "as-is", "v1-alias"]),
        (
            b"import tensorflow.compat.v1 as tf\nK.set_session(s)\n",
            ["keras-2", "as-is", "v1", "graph", "v1-alias"],
        ),
    ],
)
def test_the_likeliest_mode_comes_first(source: bytes, modes: list[str]) -> None:
    assert old_modes([b"import os\n", source], "auto") == modes
    assert old_modes([source], "v1") == ["v1"]


@pytest.mark.parametrize(
    ("old", "modes"),
    [
        ("as-is", ["as-is", "v1-alias"]),
        ("graph", ["as-is", "v1-alias", "graph"]),
        ("keras-2", ["as-is", "keras-2"]),
        ("v1", ["v1", "as-is"]),
        ("v1-alias", ["v1-alias", "as-is"]),
    ],
)
def test_the_new_side_goes_by_the_old_one(old: str, modes: list[str]) -> None:
    assert new_modes(old, "auto") == modes
    assert new_modes(old, "graph") == ["graph"]


@pytest.mark.parametrize(
    ("error", "mode", "asks"),
    [
        (None, "as-is", False),
        (RunError("RuntimeError", "tf.gradients is not supported when eager execution is enabled",
                  ""), "as-is", True),
        (RunError("AttributeError", "module 'tensorflow' has no attribute 'placeholder'", ""),
         "graph", True),
        (RunError("AttributeError", "module 'tensorflow' has no attribute 'placeholder'", ""),
         "v1-alias", True),
        (RunError("ImportError", "no Keras 2 (tf_keras is not installed)", ""), "keras-2", True),
        (RunError("ZeroDivisionError", "division by zero", ""), "graph", False),
        (RunError("ValueError", "no", ""), "as-is", False),
    ],
)  # fmt: skip
def test_failures_of_the_mode_are_told_from_those_of_the_program(
    error: RunError | None, mode: str, asks: bool
) -> None:
    assert asks_for_another(error, mode) is asks


def test_what_a_test_runner_catches_asks_for_another_mode_too() -> None:
    said = ["tf.gradients is not supported when eager execution is enabled. Use a tape."]
    assert raised_for_mode(said, "as-is")
    assert not raised_for_mode(said, "graph")
    assert not raised_for_mode(["division by zero"], "as-is")
