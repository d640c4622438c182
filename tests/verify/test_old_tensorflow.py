"""The old side on the TensorFlow it was written for: 1.15, under Python 3.7.

Set TAPE_MIGRATE_PYTHON37 to the path of such an interpreter.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tape_migrate.verify import Case, Verdict, Verifier, parse_input

PYTHON = os.environ.get("TAPE_MIGRATE_PYTHON37")

pytestmark = pytest.mark.skipif(
    not PYTHON, reason="not run: no Python 3.7 with TensorFlow 1.15 (TAPE_MIGRATE_PYTHON37)"
)


@pytest.fixture(scope="module")
def across() -> Iterator[Verifier]:
    with Verifier(python_old=PYTHON, devices="cpu") as shared:
        yield shared


BEFORE = """
import tensorflow as tf

w = tf.get_variable("w", [3, 2], initializer=tf.random_normal_initializer())


def f(x):
    u = tf.tanh(tf.matmul(tf.to_float(x), w))
    noise = tf.random_uniform([2])
    return tf.gradients(u * noise, [x, w], name="g")
"""

AFTER = """
import tensorflow as tf

w = tf.Variable(lambda: tf.random.normal([3, 2]))


def f(x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        u = tf.tanh(tf.matmul(tf.cast(x, tf.float32), w))
        noise = tf.random.uniform([2])
        y = u * noise
    return tape.gradient(y, [x, w])
"""


def case(after: str) -> Case:
    return Case("test", BEFORE, after, "f", inputs=(("x", parse_input("float32[4,3]")),))


def test_old_and_new_agree_across_versions(across: Verifier) -> None:
    evidence = across.verify(case(AFTER))
    assert evidence.verdict is Verdict.EQUAL, evidence
    assert evidence.old is not None
    assert evidence.new is not None
    assert evidence.old.tensorflow.startswith("1.15")
    assert evidence.new.tensorflow.startswith("2.")


def test_a_wrong_migration_is_caught_across_versions(across: Verifier) -> None:
    forward = "u = tf.tanh(tf.matmul(tf.cast(x, tf.float32), w))\n"
    late = AFTER.replace("        " + forward, "").replace(
        "    with tf.GradientTape()", "    " + forward + "    with tf.GradientTape()"
    )
    evidence = across.verify(case(late))
    assert evidence.verdict is Verdict.STRUCTURE_DIFFERS
    wrong = case(AFTER.replace("u * noise", "u * noise * 1.001"))
    assert across.verify(wrong).verdict is Verdict.DIFFERENT
