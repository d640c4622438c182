"""Unified diffs, judged by ``patch`` and ``git apply``."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Console

from tape_migrate.reports.diff import print_coloured, terminal_lines, unified_diff

PAIRS = {
    "middle": (b"".join(b"%d\n" % n for n in range(40)), 20),
    "crlf": (b"".join(b"%d\r\n" % n for n in range(9)), 4),
    "latin-1": (b"a\n\xe9\nb\n", 1),
    "form feed": (b"a\n\x0c\nb\x0bc\x85d\n", 1),
    "lone carriage returns": (b"a\rb\rc\nd\n", 0),
    "first line": (b"a\nb\nc\nd\ne\n", 0),
    "no newline at the end": (b"a\nb\nc", 0),
    "no newline at the end, changed there": (b"a\nb\nc", 2),
}


def _changed(old: bytes, line: int) -> bytes:
    lines = old.split(b"\n")
    lines[line : line + 1] = [b"new " + lines[line], b"more"]
    return b"\n".join(lines)


@pytest.mark.parametrize(("old", "line"), PAIRS.values(), ids=PAIRS.keys())
@pytest.mark.parametrize("tool", ["patch", "git"])
def test_a_patch_of_the_diff_gives_the_new_bytes(
    tmp_path: Path, old: bytes, line: int, tool: str
) -> None:
    new = _changed(old, line)
    assert _patched(tmp_path, old, new, tool) == new


def _patched(folder: Path, old: bytes, new: bytes, tool: str, name: str = "m.py") -> bytes:
    (folder / name).write_bytes(old)
    diff = b"".join(unified_diff(name, old, new))
    command = {"patch": ["patch", "-p1", "--binary", "-s"], "git": ["git", "apply"]}[tool]
    subprocess.run(command, cwd=folder, input=diff, check=True)
    return (folder / name).read_bytes()


LINES = st.lists(st.sampled_from([b"a", b"b", b"c\r", b"", b"\t\xff"]), max_size=30)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(old=LINES, new=LINES, old_end=st.booleans(), new_end=st.booleans())
def test_any_two_files(
    tmp_path: Path, old: list[bytes], new: list[bytes], old_end: bool, new_end: bool
) -> None:
    before = b"x\n" + b"\n".join(old) + b"\n" * old_end
    after = b"x\n" + b"\n".join(new) + b"\n" * new_end
    if before == after:
        assert unified_diff("m.py", before, after) == []
    else:
        assert _patched(tmp_path, before, after, "git") == after


def test_names_with_spaces_and_folders(tmp_path: Path) -> None:
    (tmp_path / "a b").mkdir()
    assert _patched(tmp_path, b"1\n", b"2\n", "patch", "a b/c d.py") == b"2\n"


def test_the_form_is_the_usual_one() -> None:
    old = b"".join(b"%d\n" % n for n in range(1, 12))
    new = old.replace(b"6\n", b"six\n")
    assert b"".join(unified_diff("p/m.py", old, new)).decode() == (
        "--- a/p/m.py\n+++ b/p/m.py\n@@ -3,7 +3,7 @@\n 3\n 4\n 5\n-6\n+six\n 7\n 8\n 9\n"
    )
    assert unified_diff("/p/m.py", b"1\n", b"2\n")[0] == b"--- /p/m.py\n"


def test_for_the_eye_nothing_in_a_line_steers_the_terminal() -> None:
    diff = unified_diff("m\x1b.py", b"a\r\nb\r\n", b"a\r\n\x1b[2J\t\xe9\r\n")
    assert list(terminal_lines(diff, "latin-1")) == [
        ("bold", "--- a/m\\x1b.py"),
        ("bold", "+++ b/m\\x1b.py"),
        ("cyan", "@@ -1,2 +1,2 @@"),
        ("", " a"),
        ("red", "-b"),
        ("green", "+\\x1b[2J\té"),
    ]


def test_colour_comes_from_rich_and_changes_no_text() -> None:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, color_system="standard", width=20)
    line = b"x[bold] = " + b"1 + " * 20 + b"1"
    print_coloured(unified_diff("m.py", b"a\n", line + b"\n"), console)
    assert f"\x1b[32m+{line.decode()}\x1b[0m\n" in stream.getvalue()
    assert "\x1b[31m-a\x1b[0m\n" in stream.getvalue()


def test_changes_far_apart_are_shown_apart() -> None:
    old = b"".join(b"%d\n" % n for n in range(1, 31))
    new = old.replace(b"\n3\n", b"\nthree\n").replace(b"\n27\n", b"\n")
    lines = unified_diff("m.py", old, new)
    assert [line for line in lines if line.startswith(b"@@")] == [
        b"@@ -1,6 +1,6 @@\n",
        b"@@ -24,7 +24,6 @@\n",
    ]
    assert b" 15\n" not in lines
