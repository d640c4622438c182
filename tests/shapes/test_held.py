"""Uses of a list that an object holds besides a tape: those that only read it, and others."""

from __future__ import annotations

import textwrap

import pytest

from tape_migrate.model import Options
from tests.migrating import codes

_PROGRAM = """
def read(values):
    return values[0]


def change(values):
    values.append(1)


class Net:
    def __init__(self, x):
        self.x = tf.identity(x)
        self.parts = [tf.sin(self.x), tf.cos(self.x)]

    def use(self, others):
{use}

    def slope(self):
        return tf.gradients(self.parts, self.x)[0]
"""
_READS = (
    "return self.parts[0] * 2.0",
    "return self.parts[0].get_shape()",
    "return self.parts.index(1)",
    "return self.parts[0].parts.values()",
    "a, b = self.parts, 1\nreturn a[0] * b",
    "b, a = 1, self.parts\nreturn a[0] * b",
    "return len(self.parts)",
    "return sum(self.parts)",
    "for part in self.parts:\n    print(part)",
    "return [part for part in self.parts]",
    "return self.parts + [1]",
    "return -self.parts[0]",
    "return self.parts == others",
    'return f"{self.parts}"',
    "self.parts",
    "assert self.parts",
    "if self.parts:\n    return 1",
    "while self.parts:\n    break",
    "others += self.parts",
    "p = self.parts\nreturn p[0] * 2.0",
    "p = self.parts\nq = p\nreturn q[0] * 2.0",
    "return tf.add_n(self.parts)",
    "return tf.stack([*self.parts])",
    "return tf.stack([self.parts])",
    "return tf.concat(values=self.parts, axis=0)",
    "return tf.add_n(self.parts or others)",
    "return tf.add_n(self.parts if others else [])",
    "return read(self.parts)",
    "return read(values=self.parts)",
    "return others.run(self.parts)",
    "return others[self.parts[0]]",
    "return others[self.parts[0] :]",
)
_CHANGES = (
    "self.parts.append(1)",
    "self.parts[0] = 1",
    "self.parts[0] += 1",
    "del self.parts[0]",
    "self.parts[0].held = 1",
    "self.parts.sort()",
    "self.parts[0](1)",
    "return self.parts",
    "return self.parts[0]",
    "return [self.parts]",
    "others.append(self.parts)",
    "p = self.parts\np.append(1)",
    "p = self.parts\nq = p\nq.append(1)",
    "p = q = self.parts\nq.append(1)",
    "a, b = self.parts, 1\na.append(b)",
    "b, a = 1, self.parts\na.append(b)",
    "a, *b = self.parts, 1, 2\na.append(b)",
    "[a, b] = self.parts, 1\na.append(b)",
    "c = a, b = self.parts, 1\na.append(b)",
    "a, b = (self.parts, 1), 2\na[0].append(b)",
    "for part in [self.parts]:\n    part.append(1)",
    "return [part.append(1) for part in [self.parts]]",
    "change(self.parts)",
    "change(values=self.parts)",
    "change([self.parts])",
    "others(self.parts)",
    "others.fill(self.parts)",
    "self.kept = self.parts",
    "yield self.parts",
    "return lambda: self.parts",
    "held = {1: self.parts}\nheld[1].append(1)",
    "held = [self.parts]\nheld[0].append(1)",
    "len = others\nreturn len(self.parts)",
    'setattr(self, "parts", 1)',
    "vars(self)",
    "a = self.parts\nb = a\nc = b\nd = c\ne = d\nf = e\nreturn f[0] * 2.0",
)


def code(use: str) -> str | None:
    program = _PROGRAM.format(use=textwrap.indent(use, " " * 8))
    (found,) = codes(program, Options(assume_closed=True))
    return found


@pytest.mark.parametrize("use", _READS)
def test_what_only_reads(use: str) -> None:
    assert code(use) is None


@pytest.mark.parametrize("use", _CHANGES)
def test_what_may_change_it(use: str) -> None:
    assert code(use) == "TM102"
