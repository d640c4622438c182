"""Gradients of unusual kinds, and unusual ways to ask a Session for them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.verify.program.programs import prove, verdicts

PARTS = """import tensorflow as tf


def rows(w, ids):
    y = tf.gather(w, ids) ** 2
    return tf.gradients(y, w)[0]


def slope(x):
    y = tf.sin(x) * x
    return tf.gradients(y, x)[0]
"""
MAIN = """import sys

import parts
import tensorflow as tf

W = tf.Variable(tf.ones([4, 2]))


@tf.function
def step(ids):
    return parts.rows(W, ids)


print(step(tf.constant([0, 2, 0])).indices)
with tf.Graph().as_default():
    x = tf.compat.v1.placeholder(tf.float32, [2], name="x")
    seed = tf.compat.v1.random_uniform([2])
    g = parts.slope(x)
    noisy = parts.slope(seed)
    with tf.compat.v1.Session() as session:
        session.run(g, {"x:0": [1.0, 2.0]})
        session.run({"g": g, "noisy": noisy}, {x: [2.0, 3.0]})
        session.run([g, noisy], {x.name: [3.0, 4.0]})
sys.exit("that is all")
"""


def test_slices_of_a_traced_function_and_what_a_session_is_asked_by_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The module stands in a folder on PYTHONPATH: the copies have one of their own."""
    (tmp_path / "lib").mkdir()
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "lib" / "parts.py").write_text(PARTS, encoding="utf-8")
    (tmp_path / "main.py").write_text(MAIN, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "lib"))
    data, code = prove(tmp_path, "lib/parts.py", run="python main.py", finite_differences=True)
    assert verdicts(data) == {"lib/parts.py:6": "equal", "lib/parts.py:11": "equal"}, data
    assert code == 0
    (device, *_) = data["devices"]
    assert "both programs exit with 1" in device["notes"]
    counts = {s["line"]: s["evaluations"]["old"] for s in device["sites"]}
    # In the first run the other gradient may be computed besides, once.
    assert counts[6] == 1
    assert counts[11] in (5, 6)
