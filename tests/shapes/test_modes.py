"""Modules in graph mode: what TensorFlow 1 control flow may hide is refused or said aloud."""

from __future__ import annotations

import pytest

from tape_migrate.module import Module
from tape_migrate.shapes.modes import graph_mode, v2_off
from tests.migrating import codes, sites

HEAD = "import tensorflow as tf\n"


@pytest.mark.parametrize(
    ("text", "mode", "off"),
    [
        ("", False, False),
        ("tf.compat.v1.disable_v2_behavior()", True, True),
        ("tf.compat.v1.disable_eager_execution()", True, False),
        ("tf.compat.v1.disable_control_flow_v2()", False, True),
        ("from tensorflow.compat.v1 import disable_v2_behavior", True, True),
        ("x = tf.compat.v1.placeholder(tf.float32)", True, False),
        ("with tf.compat.v1.Session() as sess: pass", True, False),
        ("# disable_v2_behavior()", False, False),
        ("x = 'Session'", False, False),
    ],
)
def test_modes(text: str, mode: bool, off: bool) -> None:
    source = Module((HEAD + text + "\n").encode())
    assert (graph_mode(source) is not None) is mode
    assert v2_off(source) is off


BODY = """
def f(net, x):
    y = {step}
    return tf.gradients(y, x)
"""


@pytest.mark.parametrize("step", ["net(x)", "tf.map_fn(tf.sin, x)"])
def test_under_a_session_it_is_assumed_aloud(step: str) -> None:
    program = "session = tf.compat.v1.Session()\n" + BODY.format(step=step)
    (site,) = sites(program)
    assert site.code is None
    assert "assumes TensorFlow 2 control flow" in site.message
    (site,) = sites(BODY.format(step=step))
    assert "control flow" not in site.message.replace("control-flow", "")


@pytest.mark.parametrize(
    ("step", "code"),
    [("tf.sin(x)", None), ("net(x)", "TM121"), ("tf.map_fn(tf.sin, x)", "TM121")],
)
def test_where_version_2_is_off_only_what_is_seen_through_is_migrated(
    step: str, code: str | None
) -> None:
    program = "tf.compat.v1.disable_v2_behavior()\n" + BODY.format(step=step)
    assert codes(program) == [code]
