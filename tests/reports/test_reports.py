"""The text and JSON reports of one made-up run."""

from __future__ import annotations

import json

import jsonschema
import pytest

from tape_migrate.model import (
    Api,
    Applicability,
    Migration,
    Outcome,
    Shape,
    Site,
    SiteResult,
)
from tape_migrate.reports import jsonreport, text
from tape_migrate.results import FileResult, FileStatus, RunResult

MIGRATED = SiteResult(
    Site(3, 5, Api.TF_GRADIENTS, "Net.f"),
    Outcome.MIGRATED,
    "assumes x is a tensor",
    shape=Shape.LOCAL,
    applicability=Applicability.REVIEW,
    new_lines=(3, 6),
)
REFUSED = SiteResult(
    Site(9, 1, Api.K_GRADIENTS, "<module>"), Outcome.REFUSED, "no \x1b[1m", code="TM101"
)
SKIPPED = SiteResult(Site(11, 1, Api.TF_HESSIANS, "g"), Outcome.SKIPPED, "ignored", code="TM001")
CHANGED = FileResult(
    "p/a.py",
    FileStatus.CHANGED,
    "1 migrated, 1 refused",
    Migration("p/a.py", b"a", b"b", (MIGRATED, REFUSED)),
    written=True,
)
UNCHANGED = FileResult(
    "p/b.py", FileStatus.UNCHANGED, "1 skipped", Migration("p/b.py", b"a", b"a", (SKIPPED,))
)
FAILED = FileResult("p/\x1b.py", FileStatus.FAILED, "invalid syntax", line=7)
RUN = RunResult(("p/\x1b.py", "p/a.py", "p/b.py", "p/z.py"), (FAILED, CHANGED, UNCHANGED))


def test_text_has_a_line_per_site() -> None:
    assert list(text.site_lines(RUN)) == [
        "p/a.py:3:5: migrated local/review: assumes x is a tensor",
        "p/a.py:9:1: refused TM101: no \\x1b[1m",
        "p/b.py:11:1: skipped TM001: ignored",
    ]
    assert text.failure_line(FAILED) == "p/\\x1b.py: failed: line 7: invalid syntax"


def test_the_summary_counts() -> None:
    assert text.summary_line(RUN, wrote=False) == (
        "3 calls: 1 migrated, 1 refused, 1 skipped in 4 files; 1 file would change; 1 file failed"
    )
    assert "1 file changed" in text.summary_line(RUN, wrote=True)
    assert text.summary_line(RunResult(("a.py",), ()), wrote=False) == (
        "0 calls: 0 migrated, 0 refused, 0 skipped in 1 file"
    )


def test_an_interruption_says_what_was_and_was_not_written() -> None:
    run = RunResult(RUN.scanned, (CHANGED,), ("p/b.py",), interrupted=True)
    assert list(text.interruption_lines(run, wrote=True)) == [
        "interrupted: 1 file written, 1 file not reached and left as they were",
        "written: p/a.py",
        "not reached: p/b.py",
    ]
    assert list(text.interruption_lines(run, wrote=False)) == ["interrupted: 1 file not looked at"]


def test_json_has_the_documented_form() -> None:
    report = json.loads(jsonreport.dumps(RUN))
    assert report["version"] == 1
    assert report["sites"][0] == {
        "path": "p/a.py",
        "cell": None,
        "line": 3,
        "column": 5,
        "api": "tf.gradients",
        "function": "Net.f",
        "outcome": "migrated",
        "shape": "local",
        "applicability": "review",
        "code": None,
        "message": "assumes x is a tensor",
        "new_lines": [3, 6],
    }
    assert report["sites"][1]["code"] == "TM101"
    assert report["sites"][1]["new_lines"] is None
    assert report["files"] == [
        {"path": "p/\\x1b.py", "status": "failed", "message": "line 7: invalid syntax"},
        {"path": "p/a.py", "status": "changed", "message": "1 migrated, 1 refused"},
        {"path": "p/b.py", "status": "unchanged", "message": "1 skipped"},
        {"path": "p/z.py", "status": "unchanged", "message": ""},
    ]
    assert report["summary"] == {
        "sites": 3,
        "migrated": 1,
        "refused": 1,
        "skipped": 1,
        "files_scanned": 4,
        "files_changed": 1,
        "files_failed": 1,
    }


def _validator() -> jsonschema.Draft202012Validator:
    schema = jsonreport.schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_the_schema_fits_the_report() -> None:
    _validator().validate(jsonreport.report(RUN))


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("version",), 2),
        (("sites", 0, "outcome"), "lost"),
        (("sites", 0, "code"), "TM101"),
        (("sites", 1, "code"), None),
        (("sites", 1, "new_lines"), [1, 2]),
        (("sites", 0, "new_lines"), [1]),
        (("sites", 0, "line"), 0),
        (("files", 0, "status"), "odd"),
        (("summary", "sites"), -1),
        (("summary", "more"), 1),
    ],
)
def test_the_schema_can_say_no(place: tuple[str | int, ...], value: object) -> None:
    report = json.loads(jsonreport.dumps(RUN))
    inner = report
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    assert not _validator().is_valid(report)
