"""The smallest run of statements that holds the path, in a block that is surely run first."""

from __future__ import annotations

import pytest

from tests.migrating import check, codes


def test_only_what_carries_the_source_is_enclosed() -> None:
    check(
        """
        def f(x, other):
            before = tf.exp(other)
            y = tf.sin(x)
            z = y * before
            after = tf.exp(z)
            g = tf.gradients(z, x)[0]
            return g + after
        """,
        """
        def f(x, other):
            before = tf.exp(other)
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = tf.sin(x)
                z = y * before
            after = tf.exp(z)
            g = tape.gradient(z, x)
            return g + after
        """,
    )


def test_statements_between_are_enclosed_and_not_moved() -> None:
    check(
        """
        def f(x):
            y = tf.sin(x)
            print("between")
            z = y * 2.0
            return tf.gradients(z, x)[0]
        """,
        """
        def f(x):
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = tf.sin(x)
                print("between")
                z = y * 2.0
            return tape.gradient(z, x)
        """,
    )


def test_the_innermost_block_that_holds_all() -> None:
    check(
        """
        def f(x, flag):
            g = None
            if flag:
                for i in range(3):
                    y = tf.sin(x) * float(i)
                    g = tf.gradients(y, x)[0]
            return g
        """,
        """
        def f(x, flag):
            g = None
            if flag:
                for i in range(3):
                    with tf.GradientTape() as tape:
                        tape.watch(x)
                        y = tf.sin(x) * float(i)
                    g = tape.gradient(y, x)
            return g
        """,
    )


def test_the_forward_pass_inside_a_with_that_ends_before_the_call() -> None:
    check(
        """
        def f(x):
            with tf.name_scope("a"), tf.device("/CPU:0"):
                with tf.name_scope("b"):
                    y = tf.sin(x)
            return tf.gradients(y, x)[0]
        """,
        """
        def f(x):
            with tf.name_scope("a"), tf.device("/CPU:0"):
                with tf.name_scope("b"):
                    with tf.GradientTape() as tape:
                        tape.watch(x)
                        y = tf.sin(x)
            return tape.gradient(y, x)
        """,
    )


def test_a_call_in_a_loop_after_the_forward_pass_needs_a_persistent_tape() -> None:
    check(
        """
        def f(x):
            y = tf.sin(x)
            for _ in range(2):
                print(tf.gradients(y, x)[0])
        """,
        """
        def f(x):
            with tf.GradientTape(persistent=True) as tape:
                tape.watch(x)
                y = tf.sin(x)
            for _ in range(2):
                print(tape.gradient(y, x))
        """,
    )


def test_a_call_in_a_branch_after_the_forward_pass_does_not() -> None:
    assert "persistent" not in str(
        codes("""
        def f(x, flag):
            y = tf.sin(x)
            if flag:
                return tf.gradients(y, x)[0]
            return y
        """)
    )


@pytest.mark.parametrize(
    ("program", "allowed"),
    [
        # The forward pass may not have been run.
        (
            """
            def f(x, a):
                y = x
                if a:
                    y = tf.sin(x)
                if a:
                    g = tf.gradients(y, x)
                    return g
            """,
            {None},
        ),
        (
            """
            def f(x, a):
                if a:
                    y = tf.sin(x)
                if a:
                    return tf.gradients(y, x)
            """,
            {None, "TM127", "TM102"},
        ),
        (
            """
            def f(x, a):
                for i in a:
                    y = tf.sin(x) * i
                return tf.gradients(y, x)
            """,
            {None, "TM127", "TM102"},
        ),
        # Around a loop.
        (
            """
            def f(x, n):
                y = x
                for i in range(n):
                    g = tf.gradients(y, x)[0]
                    y = tf.sin(x) * g
                return g
            """,
            {None},
        ),
        (
            """
            def f(x, n):
                y = tf.sin(x)
                for i in tf.range(n):
                    g = tf.gradients(y, x)[0]
                return g
            """,
            {"TM117"},
        ),
        (
            """
            def f(x, n):
                y = tf.sin(x)
                while tf.reduce_sum(x) > 0.0:
                    g = tf.gradients(y, x)[0]
                return g
            """,
            {"TM117"},
        ),
        (
            """
            def f(x, n):
                y = x
                for i in range(n):
                    y = tf.sin(y)
                    x = y
                    z = x * x
                    g = tf.gradients(z, y)[0]
                return g
            """,
            {None, "TM117"},
        ),
    ],
)
def test_blocks_that_hold_the_path_or_not(program: str, allowed: set[str | None]) -> None:
    (code,) = codes(program)
    assert code in allowed


def test_a_branch_before_the_gradient_is_inside() -> None:
    check(
        """
        def f(x, a, b):
            if a:
                h = tf.sin(x)
            else:
                h = tf.cos(b)
            y = h * 2.0
            return tf.gradients(y, x)[0], print(y)
        """,
        """
        def f(x, a, b):
            @tf.function
            def compute_h(a, b, x):
                if a:
                    h = tf.sin(x)
                else:
                    h = tf.cos(b)
                return h

            with tf.GradientTape() as tape:
                tape.watch(x)
                h = compute_h(a, b, x)
                y = h * 2.0
            return tape.gradient(y, x), print(y)
        """,
    )
