"""Functions, loops, data sets and other processes: recorded, or said that they are not."""

from __future__ import annotations

from typing import Any

import pytest

from tests.verify.program.programs import prove

LIBRARY = """import tensorflow as tf


@tf.function
def compiled(x):
    y = tf.tanh(x) * x
    g = tf.gradients(y, x)[0]
    return g


@tf.function(jit_compile=True)
def compiled_by_xla(x):
    y = tf.exp(x) * x
    g = tf.gradients(y, x)[0]
    return g


@tf.function
def python_while(x):
    i = tf.constant(0)
    while i < 4:
        y = tf.sin(x) * x
        x = tf.gradients(y, x)[0]
        i += 1
    return x


@tf.function
def while_loop(x):
    def body(i, x):
        y = tf.sin(x) * x
        g = tf.gradients(y, x)[0]
        return i + 1, g

    return tf.while_loop(lambda i, x: i < 3, body, [tf.constant(0), x])[1]


@tf.function
def map_fn(x):
    def body(x):
        y = tf.sin(x) * x
        g = tf.gradients(y, x)[0]
        return g

    return tf.map_fn(body, x)


@tf.function
def vectorized_map(x):
    def body(x):
        y = tf.sin(x) * x
        g = tf.gradients(y, x)[0]
        return g

    return tf.vectorized_map(body, x)


def data_set(x):
    y = tf.cos(x) * x
    g = tf.gradients(y, x)[0]
    return g


def here_and_there():
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        x = tf.constant(2.0)
        y = x * x * x
        g = tf.gradients(y, x)[0]
        return session.run(g)


def forked():
    with tf.Graph().as_default():
        x = tf.constant(2.0)
        y = x * x * x
        return tf.gradients(y, x)[0]


def never(x):
    y = x * x
    return tf.gradients(y, x)[0]
"""

MAIN = """import os
import subprocess
import sys

import lib
from lib import tf

for n in range(3, 6):
    x = tf.linspace(0.5, 2.0, n)
    for _ in range(40):
        lib.compiled(x)
    for function in (
        lib.compiled_by_xla, lib.python_while, lib.while_loop, lib.map_fn, lib.vectorized_map
    ):
        function(x)
values = tf.data.Dataset.from_tensor_slices(tf.linspace(0.1, 1.0, 50)).map(lib.data_set)
assert len(list(values)) == 50
lib.here_and_there()
subprocess.run([sys.executable, "worker.py"], check=True)
child = os.fork()
if child == 0:
    lib.forked()
    sys.exit(3)
assert os.waitpid(child, 0)[1] >> 8 == 3
"""

WORKER = "import lib\n\nassert lib.here_and_there() == 12.0\n"


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("inside")
    for name, text in (("lib", LIBRARY), ("main", MAIN), ("worker", WORKER)):
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    data, code = prove(folder, "main.py", old_mode="as-is")
    assert code == 1, data
    (device,) = data["devices"]
    assert device["old"]["error"] is None, device
    assert device["new"]["error"] is None, device
    return {"notes": device["notes"], **{site["function"]: site for site in device["sites"]}}


@pytest.mark.parametrize(
    ("function", "evaluations"),
    [
        ("compiled", 120),
        ("compiled_by_xla", 3),
        ("python_while", 12),
        ("while_loop.body", 9),
        ("map_fn.body", 12),
        ("data_set", 50),
        ("here_and_there", 1),
    ],
)
def test_every_evaluation_is_recorded(
    function: str, evaluations: int, found: dict[str, Any]
) -> None:
    site = found[function]
    assert site["verdict"] == "equal", site
    assert site["evaluations"] == {"old": evaluations, "new": evaluations}


def test_that_xla_is_left_out_is_said(found: dict[str, Any]) -> None:
    assert found["notes"] == ["jit_compile=True is left out: XLA shows no values"]


def test_turns_that_are_computed_at_once_are_not_comparable(found: dict[str, Any]) -> None:
    site = found["vectorized_map.body"]
    assert site["verdict"] == "not comparable"
    assert site["message"].startswith("in a body of tf.vectorized_map")


def test_what_runs_in_another_process_is_not_taken_for_unreached(found: dict[str, Any]) -> None:
    said = "run in a process that the program starts, where nothing is recorded"
    assert (found["forked"]["verdict"], found["forked"]["message"]) == ("not comparable", said)
    assert f"also {said}" in found["here_and_there"]["notes"]


def test_where_processes_were_started_not_reached_says_so(found: dict[str, Any]) -> None:
    site = found["never"]
    assert site["verdict"] == "not reached"
    assert "it starts processes (python" in site["message"]
    assert site["message"].endswith("worker.py), which are not recorded")
