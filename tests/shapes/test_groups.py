"""Which calls share a tape, and in which form."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from tape_migrate.shapes import groups
from tape_migrate.shapes.plan import Candidate
from tests.migrating import check, rewritten


def test_first_derivatives_of_one_target_become_one_call() -> None:
    check(
        """
        def f(x, t):
            u = tf.sin(x * t)
            u_x = tf.gradients(u, x)[0]
            u_t = tf.gradients(u, t)[0]
            return u_x, u_t
        """,
        """
        def f(x, t):
            with tf.GradientTape() as tape:
                tape.watch([x, t])
                u = tf.sin(x * t)
            u_x, u_t = tape.gradient(u, [x, t])
            return u_x, u_t
        """,
    )


def test_apart_they_share_a_persistent_tape() -> None:
    new = rewritten("""
        def f(x, t):
            u = tf.sin(x * t)
            u_x = tf.gradients(u, x)[0]
            print(u_x)
            u_t = tf.gradients(u, t)[0]
            return u_x, u_t
        """)
    assert new.count("GradientTape") == 1
    assert "persistent=True" in new


def test_different_targets_of_one_forward_pass_share_a_persistent_tape() -> None:
    new = rewritten("""
        def f(x):
            h = tf.sin(x)
            a = h * 2.0
            b = h * h
            return tf.gradients(a, x)[0], tf.gradients(b, x)[0]
        """)
    assert new.count("GradientTape") == 1
    assert "persistent=True" in new


def test_separate_forward_passes_have_tapes_of_their_own() -> None:
    new = rewritten("""
        def f(x):
            a = tf.sin(x)
            g = tf.gradients(a, x)[0]
            b = tf.cos(x)
            h = tf.gradients(b, x)[0]
            return g, h
        """)
    assert new.count("GradientTape") == 2
    assert "persistent" not in new


def test_keywords_keep_calls_apart() -> None:
    new = rewritten("""
        def f(x, t, v):
            u = tf.sin(x * t)
            u_x = tf.gradients(u, x, grad_ys=v)[0]
            u_t = tf.gradients(u, t)[0]
            return u_x, u_t
        """)
    assert "output_gradients=v" in new
    assert "tape.gradient(u, x, output_gradients=v)" in new
    assert "tape.gradient(u, t)" in new


def test_lists_are_not_fused_with_single_results() -> None:
    new = rewritten("""
        def f(x, t):
            u = tf.sin(x * t)
            a = tf.gradients(u, x)
            b = tf.gradients(u, t)[0]
            return a, b
        """)
    assert "a = tape.gradient(u, [x])\n    b = tape.gradient(u, t)\n" in new


def test_each_call_is_in_one_group(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where two groups before it could both take it."""
    monkeypatch.setattr(groups, "_join", _join_always)
    region = SimpleNamespace(block=[])
    candidates = [SimpleNamespace(region=region, name=name) for name in "abc"]
    formed = groups.form_groups(None, candidates)  # type: ignore[arg-type]
    assert [len(group.members) for group in formed] == [3]


def _join_always(context: object, group: groups.Group, candidate: Candidate) -> groups.Group:
    return groups.Group((*group.members, candidate))
