"""A neighbour: a program of the tests, varied once or twice, and what the engine makes of it."""

from __future__ import annotations

import importlib
import random
import textwrap
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from itertools import count
from pathlib import Path

from tape_migrate.api import migrate_source
from tape_migrate.linking import migrate_project
from tape_migrate.model import Migration, Options, SiteResult
from tests import shapes
from tests.fixture_cases import FixtureCase, all_cases
from tests.shapes.tables.reading import groups
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

    ``case`` is the fixture, None for a program of ``tests/shapes``; ``others`` are the modules
    that stay as they are, by path, where ``path`` is one of a project.
    """

    text: str
    options: Options
    case: FixtureCase | None = None
    path: str = "neighbour.py"
    others: Mapping[str, str] = field(default_factory=dict)


@cache
def bases() -> dict[str, Base]:
    """By name: fixtures that can be varied (in ASCII, with plain line ends).

    ``texts/…`` are the programs of ``tests/shapes/test_*_text.py``, ``tables/…`` those of the
    tables, each module of a project by itself.
    """
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
    return found | dict(_of_tables())


def _of_tables() -> Iterator[tuple[str, Base]]:
    for group in groups():
        for number, case in zip(count(1), group.cases, strict=False):
            modules = case.modules
            for path, text in modules.items():
                others = {other: text for other, text in modules.items() if other != path}
                name = f"tables/{group} {number}" + (f" {path}" if others else "")
                yield name, Base(text, Options(assume_closed=case.closed), None, path, others)


@lru_cache(maxsize=500)
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


def migrations_of(neighbour: Neighbour) -> list[Migration]:
    """What becomes of it and of its project, with the base's options but for ``closed``."""
    base = bases()[neighbour.case]
    options = replace(base.options, assume_closed=neighbour.closed)
    return _migrations(base, text_of(neighbour), options)


def migrations_of_base(name: str) -> list[Migration]:
    """What becomes of a program before anything is varied."""
    base = bases()[name]
    return _migrations(base, base.text, base.options)


def _migrations(base: Base, text: str, options: Options) -> list[Migration]:
    if not base.others:
        return [migrate_source(text.encode(), options, path=base.path)]
    sources = {path: other.encode() for path, other in base.others.items()}
    found = migrate_project({base.path: text.encode(), **sources}, options)
    return [migration for migration in found.values() if isinstance(migration, Migration)]


def said(migrations: list[Migration]) -> str:
    """What became of each call, and a checksum of all that is said and of the new text."""
    sites = [site for migration in migrations for site in migration.sites]
    words = " ".join(map(_word, sites)) or "nothing"
    texts = [migration.new.decode() for migration in migrations]
    everything = "\n".join([*(site.message for site in sites), *texts])
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
