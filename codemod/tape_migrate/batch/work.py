"""What is done for one source: unpack, migrate, report. Runs in a process of its own."""

from __future__ import annotations

import os
import time
from collections import Counter
from dataclasses import replace
from typing import Any

from tape_migrate.batch.copies import CopyError, place_of
from tape_migrate.batch.helper import Job
from tape_migrate.batch.sources import Source
from tape_migrate.model import Outcome
from tape_migrate.reports.diff import unified_diff
from tape_migrate.reports.html.run import page
from tape_migrate.reports.jsonreport import dumps
from tape_migrate.results import RunResult
from tape_migrate.runner import run
from tape_migrate.settings.load import SettingsError, load
from tape_migrate.settings.meaning import options_of, scope_of


def process(job: Job, folder: str) -> dict[str, Any]:
    """Say what becomes of one source, looking at a folder or a copy made below ``folder``.

    Returns everything as plain values.

    ``status`` is ``done`` or ``failed``; bytes are spelled in Latin-1. Changes the current folder.
    """
    start = time.perf_counter()
    source = Source(**job["source"])
    try:
        place = place_of(source, folder)
    except CopyError as error:
        return {"status": "failed", "message": str(error), "seconds": time.perf_counter() - start}
    os.chdir(place)
    try:
        settings = load(["."], job["given"], isolated=job["isolated"], top=os.getcwd())
    except SettingsError as error:
        return {"status": "failed", "message": str(error), "seconds": time.perf_counter() - start}
    result = run(["."], options_of(settings), scope=replace(scope_of(settings), alone=True))
    counts = result.summary()
    return {
        "status": "done",
        "message": "",
        "summary": {
            "sites": counts.sites,
            "migrated": counts.migrated,
            "refused": counts.refused,
            "skipped": counts.skipped,
            "files_scanned": counts.files_scanned,
            "files_changed": counts.files_changed,
            "files_failed": counts.files_failed,
        },
        "codes": dict(Counter(s.code for s in result.sites if s.outcome is Outcome.REFUSED)),
        "report": dumps(result),
        "page": page(result, title=source.name),
        "patch": patch(result).decode("latin-1"),
        "seconds": time.perf_counter() - start,
    }


def patch(result: RunResult) -> bytes:
    """Return what a run would change, for ``git apply`` or ``patch -p1``."""
    return b"".join(
        line
        for entry in result.results
        if entry.migration is not None and entry.status.value == "changed"
        for line in unified_diff(entry.path, entry.migration.old, entry.migration.new)
    )
