"""Finite differences: the judgement on made-up samples, and the check on the real TensorFlow."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tape_migrate.verify import Case, Verdict, Verifier, parse_input
from tape_migrate.verify.case import Differences
from tape_migrate.verify.finite import EPS, Opinion, judge
from tape_migrate.verify.results import Array


def samples(function: Callable[[float], float], claimed: float) -> Array:
    steps = (0.0, EPS, -EPS, EPS / 10, -EPS / 10)
    return np.array([[function(step) for step in steps] + [claimed]])


@pytest.mark.parametrize(
    ("function", "claimed", "opinion"),
    [
        (lambda s: float(np.sin(1.0 + s)), float(np.cos(1.0)), Opinion.AGREES),
        (lambda s: (1.0 + s) ** 3, 3.0, Opinion.AGREES),
        (lambda s: (1.0 + s) ** 3, 3.0 + 1e-5, Opinion.DISAGREES),
        (lambda s: (1.0 + s) ** 3, 0.0, Opinion.DISAGREES),
        (lambda s: 5.0 * s, 4.0, Opinion.DISAGREES),
        (lambda s: max(s, 0.0), 0.0, Opinion.INCONCLUSIVE),
        (lambda s: max(s - EPS / 2, 0.0) + s, 1.0, Opinion.INCONCLUSIVE),
        (lambda s: 3.0, 0.0, Opinion.INCONCLUSIVE),
        (lambda s: float("nan"), 1.0, Opinion.INCONCLUSIVE),
    ],
)
def test_judgement(function: Callable[[float], float], claimed: float, opinion: Opinion) -> None:
    assert judge(samples(function, claimed)).opinion is opinion


def test_a_kink_is_named() -> None:
    assert "kink" in judge(samples(abs, 0.5)).sentence


HEAD = "import tensorflow as tf\n\n\ndef u(x, t):\n    return {}\n\n\n"
BEFORE = "def f(x, t):\n    return tf.gradients(u(x, t), [x, t])\n"
AFTER = """def f(x, t):
    with tf.GradientTape() as tape:
        tape.watch([x, t])
        y = u(x, t)
    return tape.gradient(y, [x, t])
"""


def case(target: str, differences: Differences, x: str = "float32[4]") -> Case:
    head = HEAD.format(target)
    inputs = (("x", parse_input(x)), ("t", parse_input("float32[4]")))
    return Case("test", head + BEFORE, head + AFTER, "f", inputs=inputs, differences=differences)


def test_right_gradients_agree(verifier: Verifier) -> None:
    for source, path in (("x", "[0]"), ("t", "[1]")):
        found = verifier.verify(
            case("tf.sin(x) * tf.exp(0.1 * t) + tf.constant(0.3)", Differences("u", source, path))
        )
        assert found.verdict is Verdict.EQUAL, found
        assert found.differences is not None
        assert found.differences.opinion is Opinion.AGREES, found.differences
        assert found.differences.worst is not None
        assert found.differences.worst < 1e-8


def test_a_gradient_both_sides_get_wrong_is_refuted(verifier: Verifier) -> None:
    # Old and new agree; only the third opinion knows that this is not the derivative.
    found = verifier.verify(case("tf.stop_gradient(x) * x * t", Differences("u", "x", "[0]")))
    assert found.differences is not None
    assert found.differences.opinion is Opinion.DISAGREES
    assert found.verdict is Verdict.DIFFERENT
    assert "finite differences" in found.sentence


def test_a_kink_is_inconclusive(verifier: Verifier) -> None:
    target = "tf.nn.relu(x) + t"
    found = verifier.verify(case(target, Differences("u", "x", "[0]"), "float32[4] zeros"))
    # relu'(0) is 0 on both sides: vacuous, and the differences do not know better.
    assert found.differences is not None
    assert found.differences.opinion is Opinion.INCONCLUSIVE
    assert "kink" in found.differences.sentence


def test_expressions_and_higher_order(verifier: Verifier) -> None:
    target = "lambda x, t: f(x, t)[1]"
    differences = Differences(target, "x", "[2]")
    head = HEAD.format("x ** 3 * t")
    before = head + (
        "def f(x, t):\n    y = u(x, t)\n    g = tf.gradients(y, x)[0]\n"
        "    return y, g, tf.gradients(g, x)[0]\n"
    )
    after = head + (
        "def f(x, t):\n    with tf.GradientTape() as tape2:\n        tape2.watch(x)\n"
        "        with tf.GradientTape() as tape:\n            tape.watch(x)\n"
        "            y = u(x, t)\n        g = tape.gradient(y, x)\n"
        "    return y, g, tape2.gradient(g, x)\n"
    )
    inputs = tuple((name, parse_input("float32[4]")) for name in ("x", "t"))
    found = verifier.verify(
        Case("test", before, after, "f", inputs=inputs, differences=differences)
    )
    assert found.verdict is Verdict.EQUAL, found
    assert found.differences is not None
    assert found.differences.opinion is Opinion.AGREES, found.differences


def test_variable_of_a_module_level_program(verifier: Verifier) -> None:
    head = "import tensorflow as tf\nx = tf.Variable([1.0, 2.0])\n"
    before = head + "y = x ** 3\ng = tf.gradients(y, [x])\n"
    after = head + ("with tf.GradientTape() as tape:\n    y = x ** 3\ng = tape.gradient(y, [x])\n")
    differences = Differences("lambda: x ** 3", "x", "g[0]")
    found = verifier.verify(Case("test", before, after, outputs=("g",), differences=differences))
    assert found.differences is not None
    assert found.differences.opinion is Opinion.AGREES, found.differences


@pytest.mark.parametrize(
    ("differences", "sentence"),
    [
        (Differences(skip="stop_gradient"), "skipped: stop_gradient"),
        (Differences("u", "z", "[0]"), "no argument or variable is called 'z'"),
        (Differences("v", "x", "[0]"), "skipped: no float64 run: NameError"),
    ],
)
def test_skipped_with_a_reason(verifier: Verifier, differences: Differences, sentence: str) -> None:
    found = verifier.verify(case("x * t", differences))
    assert found.verdict is Verdict.EQUAL
    assert found.differences is not None
    assert found.differences.opinion is Opinion.SKIPPED
    assert sentence in found.differences.sentence
