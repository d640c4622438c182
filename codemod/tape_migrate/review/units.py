"""What can be decided on its own: calls that share a tape or need one another move together."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tape_migrate.model import Left, Migration, Outcome, SiteResult
from tape_migrate.selection import MigrateAll, Selection, select_calls

_NOT_ACCEPTED = "TM003"


@dataclass(frozen=True)
class Call:
    """One call and its file."""

    path: str
    result: SiteResult

    @property
    def place(self) -> tuple[str, int | None, int, int]:
        """Path, cell, line and column."""
        site = self.result.site
        return self.path, site.cell, site.line, site.column


@dataclass(frozen=True)
class Unit:
    """Calls that are migrated together or not at all; of several files, where these change so."""

    calls: tuple[Call, ...]
    key: str
    """Recognises the unit when its lines have moved."""


class Units:
    """The units of one text, or of several that change together, with any of them migrated."""

    def __init__(self, migrate: MigrateAll, selection: Selection | None = None) -> None:
        self._migrate = migrate
        self.full, self._unselected = select_calls(migrate, selection or Selection())
        calls = [
            Call(path, result)
            for path, migration in sorted(self.full.items())
            for result in migration.sites
            if result.outcome is Outcome.MIGRATED
        ]
        self.units = _named(self.full, self._together(calls))
        everything = frozenset(unit.key for unit in self.units)
        self._made: dict[frozenset[str], Mapping[str, Migration]] = {everything: self.full}

    def with_units(self, chosen: Iterable[Unit]) -> Mapping[str, Migration]:
        """Migrate these units and no others; by path."""
        keys = frozenset(unit.key for unit in chosen)
        if keys not in self._made:
            others = [call for unit in self.units if unit.key not in keys for call in unit.calls]
            self._made[keys] = self._without(others)
        return self._made[keys]

    def _without(self, calls: Iterable[Call]) -> Mapping[str, Migration]:
        leaves: dict[str, tuple[Left, ...]] = dict(self._unselected)
        for call in calls:
            leaves[call.path] = (*leaves.get(call.path, ()), _left(call))
        return self._migrate(leaves)

    def _together(self, calls: list[Call]) -> list[tuple[Call, ...]]:
        group = list(range(len(calls)))

        def join(a: int, b: int) -> None:
            old, new = sorted((group[a], group[b]), reverse=True)
            group[:] = [new if member == old else member for member in group]

        for a, first in enumerate(calls):
            for b in range(a):
                if _overlap(first, calls[b]):
                    join(a, b)
        tapes = [
            [b for b, member in enumerate(group) if member == number]
            for number in sorted(set(group))
        ]
        for members in tapes if len(tapes) > 1 else ():
            still = {
                Call(path, result).place
                for path, migration in self._without(calls[b] for b in members).items()
                for result in migration.sites
                if result.outcome is Outcome.MIGRATED
            }
            for b, other in enumerate(calls):
                if other.place not in still:
                    join(members[0], b)
        return [
            tuple(call for member, call in zip(group, calls, strict=True) if member == number)
            for number in sorted(set(group))
        ]


def _overlap(a: Call, b: Call) -> bool:
    mine, other = a.result.new_lines, b.result.new_lines
    if mine is None or other is None:
        return False
    if (a.path, a.result.site.cell) != (b.path, b.result.site.cell):
        return False
    return mine[0] <= other[1] and other[0] <= mine[1]


def _left(call: Call) -> Left:
    site = call.result.site
    return Left(site.line, site.column, _NOT_ACCEPTED, "not accepted", site.cell)


def _named(full: Mapping[str, Migration], groups: list[tuple[Call, ...]]) -> tuple[Unit, ...]:
    seen: Counter[str] = Counter()
    units = []
    for calls in groups:
        text = "|".join(
            f"{os.path.basename(call.path)} {call.result.site.api.value} "
            f"{call.result.site.function} {_line(full[call.path], call.result)}"
            for call in calls
        )
        digest = hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:24]
        seen[digest] += 1
        units.append(Unit(calls, f"{digest}-{seen[digest]}"))
    return tuple(units)


def _line(full: Migration, result: SiteResult) -> str:
    """The call's line; in notebooks the place of a cell is as good a name."""
    if result.site.cell is not None:
        return f"cell {result.site.cell} line {result.site.line}"
    lines = full.old.splitlines()
    return repr(lines[result.site.line - 1].strip()) if result.site.line <= len(lines) else ""
