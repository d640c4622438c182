"""Reading case.toml: every fault is said with the file's name."""

from __future__ import annotations

from pathlib import Path

import pytest

from tape_migrate.verify.case import CaseError, Differences, load_case
from tape_migrate.verify.inputs import Literal, TensorSpec

BEFORE = "import tensorflow as tf\n\n\ndef f(x, n):\n    return tf.gradients(x ** n, x)[0]\n"
AFTER = "AFTER = True\n"


def write(tmp_path: Path, toml: str, *, after: str | None = AFTER) -> Path:
    folder = tmp_path / "local" / "power"
    folder.mkdir(parents=True)
    (folder / "before.py").write_text(BEFORE, encoding="utf-8")
    (folder / "case.toml").write_text(toml, encoding="utf-8")
    if after is not None:
        (folder / "after.py").write_text(after, encoding="utf-8")
    return folder


def test_everything_is_read(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        """
        description = "a power"
        entry = "f"
        outcome = "migrated"
        shape = "local"
        old_mode = "autograph"
        expect = { "[0]" = [1.0], "[1]" = "None" }
        allow_zero = true
        reason = "constant"
        seeds = [1, 2]
        tf_function = "prints"
        [inputs]
        x = "float32[3]"
        n = 2
        [options]
        tf_function = "auto"
        [finite_differences]
        target = "lambda x, n: x ** n"
        source = "x"
        gradient = "[0]"
        """,
    )
    case = load_case(folder)
    assert case.name == "local/power"
    assert (case.before, case.after) == (BEFORE.encode(), AFTER.encode())
    assert (case.entry, case.old_mode, case.seeds) == ("f", "autograph", (1, 2))
    assert case.inputs == (("x", TensorSpec("float32", (3,))), ("n", Literal(2)))
    assert case.expect == (("[0]", [1.0]), ("[1]", "None"))
    assert (case.allow_zero, case.allow_none, case.skip_function) == ("constant", None, "prints")
    assert case.differences == Differences("lambda x, n: x ** n", "x", "[0]")


@pytest.mark.parametrize(
    ("toml", "complaint"),
    [
        ('entrie = "f"', "unknown key 'entrie'"),
        ("entry = 3", "entry has the wrong type (int)"),
        ('outcome = "done"', "outcome 'done' is none of"),
        ('entry = "f"\nold_mode = "eager"', "old_mode 'eager' is none of"),
        ('entry = "f"\noutputs = ["g"]', "not both"),
        ('entry = "f"\nallow_zero = true', "need a reason"),
        ('entry = "f"\n[inputs]\nx = "float33[2]"', "input x: 'float33[2]': unknown dtype"),
        ('entry = "f"\n[finite_differences]\nsource = "x"', "needs target"),
        ('entry = "f"\n[finite_differences]\nsorce = "x"', "unknown key 'sorce'"),
        ('entry = "f"\nmodes = ["eger"]', "modes are some of eager"),
        ("entry = ", "case.toml: "),
    ],
)
def test_faults_are_named(tmp_path: Path, toml: str, complaint: str) -> None:
    folder = write(tmp_path, toml)
    with pytest.raises(CaseError) as caught:
        load_case(folder)
    assert complaint in str(caught.value)
    assert str(folder / "case.toml") in str(caught.value)


def test_a_folder_without_a_case(tmp_path: Path) -> None:
    with pytest.raises(CaseError, match="no such file"):
        load_case(tmp_path)


def test_a_refused_case_has_no_after(tmp_path: Path) -> None:
    case = load_case(write(tmp_path, 'outcome = "refused"\ncodes = ["TM101"]', after=None))
    assert case.after is None


@pytest.mark.parametrize("outcome", ["migrated", "mixed"])
def test_without_a_golden_the_migration_is_made_now(tmp_path: Path, outcome: str) -> None:
    toml = f'entry = "f"\noutcome = "{outcome}"\noutcomes = ["migrated"]\n'
    case = load_case(write(tmp_path, toml, after=None))
    assert isinstance(case.after, bytes)
    assert b"GradientTape" in case.after


@pytest.mark.parametrize("outcome", ["refused", "skipped", "untouched"])
def test_what_is_left_alone_has_no_other_side(tmp_path: Path, outcome: str) -> None:
    case = load_case(write(tmp_path, f'entry = "f"\noutcome = "{outcome}"\n', after=None))
    assert case.after is None
