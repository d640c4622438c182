"""The facts the corpus is checked against: releases, gradient calls, look-alikes.

Every table lives in ``tests/corpus/data`` as tab-separated text. Paths are those inside the
archive, with forward slashes; lines are 1-based.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from pathlib import Path

DATA = Path(__file__).parent / "data"


@dataclass(frozen=True)
class KnownSite:
    """A call that is known, by hand, to build symbolic gradients."""

    path: str
    line: int
    api: str
    """How it is spelled: ``tf.gradients``, ``K.gradients``, ``opt.compute_gradients``, …"""
    kind: str
    """Letter of the rough class the call was put in (``a`` straight line, ``g`` helper, …)."""
    function: str


@dataclass(frozen=True)
class LookAlike:
    """A call with the right name that is not TensorFlow's and must never be touched."""

    path: str
    line: int
    why: str


@dataclass(frozen=True)
class Release:
    """One archive of the corpus, with everything known about it."""

    name: str
    version: str
    file: str
    sha256: str
    sites: tuple[KnownSite, ...] = field(default=())
    look_alikes: tuple[LookAlike, ...] = field(default=())
    unparsable: frozenset[str] = field(default=frozenset())
    """Paths of files that no Python 3 parser accepts."""

    @property
    def label(self) -> str:
        return f"{self.name} {self.version}"

    @property
    def is_wheel(self) -> bool:
        return self.file.endswith(".whl")


def read_table(name: str) -> list[dict[str, str]]:
    """Read ``tests/corpus/data/<name>.tsv`` as a list of rows keyed by column."""
    with (DATA / f"{name}.tsv").open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle, delimiter="\t", quoting=csv.QUOTE_NONE))


def load_releases() -> list[Release]:
    """Return the 36 releases with calls, and the one without, in the order of the table."""
    sites, look_alikes, unparsable = (
        read_table(name) for name in ("sites", "negatives", "unparsable")
    )
    releases = []
    for row in read_table("releases"):
        key = (row["name"], row["version"])
        releases.append(
            Release(
                name=row["name"],
                version=row["version"],
                file=row["file"],
                sha256=row["sha256"],
                sites=tuple(
                    KnownSite(r["path"], int(r["line"]), r["api"], r["class"], r["function"])
                    for r in sites
                    if (r["package"], r["version"]) == key
                ),
                look_alikes=tuple(
                    LookAlike(r["path"], int(r["line"]), r["why"])
                    for r in look_alikes
                    if (r["package"], r["version"]) == key
                ),
                unparsable=frozenset(
                    r["path"] for r in unparsable if (r["package"], r["version"]) == key
                ),
            )
        )
    return releases


def select(releases: list[Release], only: list[str]) -> list[Release]:
    """Keep the releases whose name, or ``name==version``, is in ``only`` (all if it is empty).

    Raises ``ValueError`` for a word that names no release.
    """
    if not only:
        return releases
    wanted = {word.lower() for word in only}
    names = {r.name.lower() for r in releases} | {
        f"{r.name}=={r.version}".lower() for r in releases
    }
    if unknown := wanted - names:
        raise ValueError(f"no such release in the corpus: {', '.join(sorted(unknown))}")
    return [
        r
        for r in releases
        if r.name.lower() in wanted or f"{r.name}=={r.version}".lower() in wanted
    ]
