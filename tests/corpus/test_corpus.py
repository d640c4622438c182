"""The whole corpus as one test per release; needs its archives, so it runs only on request."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.corpus import golden
from tests.corpus.checks import check_release
from tests.corpus.fetch import unpacked
from tests.corpus.releases import Release, load_releases

CACHE = os.environ.get("TAPE_MIGRATE_CORPUS")


@pytest.mark.corpus
@pytest.mark.skipif(
    CACHE is None, reason="not run: no corpus archives (TAPE_MIGRATE_CORPUS, a folder)"
)
@pytest.mark.parametrize("release", load_releases(), ids=lambda release: str(release.label))
def test_release(release: Release) -> None:
    with unpacked(release, Path(str(CACHE))) as tree:
        verdict = check_release(release, tree)
    assert verdict.problems == []
    assert verdict.found == verdict.expected
    assert golden.differences(verdict, golden.read()) == []
