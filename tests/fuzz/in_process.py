"""A short, derandomised run of the generator, and the programs that came out wrong once.

``python -m tests.fuzz --budget 2h`` (from the root, with ``codemod`` on the path) is the long one.
"""

from __future__ import annotations

import ast
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tape_migrate import migrate_source
from tape_migrate.model import Migration
from tests.fuzz import checking
from tests.fuzz.checking import Checked, Verdict, check_program
from tests.fuzz.coverage import Table
from tests.fuzz.generate import draw
from tests.fuzz.hunting import Finding, programs, save
from tests.fuzz.program import FOUND, Program, load
from tests.fuzz.running import difference
from tests.fuzz.shrink import shrink
from tests.fuzz.traps import NAMES, draw_trap

_COUNT = 40

_SIMPLE = """\
import tensorflow as tf


def main(x, z, flag, n):
    h = tf.sin(x)
    k = tf.cos(z)
    y = h * x  # the target
    return [tf.gradients(y, x)[0], k]
"""


@pytest.fixture(scope="module")
def table() -> Table:
    found = Table()
    wrong: list[str] = []

    @settings(
        max_examples=_COUNT,
        derandomize=True,
        deadline=None,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(programs)
    def run(program: Program) -> None:
        checked = check_program(program)
        found.add(program, checked)
        if checked.verdict is Verdict.WRONG:
            wrong.append(f"{checked.detail}\n{program.source}")

    run()
    assert not wrong, wrong[0]
    return found


def test_many_programs_are_migrated_as_a_whole(table: Table) -> None:
    assert table.programs == _COUNT
    assert table.verdicts[Verdict.INVALID] < 0.2 * _COUNT
    assert table.whole > 0.35, str(table)
    assert table.values > _COUNT


@pytest.mark.parametrize("name", NAMES)
def test_a_trap_is_refused(name: str) -> None:
    for number in range(3):
        program = draw_trap(random.Random(number), name)
        checked = check_program(program)
        assert checked.verdict is Verdict.TRAP_REFUSED, f"{checked.detail}\n{program.source}"


def test_programs_are_the_same_each_time_and_all_different() -> None:
    drawn = [draw(random.Random(number)) for number in range(_COUNT)]
    assert drawn == [draw(random.Random(number)) for number in range(_COUNT)]
    assert len({program.source for program in drawn}) == _COUNT
    for program in drawn:
        for text in program.paths().values():
            ast.parse(text)


def test_a_simple_program_is_equal() -> None:
    checked = check_program(Program(_SIMPLE))
    assert checked.verdict is Verdict.EQUAL, checked.detail
    assert checked.gradients == 2


@pytest.mark.parametrize("path", sorted(FOUND.glob("*.py")), ids=lambda path: path.stem)
def test_what_was_wrong_once_stays_mended(path: Path) -> None:
    program, expected = load(path)
    checked = check_program(program)
    assert checked.verdict.value == expected, (checked.detail, checked.codes)


def test_a_finding_is_saved_and_loaded(tmp_path: Path) -> None:
    program = Program(_SIMPLE, helpers={"lib": "def f(v):\n    return v\n"})
    path = save(Finding(program, Checked(Verdict.WRONG), 7), tmp_path)
    assert load(path) == (program, "equal")
    assert save(Finding(program, Checked(Verdict.WRONG), 7), tmp_path) != path


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
    def broken(program: Program) -> dict[str, Migration]:
        source = program.source.encode()
        if source != _SIMPLE.encode():
            return {"main.py": Migration("", source, source)}  # the second run
        migration = migrate_source(source)
        new = migration.new.decode()
        assert before in new
        new = new.replace(before, after)
        return {"main.py": Migration("", migration.old, new.encode(), migration.sites)}

    monkeypatch.setattr(checking, "migrate", broken)
    checked = check_program(Program(_SIMPLE))
    assert checked.verdict is Verdict.WRONG
    assert detail in checked.detail


def test_shrinking_drops_what_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(program: Program) -> dict[str, Migration]:
        migration = migrate_source(program.source.encode())
        new = migration.new.replace(b"tape.watch(x)", b"pass")
        return {"main.py": Migration("", migration.old, new, migration.sites)}

    monkeypatch.setattr(checking, "migrate", broken)
    checked = check_program(Program(_SIMPLE))
    assert checked.verdict is Verdict.WRONG
    small, still = shrink(Program(_SIMPLE), checked)
    assert still.verdict is Verdict.WRONG
    assert "tf.cos" not in small.source
    assert len(small.source) < len(_SIMPLE)


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


def test_a_program_that_takes_too_long_says_nothing() -> None:
    program = Program("import time\n\n\ndef main(x, z, flag, n):\n    time.sleep(30)\n")
    checked = check_program(program, seconds=1)
    assert checked.verdict is Verdict.INVALID
    assert "longer than 1 s" in checked.detail
