"""The state of a review, frozen: every answer gives a new one, so that undo is going back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from tape_migrate.model import Migration
from tape_migrate.review.units import Unit, Units

Load = Callable[[bytes], Units]
"""Find the units of a text of one file."""


@dataclass(frozen=True)
class FileReview:
    """One file: the text that its units are found in, and what was answered."""

    path: str
    original: bytes
    base: bytes
    """``original``, or what a person made of it in an editor."""
    units: Units
    load: Load
    answers: Mapping[str, bool] = field(default_factory=dict)
    """By key of the unit."""

    def accepted(self) -> list[Unit]:
        """Units to be migrated."""
        return [unit for unit in self.units.units if self.answers.get(unit.key) is True]

    def undecided(self) -> list[Unit]:
        """Units without an answer, in their order."""
        return [unit for unit in self.units.units if unit.key not in self.answers]

    def result(self) -> bytes:
        """The text with what was accepted."""
        if not self.accepted():
            return self.base
        return self.units.with_units(self.accepted()).new

    def step(self, unit: Unit) -> tuple[Migration, Migration]:
        """The text with what was accepted, and the same with ``unit``, too."""
        chosen = self.accepted()
        return self.units.with_units(chosen), self.units.with_units([*chosen, unit])

    def answer(self, unit: Unit, yes: bool) -> FileReview:
        """Note an answer."""
        return replace(self, answers={**self.answers, unit.key: yes})

    def edited(self, text: bytes) -> FileReview:
        """Go on from a text of a person's own; what was declined stays declined."""
        units = self.load(text)
        keys = {unit.key for unit in units.units}
        declined = {key: False for key, yes in self.answers.items() if not yes and key in keys}
        return replace(self, base=text, units=units, answers=declined)


@dataclass(frozen=True)
class Session:
    """All files of a review."""

    files: tuple[FileReview, ...]

    def current(self) -> tuple[int, Unit] | None:
        """The next unit to be decided, with the position of its file; None at the end."""
        for index, file in enumerate(self.files):
            undecided = file.undecided()
            if undecided:
                return index, undecided[0]
        return None

    def with_file(self, index: int, file: FileReview) -> Session:
        """Replace one file."""
        return Session((*self.files[:index], file, *self.files[index + 1 :]))

    def answer(self, index: int, unit: Unit, yes: bool) -> Session:
        """Note one answer."""
        return self.with_file(index, self.files[index].answer(unit, yes))

    def accept_file(self, index: int) -> Session:
        """Accept all that is undecided in one file."""
        file = self.files[index]
        for unit in file.undecided():
            file = file.answer(unit, True)
        return self.with_file(index, file)

    def accept_all(self) -> Session:
        """Accept all that is undecided."""
        session = self
        for index in range(len(self.files)):
            session = session.accept_file(index)
        return session

    def counts(self) -> tuple[int, int, int]:
        """Calls accepted, declined and undecided."""
        accepted = declined = undecided = 0
        for file in self.files:
            for unit in file.units.units:
                answer = file.answers.get(unit.key)
                size = len(unit.sites)
                accepted += size if answer is True else 0
                declined += size if answer is False else 0
                undecided += size if answer is None else 0
        return accepted, declined, undecided
