"""SARIF 2.1.0, for GitHub code scanning and other viewers.

A refused call is a warning under its code. In a dry run a call that can be migrated is a note under
its shape, with the change as a fix. Skipped calls are left out, except those that a comment leaves
alone: they are there as suppressed. What failed is a notification of the run.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tape_migrate import __version__
from tape_migrate.model import Outcome, Shape, SiteResult
from tape_migrate.refusals import Reason, all_refusals
from tape_migrate.reports.explain import shape_sentence
from tape_migrate.reports.places import FileLines, file_uri, relative_uri, source_root
from tape_migrate.sources.text import decode

if TYPE_CHECKING:
    from tape_migrate.model import Migration, Remark
    from tape_migrate.results import FileResult, RunResult

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_BASE = "SRCROOT"
_SEVERITY = {"safe": "exact as it stands", "review": "exact under an assumption"}


def dumps(result: RunResult, *, wrote: bool) -> str:
    """Return the report of a run as ASCII JSON with a final newline."""
    return json.dumps(report(result, wrote=wrote), indent=2) + "\n"


def report(result: RunResult, *, wrote: bool) -> dict[str, Any]:
    """Return the report of a run as plain values; ``wrote`` says that changes were written."""
    root = source_root()
    rules = _Rules()
    results = [
        found
        for entry in result.results
        if entry.migration is not None
        for found in _results(entry, entry.migration, rules, root, wrote)
    ]
    failures = [entry for entry in result.results if entry.status.value == "failed"]
    run = {
        "tool": {
            "driver": {
                "name": "tape-migrate",
                "semanticVersion": __version__,
                "rules": rules.used,
            }
        },
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {_BASE: {"uri": file_uri(root).rstrip("/") + "/"}},
        "invocations": [
            {
                "executionSuccessful": not failures and not result.interrupted,
                "toolExecutionNotifications": [_failure(entry, root) for entry in failures],
            }
        ],
        "results": results,
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


class _Rules:
    """The rules that results refer to, in the order of their first use."""

    def __init__(self) -> None:
        self.used: list[dict[str, Any]] = []
        self._index: dict[str, int] = {}
        self._reasons = {reason.code: reason for reason in all_refusals()}

    def reference(self, name: str) -> dict[str, Any]:
        """Return ``ruleId`` and ``ruleIndex`` for a code or a shape."""
        if name not in self._index:
            self._index[name] = len(self.used)
            reason = self._reasons.get(name)
            self.used.append(_code_rule(reason) if reason is not None else _shape_rule(name))
        return {"ruleId": name, "ruleIndex": self._index[name]}


def _code_rule(reason: Reason) -> dict[str, Any]:
    markdown = f"{reason.sentence}\n\n**What to do:** {reason.advice}\n"
    if reason.example:
        markdown += f"\n```python\n{reason.example}\n```\n"
    level = "note" if reason.code.startswith("TM0") else "warning"
    return _rule(
        reason.code,
        reason.slug,
        reason.sentence,
        f"{reason.sentence} What to do: {reason.advice}",
        markdown,
        level,
    )


def _shape_rule(name: str) -> dict[str, Any]:
    sentence = shape_sentence(Shape(name))
    short = "This symbolic gradient can become a tf.GradientTape."
    text = f"{short} {sentence}"
    return _rule(name, f"{name}-gradient", short, text, f"{short}\n\n{sentence}\n", "note")


def _rule(key: str, slug: str, short: str, text: str, markdown: str, level: str) -> dict[str, Any]:
    name = "".join(part.capitalize() for part in slug.split("-"))
    return {
        "id": key,
        "name": name,
        "shortDescription": {"text": short},
        "fullDescription": {"text": text},
        "help": {"text": text, "markdown": markdown},
        "defaultConfiguration": {"level": level},
        "properties": {"tags": ["tensorflow", "migration"]},
    }


def _results(
    entry: FileResult, migration: Migration, rules: _Rules, root: str, wrote: bool
) -> Iterator[dict[str, Any]]:
    lines = FileLines(migration)
    location = _artifact(entry.path, root)
    same: Counter[str] = Counter()
    fix = None
    if migration.changed and not wrote:
        fix = _fix(migration, lines, location)
    for site in migration.sites:
        place = site.site
        line = lines.line(place.line, place.cell)
        content = lines.old[line - 1] if line <= len(lines.old) else b""
        identity = f"{location['uri']}|{place.api.value}|{place.function}|".encode() + content
        key = hashlib.sha256(identity.strip()).hexdigest()[:32]
        same[key] += 1
        common = {
            "locations": [_location(location, line, None if place.cell else place.column)],
            "partialFingerprints": {"tapeMigrate/v1": f"{key}:{same[key]}"},
        }
        if site.outcome is Outcome.REFUSED:
            name = site.code or ""
            text = _sentence(site)
            yield {**rules.reference(name), "level": "warning", "message": {"text": text}, **common}
        elif site.outcome is Outcome.MIGRATED and not wrote and site.shape is not None:
            kind = site.applicability.value if site.applicability is not None else ""
            text = f"{place.api.value} can become a tf.GradientTape ({_SEVERITY[kind]}): "
            found = {
                **rules.reference(site.shape.value),
                "level": "note",
                "message": {"text": text + site.message},
                **common,
            }
            yield found if fix is None else {**found, "fixes": [fix]}
        elif site.outcome is Outcome.SKIPPED and site.code == "TM001":
            yield {
                **rules.reference("TM001"),
                "level": "note",
                "message": {"text": _sentence(site)},
                **common,
                "suppressions": [{"kind": "inSource"}],
            }
    for remark in migration.remarks:
        yield _remark(remark, lines, location, rules)


def _remark(
    remark: Remark, lines: FileLines, location: dict[str, Any], rules: _Rules
) -> dict[str, Any]:
    line = lines.line(remark.line, remark.cell)
    column = None if remark.cell else remark.column
    return {
        **rules.reference(remark.code),
        "level": "note",
        "message": {"text": remark.message},
        "locations": [_location(location, line, column)],
    }


def _sentence(site: SiteResult) -> str:
    where = f" in cell {site.site.cell}" if site.site.cell else ""
    return f"{site.site.api.value}{where}: {site.message}"


def _fix(migration: Migration, lines: FileLines, location: dict[str, Any]) -> dict[str, Any] | None:
    """The change of the whole file: parts of it need not make sense on their own."""
    encoding = "utf-8"
    if not migration.path.endswith(".ipynb"):
        encoding = decode(migration.old).encoding
    try:
        replacements = [
            {
                "deletedRegion": _deleted(lines, change.old_start, change.old_stop),
                "insertedContent": {
                    "text": b"".join(lines.new[change.new_start : change.new_stop]).decode(encoding)
                },
            }
            for change in lines.changes
        ]
    except UnicodeDecodeError:
        return None
    count = sum(site.outcome is Outcome.MIGRATED for site in migration.sites)
    calls = "the call" if count == 1 else f"all {count} calls"
    return {
        "description": {"text": f"Migrate {calls} of this file"},
        "artifactChanges": [{"artifactLocation": location, "replacements": replacements}],
    }


def _deleted(lines: FileLines, start: int, stop: int) -> dict[str, int]:
    """The region from the start of 0-based line ``start`` to the start of line ``stop``."""
    if stop < len(lines.old) or (lines.old and lines.old[-1].endswith((b"\n", b"\r"))):
        return {"startLine": start + 1, "startColumn": 1, "endLine": stop + 1, "endColumn": 1}
    last = lines.old[-1].decode("utf-8", "replace") if lines.old else ""
    end_line = max(stop, 1)
    start_line = min(start + 1, end_line)
    column = 1 if start < stop else len(last) + 1
    return {
        "startLine": start_line,
        "startColumn": column,
        "endLine": end_line,
        "endColumn": len(last) + 1,
    }


def _location(artifact: dict[str, Any], line: int, column: int | None) -> dict[str, Any]:
    region = {"startLine": line}
    if column is not None:
        region["startColumn"] = column
    return {"physicalLocation": {"artifactLocation": artifact, "region": region}}


def _artifact(path: str, root: str) -> dict[str, Any]:
    inner = relative_uri(path, root)
    if inner is None:
        return {"uri": file_uri(path)}
    return {"uri": inner, "uriBaseId": _BASE}


def _failure(entry: FileResult, root: str) -> dict[str, Any]:
    place: dict[str, Any] = {"artifactLocation": _artifact(entry.path, root)}
    if entry.line is not None:
        place["region"] = {"startLine": entry.line}
    return {
        "level": "error",
        "message": {"text": f"{entry.path}: {entry.message}".encode("utf-8", "replace").decode()},
        "locations": [{"physicalLocation": place}],
    }
