"""Module-level programs, Python control flow, and programs that stay in graph mode."""

from __future__ import annotations

import pytest

from tape_migrate.verify import Verdict, Verifier

from .cases import ALL_EQUAL, case, rows

EXAMPLE_1 = (
    """
x = tf.Variable(1.0)
y = x * 2.0
z = tf.constant(5.0)
g = tf.keras.backend.gradients(y, [x, z])
""",
    """
x = tf.Variable(1.0)
with tf.GradientTape() as tape:
    y = x * 2.0
z = tf.constant(5.0)
g = tape.gradient(y, [x, z])
""",
)

EXAMPLE_3 = (
    """
x = tf.Variable(2.0)
if x > 1.0:
    y = x * x
else:
    y = x
g = tf.keras.backend.gradients(y, x)
""",
    """
x = tf.Variable(2.0)


@tf.function
def branch(x):
    if x > 1.0:
        y = x * x
    else:
        y = x
    return y


with tf.GradientTape() as tape:
    y = branch(x)
g = tape.gradient(y, [x])
""",
)


def test_module_level_program(verifier: Verifier) -> None:
    program = case(*EXAMPLE_1, entry=None, outputs=("g",), expect=(("g", [2.0, "None"]),))
    evidence = verifier.verify(program)
    assert evidence.verdict is Verdict.EQUAL, evidence
    assert rows(evidence) == ALL_EQUAL


@pytest.mark.parametrize("old_mode", ["autograph", "auto"])
def test_python_control_flow_needs_autograph_on_the_old_side(
    verifier: Verifier, old_mode: str
) -> None:
    program = case(
        *EXAMPLE_3, entry=None, outputs=("g",), expect=(("g", [4.0]),), old_mode=old_mode
    )
    evidence = verifier.verify(program)
    assert evidence.verdict is Verdict.EQUAL, evidence
    assert evidence.old is not None
    assert evidence.old.mode == "autograph"


def test_graph_mode_says_that_the_old_program_fails(verifier: Verifier) -> None:
    program = case(*EXAMPLE_3, entry=None, outputs=("g",))
    evidence = verifier.verify(program)
    assert evidence.verdict is Verdict.FAILED
    assert "the old code raised" in evidence.sentence


def test_autograph_of_a_function_and_of_a_method(verifier: Verifier) -> None:
    before = """
class Net:
    def f(self, x):
        if tf.reduce_sum(x) > 0.0:
            y = x * x
        else:
            y = tf.exp(x)
        return tf.gradients(y, x)[0]
"""
    after = """
class Net:
    @tf.function
    def f(self, x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            if tf.reduce_sum(x) > 0.0:
                y = x * x
            else:
                y = tf.exp(x)
        return tape.gradient(y, x)
"""
    evidence = verifier.verify(case(before, after, "Net.f", old_mode="autograph", seeds=(0, 1, 2)))
    assert evidence.verdict is Verdict.EQUAL, evidence
    assert {row.seed for row in evidence.rows if row.mode == "eager"} == {0, 1, 2}


def test_known_values_are_held_against_both_sides(verifier: Verifier) -> None:
    wrong = case(*EXAMPLE_1, entry=None, outputs=("g",), expect=(("g", [3.0, "None"]),))
    evidence = verifier.verify(wrong)
    assert evidence.verdict is Verdict.DIFFERENT
    assert "old side: g[0]: expected 3.0, got 2.0" in evidence.sentence


def test_a_session_that_stays(verifier: Verifier) -> None:
    head = """
class Net:
    def __init__(self):
        self.x = tf.compat.v1.placeholder(tf.float32, [None, 2])
        self.g = self.net_f(self.x)
        self.session = tf.compat.v1.Session()

    def f(self, x):
        return self.session.run(self.g, {self.x: x})

    def net_f(self, x):
"""
    before = head + "        return tf.gradients(tf.sin(x), x)[0]\n"
    after = (
        head
        + """
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.sin(x)
        return tape.gradient(y, x)
"""
    )
    inputs = {"x": "float32[4,2] numpy"}
    evidence = verifier.verify(case(before, after, "Net.f", inputs=inputs, modes=("graph",)))
    assert evidence.verdict is Verdict.EQUAL, evidence
    assert rows(evidence) == {"graph": Verdict.EQUAL}
    wrong = after.replace("tf.sin(x)", "tf.cos(x)")
    evidence = verifier.verify(case(before, wrong, "Net.f", inputs=inputs, modes=("graph",)))
    assert evidence.verdict is Verdict.DIFFERENT


def test_v1_graphs(verifier: Verifier) -> None:
    before = """
w = tf.get_variable("w", [3], initializer=tf.ones_initializer())

def f(x):
    return tf.gradients(tf.to_float(x) ** 2 * w, x)[0]
"""
    after = """
w = tf.Variable(tf.ones([3]))

def f(x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.cast(x, tf.float32) ** 2 * w
    return tape.gradient(y, x)
"""
    evidence = verifier.verify(case(before, after, old_mode="v1"))
    assert evidence.verdict is Verdict.EQUAL, evidence


@pytest.mark.parametrize("switch", ["disable_v2_behavior", "disable_eager_execution"])
def test_a_program_that_stays_in_graph_mode_is_proven_there(
    verifier: Verifier, switch: str
) -> None:
    head = f"""
tf.compat.v1.{switch}()
w = tf.compat.v1.get_variable("w", [3], initializer=tf.compat.v1.ones_initializer())

def f(x):
"""
    before = head + "    return tf.gradients(w * x * x, w)\n"
    after = (
        head
        + """
    with tf.GradientTape() as tape:
        y = w * x * x
    return tape.gradient(y, [w])
"""
    )
    evidence = verifier.verify(case(before, after, old_mode="auto"))
    (graph,) = (row for row in evidence.rows if row.mode == "graph")
    assert graph.required
    if switch == "disable_eager_execution":
        assert evidence.verdict is Verdict.EQUAL, evidence
    else:
        # The reference variables of TensorFlow 1 cannot be the sources of a tape.
        assert rows(evidence)["eager"] is Verdict.EQUAL
        assert (evidence.verdict, graph.verdict) == (Verdict.FAILED, Verdict.FAILED)
        assert "AttributeError" in graph.sentence
