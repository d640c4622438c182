"""Replacing files: all or nothing."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tape_migrate.sources.write import WriteError, write_atomically


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "m.py"
    path.write_bytes(b"old\n")
    return path


def _only(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


@pytest.mark.parametrize("mode", [0o644, 0o755, 0o600, 0o664, 0o4755])
def test_the_content_changes_and_the_mode_stays(file: Path, mode: int) -> None:
    file.chmod(mode)
    write_atomically(str(file), b"new\r\n", expected=b"old\n")
    assert file.read_bytes() == b"new\r\n"
    assert stat.S_IMODE(file.stat().st_mode) == mode
    assert _only(file.parent) == ["m.py"]


def test_a_link_stays_and_its_target_changes(file: Path) -> None:
    folder = file.parent / "links"
    folder.mkdir()
    link = folder / "l.py"
    link.symlink_to("../m.py")
    write_atomically(str(link), b"new\n", expected=b"old\n")
    assert link.is_symlink()
    assert file.read_bytes() == b"new\n"
    assert _only(folder) == ["l.py"]


def test_a_relative_path_is_fine(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(file.parent)
    write_atomically("m.py", b"new\n", expected=b"old\n")
    assert file.read_bytes() == b"new\n"


def test_a_file_that_changed_in_the_meantime_is_left_alone(file: Path) -> None:
    file.write_bytes(b"edited\n")
    with pytest.raises(WriteError, match="changed since it was read"):
        write_atomically(str(file), b"new\n", expected=b"old\n")
    assert file.read_bytes() == b"edited\n"
    assert _only(file.parent) == ["m.py"]


def test_a_read_only_file_is_left_alone(file: Path) -> None:
    file.chmod(0o444)
    with pytest.raises(WriteError, match="read-only"):
        write_atomically(str(file), b"new\n", expected=b"old\n")
    assert file.read_bytes() == b"old\n"


def test_a_read_only_folder_is_an_error_and_nothing_is_left(file: Path) -> None:
    # Root may write anywhere, so do it as nobody where this runs as root.
    program = (
        "import os, sys\n"
        "from tape_migrate.sources.write import WriteError, write_atomically\n"
        "os.chdir(sys.argv[1])\n"
        "if os.geteuid() == 0: os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "try: write_atomically('m.py', b'new', expected=b'old\\n')\n"
        "except WriteError as error: print(error)\n"
    )
    file.chmod(0o666)
    for folder in file.parents:
        if folder.stat().st_uid == os.geteuid() and folder != Path("/tmp"):
            folder.chmod(folder.stat().st_mode | 0o055)
    file.parent.chmod(0o555)
    command = [sys.executable, "-c", program, str(file.parent)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    file.parent.chmod(0o755)
    assert done.stdout.startswith("not written: Permission denied"), done
    assert file.read_bytes() == b"old\n"
    assert _only(file.parent) == ["m.py"]


def test_a_file_that_is_gone_stays_gone(file: Path) -> None:
    file.unlink()
    with pytest.raises(WriteError, match="No such file"):
        write_atomically(str(file), b"new\n", expected=b"old\n")
    assert _only(file.parent) == []


def test_what_is_no_longer_a_file_is_left_alone(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)
    with pytest.raises(WriteError, match="no longer a regular file"):
        write_atomically(str(file), b"new\n", expected=b"old\n")
    assert stat.S_ISFIFO(file.stat().st_mode)
    assert _only(file.parent) == ["m.py"]


def test_the_mode_stays_where_open_files_have_no_modes(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on Windows, where files have no owners of this kind either."""
    monkeypatch.delattr(os, "fchown")
    monkeypatch.delattr(os, "fchmod")
    file.chmod(0o755)
    write_atomically(str(file), b"new\n", expected=b"old\n")
    assert file.read_bytes() == b"new\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o755


@pytest.mark.parametrize("step", ["write", "fsync", "replace"])
@pytest.mark.parametrize("trouble", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_trouble_at_any_step_leaves_the_old_file_and_nothing_else(
    file: Path, monkeypatch: pytest.MonkeyPatch, step: str, trouble: BaseException
) -> None:
    def fail(*arguments: object) -> int:
        raise trouble

    monkeypatch.setattr(os, step, fail)
    with pytest.raises((WriteError, KeyboardInterrupt)) as caught:
        write_atomically(str(file), b"new\n", expected=b"old\n")
    assert isinstance(caught.value, KeyboardInterrupt) or "No space left" in str(caught.value)
    assert file.read_bytes() == b"old\n"
    assert _only(file.parent) == ["m.py"]


def test_a_leftover_of_a_killed_process_is_in_nobodys_way(file: Path) -> None:
    leftover = file.parent / f".tape-migrate-{os.getpid()}.tmp"
    leftover.write_bytes(b"half")
    write_atomically(str(file), b"new\n", expected=b"old\n")
    assert file.read_bytes() == b"new\n"
    assert _only(file.parent) == ["m.py"]
