"""What a batch knows of its sources, in SQLite, so that a killed one goes on where it stopped."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tape_migrate.batch.sources import Source

_SCHEMA = """
CREATE TABLE IF NOT EXISTS batch (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS sources (
    position INTEGER NOT NULL,
    name TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    location TEXT NOT NULL,
    status TEXT NOT NULL DEFAULT 'waiting',
    message TEXT NOT NULL DEFAULT '',
    summary TEXT NOT NULL DEFAULT '{}',
    codes TEXT NOT NULL DEFAULT '{}',
    seconds REAL NOT NULL DEFAULT 0,
    finished REAL,
    results INTEGER NOT NULL DEFAULT 0
);
"""


class StateError(Exception):
    """The state cannot be used; the message says what to do."""


@dataclass(frozen=True)
class Record:
    """One source and what became of it."""

    source: Source
    status: str
    """``waiting``, ``done`` or ``failed``."""
    message: str
    summary: Mapping[str, int]
    codes: Mapping[str, int]
    seconds: float
    results: int
    """How often a result was taken in; 1 for a source that is done."""


class State:
    """The state of the batch in one folder. Only the program that was started writes it."""

    def __init__(self, folder: str) -> None:
        path = os.path.join(folder, "state.sqlite")
        try:
            self._db = sqlite3.connect(path, timeout=5, isolation_level=None)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.executescript(_SCHEMA)
        except sqlite3.Error as error:
            raise StateError(f"{path}: {error}; move it away, or give another --out") from error

    def begin(self, sources: Sequence[Source], options: Mapping[str, Any]) -> None:
        """Note the sources; those that are known keep what became of them.

        Raises StateError if the folder holds a batch with other options.
        """
        wanted = json.dumps(options, sort_keys=True)
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            row = self._db.execute("SELECT value FROM batch WHERE key = 'options'").fetchone()
            if row is not None and row[0] != wanted:
                raise StateError(
                    "this folder holds a batch with other options; give another --out, or --fresh"
                )
            self._db.execute("INSERT OR REPLACE INTO batch VALUES ('options', ?)", (wanted,))
            kept = {r.source.name: r.source for r in self.records()}
            for position, source in enumerate(sources):
                if kept.get(source.name) == source:
                    self._db.execute(
                        "UPDATE sources SET position = ? WHERE name = ?", (position, source.name)
                    )
                    continue
                self._db.execute(
                    "INSERT OR REPLACE INTO sources (position, name, kind, location) "
                    "VALUES (?, ?, ?, ?)",
                    (position, source.name, source.kind, source.location),
                )
            names = {source.name for source in sources}
            for name in set(kept) - names:
                self._db.execute("DELETE FROM sources WHERE name = ?", (name,))

    def forget(self, *, failed_only: bool) -> None:
        """Let sources wait again: all, or those that failed."""
        condition = " WHERE status = 'failed'" if failed_only else ""
        with self._db:
            self._db.execute(f"UPDATE sources SET status = 'waiting', results = 0{condition}")
            if not failed_only:
                self._db.execute("DELETE FROM batch")

    def finish(self, name: str, answer: Mapping[str, Any]) -> None:
        """Take in the result of one source; a second one for the same source changes nothing."""
        with self._db:
            self._db.execute(
                "UPDATE sources SET status = ?, message = ?, summary = ?, codes = ?, "
                "seconds = ?, finished = ?, results = results + 1 "
                "WHERE name = ? AND status = 'waiting'",
                (
                    answer["status"],
                    answer.get("message", ""),
                    json.dumps(answer.get("summary", {})),
                    json.dumps(answer.get("codes", {})),
                    answer.get("seconds", 0.0),
                    time.time(),
                    name,
                ),
            )

    def records(self) -> list[Record]:
        """All sources, in their order."""
        rows = self._db.execute(
            "SELECT name, kind, location, status, message, summary, codes, seconds, results "
            "FROM sources ORDER BY position"
        )
        return [
            Record(
                Source(name, kind, location),
                status,
                message,
                json.loads(summary),
                json.loads(codes),
                seconds,
                results,
            )
            for name, kind, location, status, message, summary, codes, seconds, results in rows
        ]

    def close(self) -> None:
        """Close the file."""
        self._db.close()
