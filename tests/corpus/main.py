"""The command behind ``tests/corpus/run.py``: options, table, JSON, exit code."""

from __future__ import annotations

import argparse
import collections
import dataclasses
import json
from pathlib import Path
from typing import Any

from tests.benchmarks.table import text_table
from tests.corpus import golden
from tests.corpus.checks import Verdict, check_release
from tests.corpus.fetch import FetchError, default_cache, unpacked
from tests.corpus.releases import load_releases, select

_HEADER = (
    "release", "calls", "found", "unlisted", "safe", "review", "refused", "skipped",
    "unparsable", "internal", "seconds", "problems",
)  # fmt: skip


def main(argv: list[str] | None = None) -> int:
    """Check the releases named by ``argv`` (all by default).

    1 if a check failed, or a call's outcome is not the approved one.
    """
    parser = argparse.ArgumentParser(prog="tests/corpus/run.py")
    parser.add_argument("--cache", type=Path, default=default_cache(), help="folder of archives")
    parser.add_argument("--only", action="append", default=[], metavar="NAME[==VERSION]")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything found")
    parser.add_argument(
        "--approve", action="store_true", help="write every call's outcome to data/outcomes.tsv"
    )
    options = parser.parse_args(argv)
    approved = golden.read()
    try:
        releases = select(load_releases(), options.only)
    except ValueError as error:
        parser.error(str(error))

    verdicts = []
    changed = False
    for release in releases:
        try:
            with unpacked(release, options.cache) as tree:
                verdict = check_release(release, tree)
        except FetchError as error:
            verdict = Verdict(release, problems=[str(error)])
        for problem in verdict.problems:
            print(f"{release.label}: {problem}", flush=True)
        for line in () if options.approve else golden.differences(verdict, approved):
            print(line, flush=True)
            changed = True
        verdicts.append(verdict)
    print(render(verdicts))
    if options.approve and not any(verdict.report is None for verdict in verdicts):
        golden.approve(verdicts)
    if changed:
        print("\noutcomes changed: look at each, and give --approve if they are right")
    if options.json:
        found = [as_dict(verdict) for verdict in verdicts]
        options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return int(changed or any(verdict.problems for verdict in verdicts))


def render(verdicts: list[Verdict]) -> str:
    """A table with a row per release and one of sums; then the reasons for refusals."""
    rows = [_row(verdict) for verdict in verdicts]
    sums: list[object] = ["all", *(sum(row[i] for row in rows) for i in range(1, len(_HEADER)))]
    body = [[v.release.label, *row[1:]] for v, row in zip(verdicts, rows, strict=True)]
    parts = [text_table(_HEADER, [[_short(c) for c in row] for row in [*body, sums]])]

    codes = sum((verdict.codes() for verdict in verdicts), collections.Counter[str]())
    parts.append(text_table(("code", "calls"), codes.most_common()))
    shapes = collections.Counter(
        str(s.shape)
        for v in verdicts
        for s in (v.report.sites if v.report else ())
        if s.outcome == "migrated"
    )
    parts.append(text_table(("shape", "migrated"), shapes.most_common()))
    unlisted = [(s.path, s.line, s.api) for v in verdicts for s in v.unlisted]
    if unlisted:
        parts.append(text_table(("unlisted call", "line", "api"), unlisted))
    total = sum(verdict.found for verdict in verdicts)
    migrated = sum(verdict.count("migrated") for verdict in verdicts)
    share = f"{100 * migrated / total:.1f} %" if total else "nothing"
    parts.append(f"{total} calls found, {share} of them migrated")
    return "\n\n".join(parts)


def _row(verdict: Verdict) -> list[Any]:
    report = verdict.report
    return [
        0,
        verdict.expected,
        verdict.found,
        len(verdict.unlisted),
        verdict.count("migrated", "safe"),
        verdict.count("migrated", "review"),
        verdict.count("refused"),
        verdict.count("skipped"),
        len(report.failed) if report else 0,
        verdict.codes()["TM199"],
        report.wall if report else 0.0,
        len(verdict.problems),
    ]


def _short(cell: object) -> str:
    return f"{cell:.2f}" if isinstance(cell, float) else str(cell)


def as_dict(verdict: Verdict) -> dict[str, Any]:
    """One release's verdict, ready for JSON."""
    report = verdict.report
    return {
        "release": verdict.release.label,
        "expected": verdict.expected,
        "found": verdict.found,
        "problems": verdict.problems,
        "codes": dict(verdict.codes()),
        "sites": [dataclasses.asdict(s) for s in report.sites] if report else [],
        "failed": report.failed if report else {},
        "seconds": report.wall if report else None,
        "cpu_seconds": report.cpu if report else None,
        "peak_bytes": report.peak if report else None,
    }
