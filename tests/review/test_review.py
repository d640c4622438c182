"""``--review`` at a terminal: keys, what is written, undo, and going on later."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.notebooks.making import notebook, sources
from tests.review.terminal import drive
from tests.review.test_units import SOURCE
from tests.safety.repository import make_repository
from tests.test_cli import LOCAL, run

OLD = SOURCE.split(b"\n\n\n")


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TAPE_MIGRATE_STATE", str(tmp_path / "state"))
    folder = tmp_path / "tree"
    folder.mkdir()
    (folder / "m.py").write_bytes(SOURCE)
    return folder


def migrated(tree: Path, name: str = "m.py") -> list[bool]:
    """Of each function: whether it is migrated; the others must be what they were."""
    parts = (tree / name).read_bytes().split(b"\n\n\n")
    changed = [new != old for new, old in zip(parts, OLD, strict=True)]
    assert all((b"GradientTape" in new) == yes for new, yes in zip(parts, changed, strict=True))
    return changed[1:4]


def test_each_unit_is_shown_and_only_what_was_accepted_is_written(tree: Path) -> None:
    seen, code = drive(tree, ["y", "n", "y"])
    assert code == 0
    assert migrated(tree) == [True, False, True]
    assert "[1/3] m.py:6:12  local/safe in slope" in seen
    assert "2 calls that move together, in lines 11, 12" in seen
    assert "[2/3] m.py:11:9  local and nested/" in seen
    assert "+        with tf.GradientTape() as tape:" in seen
    assert seen.endswith("3 accepted, 2 declined; 1 file changed\n")
    # The diff of each question is about its own calls only.
    assert seen.split("[2/3]")[1].partition("[3/3]")[0].count("tf.gradients(y, x)[0]") == 1
    assert run("undo", cwd=tree).returncode == 0
    assert (tree / "m.py").read_bytes() == SOURCE


def test_assumptions_are_said(tree: Path) -> None:
    seen, _ = drive(tree, ["n", "n", "q"])
    first, last = seen.split("[1/3]")[1].split("[2/3]")[0], seen.split("[3/3]")[1]
    assert "assumes" not in first
    assert "assumes that x was not computed from z" in last


def test_undo_takes_answers_back(tree: Path) -> None:
    _, code = drive(tree, ["u", "y", "y", "u", "u", "n", "y", "n"])
    assert code == 0
    assert migrated(tree) == [False, True, False]


def test_the_rest_of_a_file_and_of_all_files(tree: Path) -> None:
    (tree / "n.py").write_bytes(SOURCE)
    seen, _ = drive(tree, ["n", "a", "n", "A"])
    assert migrated(tree) == [False, True, True]
    assert migrated(tree, "n.py") == [False, True, True]
    assert "8 accepted, 2 declined; 2 files changed" in seen


def test_a_file_can_be_passed_over(tree: Path) -> None:
    (tree / "n.py").write_bytes(SOURCE)
    seen, _ = drive(tree, ["y", "d", "u", "d", "y", "d"])
    assert migrated(tree) == [True, False, False]
    assert migrated(tree, "n.py") == [True, False, False]
    assert "2 accepted, 8 declined; 2 files changed" in seen


def test_other_keys_ask_again_and_a_question_mark_explains(tree: Path) -> None:
    seen, _ = drive(tree, ["x", "\x1b[A", "?", "q"])
    assert "q  stop here and write what was accepted" in seen
    assert "Source, target and call lie in one function" in seen
    assert (tree / "m.py").read_bytes() == SOURCE


def test_stopping_writes_what_was_accepted_and_the_next_review_goes_on(tree: Path) -> None:
    seen, code = drive(tree, ["n", "y", "q"])
    assert code == 0
    assert "2 accepted, 1 declined, 2 left for the next --review" in seen
    assert migrated(tree) == [False, True, False]
    seen, _ = drive(tree, ["y"])
    assert "going on where the last review stopped; 1 answered before" in seen
    assert "in both" in seen
    assert migrated(tree) == [False, True, True]
    # That review came to its end: what was declined is asked again.
    seen, _ = drive(tree, ["y"])
    assert migrated(tree) == [True, True, True]


def test_ctrl_c_writes_nothing_and_loses_no_answer(tree: Path) -> None:
    seen, code = drive(tree, ["y", "n", "\x03"])
    assert code == 130
    assert "nothing written; the answers are kept" in seen
    assert (tree / "m.py").read_bytes() == SOURCE
    seen, code = drive(tree, ["y"])
    assert "2 answered before" in seen
    assert migrated(tree) == [True, False, True]


def test_a_killed_review_goes_on_where_it_was(tree: Path) -> None:
    _, code = drive(tree, ["y", "n"], kill=signal.SIGKILL)
    assert code == -signal.SIGKILL
    assert (tree / "m.py").read_bytes() == SOURCE
    drive(tree, ["n"])
    assert migrated(tree) == [True, False, False]


def test_answers_for_another_content_do_not_count(tree: Path) -> None:
    drive(tree, ["n", "q"])
    (tree / "m.py").write_bytes(SOURCE + b"# changed\n")
    seen, _ = drive(tree, ["q"])
    assert "[1/3]" in seen


def test_a_migration_can_be_edited(tree: Path, tmp_path: Path) -> None:
    editor = tmp_path / "editor.sh"
    editor.write_text(
        '#!/bin/sh\nsed -i "s/return tape.gradient/return 2.0 * tape.gradient/" "$1"\n'
    )
    editor.chmod(0o755)
    _, code = drive(tree, ["e", "n", "y"], EDITOR=str(editor), VISUAL="")
    assert code == 0
    text = (tree / "m.py").read_bytes()
    assert b"return 2.0 * tape.gradient(y, x)\n" in text
    assert text.split(b"\n\n\n")[2] == OLD[2]
    assert b"Tape" in text.split(b"\n\n\n")[3]


@pytest.mark.parametrize(
    ("script", "message"),
    [("exit 1", "the editor failed"), ('echo "def f(" > "$1"', "not taken: line 1: syntax error")],
)
def test_an_edit_that_fails_changes_nothing(
    tree: Path, tmp_path: Path, script: str, message: str
) -> None:
    editor = tmp_path / "editor.sh"
    editor.write_text(f"#!/bin/sh\n{script}\n")
    editor.chmod(0o755)
    seen, _ = drive(tree, ["e", "q"], EDITOR=str(editor), VISUAL="")
    assert message in seen
    assert (tree / "m.py").read_bytes() == SOURCE


def test_uncommitted_changes_are_told_before_the_first_question(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "r", {"a.py": LOCAL})
    (repository / "a.py").write_bytes(LOCAL + b"# mine\n")
    seen, code = drive(repository, [])
    assert code == 2
    assert "uncommitted changes" in seen
    _, code = drive(repository, ["y"], "--allow-dirty", ".")
    assert code == 0
    assert b"Tape" in (repository / "a.py").read_bytes()


def test_nothing_to_decide_and_no_terminal(tree: Path) -> None:
    (tree / "m.py").write_bytes(b"x = 1\n")
    seen, code = drive(tree, [])
    assert (seen, code) == ("0 accepted, 0 declined; 0 files changed\n", 0)
    done = run("--review", ".", cwd=tree)
    assert done.returncode == 2
    assert b"it needs a terminal" in done.stderr


@pytest.mark.parametrize("other", ["--write", "--check", "--format=json"])
def test_options_that_do_not_go_with_it(tree: Path, other: str) -> None:
    assert run("--review", other, ".", cwd=tree).returncode == 2


NOTEBOOK = notebook(
    "import tensorflow as tf\nx = tf.constant(2.0)",
    "y = x * x\ng = tf.gradients(y, x)[0]",
    "z = tf.sin(x)\nh = tf.gradients(z, x)[0]",
)


def test_calls_of_a_notebook_are_asked_about_and_written_by_cell(tree: Path) -> None:
    (tree / "m.py").unlink()
    (tree / "n.ipynb").write_bytes(NOTEBOOK)
    seen, code = drive(tree, ["e", "n", "y"])
    assert code == 0
    assert "a notebook cannot be edited here" in seen
    assert "@@ cell 2 @@" in seen or "cell 2" in seen
    old, new = sources(NOTEBOOK), sources((tree / "n.ipynb").read_bytes())
    assert new[:2] == old[:2]
    assert new[2].startswith("with tf.GradientTape() as tape:\n")
    assert seen.endswith("1 accepted, 1 declined; 1 file changed\n")


def test_the_end_of_the_input_stops_the_review(tree: Path) -> None:
    seen, code = drive(tree, ["y", "\x04"])
    assert code == 0
    assert "1 accepted, 0 declined, 4 left for the next --review" in seen
    assert migrated(tree) == [True, False, False]
