"""The harness can fail: each of these wrong migrations is caught, and nothing hides behind it."""

from __future__ import annotations

from typing import Any

import pytest

from tape_migrate.verify import Case, Verdict, Verifier, parse_input
from tests.verify.wrong_programs import HEAD, WRONG


@pytest.mark.parametrize("name", list(WRONG))
def test_wrong_migration_is_caught(verifier: Verifier, name: str) -> None:
    before, after, verdict, sentence = WRONG[name]
    inputs = tuple((key, parse_input("float32[4]")) for key in ("x", "t"))
    evidence = verifier.verify(Case(name, HEAD + before, HEAD + after, "f", inputs=inputs))
    assert evidence.verdict is verdict, evidence
    eager = evidence.rows[0]
    assert (eager.mode, eager.verdict) == ("eager", verdict)
    assert sentence in eager.sentence


RIGHT = """
def f(x, t):
    with tf.GradientTape() as tape:
        tape.watch(x)
        {body}
    return tape.gradient(u, x)
"""


@pytest.mark.parametrize(
    ("body", "more", "sentence"),
    [
        ("u = tf.nn.relu(x)", {"inputs": "float32[4] uniform(-2,-1)"}, "every gradient is zero"),
        ("u = tf.sqrt(x)", {"inputs": "float32[4] uniform(-2,-1)"}, "holds NaN"),
        ("u = tf.sqrt(x)", {"inputs": "float32[4] zeros"}, "holds NaN or infinity"),
        ("u = tf.stop_gradient(x)", {}, "every gradient is None"),
        ("u = t * t", {}, "every gradient is None"),
    ],
)
def test_vacuous_evidence_proves_nothing(
    verifier: Verifier, body: str, more: dict[str, Any], sentence: str
) -> None:
    before = f"\ndef f(x, t):\n    {body}\n    return tf.gradients(u, x)[0]\n"
    after = RIGHT.format(body=body)
    spec = more.get("inputs", "float32[4]")
    inputs = (("x", parse_input(spec)), ("t", parse_input("float32[4]")))
    evidence = verifier.verify(Case("vacuous", HEAD + before, HEAD + after, "f", inputs=inputs))
    assert evidence.verdict is Verdict.VACUOUS, evidence
    assert sentence in evidence.sentence
