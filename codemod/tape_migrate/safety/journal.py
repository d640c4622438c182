"""The journal of one write: the old content of every file, kept before the first is replaced.

A journal is a folder: ``files`` holds the old contents one after another, ``index.json`` says which
is whose and how the new content is recognised. It is complete, on disk, and only then given its
name, before anything is written; so whenever a run ends, however it ends, every file of it is
either as the journal has it or as its digest says.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Any

from tape_migrate.safety.state import DONE, SETTLED, UNDONE, journal_folders, state_folder

_VERSION = 2
_KEPT = 50
"""Journals that stay; the oldest go first."""
_INDEX = "index.json"
_FILES = "files"


class JournalError(Exception):
    """A journal cannot be written or read; the message says why."""


@dataclass(frozen=True)
class Change:
    """One file to be written: absolute real path, old and new content."""

    path: str
    old: bytes
    new: bytes
    group: int | None = None
    """The same number for files that change together, None for one that changes alone."""


@dataclass(frozen=True)
class Entry:
    """One file of a journal."""

    path: str
    offset: int
    size: int
    old_digest: str
    new_digest: str
    group: int | None
    """As in ``Change``."""
    new_offset: int
    new_size: int
    """Where the new content is, if the file has a group."""


@dataclass(frozen=True)
class Journal:
    """A journal that is on disk."""

    folder: str
    started: float
    """Seconds since the epoch."""
    cwd: str
    """Where the run was started."""
    process: int
    entries: tuple[Entry, ...]

    @property
    def finished(self) -> bool:
        """Whether the run came to its end."""
        return os.path.exists(os.path.join(self.folder, DONE))

    @property
    def abandoned(self) -> bool:
        """Whether the run ended without coming to its end."""
        return not self.finished and not _alive(self.process)

    def old(self, entry: Entry) -> bytes:
        """Read the old content of a file; raises JournalError if it is damaged."""
        return self._content(entry.offset, entry.size, entry.old_digest)

    def new(self, entry: Entry) -> bytes:
        """Read the new content of a file that has a group; raises JournalError."""
        return self._content(entry.new_offset, entry.new_size, entry.new_digest)

    def finish(self) -> None:
        """Note that the run came to its end."""
        self._mark(DONE)

    def forget(self) -> None:
        """Note that the run was undone, so that the next ``undo`` takes the one before."""
        self._mark(UNDONE)

    def settle(self) -> None:
        """Note that a run which never came to its end has left nothing to be done."""
        self._mark(SETTLED)

    def remove_temporary_files(self) -> None:
        """Remove what a killed run may have left beside its files."""
        for folder in sorted({os.path.dirname(entry.path) for entry in self.entries}):
            with contextlib.suppress(OSError):
                os.unlink(os.path.join(folder, f".tape-migrate-{self.process}.tmp"))

    def _content(self, offset: int, size: int, expected: str) -> bytes:
        try:
            with open(os.path.join(self.folder, _FILES), "rb") as handle:
                handle.seek(offset)
                data = handle.read(size)
        except OSError as error:
            raise JournalError(f"{self.folder}: {error.strerror or error}") from error
        if digest(data) != expected:
            raise JournalError(f"{self.folder}: the journal is damaged")
        return data

    def _mark(self, name: str) -> None:
        with contextlib.suppress(OSError), open(os.path.join(self.folder, name), "wb"):
            pass


def digest(data: bytes) -> str:
    """Return how a content is recognised."""
    return hashlib.sha256(data).hexdigest()


def begin(changes: Sequence[Change]) -> Journal:
    """Put a journal of ``changes`` on disk.

    Raises JournalError if it cannot be written.
    """
    root = os.path.join(state_folder(), "journals")
    started = time.time()
    building = None
    try:
        os.makedirs(root, mode=0o700, exist_ok=True)
        building = tempfile.mkdtemp(prefix=".building-", dir=root)
        entries = _write_contents(os.path.join(building, _FILES), changes)
        index = {
            "version": _VERSION,
            "started": started,
            "cwd": os.getcwd(),
            "process": os.getpid(),
            "files": [list(astuple(entry)) for entry in entries],
        }
        _write_synced(os.path.join(building, _INDEX), json.dumps(index).encode("utf-8"))
        # One reading of the clock: names must come in the order of the writes.
        seconds, rest = divmod(time.time_ns(), 10**9)
        name = time.strftime("%Y%m%dT%H%M%S", time.gmtime(seconds))
        folder = os.path.join(root, f"{name}-{rest:09}-{os.getpid()}")
        os.rename(building, folder)
        _sync(root)
    except OSError as error:
        if building is not None:
            shutil.rmtree(building, ignore_errors=True)
        raise JournalError(f"{root}: {error.strerror or error}") from error
    _prune(root)
    return Journal(folder, started, str(index["cwd"]), os.getpid(), tuple(entries))


def journals() -> list[Journal]:
    """Return the journals of runs not undone yet, the latest first; damaged ones are left out."""
    found = (load(folder) for folder in journal_folders())
    return [journal for journal in found if journal is not None]


def load(folder: str) -> Journal | None:
    """Return the journal in a folder, or None if it was undone or is damaged."""
    if os.path.exists(os.path.join(folder, UNDONE)):
        return None
    try:
        with open(os.path.join(folder, _INDEX), encoding="utf-8") as handle:
            index: dict[str, Any] = json.load(handle)
        if index["version"] != _VERSION:
            return None
        entries = tuple(Entry(*values) for values in index["files"])
        return Journal(folder, index["started"], index["cwd"], index["process"], entries)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write_contents(path: str, changes: Sequence[Change]) -> list[Entry]:
    entries = []
    offset = 0
    with open(path, "wb") as handle:
        for change in changes:
            new = change.new if change.group is not None else b""
            handle.write(change.old)
            handle.write(new)
            size = len(change.old)
            entries.append(
                Entry(
                    change.path,
                    offset,
                    size,
                    digest(change.old),
                    digest(change.new),
                    change.group,
                    offset + size,
                    len(new),
                )
            )
            offset += size + len(new)
        handle.flush()
        os.fsync(handle.fileno())
    return entries


def _write_synced(path: str, data: bytes) -> None:
    with open(path, "wb") as handle:
        handle.write(data)
        handle.flush()
        os.fsync(handle.fileno())


def _sync(folder: str) -> None:
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _prune(root: str) -> None:
    with contextlib.suppress(OSError):
        names = sorted(name for name in os.listdir(root) if name[0] != ".")
        for name in names[:-_KEPT]:
            shutil.rmtree(os.path.join(root, name), ignore_errors=True)


def _alive(process: int) -> bool:
    if process == os.getpid():
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
