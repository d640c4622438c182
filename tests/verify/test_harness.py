"""Right migrations are found equal, on the real TensorFlow."""

from __future__ import annotations

from typing import Any

import pytest

from tape_migrate.verify import Case, Verdict, Verifier, parse_input, verify_cases

from .cases import ALL_EQUAL, HEAD, case, rows

VARIABLE = (
    """
w = tf.Variable(tf.random.normal([3, 2]))

def f(x):
    y = tf.tanh(tf.matmul(x, w))
    return tf.gradients(y, [x, w])
""",
    """
w = tf.Variable(tf.random.normal([3, 2]))

def f(x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.tanh(tf.matmul(x, w))
    return tape.gradient(y, [x, w])
""",
)

METHOD = (
    """
class Net:
    def __init__(self):
        self.w = tf.Variable(tf.random.uniform([3, 1]))

    def u(self, x):
        return tf.matmul(tf.sin(x), self.w)

    def f(self, x):
        return {"g": tf.gradients(self.u(x), x)[0], "n": x.shape[0]}
""",
    """
class Net:
    def __init__(self):
        self.w = tf.Variable(tf.random.uniform([3, 1]))

    def u(self, x):
        return tf.matmul(tf.sin(x), self.w)

    def f(self, x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            u = self.u(x)
        return {"g": tape.gradient(u, x), "n": x.shape[0]}
""",
)

DROPOUT = (
    """
def f(x):
    y = tf.nn.dropout(x * x, rate=0.5) + tf.random.uniform([3])
    return tf.gradients(y, x)
""",
    """
def f(x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.nn.dropout(x * x, rate=0.5) + tf.random.uniform([3])
    return tape.gradient(y, [x])
""",
)

SECOND = (
    """
def f(x):
    y = x ** 3 * tf.exp(x)
    g = tf.gradients(y, x)[0]
    return g, tf.gradients(g, x)[0]
""",
    """
def f(x):
    with tf.GradientTape() as tape2:
        tape2.watch(x)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = x ** 3 * tf.exp(x)
        g = tape.gradient(y, x)
    return g, tape2.gradient(g, x)
""",
)

SLICES = (
    """
def f(x, i):
    return tf.gradients(tf.gather(x, i) ** 2, x)[0]
""",
    """
def f(x, i):
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.gather(x, i) ** 2
    return tape.gradient(y, x)
""",
)

NESTED_ARGUMENTS = (
    """
def f(net, xs, power):
    y = xs[0] ** power + net["b"] * xs[1]
    return tf.gradients(y, xs + [net["b"]])
""",
    """
def f(net, xs, power):
    with tf.GradientTape() as tape:
        tape.watch([xs, net])
        y = xs[0] ** power + net["b"] * xs[1]
    return tape.gradient(y, xs + [net["b"]])
""",
)

VARIABLE_ARGUMENT = (
    """
def f(x):
    return tf.gradients(x * x, x)
""",
    """
def f(x):
    with tf.GradientTape() as tape:
        y = x * x
    return tape.gradient(y, [x])
""",
)


@pytest.mark.parametrize(
    ("before", "after", "more"),
    [
        pytest.param(*VARIABLE, {}, id="variable"),
        pytest.param(*METHOD, {"entry": "Net.f"}, id="method"),
        pytest.param(*METHOD, {"entry": "Net().f"}, id="expression"),
        pytest.param(*DROPOUT, {}, id="random-ops"),
        pytest.param(*SECOND, {"inputs": {"x": "float64[5]"}}, id="second-order-float64"),
        pytest.param(*SECOND, {"inputs": {"x": "bfloat16[5]"}}, id="second-order-bfloat16"),
        pytest.param(
            *SLICES, {"inputs": {"x": "float32[4,3]", "i": "int32[5] int < 4"}}, id="slices"
        ),
        pytest.param(
            *NESTED_ARGUMENTS,
            {
                "inputs": {
                    "net": {"b": "float32[2]"},
                    "xs": ["float32[2]", "float32[2] positive"],
                    "power": 2,
                }
            },
            id="nested-arguments",
        ),
        pytest.param(
            *VARIABLE_ARGUMENT, {"inputs": {"x": "float32[3] variable"}}, id="variable-argument"
        ),
    ],
)
def test_right_migrations_are_equal(
    verifier: Verifier, before: str, after: str, more: dict[str, Any]
) -> None:
    evidence = verifier.verify(case(before, after, **more))
    assert evidence.verdict is Verdict.EQUAL, evidence
    assert rows(evidence) == ALL_EQUAL
    assert all(row.tensors > 0 for row in evidence.rows if row.verdict is Verdict.EQUAL)


def test_variables_made_in_the_function(verifier: Verifier) -> None:
    before = """
def f(x):
    w = tf.Variable(lambda: tf.random.normal([3]))
    return tf.gradients(x * x * w, [x, w])
"""
    after = """
def f(x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        w = tf.Variable(lambda: tf.random.normal([3]))
        y = x * x * w
    return tape.gradient(y, [x, w])
"""
    evidence = verifier.verify(case(before, after))
    assert evidence.verdict is Verdict.EQUAL, evidence
    assert rows(evidence)["tf.function"] is Verdict.NOT_RUN
    reasons = [row.sentence for row in evidence.rows if row.mode == "tf.function"]
    assert "singleton tf.Variables" in reasons[0]


def test_variables_made_on_the_first_call(verifier: Verifier) -> None:
    # tf.function traces this twice, and each trace draws.
    body = """
class Net:
    w = None

    def f(self, x):
        if self.w is None:
            self.w = tf.Variable(lambda: tf.random.normal([3]))
        noise = tf.random.uniform([3])
"""
    before = body + "        return tf.gradients(x * x * self.w * noise, x)[0]\n"
    after = (
        body
        + """
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = x * x * self.w * noise
        return tape.gradient(y, x)
"""
    )
    evidence = verifier.verify(case(before, after, "Net.f"))
    assert rows(evidence) == ALL_EQUAL, evidence


def test_rounding_beyond_the_tolerance_is_settled_in_float64(verifier: Verifier) -> None:
    # The argument of sin is rounded to 1e-3, by either side in its own way.
    before = """
def f(x):
    return tf.gradients(tf.sin(x + 10000.0), x)[0]
"""
    after = """
def f(x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.sin((2.0 * x + 10000.0) - x)
    return tape.gradient(y, x)
"""
    evidence = verifier.verify(case(before, after, inputs={"x": "float32[50]"}))
    eager = evidence.rows[0]
    assert eager.worst is not None
    assert eager.worst > 2e-5
    assert eager.verdict is Verdict.EQUAL, eager
    assert "rounding only" in eager.sentence


def test_a_small_but_real_difference_is_not_rounding(verifier: Verifier) -> None:
    before = "\ndef f(x):\n    return tf.gradients(x * x, x)[0]\n"
    after = """
def f(x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = x * x * 1.0001
    return tape.gradient(y, x)
"""
    evidence = verifier.verify(case(before, after))
    assert evidence.verdict is Verdict.DIFFERENT


def test_no_gpu_is_said_and_never_equal(verifier: Verifier) -> None:
    evidence = verifier.verify(case(*VARIABLE))
    gpu = [row for row in evidence.rows if row.device.startswith("GPU")]
    assert gpu
    if not verifier.new.hello["gpus"]:
        assert [(row.verdict, row.sentence) for row in gpu] == [(Verdict.NOT_RUN, "no GPU")]
    else:
        assert all(row.verdict is Verdict.EQUAL for row in gpu if row.mode != "graph")


def test_only_a_gpu_asked_for_and_none_there(verifier: Verifier) -> None:
    if verifier.new.hello["gpus"]:
        pytest.skip("there is a GPU")
    (evidence,) = verify_cases([case(*VARIABLE)], devices="gpu")
    assert evidence.verdict is Verdict.NOT_RUN
    assert evidence.sentence == "no GPU"


def test_sources_in_another_encoding(verifier: Verifier) -> None:
    cookie, remark = b"# -*- coding: latin-1 -*-\n", "# caf\u00e9\n".encode("latin-1")
    sources = [cookie + remark + (HEAD + text).encode() for text in VARIABLE]
    inputs = (("x", parse_input("float32[4,3]")),)
    evidence = verifier.verify(Case("test", sources[0], sources[1], "f", inputs=inputs))
    assert evidence.verdict is Verdict.EQUAL, evidence


def test_nothing_migrated_is_not_run(verifier: Verifier) -> None:
    untouched = Case("test", HEAD, None, "f")
    assert verifier.verify(untouched).verdict is Verdict.NOT_RUN
    text_only = Case("test", HEAD, HEAD, "f", not_run="needs Keras 2")
    assert verifier.verify(text_only).sentence == "needs Keras 2"


def test_evidence_as_json(verifier: Verifier) -> None:
    data = verifier.verify(case(*VARIABLE)).as_json()
    assert data["verdict"] == "equal"
    assert data["old"]["mode"] == "graph"
    assert {row["mode"] for row in data["rows"]} >= {"eager", "tf.function", "graph"}
    assert all(row["worst_relative_error"] == 0.0 for row in data["rows"][:2])
