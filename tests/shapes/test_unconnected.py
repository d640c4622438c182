"""Zeros or None: calls whose target goes through a branch or a loop of a graph."""

from __future__ import annotations

import pytest

from tests.migrating import codes, rewritten

_COND = "tf.cond(tf.reduce_sum(x) > 0.0, lambda: x * z, lambda: x + z)"


@pytest.mark.parametrize(
    "body",
    [
        # second order through a loop
        """
            h = tf.map_fn(lambda e: e * 1.5, z)
            g = tf.gradients(h, z)
            return tf.gradients(g, z)
        """,
        # targets in turn
        f"""
            outs = []
            ts = [z, {_COND}]
            for t in ts:
                outs.append(tf.gradients(t, x))
            return outs
        """,
        f"""
            ts = [z, {_COND}]
            return [tf.gradients(t, x) for t in ts]
        """,
        # a source that only the predicate reads
        """
            y = tf.cond(tf.reduce_sum(x) > 0.0, lambda: z * z, lambda: z + z)
            return tf.gradients(y * 1.0, [z, x])
        """,
        # loops that may leave out what they are given
        """
            h = tf.map_fn(lambda e: 1.5, z)
            return tf.gradients(h, z)
        """,
        """
            a, b = tf.map_fn(lambda e: (e[0] * 2.0, e[1]), (x, z), dtype=(tf.float32, tf.float32))
            return tf.gradients(a, z)
        """,
        """
            a = tf.scan(unknown, z)
            return tf.gradients(a, z)
        """,
    ],
)
def test_undecided_is_refused(body: str) -> None:
    found = codes(f"\n        def f(x, z):{body}")
    assert found[-1] == "TM103"


def test_zeros_where_the_source_is_connected_in_the_graph() -> None:
    new = rewritten(f"""
        def f(x, z):
            y = {_COND}
            return tf.gradients(y, x)
        """)
    assert "unconnected_gradients=tf.UnconnectedGradients.ZERO" in new


@pytest.mark.parametrize(
    "loop",
    [
        "tf.map_fn(lambda e: e * 1.5, z)",
        "tf.scan(lambda a, e: a * e, z)",
        "tf.foldl(lambda a, e: a + e * x, z)",
    ],
)
def test_a_loop_that_reads_all_that_it_is_given(loop: str) -> None:
    new = rewritten(f"""
        def f(x, z):
            h = {loop}
            return tf.gradients(h, z)
        """)
    assert "ZERO" not in new


def test_what_is_done_with_a_gradient_blocks_nothing() -> None:
    program = """
        def f(x):
            y = x * x
            return 1.0 == tf.stop_gradient(tf.gradients(y, x)[0])
        """
    assert codes(program) == [None]
