"""Helpers that compute on their target: on the tape that they are handed."""

from __future__ import annotations

import textwrap

import pytest

from tape_migrate.api import migrate_source
from tape_migrate.model import Migration, Options, Outcome

HEAD = "import tensorflow as tf\n\n\n"


def migrate(body: str) -> Migration:
    text = HEAD + textwrap.dedent(body).lstrip("\n")
    migration = migrate_source(text.encode(), Options(assume_closed=True))
    assert migration.internal_error is None
    return migration


def codes(body: str) -> list[str | None]:
    return [site.code for site in migrate(body).sites]


def test_what_the_helper_computes_is_recorded() -> None:
    new = migrate(
        """
        def slope(y, x):
            # the mean
            y = tf.reduce_mean(y)
            print("slope")
            return tf.gradients(y, x)[0]

        def run(x):
            return slope(tf.sin(x), x)
        """
    ).new.decode()
    assert new == HEAD + textwrap.dedent(
        """\
        def slope(tape, y, x):
            with tape:
                # the mean
                y = tf.reduce_mean(y)
            print("slope")
            return tape.gradient(y, x)

        def run(x):
            with tf.GradientTape() as tape:
                tape.watch(x)
                target = tf.sin(x)
            return slope(tape, target, x)
        """
    )


def test_another_name_of_the_target_needs_no_block() -> None:
    new = migrate(
        """
        def slope(y, x, first=True):
            if first:
                target = y
            else:
                target = y
            return tf.gradients(target, x)[0]

        def run(x):
            y = tf.sin(x)
            return slope(y, x)
        """
    ).new.decode()
    assert "with tape:" not in new
    assert "return tape.gradient(target, x)" in new


def test_a_number_that_counts_is_no_target() -> None:
    new = migrate(
        """
        def column(y, x, i):
            return tf.gradients(y[:, i], x)[0]

        def run(x, i):
            y = tf.sin(x)
            return column(y, x, i)
        """
    ).new.decode()
    assert "return column(tape, y, x, i)" in new


def test_what_else_comes_in_is_assumed_to_be_independent() -> None:
    (site,) = migrate(
        """
        def weighted(y, x, weights):
            return tf.gradients(y * weights, x)[0]

        def run(x, weights):
            y = tf.sin(x)
            return weighted(y, x, weights)
        """
    ).sites
    assert site.outcome is Outcome.MIGRATED
    assert "assumes that weights was not computed from x" in site.message


@pytest.mark.parametrize(
    "body",
    [
        # Nothing of what the target is computed from is computed by the caller.
        """
        def slope(y, x, weights):
            return tf.gradients(y * weights, x)[0]

        def run(y, x, weights):
            return slope(y, x, weights)
        """,
        # What one helper computes would be recorded while the other opens the tape again.
        """
        def slope(y, x):
            return tf.gradients(tf.reduce_sum(y), x)[0]

        def curvature(y, x):
            return slope(slope(y, x), x)

        def run(x):
            return curvature(tf.sin(x), x)
        """,
        # The tape is recording where the helper is called.
        """
        def slope(y, x):
            return tf.gradients(tf.reduce_sum(y), x)[0]

        def run(x):
            y = x
            for _ in range(3):
                y = tf.sin(y) * x
                y = y + slope(y, x)
            return y
        """,
        # What the helper computes leaves TensorFlow.
        """
        import numpy as np

        def slope(y, x):
            y = np.sum(y.numpy())
            return tf.gradients(y, x)[0]

        def run(x):
            y = tf.sin(x)
            return slope(y, x)
        """,
        # A parameter that gathers arguments.
        """
        def slope(x, *ys):
            return tf.gradients(tf.add_n(ys), x)[0]

        def run(x):
            y = tf.sin(x)
            return slope(x, y, y)
        """,
    ],
)
def test_not_exact(body: str) -> None:
    sites = migrate(body).sites
    assert {site.outcome for site in sites} == {Outcome.REFUSED}


def test_gradients_that_would_cross_are_left() -> None:
    found = codes(
        """
        def slopes(u, v, x):
            a = tf.reduce_sum(u)
            for _ in range(2):
                b = a * tf.reduce_sum(v)
                g = tf.gradients(b, x)[0]
            a = a * 2.0
            return g, tf.gradients(a * tf.reduce_sum(g), x)[0]

        def run(x):
            u = tf.sin(x)
            v = tf.cos(x)
            return slopes(u, v, x)
        """
    )
    assert None not in found


def test_a_helper_in_a_comprehension_of_another_helper() -> None:
    new = migrate(
        """
        def grad(y, x):
            return tf.gradients(y, x)[0]

        def columns(y, x):
            return [grad(y[:, i], x) for i in range(3)]

        def run(x):
            return columns(tf.sin(x), x)
        """
    ).new.decode()
    assert "targets = [y[:, i] for i in range(3)]" in new
    assert "return [grad(tape, target, x) for target in targets]" in new


def test_one_order_by_itself_and_one_by_a_helper() -> None:
    new = migrate(
        """
        def grad(y, x):
            return tf.gradients(y, x)[0]

        def curvature(y, x):
            g = tf.gradients(y, x)[0]
            return grad(tf.sin(g), x)

        def run(x):
            return curvature(tf.sin(x), x)
        """
    ).new.decode()
    assert "    with tape:\n        g = tape.gradient(y, x)\n" in new
