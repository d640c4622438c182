"""Small programs, and a short way to prove one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tape_migrate.verify.program.command import ProgramOptions, run_program
from tape_migrate.verify.program.plan import Asked
from tape_migrate.verify.schema import schema

SCRIPT = """import sys

import tensorflow as tf


def slope(x):
    y = tf.sin(x) * x
    g = tf.gradients(y, x)[0]
    return g


if __name__ == "__main__":
    print(slope(tf.constant([0.5, 1.0, float(sys.argv[1]) if sys.argv[1:] else 2.0])))
"""

SESSION = """import numpy as np
import tensorflow as tf

x = tf.placeholder(tf.float32, [None, 3])
w = tf.get_variable("w", [3, 2], initializer=tf.truncated_normal_initializer())
rows = tf.Variable(tf.random_normal([5, 2]))
picked = tf.nn.embedding_lookup(rows, [0, 2, 0])
noise = tf.random_uniform([2])
y = tf.nn.dropout(tf.tanh(tf.matmul(x, w)), keep_prob=0.5) * noise
loss = tf.reduce_sum(y ** 2) + tf.reduce_sum(picked ** 2) / 3.0
g = tf.gradients(loss, [w, rows])
train = tf.train.AdamOptimizer(0.1).apply_gradients(zip(g, [w, rows]))
with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    for step in range(3):
        session.run(train, feed_dict={x: np.random.randn(4, 3)})
"""


def prove(folder: Path, *targets: str, **more: Any) -> tuple[dict[str, Any], int]:
    """Prove with ``folder`` as the current one; the evidence (or its text) and the exit code.

    Words of ``Asked`` and of ``ProgramOptions`` may be given.
    """
    words = {key: more.pop(key) for key in list(more) if key in Asked.__dataclass_fields__}
    more.setdefault("device", "cpu")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        text, code = run_program(
            Asked(targets=targets, **words), ProgramOptions(json_path="-", **more)
        )
    if not text.startswith("{"):
        return {"text": text}, code
    data: dict[str, Any] = json.loads(text)
    valid(data)
    return data, code


def valid(data: dict[str, Any]) -> None:
    """Hold evidence against the schema that ships with the package."""
    jsonschema.Draft202012Validator(schema()).validate(data)


def verdicts(data: dict[str, Any]) -> dict[str, str]:
    """The verdict of each call of the first device, by ``file:line``."""
    return {f"{s['path']}:{s['line']}": s["verdict"] for s in data["devices"][0]["sites"]}
