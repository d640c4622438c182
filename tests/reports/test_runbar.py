"""The line that says how far a long run is: on a terminal only, with rate and current file."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import pytest

from tape_migrate.reports.runbar import bar
from tests.test_cli import LOCAL, environment

COUNT = 60
AT_ONCE = (
    "import runpy, tape_migrate.reports.runbar as runbar; runbar._QUIET_SECONDS = 0.0; "
    "runpy.run_module('tape_migrate', run_name='__main__', alter_sys=True)"
)
"""The command with a line from the first file on, however fast the machine is."""
LINE = re.compile(r"\r\[(#*)(\.*)\] (\d+)/(\d+)  \d+\.\d (\w+)/s  ([^\r\x1b]*)\x1b\[K")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "p").mkdir()
    for number in range(COUNT):
        (tmp_path / "p" / f"m{number:03}.py").write_bytes(LOCAL * 8)
    return tmp_path


def errors_on_a_terminal(
    cwd: Path, *arguments: str, interrupt: bool = False, at_once: bool = True, **changes: str
) -> tuple[str, bytes, int]:
    """What a run writes to a terminal as standard error, its standard output, and its code."""
    with tempfile.TemporaryFile() as output:
        seen, code = _watch(cwd, arguments, output, interrupt, at_once, changes)
        output.seek(0)
        return seen, output.read(), code


def _watch(
    cwd: Path, arguments: Sequence[str], output: IO[bytes], interrupt: bool, at_once: bool,
    changes: dict[str, str],
) -> tuple[str, int]:  # fmt: skip
    leader, follower = pty.openpty()
    command = ["-c", AT_ONCE] if at_once else ["-m", "tape_migrate"]
    process = subprocess.Popen(
        [sys.executable, *command, *arguments], cwd=cwd, env=environment(**changes),
        stdout=output, stderr=follower,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
    )  # fmt: skip
    os.close(follower)
    seen = b""
    sent = False
    while True:
        try:
            chunk = os.read(leader, 65536)
        except OSError:  # how a terminal says that nobody writes to it any more
            break
        seen += chunk
        if interrupt and not sent and b"files/s" in seen:
            process.send_signal(signal.SIGINT)
            sent = True
    os.close(leader)
    return seen.decode().replace("\r\n", "\n"), process.wait(timeout=30)


def test_a_long_run_shows_rate_and_current_file_and_takes_the_line_away(tree: Path) -> None:
    seen, printed, code = errors_on_a_terminal(tree, "--check", "--no-diff", "p", TERM="xterm")
    assert code == 1
    shown = LINE.findall(seen)
    assert shown, seen
    counts = [int(done) for _, _, done, _, _, _ in shown]
    assert counts == sorted(counts)
    for filled, rest, done, total, unit, path in shown:
        assert (len(filled), len(filled) + len(rest)) == (20 * int(done) // COUNT, 20)
        assert (int(total), unit) == (COUNT, "files")
        assert path == f"p/m{int(done):03}.py"
    assert seen.endswith("\r\x1b[K")
    assert LINE.sub("", seen).replace("\r\x1b[K", "") == ""
    assert b"\x1b" not in printed
    assert printed.count(b"migrated") > COUNT


def test_nothing_of_it_where_it_would_be_in_the_way(tree: Path) -> None:
    arguments = ["--check", "--no-diff", "p"]
    assert errors_on_a_terminal(tree, *arguments, TERM="dumb")[0] == ""
    done = subprocess.run(
        [sys.executable, "-m", "tape_migrate", *arguments], cwd=tree, env=environment(),
        capture_output=True, check=False,
    )  # fmt: skip
    assert done.stderr == b""
    short = errors_on_a_terminal(tree, "--check", "p/m000.py", at_once=False, TERM="xterm")
    assert short[0] == ""


@pytest.mark.parametrize("write", [False, True])
def test_ctrl_c_says_what_was_and_was_not_written(tree: Path, write: bool) -> None:
    arguments = ["--write"] if write else ["--no-diff"]
    seen, _, code = errors_on_a_terminal(
        tree, *arguments, "p", interrupt=True, TERM="xterm",
        TAPE_MIGRATE_STATE=str(tree / "state"),
    )  # fmt: skip
    assert code == 130
    said = LINE.sub("", seen).replace("\r\x1b[K", "")
    assert "Traceback" not in said
    # The bar comes while files are looked at, before the first is written.
    if write:
        assert f"interrupted: 0 files written, {COUNT} files not reached" in said
        assert said.count("\nnot reached: p/m") == COUNT
    else:
        assert re.search(r"^interrupted: \d+ files not looked at$", said.strip())
    assert {path.read_bytes() for path in (tree / "p").iterdir()} == {LOCAL * 8}


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_it_is_never_wider_than_the_terminal(width: int) -> None:
    line = bar(3, 10, 1.5, "a/very/long/path/" * 10 + "name\x1b[2J.py", width)
    assert len(line) < width
    assert "\x1b" not in line
    assert width < 80 or line.endswith("name\\x1b[2J.py")


def test_no_time_and_no_files_are_no_trouble() -> None:
    assert bar(0, 0, 0.0, "a.py", 80) == f"[{'.' * 20}] 0/0  0.0 files/s  a.py"
