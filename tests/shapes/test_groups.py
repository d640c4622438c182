"""Which calls share a tape, and in which form."""

from __future__ import annotations

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


def test_each_call_is_in_one_group() -> None:
    """Also where a call overlaps with two before it that have nothing in common."""
    new = rewritten("""
        def f(x):
            a = tf.sin(x)
            b = tf.cos(x)
            c = a * b
            g = tf.gradients(a, x)[0]
            h = tf.gradients(b, x)[0]
            k = tf.gradients(c, x)[0]
            return g, h, k
        """)
    assert [line.split(" = ")[0].strip() for line in new.splitlines() if ".gradient(" in line] == [
        "g",
        "h",
        "k",
    ]


def test_calls_that_fit_one_by_one_share_a_tape_though_not_all_do() -> None:
    """What ``k`` is computed from stands after the first two calls."""
    new = rewritten("""
        def f(x):
            u = tf.sin(x)
            v = u * u
            g = tf.gradients(u, x)[0]
            h = tf.gradients(v, x)[0]
            w = u * v
            k = tf.gradients(w, x)[0]
            return g, h, k
        """)
    assert new.count("GradientTape") == 2
    assert new.count("persistent=True") == 1


def test_many_calls_of_one_function_are_written_together() -> None:
    """Each on a forward pass of its own: names and places are those of one at a time."""
    lines = "".join(
        f"    y{n} = tf.sin(x * {n}.0)\n    g{n} = tf.gradients(y{n}, x)[0]\n" for n in range(3)
    )
    new = rewritten(f"def f(x):\n{lines}    return g0, g1, g2\n")
    assert [line.strip() for line in new.splitlines() if ".gradient(" in line] == [
        "g0 = tape.gradient(y0, x)",
        "g1 = tape2.gradient(y1, x)",
        "g2 = tape3.gradient(y2, x)",
    ]


def test_calls_that_get_in_each_others_way_are_written_in_their_turn() -> None:
    """The tape of each encloses those before it; a call apart from them does not have to wait."""
    lines = "".join(
        f"    h = tf.sin(h * {n}.0)\n    g{n} = tf.gradients(h, x)[0]\n" for n in range(4)
    )
    new = rewritten(
        f"def f(x):\n    h = tf.sin(x)\n{lines}    y = tf.cos(x)\n"
        "    k = tf.gradients(y, x)[0]\n    return g0, g1, g2, g3, k\n"
    )
    assert "tf.gradients" not in new
    opened = [line for line in new.splitlines() if "GradientTape" in line]
    assert [len(line) - len(line.lstrip()) for line in opened] == [4, 8, 12, 16, 4]
