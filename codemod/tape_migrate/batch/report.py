"""The combined report of a batch: a table, JSON, and a page."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from tape_migrate.batch.state import Record
from tape_migrate.reports.escape import printable
from tape_migrate.reports.html import parts
from tape_migrate.reports.html.parts import text
from tape_migrate.reports.html.run import ranked

VERSION = 1
_COUNTS = (
    "sites", "migrated", "refused", "skipped", "files_scanned", "files_changed", "files_failed",
)  # fmt: skip


def write_reports(folder: str, records: Sequence[Record]) -> None:
    """Write ``report.json`` and ``report.html`` for the whole batch."""
    for name, content in (
        ("report.json", json.dumps(as_json(records), indent=2) + "\n"),
        ("report.html", page(records)),
    ):
        path = os.path.join(folder, name)
        with open(path + ".tmp", "w", encoding="utf-8", errors="backslashreplace") as handle:
            handle.write(content)
        os.replace(path + ".tmp", path)


def totals(records: Sequence[Record]) -> dict[str, int]:
    """Sum the counts of all sources."""
    return {name: sum(record.summary.get(name, 0) for record in records) for name in _COUNTS}


def reasons(records: Sequence[Record]) -> list[tuple[str, int]]:
    """Codes of refused calls over all sources, most frequent first."""
    codes: Counter[str] = Counter()
    for record in records:
        codes.update(record.codes)
    return ranked(codes)


def as_json(records: Sequence[Record]) -> dict[str, Any]:
    """Return the report as plain values."""
    return {
        "version": VERSION,
        "sources": [
            {
                "name": record.source.name,
                "kind": record.source.kind,
                "location": record.source.location,
                "status": record.status,
                "message": record.message,
                "seconds": round(record.seconds, 3),
                "summary": dict(record.summary),
                "codes": dict(record.codes),
            }
            for record in records
        ],
        "summary": totals(records),
        "codes": dict(reasons(records)),
    }


def table(records: Sequence[Record]) -> str:
    """Return the report for people, with a final newline."""
    head = ("source", "status", "calls", "migrated", "share", "refused", "skipped", "seconds")
    rows = [
        (
            printable(record.source.name),
            record.status,
            *_numbers(record.summary),
            f"{record.seconds:.1f}",
        )
        for record in records
    ]
    rows.append(("total", "", *_numbers(totals(records)), f"{sum(r.seconds for r in records):.1f}"))
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    lines = [
        "  ".join(
            cell.ljust(width) if i < 2 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in (head, *rows)
    ]
    lines.insert(1, "  ".join("-" * width for width in widths))
    lines += [
        f"{printable(record.source.name)}: failed: {printable(record.message)}"
        for record in records
        if record.status == "failed"
    ]
    return "\n".join(lines) + "\n"


def _numbers(summary: Any) -> tuple[str, ...]:
    sites, migrated = summary.get("sites", 0), summary.get("migrated", 0)
    share = parts.percent(migrated, sites) if sites else "-"
    rest = (summary.get("refused", 0), summary.get("skipped", 0))
    return (str(sites), str(migrated), share, *map(str, rest))


def page(records: Sequence[Record]) -> str:
    """Return the dashboard."""
    counts = totals(records)
    failed = sum(record.status == "failed" for record in records)
    waiting = sum(record.status == "waiting" for record in records)
    body = [
        parts.cards(
            [
                ("sources", len(records), ""),
                ("failed", failed, "bad" if failed else ""),
                *([("not done yet", waiting, "")] if waiting else []),
                ("gradient calls", counts["sites"], ""),
                ("migrated", counts["migrated"], "good"),
                ("share migrated", parts.percent(counts["migrated"], counts["sites"]), "good"),
                ("refused", counts["refused"], "bad" if counts["refused"] else ""),
            ]
        ),
        parts.share(counts["migrated"], counts["refused"], counts["skipped"]),
        "<h2>Sources</h2>",
        _sources(records),
    ]
    found = reasons(records)
    if found:
        body += ["<h2>Why calls were left alone</h2>", parts.reasons(found, linked=False)]
    return parts.document("tape-migrate batch", f"{len(records)} sources", "\n".join(body))


def _sources(records: Sequence[Record]) -> str:
    rows = []
    for record in records:
        name = text(record.source.name)
        links = parts.badge(record.status)
        if record.status == "done":
            base = quote(record.source.name)
            name = f'<a href="{base}/report.html">{name}</a>'
            links = f'<a href="{base}/report.json">json</a>'
            if record.summary.get("files_changed"):
                links += f' <a href="{base}/changes.patch">patch</a>'
        elif record.message:
            links += f" {text(record.message)}"
        sites, migrated = record.summary.get("sites", 0), record.summary.get("migrated", 0)
        rows.append(
            [
                name,
                str(sites),
                parts.percent(migrated, sites),
                parts.bar(migrated, sites),
                str(record.summary.get("refused", 0)),
                f"{record.seconds:.1f}",
                links,
            ]
        )
    head = [
        ("source", ""),
        ("calls", "number"),
        ("migrated", "number"),
        ("", "optional"),
        ("refused", "number optional"),
        ("seconds", "number optional"),
        ("", ""),
    ]
    return parts.table(head, rows)
