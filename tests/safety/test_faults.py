"""Disks, journals and backups that fail: what is said, and that nothing is half done."""

from __future__ import annotations

import io
import json
import os
import sys
import threading
from pathlib import Path

import pytest

from tape_migrate import linking, runner
from tape_migrate.model import Options
from tape_migrate.review import keys
from tape_migrate.safety import undo as undo_module
from tape_migrate.safety import writing
from tape_migrate.safety.backup import BackupError, back_up
from tape_migrate.safety.journal import Change, Entry, JournalError, begin, journals, load
from tape_migrate.safety.undo import describe, last_write, undo
from tape_migrate.safety.unfinished import torn_groups
from tape_migrate.safety.writing import interrupts_held
from tape_migrate.settings.load import SettingsError
from tape_migrate.settings.load import load as load_settings
from tape_migrate.sources.discover import PathError, discover
from tape_migrate.sources.lazy import LazySources
from tests.test_cli import LOCAL


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TAPE_MIGRATE_STATE", str(tmp_path / "state"))
    return tmp_path / "state"


def change(tmp_path: Path, name: str = "a.py") -> Change:
    path = tmp_path / name
    path.write_bytes(b"new\n")
    return Change(str(path), b"old\n", b"new\n")


def test_a_damaged_journal_restores_nothing(tmp_path: Path, state: Path) -> None:
    journal = begin([change(tmp_path)])
    journal.finish()
    (entry,) = journal.entries
    assert journal.old(entry) == b"old\n"
    (Path(journal.folder) / "files").write_bytes(b"OLD\n")
    with pytest.raises(JournalError, match="damaged"):
        journal.old(entry)
    with pytest.raises(JournalError):
        undo(journal)
    assert (tmp_path / "a.py").read_bytes() == b"new\n"
    (Path(journal.folder) / "files").unlink()
    with pytest.raises(JournalError, match=r"No such file"):
        journal.old(entry)


@pytest.mark.parametrize("broken", ["{", "[]", '{"version": 0}', "version", "files"])
def test_an_index_that_cannot_be_read_is_left_out(tmp_path: Path, state: Path, broken: str) -> None:
    journal = begin([change(tmp_path)])
    index = Path(journal.folder) / "index.json"
    whole = json.loads(index.read_text())
    if broken in whole:
        whole[broken] = 99 if broken == "version" else [["too", "short"]]
        broken = json.dumps(whole)
    index.write_text(broken)
    assert load(journal.folder) is None
    assert journals() == []
    assert last_write(str(tmp_path)) is None


def test_a_state_folder_that_cannot_be_made(tmp_path: Path, state: Path) -> None:
    state.write_text("a file is in its place")
    with pytest.raises(JournalError, match="journals"):
        begin([change(tmp_path)])
    assert (tmp_path / "a.py").read_bytes() == b"new\n"


def test_a_journal_is_described_in_a_line(tmp_path: Path, state: Path) -> None:
    journal = begin([change(tmp_path), change(tmp_path, "b.py")])
    assert "2 files (cut short)" in describe(journal)
    journal.finish()
    assert describe(journal).endswith(f"2 files  in {Path.cwd()}")


def test_backups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    inside, outside = str(tmp_path / "here" / "a.py"), str(tmp_path / "b.py")
    changes = [Change(inside, b"a\n", b""), Change(outside, b"b\n", b"")]
    back_up("kept", changes)
    back_up("kept", changes)  # the same again
    assert Path("kept", "a.py").read_bytes() == b"a\n"
    assert Path("kept", outside.lstrip("/")).read_bytes() == b"b\n"
    with pytest.raises(BackupError, match="another backup"):
        back_up("kept", [Change(inside, b"c\n", b"")])
    assert Path("kept", "a.py").read_bytes() == b"a\n"
    with pytest.raises(BackupError, match=r"kept.a\.py"):
        back_up("kept/a.py", [Change(inside, b"a\n", b"")])


def test_other_threads_need_not_hold_interrupts() -> None:
    done: list[str] = []

    def work() -> None:
        with interrupts_held():
            done.append("work")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == ["work"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"[tool.tape-migrate\n", "pyproject.toml"),
        (b"[tool]\ntape-migrate = 3 # \xff\n", "pyproject.toml"),
        (b"[tool]\ntape-migrate = 3\n", "must be a table"),
    ],
)
def test_settings_that_are_none(tmp_path: Path, text: bytes, said: str) -> None:
    (tmp_path / "pyproject.toml").write_bytes(text)
    with pytest.raises(SettingsError, match=said):
        load_settings([str(tmp_path)])


def test_paths_that_are_none(tmp_path: Path) -> None:
    for path in (str(tmp_path / "none"), "nul\0byte"):
        with pytest.raises(PathError):
            discover([path])


def test_sources_that_are_read_when_asked_for(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(b"a = 1\n")
    paths = [str(tmp_path / name) for name in ("a.py", "b.py")]
    sources = LazySources(paths, {paths[1]: b"b = 2\n"})
    assert (len(sources), list(sources)) == (2, paths)
    assert [sources[path] for path in paths] == [b"a = 1\n", b"b = 2\n"]
    with pytest.raises(KeyError):
        sources[str(tmp_path / "c.py")]


def test_a_fault_between_files_is_told_of_one_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    helper = b"import tensorflow as tf\n\n\ndef grad(y, x):\n    return tf.gradients(y, x)[0]\n"
    (tmp_path / "a.py").write_bytes(helper)
    caller = b"from a import grad\n\n\ndef slope(x):\n    y = x * x\n    return grad(y, x)\n"
    (tmp_path / "b.py").write_bytes(caller)
    (tmp_path / "c.py").write_bytes(LOCAL)

    def broken(*_: object) -> object:
        raise ZeroDivisionError("in the linking of files")

    monkeypatch.setattr(linking, "link", broken)
    result = runner.run([str(tmp_path)], Options(assume_closed=True))
    said = {Path(one.path).name: (one.status.value, one.message) for one in result.results}
    assert "internal error" in said["a.py"][1]
    assert "in the linking of files" in said["a.py"][1]
    assert "internal error" not in said["c.py"][1]


def test_keys_are_lines_where_there_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "termios", None)
    monkeypatch.setattr(sys, "stdin", io.StringIO("yes\n \n"))
    with keys.Keyboard() as keyboard:
        with keyboard.away():
            assert keyboard.key() == "y"
        assert keyboard.key() == ""
        assert keyboard.key() == "q", "the end of input"


def test_what_was_begun_of_a_journal_goes_if_it_cannot_be_finished(
    tmp_path: Path, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "rename", full)
    with pytest.raises(JournalError, match="No space left"):
        begin([change(tmp_path)])
    assert list((state / "journals").iterdir()) == []


def test_a_journal_of_a_killed_process_of_our_own_number_is_not_ours(
    tmp_path: Path, state: Path
) -> None:
    """Numbers of processes come again; this process has none under way when it looks."""
    journal = begin([change(tmp_path)])
    assert journal.process == os.getpid()
    assert journal.abandoned
    journal.finish()
    assert not journal.abandoned


def test_a_file_that_changes_while_it_is_restored_is_kept(
    tmp_path: Path, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = begin([change(tmp_path), change(tmp_path, "b.py")])
    journal.finish()

    def before_the_edit(entry: Entry) -> str:
        return entry.new_digest

    monkeypatch.setattr(undo_module, "state_of", before_the_edit)
    (tmp_path / "b.py").write_bytes(b"# mine\n")
    done = undo(journal)
    assert [Path(path).name for path in done.restored] == ["a.py"]
    ((path, why),) = done.failed
    assert (Path(path).name, why) == ("b.py", "not restored: the file changed in this moment")
    assert (tmp_path / "b.py").read_bytes() == b"# mine\n"
    assert last_write(str(tmp_path)) is not None, "the rest can still be undone"


def test_a_damaged_journal_of_a_killed_run_tears_nothing(tmp_path: Path, state: Path) -> None:
    paths = [str(tmp_path / name) for name in ("a.py", "b.py")]
    for path in paths:
        Path(path).write_bytes(b"old\n")
    Path(paths[0]).write_bytes(b"new\n")
    journal = begin([Change(path, b"old\n", b"new\n", group=0) for path in paths])
    (torn,) = torn_groups(paths)
    assert torn.paths == set(paths)
    (Path(journal.folder) / "index.json").write_text("{")
    assert torn_groups(paths) == []


def test_a_file_that_cannot_be_put_back_is_told_of(
    tmp_path: Path, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another program writes into the first while the second is found to be read-only."""
    first, second = tmp_path / "a.py", tmp_path / "b.py"
    for path in (first, second):
        path.write_bytes(b"old\n")
    second.chmod(0o444)
    write_one = writing.write_file

    def write(file: writing.File) -> str | None:
        fault = write_one(file)
        if file.new == b"new\n" and file.path == str(first):
            first.write_bytes(b"# mine\n")
        return fault

    monkeypatch.setattr(writing, "write_file", write)
    together = (str(first), str(second))
    faults = writing.write_together(
        [writing.File(path, b"old\n", b"new\n", together) for path in together]
    )
    assert faults[str(second)] == "not written: the file is read-only"
    said = f"written, but {second} was not; `tape-migrate undo`"
    assert faults[str(first)] == said
    assert first.read_bytes() == b"# mine\n"
