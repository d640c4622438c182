"""``tape-migrate undo``: the files of the last write as they were before it."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

from tape_migrate.safety.journal import Entry, Journal, JournalError, digest, journals
from tape_migrate.sources.prefilter import read_file
from tape_migrate.sources.write import WriteError, write_atomically


@dataclass(frozen=True)
class Undone:
    """What an undo did, or would do."""

    journal: Journal
    restored: tuple[str, ...]
    already_old: tuple[str, ...]
    """Files that the run had not written (or an undo had restored) before."""
    changed_since: tuple[str, ...]
    """Files that are neither as the run left them nor as they were."""
    failed: tuple[tuple[str, str], ...] = ()

    @property
    def refused(self) -> bool:
        """Nothing was restored because files have changed since."""
        return bool(self.changed_since) and not self.restored


def last_write(folder: str) -> Journal | None:
    """Return the journal of the last write that was started in, or wrote below, ``folder``."""
    real = os.path.realpath(folder)
    for journal in journals():
        if os.path.realpath(journal.cwd) == real or any(
            entry.path.startswith(real.rstrip(os.sep) + os.sep) for entry in journal.entries
        ):
            return journal
    return None


def undo(journal: Journal, *, dry_run: bool = False, keep_changed: bool = False) -> Undone:
    """Restore the files of a write.

    Unless ``keep_changed``, nothing at all is restored if one of them was changed since.

    Raises JournalError if the journal is damaged; then nothing was restored.
    """
    now = {entry.path: state_of(entry) for entry in journal.entries}
    new = [entry for entry in journal.entries if now[entry.path] == entry.new_digest]
    old = tuple(e.path for e in journal.entries if now[e.path] == e.old_digest)
    known = {entry.path for entry in new} | set(old)
    changed = tuple(e.path for e in journal.entries if e.path not in known)
    if changed and not keep_changed:
        return Undone(journal, (), old, changed)
    contents = [(entry, journal.old(entry)) for entry in new]
    if dry_run:
        return Undone(journal, tuple(entry.path for entry in new), old, changed)
    if journal.abandoned:
        journal.remove_temporary_files()
    restored, failed = [], []
    for entry, content in contents:
        try:
            write_atomically(entry.path, content, expected=_expected(entry))
            restored.append(entry.path)
        except (WriteError, OSError) as error:
            failed.append((entry.path, str(error)))
    if not failed:
        journal.forget()
    return Undone(journal, tuple(restored), old, changed, tuple(failed))


def describe(journal: Journal) -> str:
    """Return one line for a list of journals."""
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(journal.started))
    count = len(journal.entries)
    files = "1 file" if count == 1 else f"{count} files"
    end = "" if journal.finished else " (cut short)"
    return f"{when}  {files}{end}  in {journal.cwd}"


def tidy() -> None:
    """Remove what killed runs have left beside their files."""
    for journal in journals()[:5]:
        if journal.abandoned:
            journal.remove_temporary_files()


def state_of(entry: Entry) -> str:
    try:
        return digest(read_file(entry.path))
    except OSError:
        return ""


def _expected(entry: Entry) -> bytes:
    data = read_file(entry.path)
    if digest(data) != entry.new_digest:
        raise WriteError("not restored: the file changed in this moment")
    return data


__all__ = ["JournalError", "Undone", "describe", "last_write", "tidy", "undo"]
