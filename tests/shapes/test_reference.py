"""Reference variables: what is made as one is no source of a tape, what is not known is assumed."""

from __future__ import annotations

import pytest

from tests.migrating import codes, sites

OFF = "tf.compat.v1.disable_v2_behavior()\n"


def program(made: str, head: str = OFF) -> str:
    lines = [made, "y = tf.sin(w)", "return tf.gradients(y, w)[0]"]
    return f"{head}\ndef f(v, x=None):\n" + "".join(f"    {line}\n" for line in lines)


@pytest.mark.parametrize(
    "made",
    [
        "w = tf.Variable(1.0)",
        "w = tf.Variable(1.0, trainable=False)",
        "w = tf.compat.v1.get_variable('w', [3])",
        "w = tf.Variable(1.0) if v else tf.Variable(2.0)",
        "ws = [tf.Variable(1.0), tf.Variable(2.0)]; w = ws[0]",
        "h = tf.Variable(1.0); w = h",
        "w = made()",
        "w = OUTER",
        "w = [tf.Variable(1.0)] + [tf.Variable(2.0)]",
        "w = [tf.sin(1.0)] + [tf.Variable(2.0)]",
    ],
)
@pytest.mark.parametrize(
    "head", [OFF, "S = tf.compat.v1.variable_scope('s', use_resource=False)\n"]
)
def test_a_variable_is_refused(made: str, head: str) -> None:
    more = "def made():\n    return tf.Variable(3.0)\n\nOUTER = tf.Variable(4.0)\n"
    assert codes(program(made, head + more)) == ["TM121"]


@pytest.mark.parametrize(
    "made",
    [
        "w = tf.compat.v1.placeholder(tf.float32)",
        "w = tf.Variable(1.0) * 2.0",
        "w = -tf.Variable(1.0)",
        "w = tf.identity(tf.Variable(1.0))",
        "w = tf.Variable(1.0); w += 1.0",
    ],
)
def test_a_tensor_is_none(made: str) -> None:
    (site,) = sites(program(made))
    assert site.code is None
    assert "reference" not in site.message


@pytest.mark.parametrize("made", ["w = v", "w = v.made()", "w = x"])
def test_what_is_not_known_is_assumed_aloud(made: str) -> None:
    (site,) = sites(program(made))
    assert site.code is None
    assert "assumes that w is no reference variable, which a tape cannot take" in site.message


@pytest.mark.parametrize("head", ["", "S = tf.compat.v1.variable_scope('s', use_resource=True)\n"])
def test_resource_variables_are_sources(head: str) -> None:
    (site,) = sites(program("w = tf.Variable(1.0)", head))
    assert site.code is None
    assert "reference" not in site.message
