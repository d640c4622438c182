"""Tapes that an object keeps: where they may be opened, and what keeps others from it."""

from __future__ import annotations

import textwrap

import pytest

from tape_migrate.api import migrate_source
from tape_migrate.model import Migration, Outcome, Shape

HEAD = "import unittest\nimport tensorflow as tf\n\n\n"
TEST = """
class LossTest(unittest.TestCase):
    def setUp(self):
        self.x = tf.constant([1.0])
        self.y = tf.constant([2.0])
        self.loss = tf.reduce_sum(self.x * self.x)

    def test_gradient(self):
        {gradient}
"""


def migrate(body: str) -> Migration:
    text = HEAD + textwrap.dedent(body).lstrip("\n")
    migration = migrate_source(text.encode())
    assert migration.internal_error is None
    return migration


def test_the_object_keeps_the_tape() -> None:
    new = migrate(TEST.format(gradient="g = tf.gradients(self.loss, self.x)[0]")).new.decode()
    assert new == HEAD + textwrap.dedent(
        """\
        class LossTest(unittest.TestCase):
            def setUp(self):
                self.x = tf.constant([1.0])
                self.y = tf.constant([2.0])
                with tf.GradientTape(persistent=True) as self._tape:
                    self._tape.watch(self.x)
                    self.loss = tf.reduce_sum(self.x * self.x)

            def test_gradient(self):
                g = self._tape.gradient(self.loss, self.x)
        """
    )


@pytest.mark.parametrize(
    "gradient",
    [
        "return tf.gradients([-self.loss], [self.x])",
        "return tf.gradients(self.loss, self.y)",
        "self.assertEqual(1, 1); return tf.gradients(self.loss, self.x)",
        "loss = self.loss\n        return tf.gradients(loss, [self.x, self.y])",
        "return [tf.gradients(self.loss, x) for x in [self.x, self.y]]",
    ],
)
def test_gradients_of_what_set_up_computed(gradient: str) -> None:
    (site,) = migrate(TEST.format(gradient=gradient)).sites
    assert site.outcome is Outcome.MIGRATED, site
    assert site.shape is Shape.KEPT_TAPE


def test_a_name_that_is_taken_is_not_taken_again() -> None:
    gradient = "return tf.gradients(self.loss, self.x), self._tape"
    assert b"as self._tape2:" in migrate(TEST.format(gradient=gradient)).new


def test_tests_run_on_objects_of_their_own() -> None:
    other = """
    def test_error(self):
        self.loss = tf.reduce_mean(self.y)
"""
    body = TEST.format(gradient="return tf.gradients(self.loss, self.x)") + other
    assert migrate(body).sites[0].outcome is Outcome.MIGRATED


@pytest.mark.parametrize(
    "other",
    [
        # Another method sets the target, or a source.
        "    def change(self):\n        self.loss = self.loss * 2.0\n",
        "    def change(self):\n        self.x += 1.0\n",
        "    def change(self):\n        self.loss.value = 1.0\n",
        "    def change(self):\n        del self.loss\n",
        "    def change(self, name, value):\n        setattr(self, name, value)\n",
        # Somebody else does.
        "\ndef change(test):\n    test.loss = 1.0\n",
        # A subclass sets up something else.
        "\nclass Other(LossTest):\n    def setUp(self):\n        self.loss = 1.0\n",
        "\nclass Other(LossTest):\n    def change(self):\n        self.loss = 1.0\n",
    ],
)
def test_what_is_set_elsewhere(other: str) -> None:
    body = TEST.format(gradient="return tf.gradients(self.loss, self.x)") + other
    migration = migrate(body)
    assert {site.outcome for site in migration.sites} == {Outcome.REFUSED}
    assert not migration.changed


@pytest.mark.parametrize(
    "gradient",
    [
        # The test sets the target itself, from what no tape has seen.
        "self.loss = make()\n        return tf.gradients(self.loss, self.x)",
        # A source that is made here.
        "return tf.gradients(self.loss, self.x * 1.0)",
        # A value from elsewhere on the way.
        "return tf.gradients(self.loss * cache[0], self.x)\n\ncache = [tf.ones([1])]",
        "return tf.gradients(self.loss, self.x, stop_gradients=[self.y])",
    ],
)
def test_what_the_test_does_itself(gradient: str) -> None:
    (site,) = migrate(TEST.format(gradient=gradient)).sites
    assert site.outcome is Outcome.REFUSED, site


def test_a_gradient_on_the_way() -> None:
    body = """
        class Field:
            def __init__(self, x):
                self.x = x
                self.y = tf.sin(x)
                self.start()
                self.y = tf.cos(x)

            def start(self):
                self.first = self.slope()

            def slope(self):
                return tf.gradients(self.y, self.x)[0]
        """
    assert not migrate(body).changed


def test_an_inherited_set_up_comes_first() -> None:
    body = """
        class Base(unittest.TestCase):
            def setUp(self):
                self.x = tf.constant([1.0])

        class LossTest(Base):
            def setUp(self):
                super().setUp()
                self.h = tf.exp(self.x)
                self.loss = tf.reduce_sum(self.h)

            def test_gradient(self):
                return tf.gradients(self.loss, self.h)
        """
    assert b"self._tape.watch(self.h)" in migrate(body).new


CALLED = """
class LossTest(unittest.TestCase):
    def _set_up(self, scale):
        self.x = tf.constant([1.0])
        self.loss = tf.reduce_sum(self.x * self.x) * scale

    def again(self):
        self._set_up(3.0)

    def test_gradient(self):
        {body}
        return tf.gradients(self.loss, self.x)
"""


@pytest.mark.parametrize(
    "body",
    [
        "self._set_up(2.0)",
        "self._set_up(*[2.0]); self.assertEqual(1, 1)",
        "self.assertTrue(True)\n        self._set_up(scale=2.0)",
    ],
)
def test_a_method_that_is_called_first(body: str) -> None:
    new = migrate(CALLED.format(body=body)).new.decode()
    assert "return self._tape.gradient(self.loss, [self.x])" in new
    assert body in new  # as it was, in every line


@pytest.mark.parametrize(
    "body",
    [
        "self.again()",
        "self._set_up(2.0)\n        self.again()",
        "self._set_up(2.0)\n        f = self.again",
        "f = lambda: self._set_up(3.0)\n        self._set_up(2.0)\n        f()",
        "if self.x is None:\n            self._set_up(2.0)",
        "loss = self.loss\n        self._set_up(2.0)",
        "self._set_up(2.0)\n        print(self)",
        "self._set_up(2.0)\n        getattr(self, '_set_up')(3.0)",
        "self._set_up(1.0)\n        x = self.x\n        self._set_up(2.0)",
    ],
)
def test_a_method_that_may_be_called_again(body: str) -> None:
    migration = migrate(CALLED.format(body=body))
    assert b"GradientTape" not in migration.new
