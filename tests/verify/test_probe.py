"""Inputs found by trying."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tape_migrate.verify import Verdict
from tape_migrate.verify.evidence import Evidence
from tape_migrate.verify.inputs import Literal, parse_input
from tape_migrate.verify.probe import Probed, _first_tries, _function, _mended, spelled
from tape_migrate.verify.probe_command import _text, run_probe
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


def branch(x):
    if tf.reduce_sum(x) > 0.0:
        y = x * x
    else:
        y = x * 3.0
    return tf.gradients(y, x)[0]


def rows_of(x):
    y = tf.reshape(x, [2000, 5])
    return tf.gradients(y * y, x)[0]


def flat(x):
    y = tf.nn.relu(-tf.abs(x) - 1.0)
    return tf.gradients(y, x)[0]


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
        ("branch", ["x=float32[4,3]"]),
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
        ("rows_of", "no input was found in"),
        ("flat", "no input was found in"),
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


def inputs(**given: str) -> Any:
    return tuple((name, parse_input(text)) for name, text in given.items())


def mended(message: str, **given: str) -> list[list[str]]:
    return [list(spelled(one)) for one in _mended(inputs(**given), message)]


def test_what_a_complaint_suggests() -> None:
    x, z = "float32[2]", "float32[3]"
    assert mended("expected float64 but got float32", x=x, z=z) == [
        ["x=float64[2]", "z=float64[3]"]
    ]
    wanted = "'Tensor' object cannot be interpreted as an integer"
    assert mended(wanted, x=x, z=z) == [["x=2", "z=float32[3]"], ["x=float32[2]", "z=2"]]
    indices = "float32 is not in list of allowed values: int32, int64"
    assert mended(indices, x=x, z="int32[3]") == [["x=int32[2] int < 2", "z=int32[3] int < 5"]]
    assert mended("something else", x=x) == []
    mixed = (("n", Literal(2)), ("x", parse_input(x)))
    assert [list(spelled(one)) for one in _mended(mixed, "expected float64 but got float32")] == [
        ["n=2", "x=float64[2]"]
    ]


def test_flags_and_numbers_are_no_tensors() -> None:
    tries = list(_first_tries(("x", "training", "n"), []))
    assert all(dict(one)["training"] == Literal(False) for one in tries)
    assert all(dict(one)["n"] == Literal(2) for one in tries)
    assert {len(getattr(dict(one)["x"], "shape", ())) for one in tries} >= {1, 2}


@pytest.mark.parametrize(
    ("entry", "name"),
    [("f", "f"), ("A.g", "g"), ("A", None), ("A.g.h", None), ("gone", None), ("A.gone", None)],
)
def test_functions_that_can_be_called(entry: str, name: str | None) -> None:
    source = (
        b"def f(x):\n    pass\n\n\nclass A:\n    def g(self):\n        def h():\n            pass\n"
    )
    found = _function(source, entry)
    assert (found.name if found else None) == name


def test_the_report_as_text() -> None:
    evidence = Evidence("f", Verdict.EQUAL, "bit-equal")
    items = [
        ("m.py", Probed("f", ("x=float32[2]",), evidence)),
        ("m.py", Probed("g", (), replace(evidence, verdict=Verdict.DIFFERENT, sentence="0.1"))),
        ("m.py", Probed("h", reason="it stands inside another function")),
    ]
    assert _text(items) == (
        "m.py::f: equal: bit-equal (x=float32[2])\n"
        "m.py::g: different: 0.1 (no arguments)\n"
        "m.py::h: not probed: it stands inside another function\n"
        "3 functions with migrated calls: 2 probed, 1 equal\n"
    )
    assert _text(items[:1]).endswith("1 function with migrated calls: 1 probed, 1 equal\n")
