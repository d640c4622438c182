"""Files that change together, of which a killed run has written some: noticed, and finished.

Each of them is whole, but they do not fit each other: a helper wants a tape that its callers do not
hand in yet. No later run could tell from the files alone, so the journal does.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tape_migrate.safety.journal import Entry, Journal, JournalError, load
from tape_migrate.safety.state import cut_short
from tape_migrate.safety.undo import state_of
from tape_migrate.sources.write import WriteError, write_atomically


@dataclass(frozen=True)
class Torn:
    """One group of files that do not fit each other; absolute real paths."""

    journal: Journal
    written: tuple[Entry, ...]
    missing: tuple[Entry, ...]
    """Still as they were before the write."""
    changed: tuple[Entry, ...]
    """Neither old nor new: someone has changed them since."""

    @property
    def paths(self) -> frozenset[str]:
        """All files of the group."""
        return frozenset(e.path for e in (*self.written, *self.missing, *self.changed))

    def describe(self) -> str:
        """Say what is wrong and what to do."""
        return (
            "a --write was cut short between files that change together: "
            f"{_list(self.written)} written, {_list(self.missing)} not"
        )


class UnfinishedError(Exception):
    """What a killed run has begun cannot be finished; the message says what to do."""


def torn_groups(paths: Iterable[str]) -> list[Torn]:
    """Return the groups with one of ``paths`` (absolute, real) that a killed run has torn.

    A journal that holds none at all is marked, and not looked at again.
    """
    wanted = set(paths)
    found = []
    for folder in cut_short():
        journal = load(folder)
        if journal is None or not journal.abandoned:
            continue
        torn = list(_torn(journal))
        if not torn:
            journal.settle()
        found += [group for group in torn if group.paths & wanted]
    return found


def finish(groups: Sequence[Torn], paths: Iterable[str]) -> list[str]:
    """Write what is missing of groups that lie within ``paths``; return the files written.

    Raises UnfinishedError, before anything is written, if a group does not lie within ``paths``,
    someone has changed a file of it, or its journal is damaged; and if a file cannot be written.
    """
    wanted = set(paths)
    contents = []
    for group in groups:
        if group.changed:
            raise UnfinishedError(
                f"{group.describe()}; {_list(group.changed)} changed since; `tape-migrate undo "
                "--keep-changed` restores what is written"
            )
        outside = group.paths - wanted
        if outside:
            raise UnfinishedError(
                f"{group.describe()}; `tape-migrate undo` takes it back, --write with all of them "
                "finishes it"
            )
        try:
            contents += [
                (entry, group.journal.old(entry), group.journal.new(entry))
                for entry in group.missing
            ]
        except JournalError as error:
            raise UnfinishedError(f"{group.describe()}; {error}") from error
    written = []
    for entry, old, new in contents:
        try:
            write_atomically(entry.path, new, expected=old)
        except WriteError as error:
            raise UnfinishedError(
                f"{_near(entry.path)}: {error}; a --write that was cut short needs it; "
                "`tape-migrate undo` takes that back"
            ) from error
        written.append(entry.path)
    for group in groups:
        group.journal.remove_temporary_files()
    return written


def _torn(journal: Journal) -> Iterable[Torn]:
    groups: dict[int, list[Entry]] = {}
    for entry in journal.entries:
        if entry.group is not None:
            groups.setdefault(entry.group, []).append(entry)
    for entries in groups.values():
        now = {entry.path: state_of(entry) for entry in entries}
        written = tuple(e for e in entries if now[e.path] == e.new_digest)
        missing = tuple(e for e in entries if now[e.path] == e.old_digest)
        if written and missing:
            known = {*written, *missing}
            changed = tuple(entry for entry in entries if entry not in known)
            yield Torn(journal, written, missing, changed)


def _list(entries: Sequence[Entry]) -> str:
    names = [_near(entry.path) for entry in entries[:3]]
    more = f" and {len(entries) - 3} more" if len(entries) > 3 else ""
    return ", ".join(names) + more


def _near(path: str) -> str:
    near = os.path.relpath(path, os.path.realpath(os.getcwd()))
    return path if near.startswith(os.pardir) else near
