"""Old and new numbers of neighbours: as the fixture is proven, so is what stands beside it."""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace

from tape_migrate.model import Outcome
from tape_migrate.verify import Verdict, Verifier, load_case

from .making import Neighbour, bases, migrations_of

_REASON = "a varied program may well have such gradients"


class Fate(enum.Enum):
    """What became of one neighbour."""

    LEFT_ALONE = "left alone"
    BROKEN_BEFORE = "does not run before"
    EQUAL = "equal"
    NOT_COMPARED = "not compared"
    DIFFERENT = "different"


@dataclass(frozen=True)
class Proved:
    """``sentence`` says what is different, or why nothing was compared."""

    neighbour: Neighbour
    fate: Fate
    sentence: str = ""


def prove(verifier: Verifier, neighbour: Neighbour) -> Proved:
    """Run both sides of one neighbour; where calls were refused, both in a graph."""
    migrations = migrations_of(neighbour)
    for migration in migrations:
        if migration.internal_error is not None:
            return Proved(neighbour, Fate.DIFFERENT, migration.internal_error)
    if not any(migration.changed for migration in migrations):
        return Proved(neighbour, Fate.LEFT_ALONE)
    fixture = bases()[neighbour.case].case
    if fixture is None:
        return Proved(neighbour, Fate.NOT_COMPARED, "text only")
    case = load_case(fixture.folder)
    if case.not_run is not None or (case.entry is None and not case.outputs):
        return Proved(neighbour, Fate.NOT_COMPARED, "text only")
    migration = migrations[0]
    left = any(site.outcome is Outcome.REFUSED for site in migration.sites)
    varied = replace(
        case,
        before=migration.old,
        after=migration.new,
        expect=(),
        differences=None,
        seeds=case.seeds[:1],
        allow_zero=_REASON,
        allow_none=_REASON,
    )
    if left:
        if case.old_mode == "keras-2":
            return Proved(neighbour, Fate.NOT_COMPARED, "a Keras graph remains")
        varied = replace(varied, modes=("graph",))
    evidence = verifier.verify(varied)
    worst = [row for row in evidence.rows if row.verdict is Verdict.DIFFERENT]
    if worst:
        return Proved(neighbour, Fate.DIFFERENT, f"{worst[0].mode}: {worst[0].sentence}")
    if any(row.verdict is Verdict.EQUAL for row in evidence.rows):
        return Proved(neighbour, Fate.EQUAL)
    said = evidence.rows[0].sentence if evidence.rows else evidence.sentence
    return Proved(neighbour, Fate.BROKEN_BEFORE, said)
