"""The command line towards a terminal, and towards a reader that goes away."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_cli import LOCAL, environment, run


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "a.py").write_bytes(LOCAL)
    return tmp_path


def _on_a_terminal(cwd: Path, *arguments: str, **changes: str) -> str:
    command = [sys.executable, "-m", "tape_migrate", *arguments]
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        command, cwd=cwd, env=environment(**changes), stdout=follower, stderr=subprocess.PIPE
    )
    os.close(follower)
    chunks = []
    while True:
        try:
            chunk = os.read(leader, 4096)
        except OSError:  # how a terminal says that nobody writes to it any more
            break
        if not chunk:
            break
        chunks.append(chunk)
    os.close(leader)
    assert process.stderr is not None
    with process.stderr as errors:
        assert errors.read() == b""
    assert process.wait() == 0
    return b"".join(chunks).decode().replace("\r\n", "\n")


def test_the_diff_is_coloured_on_a_terminal_only_and_not_against_the_users_will(
    tree: Path,
) -> None:
    piped = run("p", cwd=tree).stdout.decode()
    assert "\x1b" not in piped
    shown = _on_a_terminal(tree, "p")
    assert "\x1b[32m+    with tf.GradientTape() as tape:" in shown
    assert re.sub(r"\x1b\[[0-9;]*m", "", shown) == piped
    assert _on_a_terminal(tree, "p", NO_COLOR="1") == piped
    assert _on_a_terminal(tree, "p", TERM="dumb") == piped


def test_a_terminal_sees_no_control_characters_of_the_source(tree: Path) -> None:
    source = LOCAL.replace(b"    y =", b"    # \x1b[2J\n    y =").replace(b"\n", b"\r\n")
    (tree / "p" / "a.py").write_bytes(source)
    shown = _on_a_terminal(tree, "p", NO_COLOR="1")
    assert "\x1b" not in shown
    assert "\\x1b[2J" in shown


def test_a_reader_that_goes_away_keeps_no_file_from_being_written(tree: Path) -> None:
    for number in range(40):
        (tree / "p" / f"m{number:02}.py").write_bytes(LOCAL)
    command = [sys.executable, "-m", "tape_migrate", "--write", "--diff", "p"]
    with subprocess.Popen(
        command, cwd=tree, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        errors = process.stderr.read()
    assert errors == b""
    assert process.returncode == 0
    assert all(b"Tape" in path.read_bytes() for path in (tree / "p").glob("m*.py"))
