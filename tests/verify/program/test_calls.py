"""By what a call is matched with its counterpart."""

from __future__ import annotations

import pytest

from tape_migrate.verify.program.calls import calls_at, old_calls

HEAD = "import tensorflow as tf\n"


def names(line: str) -> tuple[tuple[int | None, str], ...]:
    (call,) = old_calls(f"{HEAD}{line}\n".encode())
    return call.names


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("g = tf.gradients(y, x)", ((None, "g"),)),
        ("g = tf.gradients(y, x)[0]", ((0, "g"),)),
        ("g = tf.gradients(y, x)[0][1]", ()),
        ("g = tf.gradients(y, x)[i]", ()),
        ("[g] = [tf.gradients(y, x)]", ((0, "g"),)),
        ("a, b = tf.gradients(y, x)[0], 1", ((0, "a"),)),
        ("a, b = c = tf.gradients(y, x)[0], 1", ((0, "a"),)),
        ("def f():\n    return 1, tf.gradients(y, x)[0]", ((0, "return 1"),)),
        ("use(1, tf.gradients(y, x))", ()),
        ("[tf.gradients(y, x)[0]] = [1]", ()),
        ("for g in (1, tf.gradients(y, x)): pass", ()),
    ],
)
def test_where_results_go(line: str, expected: tuple[tuple[int | None, str], ...]) -> None:
    assert names(line) == expected


def test_a_place_without_a_call() -> None:
    text = f"{HEAD}g = tape.gradient(y, x)(1)\n".encode()
    (call,) = calls_at(text, [(2, 5)])
    assert call.text == "tape.gradient(y, x)"
    with pytest.raises(LookupError, match=r"^no call at line 2, column 6$"):
        calls_at(text, [(2, 5), (2, 6)])
