"""What callers in other files give is looked at before it is taken for granted."""

from __future__ import annotations

import textwrap

import pytest

from tape_migrate.linking import migrate_project
from tape_migrate.model import Migration, Outcome

OPERATORS = """\
import tensorflow as tf


def mixed(y, x, *, scale=1.0):
    z = tf.reduce_sum(y * x) * scale
    return tf.gradients(z, x)[0]
"""
METHOD = """\
import tensorflow as tf


class Operators:
    def mixed(self, y, x):
        z = tf.reduce_sum(y * x)
        return tf.gradients(z, x)[0]
"""


def outcome(main: str, *, operators: str = OPERATORS) -> Migration:
    text = "import tensorflow as tf\n" + textwrap.dedent(main).lstrip("\n")
    found = migrate_project({"operators.py": operators.encode(), "main.py": text.encode()})
    migration = found["operators.py"]
    assert isinstance(migration, Migration)
    assert migration.internal_error is None
    return migration


@pytest.mark.parametrize(
    "main",
    [
        "from operators import mixed\n\ndef run(x, v):\n    return mixed(v, x)\n",
        "from operators import mixed\n\ndef run(x):\n    return mixed(tf.ones([2]), x)\n",
        "import operators\n\ndef run(x, v):\n    return operators.mixed(tf.sin(v), x, scale=2.0)\n",
        "def mixed(y, x):\n    return y\n\ndef run(x):\n    return mixed(tf.sin(x), x)\n",
    ],
)
def test_callers_that_give_nothing_computed_from_the_source(main: str) -> None:
    migration = outcome(main)
    (site,) = migration.sites
    assert site.outcome is Outcome.MIGRATED, site.message
    assert "assumes that y was not computed from x" in site.message
    assert b"def mixed(y, x, *, scale=1.0)" in migration.new


@pytest.mark.parametrize(
    "call",
    ["mixed(u, x)", "mixed(x=x, y=u)", "mixed(tf.sin(x), x)", "mixed(x + 1.0, x)", "mixed(u, v)"],
)
@pytest.mark.parametrize("module", ["", "operators."])
def test_the_tape_comes_from_the_caller(call: str, module: str) -> None:
    what = "import operators" if module else "from operators import mixed"
    main = f"{what}\n\ndef run(x):\n    u = tf.exp(x)\n    v = x\n    return {module}{call}\n"
    migration = outcome(main)
    (site,) = migration.sites
    assert site.outcome is Outcome.MIGRATED, site.message
    assert b"def mixed(tape, y, x, *, scale=1.0)" in migration.new


@pytest.mark.parametrize(
    ("main", "operators"),
    [
        (
            "from operators import mixed\n\ndef run(x):\n    a = [x]\n"
            "    return mixed(tf.exp(x), *a)\n",
            OPERATORS,
        ),
        (
            "from operators import mixed\n\ndef run(x):\n    a = {'x': x, 'y': tf.exp(x)}\n"
            "    return mixed(**a)\n",
            OPERATORS,
        ),
        (
            "from operators import mixed\n\ndef run(x, y):\n    y = y + x\n    return mixed(y, x)\n"
            "\nuse(mixed)\n",
            OPERATORS,
        ),
        (
            "def run(o, x):\n    u = tf.exp(x)\n    return o.mixed(u, x)\n",
            METHOD,
        ),
    ],
)
def test_callers_that_cannot_hand_in_a_tape(main: str, operators: str) -> None:
    migration = outcome(main, operators=operators)
    (site,) = migration.sites
    assert site.outcome is Outcome.REFUSED, site.message
    assert site.code in ("TM101", "TM105")
    assert not migration.changed
