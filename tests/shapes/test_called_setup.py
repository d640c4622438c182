"""Methods that are called first and set what is differentiated: which of them keep a tape."""

from __future__ import annotations

import textwrap

import pytest

from tape_migrate.model import Options
from tests.migrating import codes

_PROGRAM = """
class Net:
    def _build(self, x):
        self.x = tf.identity(x)
        self.y = tf.sin(self.x)

    def slope(self, x):
        self._build(x)
{after}
        return tf.gradients(self.y, self.x)[0]
{more}
"""
_SETTLED = (
    ("pass", ""),
    ("n = self.y * 2.0", ""),
    ("print(self.x)", ""),
    ("pass", "    def twice(self, x):\n        self._build(x)\n        self._build(x)\n"),
    ("pass", "\n\nclass Other:\n    def _build(self, x):\n        return x\n"),
    ("pass", "\n\ndef make(net, x):\n    net._build(x)\n"),
)
_NOT_SETTLED = (
    # What is looked at is the last call, and that sets nothing.
    ("self._other()", "    def _other(self):\n        print(1)\n"),
    ("use(self)", ""),
    ("held = [self]", ""),
    ("self._again(x)", "    def _again(self, x):\n        self._build(x)\n"),
    ("self._first(x)",
     "    def _first(self, x):\n        self._again(x)\n\n"
     "    def _again(self, x):\n        self._build(x)\n"),
    ("pass", "    def hand(self):\n        return self._build\n"),
    ("pass", "    def hand(self):\n        return lambda x: self._build(x)\n"),
    ("pass", "    def hand(self):\n        def inner(x):\n            self._build(x)\n\n"
             "        return inner\n"),
    ("pass", '    def hand(self):\n        return getattr(self, "_build")\n'),
    ("pass", "\n\nclass Child(Net):\n    def _build(self, x):\n        self.x = self.y = x\n"),
    ("pass", "\n\nclass Child(Net, unheard_of.Base):\n    def _build(self, x):\n        pass\n"),
    ("pass", "    def _build(self, x):\n        self.x = self.y = x\n"),
)  # fmt: skip


def code(after: str, more: str) -> str | None:
    program = _PROGRAM.format(after=textwrap.indent(after, " " * 8), more=more)
    (found,) = codes(program, Options(assume_closed=True))
    return found


@pytest.mark.parametrize(("after", "more"), _SETTLED)
def test_a_method_that_keeps_a_tape(after: str, more: str) -> None:
    assert code(after, more) is None


@pytest.mark.parametrize(("after", "more"), _NOT_SETTLED)
def test_a_method_that_may_be_run_again(after: str, more: str) -> None:
    assert code(after, more) is not None


def test_self_is_what_a_method_begins_with() -> None:
    program = _PROGRAM.format(after="        pass", more="")
    program = program.replace("slope(self, x)", "slope(self, x=None)")
    assert codes(program, Options(assume_closed=True)) == [None]
    program = program.replace("slope(self, x=None)", "slope(x, self)")
    assert codes(program, Options(assume_closed=True)) != [None]
