"""How a migration is written out: names, comments, blank lines."""

from __future__ import annotations

import pytest

from tests.migrating import check, rewritten


def test_names_that_are_taken() -> None:
    new = rewritten("""
        def f(x, tape, target):
            tape2 = tape
            return tf.gradients(tf.sin(x) * tape2 * target, x)[0]
        """)
    assert "as tape3:" in new
    assert "target2 = tf.sin(x) * tape2 * target" in new


def test_names_of_other_functions_are_free() -> None:
    new = rewritten("""
        def g():
            tape = target = 1
            return tape + target

        def f(x):
            return tf.gradients(tf.sin(x), x)[0]
        """)
    assert "as tape:" in new
    assert "target = tf.sin(x)" in new


def test_names_of_the_module_that_the_function_reads_are_taken() -> None:
    new = rewritten("""
        tape = 2.0

        def f(x):
            return tf.gradients(tf.sin(x) * tape, x)[0]
        """)
    assert "as tape2:" in new


@pytest.mark.parametrize(
    ("imports", "name"),
    [
        ("from tensorflow.keras import backend as K", "tf"),
        ("import tensorflow; K = tensorflow.keras.backend; tf = 1", "tensorflow"),
    ],
)
def test_tensorflow_under_its_name(imports: str, name: str) -> None:
    if name == "tf":
        new = rewritten("def f(x):\n    y = K.sin(x)\n    return K.gradients(y, x)[0]\n")
        assert "with tf.GradientTape()" in new


def test_comments_between_fused_calls_keep_them_apart() -> None:
    check(
        """
        def f(x, t):
            u = tf.sin(x * t)
            # in space
            u_x = tf.gradients(u, x)[0]
            # in time
            u_t = tf.gradients(u, t)[0]
            return u_x, u_t
        """,
        """
        def f(x, t):
            with tf.GradientTape(persistent=True) as tape:
                tape.watch([x, t])
                u = tf.sin(x * t)
            # in space
            u_x = tape.gradient(u, x)
            # in time
            u_t = tape.gradient(u, t)
            return u_x, u_t
        """,
    )


def test_text_of_an_inline_target_over_several_lines() -> None:
    new = rewritten("""
        def f(x):
            g = tf.gradients(
                tf.sin(x)
                + tf.cos(x),  # both
                x,
            )[0]
            return g
        """)
    compile(new, "new", "exec")
    assert "# both" in new
    assert "tape.gradient(" in new


def test_docstrings_and_comments_stay_where_they_are() -> None:
    check(
        '''
        def f(x):
            """Slope.

            Of the sine.
            """
            # the sine
            y = tf.sin(x)

            # its slope
            return tf.gradients(y, x)[0]
        ''',
        '''
        def f(x):
            """Slope.

            Of the sine.
            """
            with tf.GradientTape() as tape:
                tape.watch(x)
                # the sine
                y = tf.sin(x)

            # its slope
            return tape.gradient(y, x)
        ''',
    )
