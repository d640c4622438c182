"""Helpers that take a tape: which ones do, and what keeps the others from it."""

from __future__ import annotations

import textwrap

import pytest

from tape_migrate.api import migrate_source
from tape_migrate.model import Migration, Options, Outcome, Shape, SiteResult

HEAD = "import tensorflow as tf\n\n\n"
CALLER = """

def run(x):
    y = tf.sin(x) * x
    return grad(y, x)
"""


def migrate(body: str, *, closed: bool = True) -> Migration:
    text = HEAD + textwrap.dedent(body).lstrip("\n")
    migration = migrate_source(text.encode(), Options(assume_closed=closed))
    assert migration.internal_error is None
    return migration


def only(body: str, *, closed: bool = True) -> SiteResult:
    (site,) = migrate(body, closed=closed).sites
    return site


def test_the_callers_open_the_tape() -> None:
    new = migrate("def grad(y, x):\n    return tf.gradients(y, x)[0]\n" + CALLER).new.decode()
    assert new == HEAD + textwrap.dedent(
        """\
        def grad(tape, y, x):
            return tape.gradient(y, x)


        def run(x):
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = tf.sin(x) * x
            return grad(tape, y, x)
        """
    )


@pytest.mark.parametrize(
    ("helper", "gradient"),
    [
        ("def grad(y, x):\n    return tf.gradients(xs=x, ys=y)", "tape.gradient("),
        (
            "def grad(y, x, *, scale=2.0):\n    return tf.gradients(y, x)[0] * scale",
            "tape.gradient",
        ),
        ("def grad(y, /, x):\n    return tf.gradients(y, x)[0]", "tape.gradient(y, x)"),
    ],
)
def test_forms_of_helpers(helper: str, gradient: str) -> None:
    migration = migrate(helper + "\n" + CALLER)
    (site,) = migration.sites
    assert site.shape is Shape.HELPER, site
    assert gradient in migration.new.decode()
    assert "def grad(tape, y, " in migration.new.decode()


def test_a_list_of_the_parameter_is_the_parameter() -> None:
    new = migrate("def grad(y, x):\n    return tf.gradients([y], x)[0]\n" + CALLER).new.decode()
    assert "def grad(tape, y, x):\n    return tape.gradient([y], x)\n" in new


@pytest.mark.parametrize(
    "caller",
    [
        "def run(x):\n    y = tf.sin(x)\n    return grad(y, x=x)",
        "def run(x):\n    return grad(tf.sin(x), x)",
        "def run(x):\n    y = tf.sin(x)\n    return [grad(y, x) for _ in range(2)]",
        "def run(x):\n    y = tf.sin(x)\n    return grad(\n        y,  # why\n        x,\n    )",
        "def run(x):\n    y = tf.sin(x)\n    f = lambda s: grad(tf.sin(s), s)\n    return f(x)",
    ],
)
def test_forms_of_callers(caller: str) -> None:
    helper = "def grad(y, x):\n    return tf.gradients(y, x)[0]\n\n\n"
    migration = migrate(helper + caller + "\n")
    (site,) = migration.sites
    assert site.shape is Shape.HELPER, site
    assert "None" not in migration.new.decode()


@pytest.mark.parametrize(
    ("rest", "why"),
    [
        ("def run(x):\n    return grad(x)", "does not give the target and the sources"),
        ("def run(x, h):\n    return grad(h, x)", "the caller in line 9 is in the way"),
        ("def run(*a):\n    return grad(*a)", "by * or **"),
        ("def run(**a):\n    return grad(**a)", "by * or **"),
        ("slope = grad", "otherwise than by a plain call"),
        ("__all__ = ['grad']\n" + CALLER, "__all__ exports grad"),
        ("x = 1", "no caller of grad is in sight"),
    ],
)
def test_what_is_in_the_way(rest: str, why: str) -> None:
    helper = "def grad(y, x):\n    return tf.gradients(y, x)[0]\n\n\n"
    site = only(helper + rest + "\n")
    assert site.code == "TM101"
    assert why in site.message


@pytest.mark.parametrize(
    ("program", "closed"),
    [
        ("{helper}{caller}", False),
        ("{helper}{caller}\n\nif __name__ == '__main__':\n    run(tf.ones([2]))\n", True),
        ("{helper}{caller}\n\nprint(run(tf.ones([2])))\n", True),
        ("{helper}{caller}\n\ntf.compat.v1.disable_eager_execution()\n", False),
        ("{helper}{caller}\n\ntf.random.set_seed(1)\nprint('loaded')\n", False),
        ("{private}{private_caller}", True),
    ],
)
def test_who_else_may_call_it(program: str, closed: bool) -> None:
    helper = "def grad(y, x):\n    return tf.gradients(y, x)[0]\n"
    body = program.format(
        helper=helper,
        caller=CALLER,
        private=helper.replace("grad(", "_grad("),
        private_caller=CALLER.replace("grad(", "_grad("),
    )
    site = only(body, closed=False)
    assert (site.outcome is Outcome.MIGRATED) == closed, site
    if not closed:
        assert "--assume-closed" in site.message


def test_the_assumptions_of_all_callers_are_told() -> None:
    site = only("""
        def grad(y, x):
            return tf.gradients(y, x)[0]


        def one(x, a):
            y = tf.sin(x) * a
            return grad(y, x)


        def two(x, b):
            y = tf.sin(x) * b
            return grad(y, x)
        """)
    assert "assumes that a was not computed from x" in site.message
    assert "assumes that b was not computed from x" in site.message


def test_a_class_sets_its_loss_before_it_is_differentiated() -> None:
    body = """
        class Net:
            def __init__(self):
                self.w = tf.Variable([1.0, 2.0])
                {between}
                self.train()

            def build(self):
                self.loss = tf.reduce_sum(self.w * self.w)

            def train(self):
                self.grads = tf.gradients(self.loss, tf.compat.v1.trainable_variables())
        """
    assert only(body.format(between="self.build()")).shape is Shape.HELPER
    assert only(body.format(between="pass")).code == "TM102"
    assert only(body.format(between="if self.w is None: self.build()")).code == "TM102"
