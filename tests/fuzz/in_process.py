"""A short run of the generator; the long one is a command.

``python -m tests.fuzz --count 2000 --seed 1000`` (from the root, with ``codemod`` on the path)
checks more programs and shrinks what fails.
"""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from tape_migrate import migrate_source
from tape_migrate.model import Migration
from tests.fuzz import checking
from tests.fuzz.checking import Checked, Verdict, check_program
from tests.fuzz.generate import generate
from tests.fuzz.running import difference
from tests.fuzz.shrink import shrink

_COUNT = 60
_FOUND = Path(__file__).parent / "found"

_SIMPLE = """\
import tensorflow as tf


def main(x, z, flag, n):
    h = tf.sin(x)
    k = tf.cos(z)
    y = h * x  # the target
    return [tf.gradients(y, x)[0], k]
"""


@pytest.fixture(scope="module")
def run() -> dict[int, Checked]:
    return {seed: check_program(generate(seed), flag=seed % 3 != 0) for seed in range(_COUNT)}


def test_nothing_comes_out_wrong(run: dict[int, Checked]) -> None:
    wrong = {seed: c.detail for seed, c in run.items() if c.verdict is Verdict.WRONG}
    assert not wrong


def test_most_programs_are_migrated_as_a_whole(run: dict[int, Checked]) -> None:
    verdicts = Counter(checked.verdict for checked in run.values())
    valid = _COUNT - verdicts[Verdict.INVALID]
    assert valid > 0.8 * _COUNT
    assert verdicts[Verdict.EQUAL] > 0.5 * valid
    assert sum(checked.gradients for checked in run.values()) > _COUNT


def test_programs_are_the_same_each_time_and_all_different() -> None:
    programs = [generate(seed) for seed in range(_COUNT)]
    assert programs == [generate(seed) for seed in range(_COUNT)]
    assert len(set(programs)) == _COUNT
    for program in programs:
        assert "tf.gradients(" in program
        ast.parse(program)


def test_a_simple_program_is_equal() -> None:
    checked = check_program(_SIMPLE)
    assert checked.verdict is Verdict.EQUAL, checked.detail
    assert checked.gradients == 2


@pytest.mark.parametrize("path", sorted(_FOUND.glob("*.py")), ids=lambda path: path.stem)
def test_what_was_wrong_once_stays_mended(path: Path) -> None:
    source = path.read_text()
    expected = source.partition("\n")[0].removeprefix("# expect: ")
    for flag in (True, False):
        checked = check_program(source, flag=flag)
        assert checked.verdict.value == expected, (checked.detail, checked.codes)


@pytest.mark.parametrize(
    ("before", "after", "detail"),
    [
        ("        tape.watch(x)\n", "", "None after"),
        ("* x  # the", "* 1.0  # the", "after"),
        ("  # the target", "", "comments lost"),
        ("[tape.gradient(y, x), k]", "[[tape.gradient(y, x)], k]", "structure"),
        ("tape.gradient(y, x)", "tf.gradients(y, x)[0]", "eager"),
        ("tape.gradient(y, x)", "tape.gradient(y, x", "does not parse"),
    ],
)
def test_a_wrong_rewrite_is_found(
    monkeypatch: pytest.MonkeyPatch, before: str, after: str, detail: str
) -> None:
    def broken(source: bytes) -> Migration:
        if source != _SIMPLE.encode():
            return Migration("", source, source)  # the second run
        migration = migrate_source(source)
        new = migration.new.decode()
        assert before in new
        return Migration(
            migration.path, migration.old, new.replace(before, after).encode(), migration.sites
        )

    monkeypatch.setattr(checking, "migrate_source", broken)
    checked = check_program(_SIMPLE)
    assert checked.verdict is Verdict.WRONG
    assert detail in checked.detail


def test_shrinking_drops_what_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(source: bytes) -> Migration:
        migration = migrate_source(source)
        new = migration.new.replace(b"tape.watch(x)", b"pass")
        return Migration(migration.path, migration.old, new, migration.sites)

    monkeypatch.setattr(checking, "migrate_source", broken)
    checked = check_program(_SIMPLE)
    assert checked.verdict is Verdict.WRONG
    small, still = shrink(_SIMPLE, checked, flag=True)
    assert still.verdict is Verdict.WRONG
    assert "tf.cos" not in small
    assert len(small) < len(_SIMPLE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ([None], [np.zeros(3)]),
        ([np.zeros(3)], [None]),
        ([np.zeros(3)], [np.zeros((3, 1))]),
        ([np.zeros(3)], [np.zeros(3, np.float32)]),
        ([np.ones(3)], [np.ones(3) * (1 + 1e-8)]),
        (["[", np.ones(3), "]"], [np.ones(3)]),
        ([np.ones(3)], [np.array([1.0, 1.0, np.nan])]),
    ],
)
def test_differences_are_seen(old: list[object], new: list[object]) -> None:
    assert difference(old, new) is not None
    assert difference(new, old) is not None


def test_equal_values_do_not_differ() -> None:
    old = ["[", None, np.array([1.0, np.nan]), "]"]
    assert difference(old, [*old[:2], np.array([1.0 + 1e-12, np.nan]), "]"]) is None
