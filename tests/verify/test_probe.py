"""Inputs found by trying."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tape_migrate.verify.inputs import parse_input
from tape_migrate.verify.probe import _mended, spelled
from tape_migrate.verify.probe_command import run_probe
from tests.verify.program.programs import valid

SOURCE = """import tensorflow as tf

W = tf.Variable(tf.ones([784, 10]))
E = tf.Variable(tf.random.normal([7, 4]))


def images(x):
    h = tf.matmul(tf.reshape(x, [-1, 784]), W)
    y = tf.nn.softmax(h)[:, 1]
    return tf.gradients(y, x)[0]


def pinn(x, t):
    u = tf.tanh(tf.concat([x, t], 1))
    u_x = tf.gradients(u, x)[0]
    return u_x + tf.gradients(u, t)[0]


def product(a, b):
    y = tf.matmul(a, b)
    return tf.gradients(y, [a, b])


def rows(ids):
    y = tf.nn.embedding_lookup(E, ids) ** 2
    return tf.gradients(y, E)[0]


def steps(x, n):
    y = x
    for _ in range(n):
        y = tf.sin(y) * x
    return tf.gradients(y, x)[0]


class Net:
    def slope(self, x):
        y = tf.matmul(x, W)
        return tf.gradients(tf.square(y), x)[0]


def hopeless(thing):
    x = thing.x
    z = x * 2.0
    return tf.gradients(z, x)[0]


def starred(x, *more):
    y = x * x
    return tf.gradients(y, x)[0]


def outer():
    def inner(x):
        y = x * x
        return tf.gradients(y, x)[0]

    return inner
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    path = tmp_path_factory.mktemp("probe") / "module.py"
    path.write_text(SOURCE, encoding="utf-8")
    report, code = run_probe([str(path)], json_path="-")
    assert code == 1, report
    data = json.loads(report)
    valid(data)
    return {item["function"]: item for item in data["functions"]}


@pytest.mark.parametrize(
    ("name", "inputs"),
    [
        ("images", ["x=float32[4,784]"]),
        ("pinn", ["x=float32[4,3]", "t=float32[4,3]"]),
        ("product", ["a=float32[4,4]", "b=float32[4,3]"]),
        ("rows", ["ids=int32[4,3] int < 2"]),
        ("steps", ["x=float32[4,3]", "n=2"]),
        ("Net.slope", ["x=float32[4,784]"]),
    ],
)
def test_a_function_is_proven_with_inputs_that_were_found(
    name: str, inputs: list[str], found: dict[str, dict[str, Any]]
) -> None:
    assert found[name]["inputs"] == inputs
    assert found[name]["evidence"]["verdict"] == "equal"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("hopeless", "no input was found in"),
        ("starred", "it takes *arguments"),
        ("outer.inner", "it stands inside another function"),
    ],
)
def test_a_function_that_cannot_be_probed_is_reported(
    name: str, reason: str, found: dict[str, dict[str, Any]]
) -> None:
    assert found[name]["reason"].startswith(reason)
    assert found[name]["evidence"] is None


def test_nothing_to_probe_is_no_proof(tmp_path: Path) -> None:
    (tmp_path / "empty.py").write_text("x = 1\n", encoding="utf-8")
    report, code = run_probe([str(tmp_path / "empty.py")])
    assert (code, report) == (1, "0 functions with migrated calls: 0 probed, 0 equal\n")
    report, code = run_probe([str(tmp_path / "gone.py")])
    assert code == 2
    assert "gone.py" in report


def test_sizes_that_clash_are_made_equal() -> None:
    inputs = (("x", parse_input("float32[4,3]")),)
    message = "Dimensions must be equal, but are 3 and 784 for '{{node MatMul}}'"
    assert [list(spelled(tried)) for tried in _mended(inputs, message)] == [["x=float32[4,784]"]]
