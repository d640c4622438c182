"""Python control flow goes under tf.function where that means the same, else it stays eager."""

from __future__ import annotations

import pytest

from tape_migrate.model import Options, TfFunction
from tests.migrating import check, migrate, rewritten

BRANCH = """
    if tf.reduce_sum(x) > 0.0:
        y = tf.sin(x)
    else:
        y = tf.cos(x)
"""


def test_a_function_of_nothing_but_tensorflow_is_decorated() -> None:
    new = rewritten(f"def f(x):\n{BRANCH.strip(chr(10))}\n    return tf.gradients(y, x)[0]\n")
    assert new.startswith("@tf.function\ndef f(x):\n    with tf.GradientTape() as tape:\n")
    assert new.count("@tf.function") == 1


@pytest.mark.parametrize(
    ("before", "why"),
    [
        ("    print(x)\n", "effect"),
        ("    log.append(x)\n", "effect"),
        ("    z = np.ones(3)\n", "not known"),
        ("    z = state\n", "outside"),
        ("    z = unknown(x)\n", "not known"),
        ("    assert x is not None\n", "Assert"),
        ("    z = [v for v in x]\n", "comprehension"),
    ],
)
def test_else_the_branch_alone_is_taken_out(before: str, why: str) -> None:
    new = rewritten(
        "state = []\nlog = []\n\ndef f(x):\n"
        + before
        + BRANCH.strip("\n")
        + "\n    return tf.gradients(y, x)[0]\n"
    )
    assert "    @tf.function\n    def compute_y(x):\n        if tf.reduce_sum(x) > 0.0:\n" in new
    assert "        y = compute_y(x)\n    return tape.gradient(y, x)\n" in new


BODIES = [
    # Each would mean something else when traced once.
    "y = tf.sin(x)\n        print(y)",
    "y = tf.sin(x)\n        log.append(y)",
    "y = tf.sin(x) * np.random.rand()",
    "y = tf.sin(x) * tf.Variable(1.0)",
    "y = unknown(x)",
    "self.y = y = tf.sin(x)",
]


@pytest.mark.parametrize("body", BODIES)
def test_what_would_mean_something_else_stays_eager(body: str) -> None:
    migration = migrate(
        f"log = []\n\ndef f(self, x, flag):\n    if flag:\n        {body}\n    else:\n"
        "        y = x * 2.0\n    return tf.gradients(y, x)[0]\n"
    )
    assert b"@tf.function" not in migration.new
    for site in migration.sites:
        assert site.code is not None or "stays eager" in site.message


def test_a_branch_inside_a_method() -> None:
    check(
        """
        class Net:
            def f(self, x):
                if tf.reduce_sum(x) > 0.0:
                    y = tf.sin(x)
                else:
                    y = tf.cos(x)
                return tf.gradients(y, x)[0]
        """,
        """
        class Net:
            def f(self, x):
                @tf.function
                def compute_y(x):
                    if tf.reduce_sum(x) > 0.0:
                        y = tf.sin(x)
                    else:
                        y = tf.cos(x)
                    return y

                with tf.GradientTape() as tape:
                    tape.watch(x)
                    y = compute_y(x)
                return tape.gradient(y, x)
        """,
    )


@pytest.mark.parametrize(
    "switch",
    [
        "session = tf.compat.v1.Session()",
        "tf.compat.v1.disable_eager_execution()",
        "p = tf.compat.v1.placeholder(tf.float32, [2])",
        "v = tf.compat.v1.get_variable('v', [2])",
    ],
)
def test_modules_that_run_in_graph_mode_get_no_tf_function(switch: str) -> None:
    program = f"{switch}\n\ndef f(x):\n{BRANCH.strip(chr(10))}\n    return tf.gradients(y, x)[0]\n"
    migration = migrate(program)
    assert b"@tf.function" not in migration.new
    (site,) = migration.sites
    assert "graph mode" in site.message


def test_never() -> None:
    program = f"def f(x):\n{BRANCH.strip(chr(10))}\n    return tf.gradients(y, x)[0]\n"
    assert "@tf.function" not in rewritten(program, Options(tf_function=TfFunction.NEVER))


def test_always_decorates_straight_code_too() -> None:
    program = "def f(x):\n    y = tf.sin(x)\n    return tf.gradients(y, x)[0]\n"
    assert "@tf.function" not in rewritten(program)
    new = rewritten(program, Options(tf_function=TfFunction.ALWAYS))
    assert new.startswith("@tf.function\ndef f(x):\n")


@pytest.mark.parametrize(
    "decorator", ["@tf.function", "@tf.function(autograph=False)", "@tf.contrib.eager.defun"]
)
def test_what_is_compiled_already_is_left(decorator: str) -> None:
    new = rewritten(
        f"{decorator}\ndef f(x):\n{BRANCH.strip(chr(10))}\n    return tf.gradients(y, x)[0]\n"
    )
    assert new.count("tf.function") == decorator.count("tf.function")
    assert "compute_y" not in new


def test_a_gradient_in_a_loop_inside_its_tape_is_not_compiled() -> None:
    new = rewritten("""
        def f(x):
            y = x
            for i in range(3):
                y = tf.sin(y)
                g = tf.gradients(y, x)[0]
            return g
        """)
    assert "persistent=True" in new
    assert "@tf.function" not in new


def test_names_bound_in_one_branch_only() -> None:
    """AutoGraph needs every name on every path; Python does not."""
    migration = migrate("""
        def f(x, flag):
            if flag:
                y = tf.sin(x)
                extra = tf.cos(x)
            else:
                y = x * 2.0
            g = tf.gradients(y, x)[0]
            if flag:
                g += extra
            return g
        """)
    assert b"@tf.function" not in migration.new
