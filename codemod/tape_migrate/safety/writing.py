"""The writing half of a run: looked at first, noted down, then file by file."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from tape_migrate.safety.backup import BackupError, back_up
from tape_migrate.safety.git import GitError, uncommitted
from tape_migrate.safety.journal import Change, Journal, JournalError, begin
from tape_migrate.safety.undo import tidy
from tape_migrate.sources.write import WriteError, write_atomically


class RefusedError(Exception):
    """Nothing is written; the message says why and what to do."""


@dataclass(frozen=True)
class WritePolicy:
    """How careful a write is."""

    allow_dirty: bool = False
    backup_dir: str | None = None


@dataclass(frozen=True)
class File:
    """One file to be written, at the path that the user sees."""

    path: str
    old: bytes
    new: bytes
    together: tuple[str, ...] = ()
    """All files that change only together with this one, where there are others."""


def prepare(
    files: Sequence[File], policy: WritePolicy, warn: Callable[[str], None]
) -> Journal | None:
    """Check that ``files`` may be written, keep their old content, and return the journal.

    Where no journal can be kept, ``warn`` hears of it and the result is None.

    Raises RefusedError: files have uncommitted changes, or the backup cannot be made.
    """
    if not files:
        return None
    if not policy.allow_dirty:
        refuse_dirty([file.path for file in files])
    groups = {group: number for number, group in enumerate({file.together for file in files})}
    changes = [
        Change(
            os.path.realpath(file.path),
            file.old,
            file.new,
            groups[file.together] if file.together else None,
        )
        for file in files
    ]
    if policy.backup_dir is not None:
        try:
            back_up(policy.backup_dir, changes)
        except BackupError as error:
            raise RefusedError(f"nothing written: {error}") from error
    tidy()
    try:
        return begin(changes)
    except JournalError as error:
        warn(f"warning: `tape-migrate undo` will not know of this write: {error}")
        return None


def write_file(file: File) -> str | None:
    """Write one file; return why it could not be, or None."""
    try:
        write_atomically(file.path, file.new, expected=file.old)
    except WriteError as error:
        return str(error)
    return None


def write_together(files: Sequence[File]) -> dict[str, str | None]:
    """Write files that change together, all or none; return for each why it could not be, or None.

    If one cannot be written, those before it get their old content back.
    """
    done: list[File] = []
    for file in files:
        fault = write_file(file)
        if fault is None:
            done.append(file)
            continue
        faults: dict[str, str | None] = {
            other.path: f"not written: it changes together with {file.path}, which failed"
            for other in files
        }
        faults[file.path] = fault
        for other in reversed(done):
            stuck = write_file(replace(other, old=other.new, new=other.old))
            if stuck is not None:
                faults[other.path] = f"written, but {file.path} was not; `tape-migrate undo`"
        return faults
    return dict.fromkeys((file.path for file in files), None)


def in_groups(files: Sequence[File]) -> list[list[File]]:
    """Return ``files`` with those that change together side by side, in the order of the first."""
    groups: dict[tuple[str, ...], list[File]] = {}
    for file in files:
        groups.setdefault(file.together or (file.path,), []).append(file)
    return list(groups.values())


def refuse_dirty(paths: Sequence[str]) -> None:
    """Raise RefusedError if one of these files has changes that no commit holds."""
    try:
        dirty = uncommitted(paths)
    except GitError as error:
        raise RefusedError(
            f"nothing written: uncommitted changes cannot be looked for: {error}; `git status` "
            "says more, --allow-dirty writes all the same"
        ) from error
    if not dirty:
        return
    listed = "".join(f"\n  {path}" for path in dirty[:20])
    more = f"\n  and {len(dirty) - 20} more" if len(dirty) > 20 else ""
    raise RefusedError(
        "nothing written: these files have uncommitted changes; commit or stash them, or give "
        f"--allow-dirty:{listed}{more}"
    )


@contextlib.contextmanager
def interrupts_held() -> Iterator[None]:
    """Let a Ctrl-C that comes inside take effect after it.

    Without this, one that comes between a write and its record would make the result lie.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # Ctrl-C only ever reaches the main thread
        return
    came: list[int] = []
    previous = signal.signal(signal.SIGINT, lambda number, frame: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
    if came:
        raise KeyboardInterrupt
