"""What reads no variable: settings by how they are used, values from outside by what they hold."""

from __future__ import annotations

import textwrap

import pytest

from tape_migrate.api import migrate_source
from tape_migrate.model import Migration

HEAD = "import tensorflow.compat.v1 as tf\n\n"


def migrate(body: str) -> Migration:
    migration = migrate_source((HEAD + textwrap.dedent(body).lstrip("\n")).encode())
    assert migration.internal_error is None
    return migration


MODEL = """
class Model:
    def __init__(self, config):
        self.config = config

    def gradients(self, x=1.0):
        {statement}
        loss = tf.reduce_mean(h)
        return tf.gradients(loss, tf.trainable_variables())
"""


@pytest.mark.parametrize(
    "statement",
    [
        'h = tf.matmul(tf.ones([2, 2]), self.config["w"])',
        "h = tf.square(self.config.w)",
        'h = 2.0 * self.config["w"]',
        'h = tf.concat([self.config["w"], tf.ones([2])], 0)',
        'h = tf.add(x=tf.ones([2]), y=self.config["w"])',
        'h = tf.identity(self.config.get("w"))',
    ],
)
def test_what_may_be_a_variable_is_read_on_the_tape(statement: str) -> None:
    new = migrate(MODEL.format(statement=statement)).new.decode()
    tape = new.index("with tf.GradientTape() as tape:")
    assert tape < new.index("h = ")


@pytest.mark.parametrize(
    "statement",
    [
        "h = tf.placeholder(tf.float32, [None, self.config.size])",
        "h = tf.placeholder(tf.float32, shape=self.config.shape)",
        "h = tf.zeros([2, int(self.config.size)])",
        "h = tf.one_hot(tf.range(3), depth=self.config.n)",
    ],
)
def test_sizes_stay_before_the_tape(statement: str) -> None:
    new = migrate(MODEL.format(statement=statement)).new.decode()
    assert new.index("h = ") < new.index("with tf.GradientTape() as tape:")


@pytest.mark.parametrize(
    "body",
    [
        # Computed from a variable in another method, a module, a caller.
        """
        class Model:
            def __init__(self):
                self.w = tf.get_variable("w", [3, 1])
                self.out = tf.matmul(tf.ones([5, 3]), self.w)

            def gradients(self):
                loss = tf.reduce_mean(tf.square(self.out))
                return tf.gradients(loss, tf.trainable_variables())
        """,
        """
        class Model:
            def __init__(self):
                w = tf.get_variable("w", [3, 1])
                self.out = w * 2.0

            def gradients(self):
                loss = tf.reduce_mean(tf.square(self.out))
                return tf.gradients(loss, tf.trainable_variables())
        """,
        """
        w = tf.get_variable("w", [3, 1])
        out = w[0]

        def gradients():
            loss = tf.reduce_mean(tf.square(out))
            return tf.gradients(loss, tf.trainable_variables())
        """,
        """
        def gradients(out):
            loss = tf.reduce_mean(tf.square(out))
            return tf.gradients(loss, tf.trainable_variables())

        def run():
            w = tf.get_variable("w", [3, 1])
            return gradients(-w)
        """,
        # Something called like a setting visibly holds such a tensor.
        """
        def gradients(params):
            loss = tf.reduce_mean(tf.square(params["h"]))
            return tf.gradients(loss, tf.trainable_variables())

        def run():
            w = tf.get_variable("w", [3, 1])
            return gradients({"h": tf.square(w)})
        """,
        """
        class Model:
            def __init__(self, config):
                self.config = config
                self.config.h = tf.square(tf.get_variable("w", [3, 1]))

            def gradients(self):
                loss = tf.reduce_mean(tf.square(self.config.h))
                return tf.gradients(loss, tf.trainable_variables())
        """,
    ],
)
def test_what_was_computed_from_a_variable_before(body: str) -> None:
    migration = migrate(body)
    assert not migration.changed
    assert [site.code for site in migration.sites] == ["TM106"]


def test_a_variable_made_elsewhere_is_read_on_the_tape() -> None:
    new = migrate(
        """
        class Model:
            def __init__(self):
                self.w = tf.get_variable("w", [3, 1])
                self.again = [self.w]

            def gradients(self):
                h = tf.square(self.again[0])
                loss = tf.reduce_mean(h)
                return tf.gradients(loss, tf.trainable_variables())
        """
    ).new.decode()
    assert "with tf.GradientTape() as tape:\n            h = tf.square(self.again[0])\n" in new
