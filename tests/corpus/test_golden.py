"""The approved outcomes of the corpus: what is a change, and what approving writes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.corpus import golden
from tests.corpus.checks import Verdict
from tests.corpus.releases import Release, load_releases
from tests.corpus.tool import Report, ReportedSite

_SITE = ReportedSite("p/a.py", 9, "tf.gradients", "migrated", "local", "safe", None, "m", (9, 12))
_REFUSED = replace(_SITE, line=10, outcome="refused", shape=None, applicability=None, code="TM101")


def verdict(*sites: ReportedSite, name: str = "one") -> Verdict:
    release = Release(name, "1.0", f"{name}-1.0.tar.gz", "")
    return Verdict(release, report=Report(sites, {}, frozenset(), {}, 0.0, 0.0, 0))


def test_what_was_approved_is_no_difference(tmp_path: Path) -> None:
    path = tmp_path / "outcomes.tsv"
    found = verdict(_REFUSED, _SITE, _SITE)
    golden.approve([found], path)
    assert golden.differences(found, golden.read(path)) == []
    first = path.read_bytes()
    golden.approve([verdict(_SITE, _REFUSED, _SITE)], path)
    assert path.read_bytes() == first


def test_a_change_of_outcome_shows_both(tmp_path: Path) -> None:
    path = tmp_path / "outcomes.tsv"
    golden.approve([verdict(_SITE, _REFUSED)], path)
    now = verdict(_SITE, replace(_SITE, line=10))
    gone, came = golden.differences(now, golden.read(path))
    assert gone.startswith("- one\t1.0\tp/a.py\t10\ttf.gradients\trefused\t\t\tTM101")
    assert came.startswith("+ one\t1.0\tp/a.py\t10\ttf.gradients\tmigrated\tlocal\tsafe\t")


def test_lost_and_repeated_calls_are_differences(tmp_path: Path) -> None:
    path = tmp_path / "outcomes.tsv"
    golden.approve([verdict(_SITE, _SITE)], path)
    assert len(golden.differences(verdict(_SITE), golden.read(path))) == 1
    assert len(golden.differences(verdict(_SITE, _SITE, _SITE), golden.read(path))) == 1
    assert len(golden.differences(verdict(_SITE, name="two"), golden.read(path))) == 1


def test_releases_that_were_not_run_stay_approved(tmp_path: Path) -> None:
    path = tmp_path / "outcomes.tsv"
    golden.approve([verdict(_SITE), verdict(_REFUSED, name="two")], path)
    golden.approve([verdict(_REFUSED)], path)
    approved = golden.read(path)
    assert golden.differences(verdict(_REFUSED, name="two"), approved) == []
    assert golden.differences(verdict(_REFUSED), approved) == []


def test_every_known_call_has_an_approved_outcome() -> None:
    if not golden.GOLDEN.exists():
        pytest.skip("not run: nothing is approved yet (tests/corpus/run.py --approve)")
    approved = golden.read()
    for release in load_releases():
        rows = approved.get((release.name, release.version), [])
        places = {tuple(row.split("\t")[2:4]) for row in rows}
        for site in release.sites:
            if site.path not in release.unparsable:
                assert (site.path, str(site.line)) in places, f"{release.label} {site.path}"
