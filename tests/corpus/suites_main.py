"""The command behind ``tests/corpus/suites.py``: options, table, JSON, exit code."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from tests.benchmarks.table import text_table
from tests.corpus.fetch import FetchError, default_cache
from tests.corpus.releases import Release, load_releases
from tests.corpus.suite_proofs import prove_suite
from tests.corpus.suite_runs import SUITES, Suite, SuiteError, SuiteRun, run_suite, run_variants
from tests.corpus.tool import ToolError

_HEADER = (
    "suite", "variant", "calls", "migrated", "reached", "passed", "not passed", "lost", "seconds",
)  # fmt: skip


def main(argv: list[str] | None = None) -> int:
    """Run the suites named by ``argv`` (all by default); 1 if a test was lost."""
    parser = argparse.ArgumentParser(prog="tests/corpus/suites.py")
    parser.add_argument("--python", type=Path, default=Path(sys.executable))
    parser.add_argument("--cache", type=Path, default=default_cache(), help="folder of archives")
    parser.add_argument("--only", action="append", default=[], choices=[s.release for s in SUITES])
    parser.add_argument("--before-only", action="store_true", help="migrate nothing")
    parser.add_argument("--prove", action="store_true", help="compare gradients, not outcomes")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything found")
    options = parser.parse_args(argv)
    releases = {release.name: release for release in load_releases()}

    rows: list[list[object]] = []
    problems: list[str] = []
    found: list[dict[str, Any]] = []
    chosen = [s for s in SUITES if not options.only or s.release in options.only]
    if options.prove:
        return _prove(chosen, releases, options)
    for suite in chosen:
        try:
            more = _one(suite, releases[suite.release], options, problems, found)
        except (FetchError, SuiteError, ToolError) as error:
            problems.append(f"{suite.release}: {error}")
            continue
        rows += more
    for problem in problems:
        print(problem)
    print(text_table(_HEADER, rows))
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return int(bool(problems))


def _prove(suites: list[Suite], releases: dict[str, Release], options: argparse.Namespace) -> int:
    """A line for each suite; 1 if a migrated call is different or could not be run."""
    fine = ("equal", "not reached")
    rows: list[list[object]] = []
    wrong = 0
    for suite in suites:
        release = releases[suite.release]
        try:
            proof = prove_suite(suite, release, options.cache, options.python)
        except (FetchError, SuiteError, ToolError) as error:
            print(f"{suite.release}: {error}")
            wrong += 1
            continue
        for remark in proof.remarks:
            print(remark)
        others = sum(number for name, number in proof.verdicts.items() if name not in fine)
        bad = ("different", "structure differs", "side failed", "not matched")
        wrong += sum(proof.verdicts.get(name, 0) for name in bad)
        migrated = sum(proof.verdicts.values())
        row: list[object] = [release.label, proof.calls, proof.refused, migrated]
        row += [*(proof.verdicts.get(name, 0) for name in fine), others, f"{proof.seconds:.0f}"]
        rows.append(row)
    header = ("suite", "calls", "refused", "migrated", *fine, "other", "seconds")
    print(text_table(header, rows))
    return int(bool(wrong))


def _one(
    suite: Suite,
    release: Release,
    options: argparse.Namespace,
    problems: list[str],
    found: list[dict[str, Any]],
) -> list[list[object]]:
    before = run_suite(suite, release, options.cache, options.python)
    if len(before.passed) != suite.passes:
        problems.append(
            f"{release.label}: {len(before.passed)} tests pass as published, not {suite.passes}"
        )
    rows: list[list[object]] = [[release.label, "as published", "", "", "", *_counts(before, 0)]]
    found.append(_as_dict(release, "as published", before))
    if options.before_only:
        return rows
    for variant in run_variants(suite, release, options.cache, options.python):
        lost = sorted(before.passed - variant.run.passed)
        problems += [
            f"{release.label}, {variant.name} migrated: {test} "
            f"{variant.run.outcomes.get(test, 'is gone')}{_why(variant.run, test)}"
            for test in lost
        ]
        counts = [len(variant.report.sites), variant.migrated, variant.reached]
        rows.append(
            [release.label, f"{variant.name} migrated", *counts, *_counts(variant.run, len(lost))]
        )
        found.append({**_as_dict(release, variant.name, variant.run), "lost": lost})
    return rows


def _why(run: SuiteRun, test: str) -> str:
    lines = run.failures.get(test, "").splitlines()
    # pytest marks the lines that hold the error itself.
    said = [line[1:].strip() for line in lines if line.startswith("E ")]
    return f": {said[0]}" if said else ""


def _counts(run: SuiteRun, lost: int) -> list[object]:
    passed = len(run.passed)
    return [passed, len(run.outcomes) - passed, lost, f"{run.wall:.1f}"]


def _as_dict(release: Release, variant: str, run: SuiteRun) -> dict[str, Any]:
    return {
        "release": release.label,
        "variant": variant,
        "outcomes": run.outcomes,
        "failures": run.failures,
        "reached": sorted(run.reached),
    }
