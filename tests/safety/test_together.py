"""Files that change together: all are written or none, whatever comes in between."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tape_migrate import runner
from tape_migrate.model import Options
from tape_migrate.results import FileResult, FileStatus
from tape_migrate.safety.writing import File, write_together
from tests.review.terminal import drive
from tests.test_cli import environment, run

HELPER = b"""import tensorflow as tf


def grad(y, x):
    return tf.gradients(y, x)[0]
"""
CALLER = b"""from helper import grad


def slope(x):
    y = x * x
    return grad(y, x)
"""
COUNT = 150


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TAPE_MIGRATE_STATE", str(tmp_path / "state"))
    folder = tmp_path / "tree"
    folder.mkdir()
    (folder / "helper.py").write_bytes(HELPER)
    return folder


def callers(tree: Path, count: int) -> list[str]:
    names = [f"c{number:03}.py" for number in range(count)]
    for name in names:
        (tree / name).write_bytes(CALLER)
    return names


def old_and_new(tree: Path) -> tuple[set[str], set[str]]:
    """The names of files that are as they were, and of those that are migrated; no others."""
    old, new = set(), set()
    for path in tree.glob("*.py"):
        data = path.read_bytes()
        if data == (HELPER if path.name == "helper.py" else CALLER):
            old.add(path.name)
        else:
            assert b"grad(tape, y, x)" in data, path
            assert data.endswith((b"return grad(tape, y, x)\n", b"tape.gradient(y, x)\n"))
            new.add(path.name)
    return old, new


def kill_in_the_middle(tree: Path, names: list[str]) -> None:
    command = [sys.executable, "-m", "tape_migrate", "--write", "."]
    with subprocess.Popen(
        command, cwd=tree, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        deadline = time.monotonic() + 90
        while (tree / names[2]).read_bytes() == CALLER and time.monotonic() < deadline:
            time.sleep(0.0005)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=30)
    assert process.returncode == -signal.SIGKILL
    old, new = old_and_new(tree)
    assert old, "the kill must have come in the middle"
    assert len(new) > 2


def test_killed_between_them_a_second_run_or_undo_ends_it_and_others_say_so(tree: Path) -> None:
    names = callers(tree, COUNT)
    kill_in_the_middle(tree, names)
    before = old_and_new(tree)

    dry = run(".", cwd=tree)
    assert dry.returncode == 0
    assert dry.stderr.startswith(b"warning: a --write was cut short between files that change ")
    assert b"change together: c000.py, c001.py, c002.py" in dry.stderr
    assert b"--write finishes it, `tape-migrate undo` takes it back" in dry.stderr
    checked = run("--check", "c000.py", cwd=tree)  # which by itself has nothing to migrate
    assert (checked.returncode, checked.stderr[:36]) == (1, b"warning: a --write was cut short bet")
    some = run("--write", "c000.py", "helper.py", cwd=tree)
    assert some.returncode == 2
    assert b"nothing written: a --write was cut short" in some.stderr
    assert b"--write with all of them finishes it" in some.stderr
    seen, code = drive(tree, [])
    assert code == 2
    assert "was cut short" in seen
    assert old_and_new(tree) == before

    done = run("--write", ".", cwd=tree)
    assert done.returncode == 0
    assert done.stderr.count(b"finished what an earlier --write had begun: ") == len(before[0])
    assert old_and_new(tree) == (set(), {*names, "helper.py"})
    assert sorted(path.name for path in tree.iterdir()) == [*names, "helper.py"]
    again = run("--write", ".", cwd=tree)
    assert (again.returncode, again.stderr) == (0, b"")

    undone = run("undo", cwd=tree)
    assert undone.returncode == 0
    assert old_and_new(tree) == ({*names, "helper.py"}, set())

    kill_in_the_middle(tree, names)
    assert run("undo", cwd=tree).returncode == 0
    assert old_and_new(tree) == ({*names, "helper.py"}, set())
    assert run(".", cwd=tree).stderr == b""


def test_what_was_changed_since_is_not_written_over(tree: Path) -> None:
    names = callers(tree, COUNT)
    kill_in_the_middle(tree, names)
    (tree / "helper.py").write_bytes(b"# mine\n")
    done = run("--write", ".", cwd=tree)
    assert done.returncode == 2
    assert b"helper.py changed since; `tape-migrate undo --keep-changed`" in done.stderr
    assert run("undo", "--keep-changed", cwd=tree).returncode == 0
    (tree / "helper.py").write_bytes(HELPER)
    assert old_and_new(tree) == ({*names, "helper.py"}, set())
    assert run(".", cwd=tree).stderr == b""


def test_if_one_cannot_be_written_the_others_get_their_old_content_back(tree: Path) -> None:
    for name in ("a.py", "b.py", "c.py"):
        (tree / name).write_bytes(b"old\n")
    (tree / "b.py").write_bytes(b"changed in between\n")
    paths = tuple(str(tree / name) for name in ("a.py", "b.py", "c.py"))
    faults = write_together([File(path, b"old\n", b"new\n", paths) for path in paths])
    assert faults == {
        paths[0]: f"not written: it changes together with {paths[1]}, which failed",
        paths[1]: "not written: the file changed since it was read",
        paths[2]: f"not written: it changes together with {paths[1]}, which failed",
    }
    assert [Path(path).read_bytes() for path in paths] == [
        b"old\n", b"changed in between\n", b"old\n",
    ]  # fmt: skip


def test_ctrl_c_waits_for_all_of_them(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = callers(tree, 3)
    (tree / "z.py").write_bytes(HELPER.replace(b"def grad(y, x):", b"def f(x):\n    y = x * x"))
    write = runner._write
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def interrupted(files: list[File], results: list[FileResult]) -> list[FileResult]:
        os.kill(os.getpid(), signal.SIGINT)
        return write(files, results)

    monkeypatch.setattr(runner, "_write", interrupted)
    try:
        result = runner.run([str(tree)], Options(), write=True)
    finally:
        signal.signal(signal.SIGINT, before)
    assert result.interrupted
    assert {Path(r.path).name for r in result.results if r.written} == {*names, "helper.py"}
    assert {r.status for r in result.results} == {FileStatus.CHANGED}
    assert result.not_reached == (str(tree / "z.py"),)
