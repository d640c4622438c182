"""What a run over many files came to: file by file, and in numbers."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tape_migrate.model import Outcome, SiteResult

if TYPE_CHECKING:
    from tape_migrate.model import Migration


class FileStatus(enum.Enum):
    """What became of one file."""

    CHANGED = "changed"
    """Written, or in a dry run: would be."""
    UNCHANGED = "unchanged"
    FAILED = "failed"
    """Could not be read, parsed or written; it is as it was."""


@dataclass(frozen=True)
class FileResult:
    """One file's outcome."""

    path: str
    status: FileStatus
    message: str
    """One sentence or empty."""
    migration: Migration | None = None
    """The engine's answer, where it was asked and had one."""
    line: int | None = None
    """1-based line of what made the file fail, where known."""
    written: bool = False
    together: tuple[str, ...] = ()
    """All files that change only together with this one, where there are others."""


@dataclass(frozen=True)
class Summary:
    """The counts of a run."""

    sites: int
    migrated: int
    refused: int
    skipped: int
    files_scanned: int
    files_changed: int
    files_failed: int


@dataclass(frozen=True)
class RunResult:
    """A whole run."""

    scanned: tuple[str, ...]
    """Every file looked at, sorted."""
    results: tuple[FileResult, ...]
    """The files the engine was asked about and those that failed, sorted by path; every other
    scanned file is unchanged because it holds none of the words."""
    not_reached: tuple[str, ...] = ()
    """Files left untouched because the run was interrupted."""
    interrupted: bool = False

    @property
    def sites(self) -> Iterator[SiteResult]:
        """All sites, file by file."""
        for result in self.results:
            if result.migration is not None:
                yield from result.migration.sites

    def summary(self) -> Summary:
        """Count."""
        outcomes = [site.outcome for site in self.sites]
        statuses = [result.status for result in self.results]
        return Summary(
            sites=len(outcomes),
            migrated=outcomes.count(Outcome.MIGRATED),
            refused=outcomes.count(Outcome.REFUSED),
            skipped=outcomes.count(Outcome.SKIPPED),
            files_scanned=len(self.scanned),
            files_changed=statuses.count(FileStatus.CHANGED),
            files_failed=statuses.count(FileStatus.FAILED),
        )
