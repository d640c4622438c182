"""What becomes of programs beside the fixtures, where decisions tip over.

Nothing is run here; ``python -m tests.neighbours --chosen`` runs both sides of all.
``--force-regen`` writes the goldens: the diff names the calls of which something else has become.
"""

from __future__ import annotations

import pytest

from .chosen import DATA, chosen, read, write
from .making import Neighbour, migrations_of, said
from .variations import variations

_BY_CASE: dict[str, list[Neighbour]] = {}
for _neighbour in chosen():
    _BY_CASE.setdefault(_neighbour.case, []).append(_neighbour)


@pytest.mark.parametrize("case", sorted(_BY_CASE))
def test_neighbours(case: str, request: pytest.FixtureRequest) -> None:
    path = DATA / f"{case.partition('/')[0]}.tsv"
    expected = {n: words for n, words in read(path).items() if n.case == case}
    obtained: dict[Neighbour, str] = {}
    for neighbour in _BY_CASE[case]:
        try:
            migrations = migrations_of(neighbour)
        except KeyError:
            continue  # the fixture is another now: its line goes with the next --force-regen
        for migration in migrations:
            assert migration.internal_error is None, f"{neighbour}: {migration.internal_error}"
        obtained[neighbour] = said(migrations)
    if obtained != expected and request.config.getoption("force_regen"):
        others = {n: words for n, words in read(path).items() if n.case != case}
        write(path, {**others, **obtained})
        pytest.fail(f"{path.name} was written")
    assert obtained == expected


_PROGRAM = """\
import tensorflow as tf


def slope(x):
    y = tf.sin(x) * 2.0
    return tf.gradients(y, x)[0]
"""


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("drop 5:4", "y = tf.sin(x) * 2.0", "pass"),
        ("identity 5:15", "tf.sin(x)", "tf.sin(tf.identity(x))"),
        ("constant 5:20", "2.0", "3.0"),
        ("added_after 5:4", "* 2.0\n", "* 2.0\n    y += 1.0\n"),
        ("target_doubled 6:24", "gradients(y,", "gradients(y * 2.0,"),
        ("name 6:11", "(y, x)[0]", '(y, x, name="g")[0]'),
        ("private slope", "slope", "_slope"),
        ("eager_off", "as tf\n", "as tf\n\ntf.compat.v1.disable_eager_execution()\n\n"),
    ],
)
def test_a_variation(name: str, old: str, new: str) -> None:
    assert variations(_PROGRAM)[name] == _PROGRAM.replace(old, new)


def test_variations_are_many_and_parse() -> None:
    found = variations(_PROGRAM)
    assert len(found) > 200
    assert len(set(found.values())) > 0.9 * len(found)
    for name, text in found.items():
        compile(text, name, "exec", dont_inherit=True)
