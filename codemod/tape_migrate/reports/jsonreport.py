"""The report for programs; ``schema.json`` beside this module describes it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tape_migrate.reports.escape import printable_path

if TYPE_CHECKING:
    from tape_migrate.model import SiteResult
    from tape_migrate.results import RunResult

VERSION = 1
"""Raised when a reader of the old report could misread the new one."""


def report(result: RunResult) -> dict[str, Any]:
    """Return a run as plain values.

    ``files`` lists every scanned file. Paths are text: bytes that are no UTF-8 are spelled out.
    """
    sites = [
        _site(entry.path, site)
        for entry in result.results
        if entry.migration is not None
        for site in entry.migration.sites
    ]
    known = {entry.path: entry for entry in result.results}
    files = []
    for path in result.scanned:
        entry = known.get(path)
        status = "unchanged" if entry is None else entry.status.value
        message = "" if entry is None else entry.message
        if entry is not None and entry.line is not None:
            message = f"line {entry.line}: {message}"
        files.append({"path": printable_path(path), "status": status, "message": message})
    counts = result.summary()
    return {
        "version": VERSION,
        "sites": sites,
        "files": files,
        "remarks": [
            {
                "path": printable_path(entry.path),
                "cell": remark.cell,
                "line": remark.line,
                "column": remark.column,
                "code": remark.code,
                "message": remark.message,
            }
            for entry in result.results
            if entry.migration is not None
            for remark in entry.migration.remarks
        ],
        "summary": {
            "sites": counts.sites,
            "migrated": counts.migrated,
            "refused": counts.refused,
            "skipped": counts.skipped,
            "files_scanned": counts.files_scanned,
            "files_changed": counts.files_changed,
            "files_failed": counts.files_failed,
        },
    }


def dumps(result: RunResult) -> str:
    """Return the report as ASCII JSON with a final newline."""
    return json.dumps(report(result), indent=2) + "\n"


def schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of the report."""
    text = Path(__file__).with_name("schema.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def _site(path: str, result: SiteResult) -> dict[str, Any]:
    return {
        "path": printable_path(path),
        "cell": result.site.cell,
        "line": result.site.line,
        "column": result.site.column,
        "api": result.site.api.value,
        "function": result.site.function,
        "outcome": result.outcome.value,
        "shape": None if result.shape is None else result.shape.value,
        "applicability": None if result.applicability is None else result.applicability.value,
        "code": result.code,
        "message": result.message,
        "new_lines": None if result.new_lines is None else list(result.new_lines),
    }
