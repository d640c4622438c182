"""Sources that are collections: what is put into them, and by which name."""

from __future__ import annotations

import pytest

from tests.migrating import codes, rewritten


def test_a_list_of_names_written_out() -> None:
    new = rewritten("""
        def f(a, b):
            u, v = tf.sin(a), tf.sin(b)
            xs = [u, v]
            y = xs[0] * xs[1]
            return tf.gradients(y, xs)
        """)
    assert new.index("u, v = tf.sin(a), tf.sin(b)") < new.index("GradientTape")
    assert "tape.gradient(y, xs)" in new


def test_members_put_in_one_by_one_are_watched_or_refused() -> None:
    program = """
        def f(a, b):
            xs = []
            xs.append(tf.sin(a))
            xs.append(tf.sin(b))
            y = tf.add_n(xs)
            return tf.gradients(y, xs)
        """
    if codes(program) == [None]:
        assert "tape.watch(xs)" in rewritten(program)
    else:
        assert codes(program) == ["TM104"]


@pytest.mark.parametrize(
    "body",
    [
        # A member is computed from another: its part of the total derivative must not be lost.
        "xs = [tf.sin(a)]\n    xs.append(tf.cos(xs[0]))\n    y = xs[0] * xs[1]",
        "xs = [a]\n    for _ in b:\n        xs.append(tf.sin(xs[-1]))\n    y = xs[-1] * xs[0]",
        "h = tf.sin(a)\n    xs = [h, h * h]\n    y = xs[0] * xs[1]",
        # Changed after use, or by another name.
        "xs = [a, b]\n    y = xs[0] * xs[1]\n    xs[0] = y",
        "xs = [a, b]\n    y = xs[0] * xs[1]\n    xs.append(y)",
        "xs = [a, b]\n    zs = xs\n    y = xs[0] * xs[1]\n    zs[0] = y",
        "xs = [a, b]\n    y = xs[0] * xs[1]\n    xs.pop()",
        "xs = [a, b]\n    y = xs[0] * xs[1]\n    xs += [y]",
        "xs = {'a': a}\n    y = xs['a'] * 2.0\n    xs['b'] = y",
        "xs = [a, b]\n    y = xs[0] * xs[1]\n    shuffle(xs)",
        "xs = [a, b]\n    del xs[0]\n    y = xs[0] * 2.0",
    ],
)
def test_collections_that_are_not_what_was_used(body: str) -> None:
    program = f"def f(a, b, shuffle):\n    {body}\n    return tf.gradients(y, xs)\n"
    (code,) = codes(program)
    if code is None:
        # Then each member is watched where it is made, inside the tape.
        new = rewritten(program)
        assert new.index("GradientTape") < new.index("tf.cos" if "tf.cos" in new else "y ="), new
    else:
        assert code in ("TM102", "TM104", "TM105", "TM115", "TM117", "TM120")
