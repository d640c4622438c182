"""A review of files that change together: one question for a helper and all its callers."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.review.terminal import drive
from tests.safety.test_together import CALLER, HELPER
from tests.test_cli import run

OWN = b"""

def curve(x):
    y = x * x * x
    return tf.gradients(y, x)[0]
"""
BOTH = b"import tensorflow as tf\n" + CALLER + OWN
# The questions come in this order: curve of b.py, the helper with both callers, alone.py.
FILES = {"alone.py": b"import tensorflow as tf\n" + OWN, "a.py": CALLER, "b.py": BOTH,
         "helper.py": HELPER}  # fmt: skip


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TAPE_MIGRATE_STATE", str(tmp_path / "state"))
    folder = tmp_path / "tree"
    folder.mkdir()
    for name, data in FILES.items():
        (folder / name).write_bytes(data)
    return folder


def changed(tree: Path) -> dict[str, list[str]]:
    """By file: which functions of it are migrated."""
    marks = {"slope": b"return grad(tape, y, x)", "grad": b"def grad(tape, y, x)",
             "curve": b"    y = x * x * x\n    return tape.gradient"}  # fmt: skip
    found = {}
    for name, old in FILES.items():
        data = (tree / name).read_bytes()
        if data != old:
            text = data.replace(b"        y = x * x * x\n", b"    y = x * x * x\n")
            found[name] = [mark for mark, part in marks.items() if part in text]
    return found


def test_a_helper_is_accepted_with_its_callers_and_by_itself(tree: Path) -> None:
    seen, code = drive(tree, ["n", "y", "n"])
    assert code == 0
    assert "[2/3] helper.py:5:12  helper/safe in grad" in seen
    assert "3 files that change together: a.py, b.py, helper.py" in seen
    assert changed(tree) == {"a.py": ["slope"], "b.py": ["slope"], "helper.py": ["grad"]}
    assert "1 accepted, 2 declined; 3 files changed" in seen
    assert run("undo", cwd=tree).returncode == 0
    assert changed(tree) == {}


def test_without_the_helper_no_caller_is_touched(tree: Path) -> None:
    seen, _ = drive(tree, ["y", "n", "n"])
    assert changed(tree) == {"b.py": ["curve"]}
    assert "1 accepted, 2 declined; 1 file changed" in seen


def test_all_of_it(tree: Path) -> None:
    drive(tree, ["A"])
    reviewed = {name: (tree / name).read_bytes() for name in FILES}
    assert run("undo", cwd=tree).returncode == 0
    assert run("--write", ".", cwd=tree).returncode == 0
    assert {name: (tree / name).read_bytes() for name in FILES} == reviewed


def test_a_killed_review_of_them_goes_on(tree: Path) -> None:
    _, code = drive(tree, ["n", "y"], kill=signal.SIGKILL)
    assert code == -signal.SIGKILL
    assert changed(tree) == {}
    seen, _ = drive(tree, ["y"])
    assert "2 answered before" in seen
    assert changed(tree) == {
        "a.py": ["slope"], "b.py": ["slope"], "helper.py": ["grad"], "alone.py": ["curve"],
    }  # fmt: skip


def test_all_their_texts_go_to_the_editor(tree: Path, tmp_path: Path) -> None:
    editor = tmp_path / "editor.sh"
    editor.write_text('#!/bin/sh\nfor f in "$@"; do echo "# seen" >> "$f"; done\n')
    editor.chmod(0o755)
    _, code = drive(tree, ["y", "e", "n"], EDITOR=str(editor), VISUAL="")
    assert code == 0
    for name in ("a.py", "b.py", "helper.py"):
        assert (tree / name).read_bytes().endswith(b"# seen\n")
    assert changed(tree)["b.py"] == ["slope", "curve"]
    assert (tree / "alone.py").read_bytes() == FILES["alone.py"]


def test_one_that_cannot_be_written_leaves_all_as_they_were(tree: Path, tmp_path: Path) -> None:
    # The editor stands in for another program that changes a file while questions are asked.
    editor = tmp_path / "editor.sh"
    editor.write_text(f"#!/bin/sh\necho '# other' >> {tree}/b.py\n")
    editor.chmod(0o755)
    seen, code = drive(tree, ["n", "e", "n"], EDITOR=str(editor), VISUAL="")
    assert code == 3
    assert "b.py: failed: not written: the file changed since it was read" in seen
    assert "a.py: failed: not written: it changes together with b.py, which failed" in seen
    assert (tree / "a.py").read_bytes() == CALLER
    assert (tree / "helper.py").read_bytes() == HELPER
    assert (tree / "b.py").read_bytes() == BOTH + b"# other\n"
