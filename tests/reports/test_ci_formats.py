"""GitHub annotations and JUnit XML."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest

from tape_migrate.model import Migration, Options
from tape_migrate.reports import github, junit
from tape_migrate.results import FileResult, FileStatus, RunResult
from tape_migrate.runner import run
from tests.reports.runs import make_tree
from tests.reports.test_reports import RUN
from tests.test_cli import run as run_tool


@pytest.fixture
def result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunResult:
    (tmp_path / ".git").mkdir()
    make_tree(tmp_path / "sub")
    monkeypatch.chdir(tmp_path / "sub")
    return run(["."], Options())


def test_annotations_are_workflow_commands(result: RunResult) -> None:
    lines = github.dumps(result, wrote=False).splitlines()
    pattern = re.compile(
        r"::(error|warning|notice) (file=([^,:]+)(,line=\d+)?(,col=\d+)?,)?title=[^,:]+::.+"
    )
    assert all(pattern.fullmatch(line) for line in lines), lines
    kinds = [line.split(" ")[0] for line in lines]
    counts = result.summary()
    assert kinds.count("::error") == counts.files_failed == 1
    assert kinds.count("::warning") == counts.refused + 1  # and a comment without use
    assert kinds.count("::notice") == counts.migrated + 1  # and the summary
    assert "::error file=sub/src/old.py,line=3,title=tape-migrate failed::" in "\n".join(lines)
    assert lines[-1].startswith("::notice title=tape-migrate::")


def test_what_could_end_a_field_is_escaped() -> None:
    assert github._property("a,b:c%\n") == "a%2Cb%3Ac%25%0A"
    assert github._data("50 %\nx, y: z") == "50 %25%0Ax, y: z"


def test_junit_has_a_case_for_each_call_and_its_counts_are_right(result: RunResult) -> None:
    root = ET.fromstring(junit.dumps(result))
    counts = result.summary()
    expected = {
        "tests": counts.sites + counts.files_failed,
        "failures": counts.refused,
        "errors": counts.files_failed,
        "skipped": counts.skipped,
    }
    assert {name: int(root.get(name, "")) for name in expected} == expected
    for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        assert len(root.findall(f"testsuite/testcase/{tag}")) == expected[name]
        assert sum(int(suite.get(name, "")) for suite in root) == expected[name]
    names = [case.get("name") for case in root.iter("testcase")]
    assert "tf.gradients in grad (cell 4, line 2, column 12)" in names


def test_a_file_without_calls_is_no_suite() -> None:
    root = ET.fromstring(junit.dumps(RUN))
    before = [suite.get("name") for suite in root]
    plain = FileResult("p/c.py", FileStatus.UNCHANGED, "", Migration("p/c.py", b"a", b"a", ()))
    again = ET.fromstring(junit.dumps(replace(RUN, results=(*RUN.results, plain))))
    assert [suite.get("name") for suite in again] == before
    assert again.attrib == root.attrib


def test_what_xml_cannot_hold_is_left_out(result: RunResult) -> None:
    assert junit._text("a\x00\x1b\ufffe\ud800b<&") == "a\\x00\\x1b?\\ud800b<&"


@pytest.mark.parametrize("format_", ["sarif", "github", "junit"])
def test_formats_of_the_command_line(result: RunResult, tmp_path: Path, format_: str) -> None:
    done = run_tool("--format", format_, ".", cwd=tmp_path / "sub")
    assert done.returncode == 3  # a file is Python 2
    text = done.stdout.decode("utf-8")
    assert text.endswith("\n")
    assert {"sarif": text[0] == "{", "github": "::" in text[:2], "junit": "<?xml" in text}[format_]
    both = run_tool("--format", format_, "--diff", ".", cwd=tmp_path / "sub")
    assert both.returncode == 2
