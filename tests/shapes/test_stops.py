"""stop_gradients: exact where the value is one operation's only result, else refused."""

from __future__ import annotations

import pytest

from tests.migrating import check, codes


def test_the_definition_is_not_recorded_and_the_value_watched() -> None:
    check(
        """
        def f(a):
            b = tf.exp(a)
            y = a * b
            return tf.gradients(y, [a, b], stop_gradients=[b])
        """,
        """
        def f(a):
            with tf.GradientTape() as tape:
                tape.watch(a)
                with tape.stop_recording():
                    b = tf.exp(a)
                tape.watch(b)
                y = a * b
            return tape.gradient(y, [a, b])
        """,
    )


@pytest.mark.parametrize(
    ("making", "stop", "code"),
    [
        ("b = tf.exp(a)", "[b]", None),
        ("b = tf.exp(a)", "b", None),
        ("b = tf.exp(a)", "[a]", None),
        ("b = tf.exp(a)", "[a, b]", None),
        ("b = tf.exp(a)", "None", None),
        ("b, c = tf.split(a, 2)", "[b]", "TM114"),
        ("b, c = tf.nn.moments(a, 0)", "b", "TM114"),
        ("b = tf.unstack(a)[0]", "b", "TM114"),
        ("b = net(a)", "b", "TM114"),
        ("b = tf.identity_n([a])[0]", "b", "TM114"),
        ("b = tf.exp(a)", "[tf.exp(a)]", "TM114"),
        ("b = tf.exp(a)", "stops(b)", "TM114"),
        ("b = tf.exp(a)\n    if a is None:\n        b = tf.sin(a)", "b", "TM114"),
        ("b = c = tf.exp(a)", "b", "TM114"),
    ],
)
def test_which_values_can_be_stopped(making: str, stop: str, code: str | None) -> None:
    program = (
        f"def f(net, stops, a):\n    {making}\n    y = a * b\n"
        f"    return tf.gradients(y, a, stop_gradients={stop})\n"
    )
    got = codes(program)
    assert got == [code] or (code is not None and got[0] is not None), got
