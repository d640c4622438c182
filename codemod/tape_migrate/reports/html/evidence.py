"""The evidence of ``tape-migrate verify`` for a page: a JSON file with ``cases`` or ``sites``.

``{"cases": [{"name", "verdict", "message"}], "sites": [{"path", "line", "verdict", "message"}]}``;
both are optional, and whatever else the file holds is passed over. ``path`` is spelled as in
the run's report; ``line`` is the call's in the old source, ``cell`` its cell in a notebook.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


class EvidenceError(Exception):
    """The file is no evidence; the message says why."""


@dataclass(frozen=True)
class Finding:
    """One verdict."""

    name: str
    verdict: str
    message: str


@dataclass(frozen=True)
class EvidenceFile:
    """All verdicts of a file."""

    cases: tuple[Finding, ...] = ()
    sites: dict[tuple[str, int | None, int], Finding] | None = None

    def of(self, path: str, cell: int | None, line: int) -> Finding | None:
        """Return what was found out about the call there."""
        return (self.sites or {}).get((os.path.realpath(path), cell, line))


def read(path: str) -> EvidenceFile:
    """Read a file of evidence; raises EvidenceError."""
    try:
        with open(path, encoding="utf-8") as handle:
            content = json.load(handle)
    except OSError as error:
        raise EvidenceError(f"{path}: {error.strerror or error}") from error
    except ValueError as error:
        raise EvidenceError(f"{path}: not JSON: {error}") from error
    if not isinstance(content, dict) or not {"cases", "sites"} & set(content):
        raise EvidenceError(f'{path}: no evidence: neither "cases" nor "sites" in it')
    sites = {}
    for entry in _entries(content.get("sites")):
        if isinstance(entry.get("line"), int) and isinstance(entry.get("path"), str):
            cell = entry.get("cell")
            place = os.path.realpath(entry["path"]), cell, entry["line"]
            sites[place] = _finding(entry, f"{entry['path']}:{entry['line']}")
    cases = tuple(_finding(entry, "") for entry in _entries(content.get("cases")))
    return EvidenceFile(cases, sites)


def _entries(value: Any) -> Iterable[dict[str, Any]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _finding(entry: dict[str, Any], name: str) -> Finding:
    worst = entry.get("worst_relative_error")
    message = str(entry.get("message") or "")
    if isinstance(worst, float) and not message:
        message = f"worst relative error {worst:.1e}"
    return Finding(str(entry.get("name") or name), str(entry.get("verdict") or "?"), message)
