"""A neighbour: a program of the tests, varied once or twice, and what the engine makes of it."""

from __future__ import annotations

import importlib
import random
import textwrap
import zlib
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from tape_migrate.api import migrate_source
from tape_migrate.model import Migration, Options, SiteResult
from tests import shapes
from tests.fixture_cases import FixtureCase, all_cases
from tests.shapes.texts import HEAD, KERAS

from .variations import variations

BETWEEN = " + "
_TEXTS = Path(shapes.__file__).parent


@dataclass(frozen=True)
class Neighbour:
    """``names`` are those of the variations, made one after the other.

    ``case`` names the program of the tests. ``closed`` is --assume-closed.
    """

    case: str
    names: tuple[str, ...]
    closed: bool

    def __str__(self) -> str:
        how = "\tclosed" if self.closed else "\topen"
        return f"{self.case.partition('/')[2]}\t{BETWEEN.join(self.names)}{how}"


@dataclass(frozen=True)
class Base:
    """A program that is varied, and how it is migrated.

    ``case`` is the fixture, None for a program of ``tests/shapes/test_*_text.py``.
    """

    text: str
    options: Options
    case: FixtureCase | None = None


@cache
def bases() -> dict[str, Base]:
    """By name: fixtures that can be varied (in ASCII, with plain line ends), and ``texts/…``."""
    found = {
        case.name: Base(case.before.decode(), case.options, case)
        for case in all_cases()
        if case.before.isascii() and not any(end in case.before for end in (b"\r", b"\f"))
    }
    for path in sorted(_TEXTS.glob("test_*text.py")):
        module = importlib.import_module(f"tests.shapes.{path.stem}")
        keras = hasattr(module, "KERAS")
        head = KERAS if keras else HEAD
        for name, program in getattr(module, "PROGRAMS", {}).items():
            text = head + textwrap.dedent(program).lstrip("\n")
            base = Base(text, Options(assume_closed=not keras))
            found[f"texts/{path.stem.removeprefix('test_')}.{name}"] = base
    return found


@cache
def _variations_of(name: str) -> dict[str, str]:
    return variations(bases()[name].text)


def text_of(neighbour: Neighbour) -> str:
    """The varied program.

    Raises:
        KeyError: the program has no such place any more.
    """
    first, *others = neighbour.names
    text = _variations_of(neighbour.case)[first]
    for name in others:
        text = variations(text)[name]
    return text


def migration_of(neighbour: Neighbour) -> Migration:
    """What becomes of it, with the fixture's own options but for ``closed``."""
    options = replace(bases()[neighbour.case].options, assume_closed=neighbour.closed)
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


def draw(rng: random.Random, name: str | None = None) -> Neighbour | None:
    """One at random, of any base or that one, whatever its kind: None if it does not compile."""
    name = name or rng.choice(sorted(bases()))
    names: list[str] = []
    found = _variations_of(name)
    for turn in range(rng.choice((1, 1, 2))):
        if turn:
            try:
                found = variations(found[names[-1]])
            except SyntaxError:
                return None
        kinds = sorted({each.partition(" ")[0] for each in found})
        kind = rng.choice(kinds)
        names.append(rng.choice([each for each in found if each.partition(" ")[0] == kind]))
    try:
        compile(found[names[-1]], name, "exec")
    except (SyntaxError, ValueError):
        return None
    closed = bases()[name].options.assume_closed != (rng.random() < 0.25)
    return Neighbour(name, tuple(names), closed)
