"""What can be decided on its own: calls that share a tape or need one another move together."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from tape_migrate.model import Left, Migration, Options, Outcome, SiteResult
from tape_migrate.selection import Migrate, Selection, migrate_selected

_NOT_ACCEPTED = "TM003"
Place = tuple[int | None, int, int]
"""Cell, line and column of a call."""


@dataclass(frozen=True)
class Unit:
    """Calls of one file that are migrated together or not at all."""

    sites: tuple[SiteResult, ...]
    key: str
    """Recognises the unit when its lines have moved."""

    @property
    def places(self) -> frozenset[Place]:
        """Where its calls stand."""
        return frozenset(place_of(site) for site in self.sites)


def place_of(site: SiteResult) -> Place:
    """Where a call stands in its file."""
    return site.site.cell, site.site.line, site.site.column


class Units:
    """The units of one text, and the text with any of them migrated."""

    def __init__(self, migrate: Migrate, options: Options, selection: Selection | None) -> None:
        self._migrate = migrate
        self._options = options
        self._selection = selection or Selection()
        self.full = migrate_selected(migrate, options, self._selection)
        unselected = tuple(
            _left(site, site.code or "", site.message)
            for site in self.full.sites
            if site.code == "TM002"
        )
        self._options = replace(options, leave=(*options.leave, *unselected))
        migrated = [site for site in self.full.sites if site.outcome is Outcome.MIGRATED]
        self.units = _named(self.full, self._together(migrated))

    def with_units(self, chosen: Iterable[Unit]) -> Migration:
        """Migrate these units and no others."""
        places = frozenset(place for unit in chosen for place in unit.places)
        others = tuple(
            _left(site, _NOT_ACCEPTED, "not accepted")
            for unit in self.units
            for site in unit.sites
            if place_of(site) not in places
        )
        return self._migrate(replace(self._options, leave=(*self._options.leave, *others)))

    def _together(self, sites: list[SiteResult]) -> list[tuple[SiteResult, ...]]:
        group = list(range(len(sites)))

        def join(a: int, b: int) -> None:
            old, new = sorted((group[a], group[b]), reverse=True)
            group[:] = [new if member == old else member for member in group]

        for a, first in enumerate(sites):
            for b in range(a):
                if _overlap(first, sites[b]):
                    join(a, b)
        for a, site in enumerate(sites):
            if len(sites) == 1:
                break
            left = _left(site, _NOT_ACCEPTED, "not accepted")
            without = self._migrate(replace(self._options, leave=(*self._options.leave, left)))
            still = {place_of(s) for s in without.sites if s.outcome is Outcome.MIGRATED}
            for b, other in enumerate(sites):
                if b != a and place_of(other) not in still:
                    join(a, b)
        return [
            tuple(site for member, site in zip(group, sites, strict=True) if member == number)
            for number in sorted(set(group))
        ]


def _overlap(a: SiteResult, b: SiteResult) -> bool:
    if a.new_lines is None or b.new_lines is None or a.site.cell != b.site.cell:
        return False
    return a.new_lines[0] <= b.new_lines[1] and b.new_lines[0] <= a.new_lines[1]


def _left(site: SiteResult, code: str, message: str) -> Left:
    return Left(site.site.line, site.site.column, code, message, site.site.cell)


def _named(full: Migration, groups: list[tuple[SiteResult, ...]]) -> tuple[Unit, ...]:
    seen: Counter[str] = Counter()
    units = []
    for sites in groups:
        text = "|".join(
            f"{site.site.api.value} {site.site.function} {_line(full, site)}" for site in sites
        )
        digest = hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:24]
        seen[digest] += 1
        units.append(Unit(sites, f"{digest}-{seen[digest]}"))
    return tuple(units)


def _line(full: Migration, site: SiteResult) -> str:
    """The call's line; in notebooks the place of a cell is as good a name."""
    if site.site.cell is not None:
        return f"cell {site.site.cell} line {site.site.line}"
    lines = full.old.splitlines()
    return repr(lines[site.site.line - 1].strip()) if site.site.line <= len(lines) else ""
