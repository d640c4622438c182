"""The gradients of a release's own test suite, old against migrated: ``suites.py --prove``."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.measure import run
from tests.corpus.fetch import fetch, unpack
from tests.corpus.releases import Release
from tests.corpus.suite_runs import QUIET, Suite, SuiteError
from tests.corpus.tool import environment, migrate_tree

_MODES = {"v1": "v1", "alias": "v1-alias", "eager-off": "eager-off", "plain": "as-is"}


@dataclass(frozen=True)
class SuiteProof:
    """What ``tape-migrate verify PATHS -m pytest …`` found out about one suite."""

    calls: int
    refused: int
    verdicts: dict[str, int]
    """How many migrated calls ended in each verdict."""
    remarks: tuple[str, ...]
    """A line for each call that is neither equal nor unreached."""
    seconds: float


def prove_suite(suite: Suite, release: Release, cache: Path, python: Path) -> SuiteProof:
    """Migrate a release's library and tests in memory, and prove them by running the tests.

    Raises ``SuiteError`` if the tool gives no evidence.
    """
    with tempfile.TemporaryDirectory(prefix="tape-migrate-suite-") as folder:
        unpack(fetch(release, cache), Path(folder).resolve(), only_python=False)
        tree = Path(folder).resolve() / suite.folder
        paths = tuple(dict.fromkeys(suite.library + suite.tests))
        report = migrate_tree(tree, paths, write=False)
        refused = sum(site.outcome == "refused" for site in report.sites)
        if not any(site.outcome == "migrated" for site in report.sites):
            return SuiteProof(len(report.sites), refused, {}, (), 0.0)
        evidence = Path(folder) / "evidence.json"
        command = [sys.executable, "-m", "tape_migrate", "verify", *paths]
        command += ["--old-python", str(python), "--new-python", str(python), "--device", "cpu"]
        command += ["--old-mode", _MODES[suite.mode], "--json", str(evidence)]
        command += ["-m", "pytest", "-q", "-p", "no:cacheprovider"]
        command += ["-o", "python_files=*_test.py test_*.py", *suite.tests]
        path = os.pathsep.join([environment()["PYTHONPATH"], *suite.search_path(tree)])
        done = run(command, cwd=tree, env={**QUIET, **environment(), "PYTHONPATH": path})
        if not evidence.exists():
            tail = (done.stdout + done.stderr).decode("utf-8", "replace").splitlines()[-12:]
            raise SuiteError("no evidence:\n" + "\n".join(tail))
        found = json.loads(evidence.read_text(encoding="utf-8"))
    (device,) = found["devices"]
    sites = device["sites"]
    return SuiteProof(
        calls=len(report.sites),
        refused=refused,
        verdicts=dict(Counter(site["verdict"] for site in sites)),
        remarks=tuple(
            f"{release.label}: {site['path']}:{site['line']}: {site['verdict']}: {site['message']}"
            for site in sites
            if site["verdict"] not in ("equal", "not reached")
        ),
        seconds=found["seconds"],
    )
