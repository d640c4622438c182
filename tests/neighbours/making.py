"""A neighbour: a fixture's program, varied once or twice, and what the engine makes of it."""

from __future__ import annotations

import random
import zlib
from dataclasses import dataclass, replace
from functools import cache

from tape_migrate.api import migrate_source
from tape_migrate.model import Migration, SiteResult
from tests.fixture_cases import FixtureCase, all_cases

from .variations import variations

BETWEEN = " + "


@dataclass(frozen=True)
class Neighbour:
    """``names`` are those of the variations, made one after the other.

    ``closed`` is --assume-closed.
    """

    case: str
    names: tuple[str, ...]
    closed: bool

    def __str__(self) -> str:
        how = "\tclosed" if self.closed else "\topen"
        return f"{self.case.partition('/')[2]}\t{BETWEEN.join(self.names)}{how}"


@cache
def cases() -> dict[str, FixtureCase]:
    """Fixtures that can be varied, by name: in ASCII, with plain line ends."""
    return {
        case.name: case
        for case in all_cases()
        if case.before.isascii() and not any(end in case.before for end in (b"\r", b"\f"))
    }


@cache
def _of_fixture(name: str) -> dict[str, str]:
    return variations(cases()[name].before.decode())


def text_of(neighbour: Neighbour) -> str:
    """The varied program.

    Raises:
        KeyError: the fixture has no such place any more.
    """
    first, *others = neighbour.names
    text = _of_fixture(neighbour.case)[first]
    for name in others:
        text = variations(text)[name]
    return text


def migration_of(neighbour: Neighbour) -> Migration:
    """What becomes of it, with the fixture's own options but for ``closed``."""
    case = cases()[neighbour.case]
    options = replace(case.options, assume_closed=neighbour.closed)
    return migrate_source(text_of(neighbour).encode(), options, path="neighbour.py")


def said(migration: Migration) -> str:
    """What became of each call, and a checksum of all that is said and of the new text."""
    words = " ".join(map(_word, migration.sites)) or "nothing"
    everything = "\n".join([*(site.message for site in migration.sites), migration.new.decode()])
    return f"{words}\t{zlib.crc32(everything.encode()):08x}"


def _word(site: SiteResult) -> str:
    if site.code is not None:
        return site.code
    assert site.shape is not None
    assert site.applicability is not None
    return f"{site.shape.value}/{site.applicability.value}"


def draw(rng: random.Random) -> Neighbour | None:
    """One at random, whatever its kind: None where it does not compile."""
    case = cases()[rng.choice(sorted(cases()))]
    names: list[str] = []
    found = _of_fixture(case.name)
    for turn in range(rng.choice((1, 1, 2))):
        if turn:
            try:
                found = variations(found[names[-1]])
            except SyntaxError:
                return None
        kinds = sorted({name.partition(" ")[0] for name in found})
        kind = rng.choice(kinds)
        names.append(rng.choice([name for name in found if name.partition(" ")[0] == kind]))
    try:
        compile(found[names[-1]], case.name, "exec")
    except (SyntaxError, ValueError):
        return None
    closed = case.assume_closed != (rng.random() < 0.25)
    return Neighbour(case.name, tuple(names), closed)
