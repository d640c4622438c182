"""The journal of a write, undo, backups; and what a killed run leaves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tape_migrate.safety.journal import Change, JournalError, begin, digest, journals
from tape_migrate.safety.undo import last_write, undo
from tests.test_cli import LOCAL, REFUSED, environment, run


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TAPE_MIGRATE_STATE", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture
def tree(tmp_path: Path, state: Path) -> Path:
    folder = tmp_path / "tree"
    folder.mkdir()
    for name in ("a.py", "b.py"):
        (folder / name).write_bytes(LOCAL)
    (folder / "c.py").write_bytes(REFUSED)
    return folder


def test_undo_restores_the_last_write_and_then_the_one_before(tree: Path) -> None:
    (tree / "a.py").chmod(0o750)
    assert run("--write", "a.py", cwd=tree).returncode == 0
    first = (tree / "a.py").read_bytes()
    assert run("--write", ".", cwd=tree).returncode == 0
    assert (tree / "b.py").read_bytes() == first
    dry = run("undo", "--dry-run", cwd=tree)
    assert (dry.returncode, dry.stdout) == (
        0, b"would be restored: b.py\n1 file would be restored\n",
    )  # fmt: skip
    assert run("undo", "--list", cwd=tree).stdout.count(b"1 file  in ") == 2
    done = run("undo", cwd=tree)
    assert (done.returncode, done.stdout) == (0, b"restored: b.py\n1 file restored\n")
    assert (tree / "b.py").read_bytes() == LOCAL
    assert (tree / "a.py").read_bytes() == first
    assert run("undo", cwd=tree).stdout == b"restored: a.py\n1 file restored\n"
    assert (tree / "a.py").read_bytes() == LOCAL
    assert (tree / "a.py").stat().st_mode & 0o777 == 0o750
    last = run("undo", cwd=tree)
    assert (last.returncode, last.stdout) == (1, b"")
    assert b"nothing to undo" in last.stderr


def test_journals_stay_in_order_over_the_end_of_a_second(
    tmp_path: Path, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first is written at 10.6 s; the second is begun at 10.9 s and written at 11.1 s."""
    for began, written in ((10.5, 10.6), (10.9, 11.1)):
        monkeypatch.setattr(time, "time", lambda began=began: began)
        monkeypatch.setattr(time, "time_ns", lambda written=written: int(written * 10**9))
        begin([Change(str(tmp_path / "a.py"), b"", b"")])
    assert [journal.started for journal in journals()] == [10.9, 10.5]


def test_undo_refuses_where_a_file_has_changed_since(tree: Path) -> None:
    run("--write", ".", cwd=tree)
    (tree / "a.py").write_bytes(b"# mine\n")
    written = (tree / "b.py").read_bytes()
    done = run("undo", cwd=tree)
    assert done.returncode == 1
    assert done.stderr.startswith(b"changed since: a.py\nnothing restored")
    assert (tree / "b.py").read_bytes() == written
    kept = run("undo", "--keep-changed", cwd=tree)
    assert kept.returncode == 0
    assert (tree / "b.py").read_bytes() == LOCAL
    assert (tree / "a.py").read_bytes() == b"# mine\n"


def test_a_file_that_cannot_be_restored_stops_no_other_and_can_be_later(tree: Path) -> None:
    run("--write", ".", cwd=tree)
    (tree / "a.py").chmod(0o444)
    done = run("undo", cwd=tree)
    assert done.returncode == 3
    assert done.stderr == b"a.py: failed: not written: the file is read-only\n"
    assert done.stdout == b"restored: b.py\n1 file restored\n"
    assert b"Tape" in (tree / "a.py").read_bytes()
    (tree / "a.py").chmod(0o644)
    assert run("undo", cwd=tree).stdout == (
        b"restored: a.py\n1 file restored, 1 had not been written\n"
    )
    assert (tree / "a.py").read_bytes() == LOCAL


def test_undo_belongs_to_the_folder(tree: Path, tmp_path: Path) -> None:
    run("--write", "tree", cwd=tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    assert run("undo", cwd=other).returncode == 1
    # Below or above: it is the folder of the files, or that where the write was started.
    assert run("undo", cwd=tree).returncode == 0
    assert (tree / "a.py").read_bytes() == LOCAL


def test_a_damaged_journal_restores_nothing(tree: Path, state: Path) -> None:
    run("--write", ".", cwd=tree)
    written = (tree / "a.py").read_bytes()
    (contents,) = state.glob("journals/*/files")
    contents.write_bytes(b"x" + contents.read_bytes()[1:])
    done = run("undo", cwd=tree)
    assert done.returncode == 3
    assert b"the journal is damaged" in done.stderr
    assert (tree / "a.py").read_bytes() == written


def test_where_no_journal_can_be_kept_the_write_says_so(tree: Path, tmp_path: Path) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_bytes(b"")
    done = run("--write", ".", cwd=tree, TAPE_MIGRATE_STATE=str(blocked))
    assert done.returncode == 0
    assert done.stderr.startswith(b"warning: `tape-migrate undo` will not know of this write")
    assert b"Tape" in (tree / "a.py").read_bytes()


def test_backups_hold_the_old_content_and_are_never_overwritten(tree: Path) -> None:
    assert run("--write", "--backup-dir", "old/files", "a.py", cwd=tree).returncode == 0
    assert (tree / "old" / "files" / "a.py").read_bytes() == LOCAL
    (tree / "a.py").write_bytes(LOCAL.replace(b"slope", b"other"))
    done = run("--write", "--backup-dir", "old/files", "a.py", cwd=tree)
    assert done.returncode == 2
    assert b"another backup already" in done.stderr
    assert b"Tape" not in (tree / "a.py").read_bytes()
    assert (tree / "old" / "files" / "a.py").read_bytes() == LOCAL


def test_only_the_latest_journals_are_kept(state: Path, tmp_path: Path) -> None:
    for number in range(55):
        begin([Change(str(tmp_path / "a.py"), b"", str(number).encode())])
    found = journals()
    assert len(found) == 50
    assert found[0].entries[0].new_digest == digest(b"54")


def test_a_journal_that_cannot_be_written_is_an_error(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state.parent.mkdir(exist_ok=True)
    state.write_bytes(b"")
    with pytest.raises(JournalError):
        begin([])
    assert journals() == []


@pytest.mark.parametrize("written_before", [1, 60])
def test_killed_in_the_middle_every_file_is_old_or_new_and_undo_or_a_second_run_ends_it(
    tmp_path: Path, state: Path, monkeypatch: pytest.MonkeyPatch, written_before: int
) -> None:
    tree = tmp_path / "many"
    tree.mkdir()
    names = [f"m{number:03}.py" for number in range(500)]
    for name in names:
        (tree / name).write_bytes(LOCAL)
    (tmp_path / "r.py").write_bytes(LOCAL)
    run("--write", "r.py", cwd=tmp_path)
    new = (tmp_path / "r.py").read_bytes()
    assert new != LOCAL
    command = [sys.executable, "-m", "tape_migrate", "--write", *names]
    with subprocess.Popen(
        command, cwd=tree, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        deadline = time.monotonic() + 60
        while (tree / names[written_before]).read_bytes() != new and time.monotonic() < deadline:
            time.sleep(0.0005)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=30)
    assert process.returncode == -signal.SIGKILL
    contents = [(tree / name).read_bytes() for name in names]
    assert set(contents) == {LOCAL, new}, "the kill must have come in the middle"
    count = contents.count(new)
    # What is left beside the files, if anything, goes with the next write or undo.
    if written_before == 1:
        monkeypatch.chdir(tree)
        journal = last_write(str(tree))
        assert journal is not None
        assert not journal.finished
        done = undo(journal)
        assert (len(done.restored), len(done.already_old)) == (count, 500 - count)
        expected = LOCAL
    else:
        assert run("--write", ".", cwd=tree).returncode == 0
        expected = new
    assert {(tree / name).read_bytes() for name in names} == {expected}
    assert sorted(os.listdir(tree)) == names


def test_what_a_killed_run_left_beside_a_file_is_tidied_up(tree: Path, state: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    run("--write", "a.py", cwd=tree)
    (index,) = state.glob("journals/*/index.json")
    text = index.read_text()
    own = text.split('"process": ')[1].split(",")[0]
    index.write_text(text.replace(f'"process": {own}', f'"process": {gone.pid}'))
    (index.parent / "done").unlink()
    left = tree / f".tape-migrate-{gone.pid}.tmp"
    left.write_bytes(b"half of a")
    run("--write", "b.py", cwd=tree)
    assert not left.exists()
