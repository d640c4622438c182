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


@pytest.mark.parametrize(
    "main",
    [
        "from operators import mixed\n\nfunction = mixed\nfound = function(a + 1.0, a)\n",
        "from operators import mixed\n\ndef run(x):\n    return apply(mixed, x + 1.0, x)\n",
        "from operators import mixed\n\ndef run(x):\n    return apply(f=mixed)\n",
        "from operators import mixed\n\nTABLE = {'mixed': mixed}\n",
        "import functools\nfrom operators import mixed\n\nstep = functools.partial(mixed, x=a)\n",
        "import operators\n\ndef run(x):\n    return getattr(operators, 'mixed')(x + 1.0, x)\n",
        "import operators\n\nmix = operators.mixed\n",
    ],
)
def test_a_function_that_is_used_otherwise_than_by_a_plain_call_is_refused(main: str) -> None:
    (site,) = outcome(main).sites
    assert (site.outcome, site.code) == (Outcome.REFUSED, "TM105"), site.message
    assert "of main.py uses this function" in site.message


def test_calls_by_another_name_are_handed_the_tape() -> None:
    migration = outcome(
        "from operators import mixed as m\n\ndef run(x):\n    return m(x + 1.0, x)\n"
    )
    (site,) = migration.sites
    assert (site.outcome, site.message) == (Outcome.MIGRATED, "rewritten as helper")
    assert b"def mixed(tape, y, x, *, scale=1.0)" in migration.new


def test_calls_by_a_star_are_handed_the_tape() -> None:
    migration = outcome("from operators import *\n\ndef run(x):\n    return mixed(x + 1.0, x)\n")
    (site,) = migration.sites
    assert (site.outcome, site.message) == (Outcome.MIGRATED, "rewritten as helper")
    assert b"def mixed(tape, y, x, *, scale=1.0)" in migration.new


def test_calls_by_stars_of_which_one_is_not_known_are_calls() -> None:
    (site,) = outcome(
        "from operators import *\nfrom others import *\n\ndef run(x):\n"
        "    return mixed(x + 1.0, x)\n"
    ).sites
    assert (site.outcome, site.code) == (Outcome.REFUSED, "TM105"), site.message


@pytest.mark.parametrize(
    "main",
    [
        "from operators import mixed as m\n\ndef run(x, v):\n    return m(v, x)\n",
        "from operators import *\n\ndef run(x, v):\n    return mixed(v, x)\n",
        "import numpy as np\nimport operators\n\nprint(operators.mixed.__name__, np.mixed)\n",
        "import other\n\ndef run(x):\n    return other.mixed(x + 1.0, x), apply(other.mixed)\n",
        "def run(x, mixed):\n    return apply(mixed, x + 1.0, x)\n",
    ],
)
def test_what_has_nothing_to_do_with_it_is_not_in_the_way(main: str) -> None:
    (site,) = outcome(main).sites
    assert site.outcome is Outcome.MIGRATED, site.message


def test_a_package_that_hands_on_the_name() -> None:
    files = {
        "ops/__init__.py": "from ops.operators import mixed\n",
        "ops/operators.py": OPERATORS,
        "main.py": "import ops\n\ndef run(x):\n    return ops.mixed(x + 1.0, x)\n",
    }
    found = migrate_project({path: text.encode() for path, text in files.items()})
    migration = found["ops/operators.py"]
    assert isinstance(migration, Migration)
    (site,) = migration.sites
    assert (site.outcome, site.code) == (Outcome.REFUSED, "TM105"), site.message


@pytest.mark.parametrize(
    "main",
    [
        "from operators import Operators\n\nstep = Operators().mixed\n",
        "def run(o):\n    return go(o.mixed)\n",
    ],
)
def test_a_method_that_is_used_otherwise_than_by_a_call_is_refused(main: str) -> None:
    (site,) = outcome(main, operators=METHOD).sites
    assert (site.outcome, site.code) == (Outcome.REFUSED, "TM105"), site.message
