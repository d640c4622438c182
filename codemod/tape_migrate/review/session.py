"""The state of a review, frozen: every answer gives a new one, so that undo is going back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from tape_migrate.model import Migration
from tape_migrate.review.units import Unit, Units

Texts = Mapping[str, bytes]
"""By path."""
Load = Callable[[Texts], Units]
"""Find the units of texts."""


@dataclass(frozen=True)
class Part:
    """One file, or files that change together: texts with their units, and what was answered."""

    originals: Texts
    base: Texts
    """``originals``, or what a person made of them in an editor."""
    units: Units
    load: Load
    answers: Mapping[str, bool] = field(default_factory=dict)
    """By key of the unit."""

    @property
    def paths(self) -> tuple[str, ...]:
        """Its files."""
        return tuple(self.originals)

    def accepted(self) -> list[Unit]:
        """Units to be migrated."""
        return [unit for unit in self.units.units if self.answers.get(unit.key) is True]

    def undecided(self) -> list[Unit]:
        """Units without an answer, in their order."""
        return [unit for unit in self.units.units if unit.key not in self.answers]

    def result(self) -> dict[str, bytes]:
        """The texts with what was accepted."""
        if not self.accepted():
            return dict(self.base)
        return {path: m.new for path, m in self.units.with_units(self.accepted()).items()}

    def step(self, unit: Unit) -> dict[str, tuple[Migration, Migration]]:
        """Of each file that ``unit`` changes: what was accepted, and the same with ``unit``."""
        chosen = self.accepted()
        before, after = self.units.with_units(chosen), self.units.with_units([*chosen, unit])
        return {
            path: (before[path], after[path])
            for path in self.paths
            if before[path].new != after[path].new
        }

    def answer(self, unit: Unit, yes: bool) -> Part:
        """Note an answer."""
        return replace(self, answers={**self.answers, unit.key: yes})

    def edited(self, texts: Texts) -> Part:
        """Go on from texts of a person's own; what was declined stays declined."""
        base = {**self.base, **texts}
        units = self.load(base)
        keys = {unit.key for unit in units.units}
        declined = {key: False for key, yes in self.answers.items() if not yes and key in keys}
        return replace(self, base=base, units=units, answers=declined)


@dataclass(frozen=True)
class Session:
    """All parts of a review."""

    parts: tuple[Part, ...]

    def current(self) -> tuple[int, Unit] | None:
        """The next unit to be decided, with the position of its part; None at the end."""
        for index, part in enumerate(self.parts):
            undecided = part.undecided()
            if undecided:
                return index, undecided[0]
        return None

    def with_part(self, index: int, part: Part) -> Session:
        """Replace one part."""
        return Session((*self.parts[:index], part, *self.parts[index + 1 :]))

    def answer(self, index: int, unit: Unit, yes: bool) -> Session:
        """Note one answer."""
        return self.with_part(index, self.parts[index].answer(unit, yes))

    def answer_part(self, index: int, yes: bool) -> Session:
        """Accept or decline all that is undecided in one part."""
        part = self.parts[index]
        for unit in part.undecided():
            part = part.answer(unit, yes)
        return self.with_part(index, part)

    def accept_all(self) -> Session:
        """Accept all that is undecided."""
        session = self
        for index in range(len(self.parts)):
            session = session.answer_part(index, True)
        return session

    def counts(self) -> tuple[int, int, int]:
        """Calls accepted, declined and undecided."""
        accepted = declined = undecided = 0
        for part in self.parts:
            for unit in part.units.units:
                answer = part.answers.get(unit.key)
                size = len(unit.calls)
                accepted += size if answer is True else 0
                declined += size if answer is False else 0
                undecided += size if answer is None else 0
        return accepted, declined, undecided
