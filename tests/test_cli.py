"""The command line, run as people run it: a process, its output and its exit code."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tape_migrate import __version__, api, runner
from tape_migrate.cli import COMMANDS
from tape_migrate.model import Options
from tape_migrate.reports.jsonreport import schema

LOCAL = b"""import tensorflow as tf


def slope(x):
    y = x * x
    return tf.gradients(y, x)[0]
"""
REFUSED = b"""import tensorflow as tf


def grad(y, x):
    return tf.gradients(y, x)[0]
"""
NOTHING = b"def gradients(y, x):\n    return y / x\n\n\ngradients(1, 2)\n"
PYTHON_2 = b"import tensorflow as tf\n\nprint tf.gradients(y, x)\n"

Done = subprocess.CompletedProcess[bytes]


def environment(**changes: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if k not in {"NO_COLOR", "FORCE_COLOR", "TERM"}}
    return {**kept, "TERM": "xterm", **changes}


def run(*arguments: str | Path, cwd: Path, **changes: str) -> Done:
    command = [sys.executable, "-m", "tape_migrate", *map(str, arguments)]
    return subprocess.run(
        command, cwd=cwd, env=environment(**changes), capture_output=True, check=False, timeout=60
    )


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "a.py").write_bytes(LOCAL)
    (tmp_path / "p" / "b.py").write_bytes(REFUSED)
    (tmp_path / "p" / "c.py").write_bytes(NOTHING)
    (tmp_path / "p" / "d.py").write_bytes(b"x = 1\n")
    return tmp_path


def _snapshot(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_dry_run_shows_a_diff_and_a_report_and_writes_nothing(tree: Path) -> None:
    before = _snapshot(tree)
    done = run("p", cwd=tree)
    assert (done.returncode, done.stderr) == (0, b"")
    assert _snapshot(tree) == before
    text = done.stdout.decode()
    assert text.startswith("--- a/p/a.py\n+++ b/p/a.py\n@@ ")
    assert "\n+    with tf.GradientTape() as tape:\n" in text
    assert re.search(r"^p/a\.py:6:12: migrated local/(safe|review): .", text, re.MULTILINE)
    assert re.search(r"^p/b\.py:5:12: refused TM101: .", text, re.MULTILINE)
    assert text.endswith(
        "\n2 calls: 1 migrated, 1 refused, 0 skipped in 4 files; 1 file would change\n"
    )


def test_the_diff_of_a_dry_run_is_a_patch_that_does_what_write_does(tree: Path) -> None:
    diff = run("p", cwd=tree).stdout
    copy = tree / "copy"
    (copy / "p").mkdir(parents=True)
    (copy / "p" / "a.py").write_bytes(LOCAL)
    subprocess.run(["patch", "-p1", "-s"], cwd=copy, input=diff, check=True)
    assert run("--write", "p", cwd=tree).returncode == 0
    assert (copy / "p" / "a.py").read_bytes() == (tree / "p" / "a.py").read_bytes()


def test_write_writes_and_a_second_run_changes_nothing(tree: Path) -> None:
    (tree / "p" / "a.py").chmod(0o750)
    done = run("--write", "p", cwd=tree)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"--- a/" not in done.stdout
    assert done.stdout.endswith(b"; 1 file changed\n")
    after = _snapshot(tree)
    assert b"GradientTape" in after["p/a.py"]
    assert after["p/b.py"] == REFUSED
    assert set(after) == {"p/a.py", "p/b.py", "p/c.py", "p/d.py"}
    assert stat.S_IMODE((tree / "p" / "a.py").stat().st_mode) == 0o750
    again = run("--write", "p", cwd=tree)
    assert again.returncode == 0
    assert _snapshot(tree) == after
    assert b"changed" not in again.stdout


def test_write_shows_the_diff_when_asked_and_a_dry_run_hides_it_when_asked(tree: Path) -> None:
    assert b"--- a/" not in run("p", "--no-diff", cwd=tree).stdout
    assert b"--- a/p/a.py" in run("p", "--write", "--diff", cwd=tree).stdout


def test_check_exits_with_one_if_a_file_would_change(tree: Path) -> None:
    before = _snapshot(tree)
    assert run("--check", "p", cwd=tree).returncode == 1
    assert run("--check", "p/b.py", "p/c.py", "p/d.py", cwd=tree).returncode == 0
    assert _snapshot(tree) == before


def test_strict_exits_with_one_if_a_call_was_refused(tree: Path) -> None:
    assert run("--strict", "p/b.py", cwd=tree).returncode == 1
    assert run("--strict", "p/a.py", cwd=tree).returncode == 0
    assert run("--strict", "--write", "p", cwd=tree).returncode == 1


def test_json_is_pure_and_fits_the_schema(tree: Path) -> None:
    (tree / "p" / "old.py").write_bytes(PYTHON_2)
    done = run("--format", "json", "p", cwd=tree)
    assert done.returncode == 3
    report = json.loads(done.stdout)
    jsonschema.Draft202012Validator(schema()).validate(report)
    assert report["summary"] == {
        "sites": 2,
        "migrated": 1,
        "refused": 1,
        "skipped": 0,
        "files_scanned": 5,
        "files_changed": 1,
        "files_failed": 1,
    }
    assert [(file["path"], file["status"]) for file in report["files"]] == [
        ("p/a.py", "changed"),
        ("p/b.py", "unchanged"),
        ("p/c.py", "unchanged"),
        ("p/d.py", "unchanged"),
        ("p/old.py", "failed"),
    ]
    migrated, refused = report["sites"]
    assert (migrated["path"], migrated["line"], migrated["column"]) == ("p/a.py", 6, 12)
    assert migrated["function"] == "slope"
    assert migrated["api"] == "tf.gradients"
    first, last = migrated["new_lines"]
    run("--write", "p/a.py", cwd=tree)
    new = (tree / "p" / "a.py").read_text().splitlines()[first - 1 : last]
    assert any("tape.gradient(" in line for line in new)
    assert (refused["outcome"], refused["code"], refused["shape"]) == ("refused", "TM101", None)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (PYTHON_2, "line 3: "),
        (b"x = tf.gradients(y, x)\ndef f(:\n    pass\n", "line 2: "),
        (b"# gradients\nx = 1\n\ny = '\xe9'\n", "line 4: byte 0xe9 is not valid utf-8"),
        (b"# coding: klingon gradients\n", "unknown encoding: klingon"),
        (b"gradients = 'a\x00b'\n", "null byte"),
    ],
    ids=["python 2", "syntax error", "not utf-8", "unknown encoding", "null byte"],
)
def test_a_broken_file_is_reported_and_stops_no_other(
    tree: Path, data: bytes, message: str
) -> None:
    (tree / "p" / "0.py").write_bytes(data)
    done = run("--write", "p", cwd=tree)
    assert done.returncode == 3
    assert done.stderr.decode().startswith("p/0.py: failed: ")
    assert message in done.stderr.decode()
    assert done.stderr.count(b"\n") == 1
    assert (tree / "p" / "0.py").read_bytes() == data
    assert b"GradientTape" in (tree / "p" / "a.py").read_bytes()


def test_deep_nesting_is_a_failure_not_a_crash(tree: Path) -> None:
    deep = b"tf.gradients = " + b"-" * 5000 + b"1\n"
    (tree / "p" / "0.py").write_bytes(deep + b"x = " + b"(" * 90 + b"1" + b")" * 90 + b"\n")
    (tree / "p" / "1.py").write_bytes(b"tf.gradients = " + b"a." * 20000 + b"b\n")
    done = run("--write", "p", cwd=tree)
    assert done.returncode == 3
    assert b"Traceback" not in done.stderr
    assert b"GradientTape" in (tree / "p" / "a.py").read_bytes()


def test_a_fault_of_the_engine_in_one_file_costs_no_other(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = api.migrate_source

    def faulty(source: bytes, *arguments: Any, **options: Any) -> Any:
        if source == REFUSED:
            raise KeyError("oops")
        return real(source, *arguments, **options)

    monkeypatch.setattr(api, "migrate_source", faulty)
    result = runner.run([str(tree / "p")], Options(), write=True)
    statuses = {Path(entry.path).name: entry.status.value for entry in result.results}
    assert statuses == {"a.py": "changed", "b.py": "failed", "c.py": "unchanged"}
    message = next(entry.message for entry in result.results if entry.path.endswith("b.py"))
    assert re.fullmatch(r"internal error: KeyError: 'oops' at test_cli\.py:\d+", message)


def test_a_read_only_file_is_a_failure(tree: Path) -> None:
    (tree / "p" / "a.py").chmod(0o444)
    done = run("--write", "p", cwd=tree)
    assert done.returncode == 3
    assert done.stderr == b"p/a.py: failed: not written: the file is read-only\n"
    assert (tree / "p" / "a.py").read_bytes() == LOCAL


def test_files_that_change_together_are_left_together(tmp_path: Path) -> None:
    helper = b"import tensorflow as tf\n\ndef grad(y, x):\n    return tf.gradients(y, x)[0]\n"
    caller = (
        b"import tensorflow as tf\nfrom utils import grad\n\ndef run(x):\n"
        b"    y = tf.sin(x)\n    return grad(y, x)\n"
    )
    (tmp_path / "utils.py").write_bytes(helper)
    (tmp_path / "main.py").write_bytes(caller)
    (tmp_path / "other.py").write_bytes(LOCAL)
    (tmp_path / "main.py").chmod(0o444)
    done = run("--write", ".", cwd=tmp_path)
    assert done.returncode == 3
    why = b"failed: left as it is: it changes together with main.py, which is read-only\n"
    assert done.stderr == b"main.py: " + why + b"utils.py: " + why
    assert (tmp_path / "utils.py").read_bytes() == helper
    assert (tmp_path / "main.py").read_bytes() == caller
    assert (tmp_path / "other.py").read_bytes() != LOCAL


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nope.py"],
        ["p", "nope"],
        ["--format", "xml", "p"],
        ["--tf-function", "perhaps", "p"],
        ["--unknown", "p"],
        ["--write", "--check", "p"],
        ["--format", "json", "--diff", "p"],
        ["explain", "TM000"],
        ["verify"],
        ["verify", "nope"],
        ["verify", "p/a.py::slope", "--device", "abacus"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_two_and_says_why_on_stderr(tree: Path, arguments: list[str]) -> None:
    before = _snapshot(tree)
    done = run(*arguments, cwd=tree)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.strip()
    assert b"Traceback" not in done.stderr
    assert _snapshot(tree) == before


def test_a_missing_path_is_named(tree: Path) -> None:
    done = run("p", "no\x1bpe", cwd=tree)
    assert done.stderr == b"tape-migrate: error: no\\x1bpe: No such file or directory\n"


VARIANTS = {
    "crlf": LOCAL.replace(b"\n", b"\r\n"),
    "bom": b"\xef\xbb\xbf" + LOCAL,
    "bom and crlf": b"\xef\xbb\xbf" + LOCAL.replace(b"\n", b"\r\n"),
    "latin-1": b"# -*- coding: latin-1 -*-\n# caf\xe9\n" + LOCAL + b"s = '\xe9\xff'\n",
    "no final newline": LOCAL[:-1],
    "tabs": LOCAL.replace(b"    ", b"\t"),
    "form feed": b"\x0c\n" + LOCAL + b"\x0c\n# end",
    "utf-8 before the call": "π = 'ßü→'\n".encode() + LOCAL,
}


@pytest.mark.parametrize("source", VARIANTS.values(), ids=VARIANTS.keys())
def test_what_is_not_edited_stays_byte_for_byte(tree: Path, source: bytes) -> None:
    file = tree / "v.py"
    file.write_bytes(source)
    diff = run("v.py", cwd=tree)
    assert diff.returncode == 0
    done = run("--write", "v.py", cwd=tree)
    assert done.returncode == 0, done.stderr
    new = file.read_bytes()
    assert b"GradientTape" in new
    assert new.startswith(source[: source.index(b"    y = ") if b"    y" in source else 20])
    assert new.endswith(b"\n") == source.endswith(b"\n")
    if b"\r\n" in source:
        assert new.count(b"\n") == new.count(b"\r\n")
    else:
        assert b"\r" not in new
    old_lines, new_lines = source.split(b"\n"), new.split(b"\n")
    kept = [line for line in old_lines if b"gradients" not in line and b"y = " not in line]
    rest = iter(new_lines)
    assert all(line in rest for line in kept)
    file.write_bytes(source)
    patched = subprocess.run(
        ["patch", "-p1", "-s", "--binary"], cwd=tree, input=diff.stdout, check=True
    )
    assert patched.returncode == 0
    assert file.read_bytes() == new


def test_ignored_files_are_not_looked_at(tree: Path) -> None:
    (tree / ".gitignore").write_text("a.py\n")
    done = run(".", cwd=tree)
    assert b"in 3 files\n" in done.stdout
    assert run("p/a.py", "--check", cwd=tree).returncode == 1


def test_a_tree_with_loops_pipes_and_broken_links_is_walked(tree: Path) -> None:
    (tree / "p" / "loop").symlink_to("..", target_is_directory=True)
    (tree / "p" / "broken.py").symlink_to("nowhere")
    os.mkfifo(tree / "p" / "pipe.py")
    done = run(".", cwd=tree)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"in 4 files" in done.stdout


def test_names_that_steer_terminals_or_are_no_utf8_are_spelled_out(tree: Path) -> None:
    os.rename(tree / "p" / "a.py", tree / os.fsdecode(b"p/a\x1b[2J\xe9.py"))
    done = run("p", cwd=tree)
    assert done.returncode == 0
    assert b"\x1b" not in done.stdout
    assert b"p/a\\x1b[2J\\xe9.py:6:12: migrated" in done.stdout
    assert run("--write", "p", cwd=tree).returncode == 0
    report = json.loads(run("--format", "json", "p", cwd=tree).stdout)
    assert report["files"][0]["path"] == "p/a\\x1b[2J\\xe9.py"


def test_annotate_writes_each_comment_once(tree: Path) -> None:
    assert run("--write", "--annotate", "p", cwd=tree).returncode == 0
    once = _snapshot(tree)
    assert once["p/b.py"].count(b"TODO(tape-migrate) TM101") == 1
    assert run("--write", "--annotate", "p", cwd=tree).returncode == 0
    assert _snapshot(tree) == once


def test_help_names_the_options_and_the_other_commands(tree: Path) -> None:
    text = " ".join(run("--help", cwd=tree).stdout.decode().split())
    for word in ("--write", "--check", "--diff", "--format", "--tf-function", "--annotate"):
        assert word in text
    for command in ("verify", "explain", "undo", "batch", "config", "completion"):
        assert f"{command} (" in text
    assert "--input" in run("verify", "--help", cwd=tree).stdout.decode()
    assert "PATHS... Python files, notebooks and folders" in text
    for command in COMMANDS:
        shown = run(command, "--help", cwd=tree).stdout.decode()
        assert "\\[" not in shown
        arguments = shown.partition("Arguments:\n")[2].partition("\n\n")[0].split()
        assert not arguments or len(arguments) > 2, "a name, [required], and what it is"


@pytest.mark.parametrize("arguments", [["--version"], ["--version", "p"], ["--write", "--version"]])
def test_version(tree: Path, arguments: list[str]) -> None:
    done = run(*arguments, cwd=tree)
    assert done.stdout.decode() == f"tape-migrate {__version__}\n"
    assert done.returncode == 0


def test_explain_tells_what_a_code_or_shape_means(tree: Path) -> None:
    listing = run("explain", cwd=tree).stdout.decode()
    assert re.search(r"^TM101  target-is-parameter ", listing, re.MULTILINE)
    by_code = run("explain", "tm101", cwd=tree).stdout
    assert by_code.startswith(b"TM101 target-is-parameter\n")
    assert b"What to do: " in by_code
    assert run("explain", "target-is-parameter", cwd=tree).stdout == by_code
    assert run("explain", "nested", cwd=tree).stdout.startswith(b"nested\n")


def test_a_folder_called_like_a_command_can_be_given(tree: Path) -> None:
    (tree / "verify").mkdir()
    (tree / "verify" / "a.py").write_bytes(LOCAL)
    assert run("--check", "./verify", cwd=tree).returncode == 1
    assert run("--check", "verify", cwd=tree).returncode == 1
    assert run("./verify", "--check", cwd=tree).returncode == 1
