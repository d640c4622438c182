"""What became of every call of every release, as it was last approved.

``data/outcomes.tsv`` has a line a call, sorted. A run that finds something else shows the
difference; ``--approve`` writes what it found.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from tests.corpus.checks import Verdict
from tests.corpus.releases import DATA, Release

GOLDEN = DATA / "outcomes.tsv"
_HEADER = "package\tversion\tpath\tline\tapi\toutcome\tshape\tapplicability\tcode\n"


def rows_of(verdict: Verdict) -> list[str]:
    """A line for each call of a release, without the line end, sorted by path and line."""
    release = verdict.release
    sites = verdict.report.sites if verdict.report else ()
    found = [
        (
            site.path,
            site.line,
            "\t".join(
                (
                    release.name,
                    release.version,
                    site.path,
                    str(site.line),
                    site.api,
                    site.outcome,
                    site.shape or "",
                    site.applicability or "",
                    site.code or "",
                )
            ),
        )
        for site in sites
    ]
    return [row for _, _, row in sorted(found)]


def read(path: Path = GOLDEN) -> dict[tuple[str, str], list[str]]:
    """The approved lines by name and version of the release; nothing if there is no file."""
    approved: dict[tuple[str, str], list[str]] = {}
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines()[1:]:
            name, version, *_ = line.split("\t")
            approved.setdefault((name, version), []).append(line)
    return approved


def differences(verdict: Verdict, approved: dict[tuple[str, str], list[str]]) -> list[str]:
    """Lines that are gone (``-``) and lines that are new (``+``), in the order of the calls."""
    old = approved.get(_key(verdict.release), [])
    new = rows_of(verdict)
    gone, came = Counter(old) - Counter(new), Counter(new) - Counter(old)
    changed = [(_place(row), f"- {row}") for row in gone.elements()]
    changed += [(_place(row), f"+ {row}") for row in came.elements()]
    # The sort is stable: what is gone stands above what came in its place.
    return [line for _, line in sorted(changed, key=lambda item: item[0])]


def approve(verdicts: Iterable[Verdict], path: Path = GOLDEN) -> None:
    """Write what was found; releases that were not run keep what was approved before."""
    kept = read(path)
    for verdict in verdicts:
        kept[_key(verdict.release)] = rows_of(verdict)
    lines = [row for key in sorted(kept) for row in kept[key]]
    path.write_text(_HEADER + "".join(f"{line}\n" for line in lines), encoding="utf-8")


def _key(release: Release) -> tuple[str, str]:
    return release.name, release.version


def _place(row: str) -> tuple[str, int]:
    path, line = row.split("\t")[2:4]
    return path, int(line)
