"""What is tried at the end of a first method before its object keeps a tape."""

from __future__ import annotations

from tape_migrate.api import migrate_source
from tests.migrating import codes

SEVERAL = """
class Net:
    def __init__(self, x):
        self.x = x
        self.n = -2.0
        self.a = tf.sin(self.x)
        self.b = self.a * self.x
        self.c = tf.cos(self.x) * self.n

    def one(self):
        return tf.gradients(self.a, self.x)[0]

    def two(self):
        return tf.gradients(self.b, self.x)[0]

    def three(self):
        return tf.gradients(self.c, self.n)[0]
"""


def test_a_source_that_is_a_number_keeps_no_tape_from_the_others() -> None:
    """Watched, a number raises, and nobody could make such an object any more."""
    assert codes(SEVERAL) == [None, None, "TM102"]


def test_what_comes_from_a_gradient_that_is_left_waits_for_it() -> None:
    body = """
    class Net:
        def __init__(self, x, z):
            self.x = x
            self.g = tf.gradients(z, self.x)[0]
            self.h = self.g * self.x

        def one(self):
            return tf.gradients(self.h, self.x)[0]
    """
    assert codes(body) == ["TM101", "TM102"]


def test_a_first_method_at_the_end_of_a_file_without_a_last_newline() -> None:
    text = (
        b"import tensorflow as tf\n\n\nclass Net:\n    def one(self):\n"
        b"        return tf.gradients(self.a, self.x)[0]\n\n    def __init__(self, x):\n"
        b"        self.x = x\n        self.a = tf.sin(self.x)"
    )
    whole, cut = migrate_source(text + b"\n"), migrate_source(text)
    assert whole.changed
    assert cut.new.rstrip() == whole.new.rstrip()
