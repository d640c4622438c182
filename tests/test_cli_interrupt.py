"""Ctrl-C in the middle of a run that writes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tape_migrate import runner
from tape_migrate.model import Options
from tape_migrate.results import FileResult, FileStatus
from tape_migrate.safety.writing import File

SOURCE = b"import tensorflow as tf\n\n\ndef f(x):\n    y = x * x\n    return tf.gradients(y, x)\n"


def _interruptible() -> None:
    """Take Ctrl-C as at a terminal, even where the tests run in the background of a shell."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _at_a_terminal() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("written_before", [1, 20])
def test_files_are_whole_and_the_report_says_which_were_written(
    tmp_path: Path, written_before: int
) -> None:
    names = [f"m{number:03}.py" for number in range(300)]
    for name in names:
        (tmp_path / name).write_bytes(SOURCE * 5)
    reference = tmp_path / "reference"
    reference.mkdir()
    (reference / "r.py").write_bytes(SOURCE * 5)
    command = [sys.executable, "-m", "tape_migrate", "--write"]
    subprocess.run([*command, "reference"], cwd=tmp_path, check=True, capture_output=True)
    new = (reference / "r.py").read_bytes()
    assert new != SOURCE * 5
    (reference / "r.py").unlink()
    with subprocess.Popen(
        [*command, *names],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=_interruptible,  # noqa: PLW1509
    ) as process:
        awaited = tmp_path / names[written_before]
        deadline = time.monotonic() + 30
        while awaited.read_bytes() != new and time.monotonic() < deadline:
            time.sleep(0.002)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    lines = errors.decode().splitlines()
    written = {line.removeprefix("written: ") for line in lines if line.startswith("written: ")}
    left = {line.removeprefix("not reached: ") for line in lines if line.startswith("not re")}
    assert written | left == set(names)
    assert not written & left
    assert left
    for name in names:
        assert (tmp_path / name).read_bytes() == (new if name in written else SOURCE * 5)
    assert sorted(path.name for path in tmp_path.iterdir()) == [*names, "reference"]
    assert "Traceback" not in errors.decode()


def test_one_that_comes_in_the_middle_of_a_write_waits_for_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.py", "b.py"):
        (tmp_path / name).write_bytes(SOURCE)
    write = runner._write

    def interrupted_write(files: list[File], results: list[FileResult]) -> list[FileResult]:
        os.kill(os.getpid(), signal.SIGINT)
        return write(files, results)

    monkeypatch.setattr(runner, "_write", interrupted_write)
    told: list[FileResult] = []
    result = runner.run([str(tmp_path)], Options(), write=True, on_result=told.append)
    assert result.interrupted
    assert [entry.status for entry in result.results] == [FileStatus.CHANGED]
    assert result.results[0].written
    assert result.not_reached == (str(tmp_path / "b.py"),)
    assert b"Tape" in (tmp_path / "a.py").read_bytes()
    assert (tmp_path / "b.py").read_bytes() == SOURCE
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
