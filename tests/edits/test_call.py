"""How a gradient call is written anew: structure of the result, keywords, comments."""

from __future__ import annotations

import textwrap

import pytest

from tests.migrating import check, rewritten

BODY = """
def f(x, t, g1):
    y = tf.sin(x) * t
    return {call}
"""


def call_of(call: str) -> str:
    """What the last line returns after the migration."""
    return rewritten(BODY.format(call=call)).rpartition("return ")[2].rstrip("\n")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        # One tensor that is taken at once, and the list that it comes in.
        ("tf.gradients(y, x)[0]", "tape.gradient(y, x)"),
        ("tf.gradients(y, [x])[0]", "tape.gradient(y, x)"),
        ("tf.gradients(y, (x,))[0]", "tape.gradient(y, x)"),
        ("tf.gradients(y, x)", "tape.gradient(y, [x])"),
        ("tf.gradients(y, [x])", "tape.gradient(y, [x])"),
        ("tf.gradients(y, (x,))", "tape.gradient(y, [x,])"),
        ("tf.gradients(y, [x, t])", "tape.gradient(y, [x, t])"),
        ("tf.gradients(y, (x, t))", "tape.gradient(y, [x, t])"),
        ("tf.gradients(y, [x, t])[0]", "tape.gradient(y, [x, t])[0]"),
        ("tf.gradients(y, x)[-1]", "tape.gradient(y, [x])[-1]"),
        ("tf.gradients(y, x)[0:1]", "tape.gradient(y, [x])[0:1]"),
        ("tf.gradients(y, x)[False]", "tape.gradient(y, [x])[False]"),
        ("tf.gradients(y, x)[0][0]", "tape.gradient(y, x)[0]"),
        ("tf.gradients(y, x) [ 0 ]", "tape.gradient(y, x)"),
        ("(tf.gradients(y, x))[0]", "(tape.gradient(y, [x]))[0]"),
        ("(tf.gradients)(y, x)[0]", "(tape.gradient)(y, x)"),
        # Keywords.
        ("tf.gradients(ys=y, xs=x)[0]", "tape.gradient(target=y, sources=x)"),
        ("tf.gradients(xs=[x, t], ys=y)", "tape.gradient(sources=[x, t], target=y)"),
        ("K.gradients(loss=y, variables=[x])", "tape.gradient(target=y, sources=[x])"),
        ("tf.gradients(y, x, g1)[0]", "tape.gradient(y, x, output_gradients=g1)"),
        ("tf.gradients(y, x, grad_ys=g1)[0]", "tape.gradient(y, x, output_gradients=g1)"),
        ("tf.gradients(y, x, [g1])[0]", "tape.gradient(y, x, output_gradients=[g1])"),
        ("tf.gradients(y, x, None)[0]", "tape.gradient(y, x, output_gradients=None)"),
        (
            "tf.gradients([y, x], x, [None, g1])[0]",
            "tape.gradient([y, x], x, output_gradients=[tf.ones_like(y), g1])",
        ),
        (
            "tf.gradients(y, x, unconnected_gradients='zero')[0]",
            "tape.gradient(y, x, unconnected_gradients='zero')",
        ),
        # Dropped arguments.
        ("tf.gradients(y, x, name='g')[0]", "tape.gradient(y, x)"),
        ("tf.gradients(y, x, None, 'g')[0]", "tape.gradient(y, x, output_gradients=None)"),
        ("tf.gradients(y, x, name='g',)[0]", "tape.gradient(y, x,)"),
        ("tf.gradients(name='g', ys=y, xs=x)[0]", "tape.gradient(target=y, sources=x)"),
        ("tf.gradients(ys=y, name='g', xs=x)[0]", "tape.gradient(target=y, sources=x)"),
        (
            "tf.gradients(y, x, gate_gradients=True, name='a, b', aggregation_method=2)[0]",
            "tape.gradient(y, x)",
        ),
        (
            "tf.compat.v1.gradients(y, x, None, 'g', True, False)[0]",
            "tape.gradient(y, x, output_gradients=None)",
        ),
        ("tf.gradients(y, x, stop_gradients=[])[0]", "tape.gradient(y, x)"),
    ],
)
def test_calls(old: str, new: str) -> None:
    assert call_of(old) == new


def test_text_between_arguments_is_kept() -> None:
    old = """tf.gradients(
        y,  # the target
        x,

        # why not
        name='g',  # unused
        grad_ys=g1  # given
    )[0]"""
    new = rewritten(BODY.format(call=old))
    for comment in ("# the target", "# why not", "# unused", "# given"):
        assert new.count(comment) == 1
    assert "name=" not in new
    assert "output_gradients=g1  # given" in new


def test_sources_of_unknown_kind_are_flattened() -> None:
    check(
        """
        def f(xs):
            y = tf.add_n([tf.sin(x) for x in xs])
            return tf.gradients(y, xs)
        """,
        """
        def f(xs):
            with tf.GradientTape() as tape:
                tape.watch(xs)
                y = tf.add_n([tf.sin(x) for x in xs])
            return tape.gradient(y, tf.nest.flatten(xs))
        """,
    )


def test_a_tuple_by_name_becomes_a_list() -> None:
    new = rewritten("""
        def f(x, t):
            xs = (x, t)
            y = tf.sin(xs[0]) * xs[1]
            return tf.gradients(y, xs)
        """)
    assert "tape.gradient(y, list(xs))" in new


def test_an_import_is_added_only_where_tensorflow_has_no_name() -> None:
    source = textwrap.dedent("""
        def f(x, xs):
            y = K.sin(x)
            return K.gradients(y, x)[0]
        """)
    assert "import" not in rewritten(source)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("tf.gradients(tf.sin(x), x)[0]", "tape.gradient(target, x)"),
        ("tf.gradients(tf.sin(x)[:, 0], [x])", "tape.gradient(target, [x])"),
        ("tf.gradients([tf.sin(x), t * x], x)", "tape.gradient(target, [x])"),
        ("tf.gradients(ys=x ** 2, xs=x)[0]", "tape.gradient(target=target, sources=x)"),
        (
            "tf.gradients([tf.sin(x), x], x, [None, g1])[0]",
            "tape.gradient(target, x, output_gradients=[tf.ones_like(target[0]), g1])",
        ),
    ],
)
def test_inline_targets_get_a_name(old: str, new: str) -> None:
    assert call_of(old) == new
