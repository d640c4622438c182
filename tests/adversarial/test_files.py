"""Files and folders that make trouble: no half-written file, and all others go on."""

from __future__ import annotations

import os
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tape_migrate.model import Options
from tape_migrate.results import RunResult
from tape_migrate.runner import Listeners, run

from . import as_nobody

GOOD = b"import tensorflow as tf\n\n\ndef f(x):\n    y = x * x\n    return tf.gradients(y, x)[0]\n"
AS_NOBODY = str(Path(as_nobody.__file__))

Done = subprocess.CompletedProcess[bytes]


def tool(folder: Path, *arguments: str, program: tuple[str, ...] = ("-m", "tape_migrate")) -> Done:
    """The command line in ``folder``; journals are kept inside the tree, for every user."""
    environment = {**os.environ, "TAPE_MIGRATE_STATE": str(folder / ".state")}
    if program == (AS_NOBODY,):
        # That user cannot write what coverage measures, and coverage would say so.
        environment.pop("COVERAGE_PROCESS_CONFIG", None)
    return subprocess.run(
        [sys.executable, *program, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        check=False,
        timeout=120,
    )


def write(folder: Path, *names: str | bytes) -> None:
    for name in names:
        path = Path(os.fsdecode(os.fsencode(folder) + b"/" + os.fsencode(name)))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(GOOD)


def is_done(path: Path) -> bool:
    return b"GradientTape" in path.read_bytes()


def leftovers(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*.tmp")]


@pytest.fixture
def open_tree() -> Iterator[Path]:
    """A folder that any user may reach and write, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="tape-migrate-open-"))
    folder.chmod(0o777)
    yield folder
    for path in (folder, *folder.rglob("*")):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o700)
    shutil.rmtree(folder)


def test_unreadable_files(open_tree: Path) -> None:
    write(open_tree, "a.py", "b.py", "c.py")
    for name in "ac":
        (open_tree / f"{name}.py").chmod(0o666)
    (open_tree / "b.py").chmod(0)
    done = tool(open_tree, "--write", ".", program=(AS_NOBODY,))
    assert done.returncode == 3
    assert done.stderr == b"b.py: failed: Permission denied\n"
    assert is_done(open_tree / "a.py")
    assert is_done(open_tree / "c.py")
    assert (open_tree / "b.py").read_bytes() == GOOD


def test_folders_without_permission(open_tree: Path) -> None:
    write(open_tree, "a.py", "shut/b.py", "list_only/c.py", "z/d.py")
    for path in open_tree.rglob("*"):
        path.chmod(0o777 if path.is_dir() else 0o666)
    (open_tree / "shut").chmod(0)
    (open_tree / "list_only").chmod(0o444)
    done = tool(open_tree, "--write", ".", program=(AS_NOBODY,))
    assert done.returncode == 3
    assert b"shut/: failed: Permission denied\n" in done.stderr
    assert b"list_only/c.py: failed: Permission denied\n" in done.stderr
    assert is_done(open_tree / "a.py")
    assert is_done(open_tree / "z" / "d.py")


def test_folders_that_cannot_be_written(open_tree: Path) -> None:
    write(open_tree, "a.py", "locked/b.py")
    for path in open_tree.rglob("*"):
        path.chmod(0o777 if path.is_dir() else 0o666)
    (open_tree / "locked").chmod(0o555)
    done = tool(open_tree, "--write", ".", program=(AS_NOBODY,))
    assert done.returncode == 3
    assert b"locked/b.py: failed: not written: Permission denied" in done.stderr
    assert is_done(open_tree / "a.py")
    assert (open_tree / "locked" / "b.py").read_bytes() == GOOD
    assert leftovers(open_tree) == []


def test_a_named_file_that_cannot_be_read_is_no_traceback(open_tree: Path) -> None:
    write(open_tree, "a.py")
    (open_tree / "a.py").chmod(0)
    done = tool(open_tree, "a.py", program=(AS_NOBODY,))
    assert (done.returncode, done.stderr) == (3, b"a.py: failed: Permission denied\n")


def test_read_only_files(tmp_path: Path) -> None:
    write(tmp_path, "a.py", "b.py")
    (tmp_path / "a.py").chmod(0o444)
    done = tool(tmp_path, "--write", ".")
    assert done.returncode == 3
    assert done.stderr == b"a.py: failed: not written: the file is read-only\n"
    assert is_done(tmp_path / "b.py")


def test_loops_and_broken_links_and_what_is_no_file(tmp_path: Path) -> None:
    write(tmp_path, "p/a.py", "elsewhere/target.txt")
    (tmp_path / "p" / "loop").symlink_to(".", target_is_directory=True)
    (tmp_path / "p" / "self.py").symlink_to("self.py")
    (tmp_path / "p" / "one.py").symlink_to("two.py")
    (tmp_path / "p" / "two.py").symlink_to("one.py")
    (tmp_path / "p" / "broken.py").symlink_to("nowhere")
    (tmp_path / "p" / "device.py").symlink_to("/dev/zero")
    (tmp_path / "p" / "folder.py").mkdir()
    (tmp_path / "p" / "link.py").symlink_to("../elsewhere/target.txt")
    os.mkfifo(tmp_path / "p" / "pipe.py")
    (tmp_path / "p" / "pipe_link.py").symlink_to("pipe.py")
    listener = socket.socket(socket.AF_UNIX)
    here = Path.cwd()
    os.chdir(tmp_path / "p")
    try:
        listener.bind("socket.py")
    finally:
        os.chdir(here)
    done = tool(tmp_path, "--write", "p")
    listener.close()
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"in 2 files" in done.stdout
    assert is_done(tmp_path / "p" / "a.py")
    assert (tmp_path / "p" / "link.py").is_symlink()
    assert is_done(tmp_path / "elsewhere" / "target.txt")


@pytest.mark.parametrize("name", ["pipe.py", "device.py", "self.py", "broken.py"])
def test_what_is_no_file_is_refused_when_named(tmp_path: Path, name: str) -> None:
    write(tmp_path, "a.py")
    os.mkfifo(tmp_path / "pipe.py")
    (tmp_path / "device.py").symlink_to("/dev/zero")
    (tmp_path / "self.py").symlink_to("self.py")
    (tmp_path / "broken.py").symlink_to("nowhere")
    done = tool(tmp_path, "--write", "a.py", name)
    assert done.returncode == 2
    assert done.stderr.startswith(b"tape-migrate: error: " + name.encode())
    assert not is_done(tmp_path / "a.py")


NAMES = [
    b"caf\xe9.py",
    b"\xff\xfe.py",
    b"new\nline.py",
    b"tab\t.py",
    b"\x1b[2J.py",
    b" .py",
    b"-w.py",
    b"'quote\".py",
    b"<script>.py",
    b"%0A::error::x.py",
    b"a" * 230 + b".py",
    "\u202egnp.py".encode(),
]


def test_names(tmp_path: Path) -> None:
    write(tmp_path, *NAMES)
    for output in ("text", "json", "sarif", "github", "junit"):
        done = tool(tmp_path, "--format", output, ".")
        assert (done.returncode, done.stderr) == (0, b"")
        assert b"\x1b" not in done.stdout
        assert "\u202e".encode() not in done.stdout
    assert tool(tmp_path, "--write", ".").returncode == 0
    for name in NAMES:
        assert is_done(Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)))
    assert leftovers(tmp_path) == []


def meddled(folder: Path, what: str, when: str) -> RunResult:
    calls = 0

    def progress(done: int, total: int, path: str) -> None:
        nonlocal calls
        calls += 1
        # Each of two files is announced once before it is looked at and once before it is written.
        if calls == (1 if when == "read" else 3):
            target = folder / "a.py"
            if what == "grows":
                target.write_bytes(GOOD + b"# more\n")
            elif what == "vanishes":
                target.unlink()
            elif what == "becomes a folder":
                target.unlink()
                target.mkdir()
            elif what == "becomes a pipe":
                target.unlink()
                os.mkfifo(target)

    listeners = Listeners(progress=progress)
    return run([str(folder)], Options(), write=True, listeners=listeners)


@pytest.mark.parametrize("what", ["grows", "vanishes", "becomes a folder", "becomes a pipe"])
def test_files_that_change_before_they_are_written(tmp_path: Path, what: str) -> None:
    write(tmp_path, "a.py", "b.py")
    result = meddled(tmp_path, what, "write")
    statuses = {Path(r.path).name: (r.status.value, r.message) for r in result.results}
    assert statuses["a.py"][0] == "failed"
    assert "not written" in statuses["a.py"][1]
    assert statuses["b.py"][0] == "changed"
    assert is_done(tmp_path / "b.py")
    if what == "grows":
        assert (tmp_path / "a.py").read_bytes() == GOOD + b"# more\n"
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("what", ["grows", "vanishes", "becomes a folder"])
def test_files_that_change_before_they_are_read(tmp_path: Path, what: str) -> None:
    write(tmp_path, "a.py", "b.py")
    result = meddled(tmp_path, what, "read")
    statuses = {Path(r.path).name: r.status.value for r in result.results}
    assert statuses == {"a.py": "changed" if what == "grows" else "failed", "b.py": "changed"}
    assert is_done(tmp_path / "b.py")


def test_a_limit_on_the_size_of_files(tmp_path: Path) -> None:
    """As on a full disk, the write of the larger file fails in its middle."""
    write(tmp_path, "a.py", "b.py")
    large = GOOD + b"# " + b"x" * 100_000 + b"\n"
    (tmp_path / "a.py").write_bytes(large)

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))

    done = subprocess.run(
        [sys.executable, "-m", "tape_migrate", "--write", "--no-diff", "."],
        cwd=tmp_path,
        env={**os.environ, "TAPE_MIGRATE_STATE": str(tmp_path / ".state")},
        capture_output=True,
        check=False,
        preexec_fn=limit,
    )
    assert done.returncode == 3
    assert b"a.py: failed: not written: File too large" in done.stderr
    assert b"Traceback" not in done.stderr
    assert (tmp_path / "a.py").read_bytes() == large
    assert is_done(tmp_path / "b.py")
    assert leftovers(tmp_path) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, check=False)
    except OSError:
        pytest.skip("not run: there is no mount here")
    if done.returncode != 0:
        pytest.skip("not run: mounting a small disk is not permitted")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def fill(path: Path) -> None:
    with path.open("wb", buffering=0) as out:
        while True:
            out.write(b"x" * 512)


def test_a_full_disk(small_disk: Path, tmp_path: Path) -> None:
    write(small_disk, "a.py", "b.py")
    (small_disk / "filler").write_bytes(b"")
    with pytest.raises(OSError, match="No space left"):
        fill(small_disk / "filler")
    done = subprocess.run(
        [sys.executable, "-m", "tape_migrate", "--write", "--no-diff", "."],
        cwd=small_disk,
        env={**os.environ, "TAPE_MIGRATE_STATE": str(tmp_path / "state")},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 3
    assert done.stderr.count(b"failed: not written: No space left on device") == 2
    assert [(small_disk / name).read_bytes() for name in ("a.py", "b.py")] == [GOOD, GOOD]
    assert leftovers(small_disk) == []
    (small_disk / "filler").unlink()
    assert tool(small_disk, "--write", ".").returncode == 0
    assert is_done(small_disk / "a.py")


def test_where_neither_journal_nor_output_can_be_kept(tmp_path: Path) -> None:
    """The report goes to a full device: the files are whole, and the exit code says no."""
    write(tmp_path, "a.py")
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "tape_migrate", "--write", "."],
            cwd=tmp_path,
            env={**os.environ, "TAPE_MIGRATE_STATE": "/dev/null/nowhere"},
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.returncode == 3
    assert b"tape-migrate: error: standard output: No space left on device\n" in done.stderr
    assert b"Traceback" not in done.stderr
    assert is_done(tmp_path / "a.py")
