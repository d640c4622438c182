"""The tables of facts hang together."""

from __future__ import annotations

import pytest

from tests.corpus.releases import load_releases, read_table, select


def test_every_fact_belongs_to_a_release() -> None:
    releases = load_releases()
    assert sum(len(r.sites) for r in releases) == len(read_table("sites")) == 390
    assert sum(len(r.look_alikes) for r in releases) == len(read_table("negatives")) == 38
    assert sum(len(r.unparsable) for r in releases) == len(read_table("unparsable")) == 6


def test_counts_match_the_release_table() -> None:
    counts = {(row["name"], row["version"]): int(row["sites"]) for row in read_table("releases")}
    assert counts == {(r.name, r.version): len(r.sites) for r in load_releases()}


def test_select_by_name_and_version() -> None:
    releases = load_releases()
    assert [r.version for r in select(releases, ["innvestigate"])] == ["1.0.9", "2.0.2"]
    assert [r.version for r in select(releases, ["INNvestigate==2.0.2"])] == ["2.0.2"]
    assert select(releases, []) == releases


def test_select_names_what_is_unknown() -> None:
    with pytest.raises(ValueError, match="nonesuch"):
        select(load_releases(), ["trfl", "nonesuch"])
