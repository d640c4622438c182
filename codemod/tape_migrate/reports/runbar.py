"""A line that says how far a long run is, on a terminal only."""

from __future__ import annotations

import os
import shutil
import sys
import time

from tape_migrate.reports.escape import printable_path

_QUIET_SECONDS = 0.8
"""Runs shorter than this show nothing."""
_BETWEEN_SECONDS = 0.1


class Progress:
    """A bar with rate and current file on standard error; nothing where that is no terminal."""

    def __init__(self) -> None:
        self._wanted = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._start = self._last = time.monotonic()
        self._visible = False

    def show(self, done: int, total: int, path: str, unit: str = "files") -> None:
        """Say that ``done`` of ``total`` files are done and ``path`` is next."""
        now = time.monotonic()
        if not self._wanted or now - self._start < _QUIET_SECONDS:
            return
        if self._visible and now - self._last < _BETWEEN_SECONDS:
            return
        self._last = now
        width = shutil.get_terminal_size().columns
        self._put("\r" + bar(done, total, now - self._start, path, width, unit) + "\x1b[K")
        self._visible = True

    def sources(self, done: int, total: int, name: str) -> None:
        """The same for the sources of a batch."""
        self.show(done, total, name, unit="sources")

    def clear(self) -> None:
        """Take the line away, so that something else can be printed."""
        if self._visible:
            self._put("\r\x1b[K")
            self._visible = False

    def _put(self, text: str) -> None:
        try:
            sys.stderr.write(text)
            sys.stderr.flush()
        except (OSError, UnicodeEncodeError):
            self._wanted = False


def bar(done: int, total: int, seconds: float, path: str, width: int, unit: str = "files") -> str:
    """Return the line, no longer than ``width`` columns of plain characters."""
    filled = 20 * done // max(total, 1)
    rate = done / seconds if seconds > 0 else 0.0
    text = f"[{'#' * filled}{'.' * (20 - filled)}] {done}/{total}  {rate:.1f} {unit}/s  "
    room = width - len(text) - 1
    name = printable_path(path)
    if len(name) > room:
        name = "…" + name[len(name) - room + 1 :] if room > 8 else ""
    return (text + name)[: max(width - 1, 0)]
