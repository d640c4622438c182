"""Gradient calls followed through the rounds of edits, by offset."""

from __future__ import annotations

from dataclasses import dataclass

from tape_migrate.edits.draft import Applied
from tape_migrate.ignores import Comment
from tape_migrate.model import Helper, Left, Site
from tape_migrate.shapes.plan import Candidate, Refusal

DEPENDS = Refusal("TM126", "the target comes from a gradient call that was left alone")


@dataclass
class Tracked:
    """A site followed through the rounds."""

    site: Site
    offset: int
    """Where its callee ends in the current text (unique for each call)."""
    refusal: Refusal | None = None
    skipped: bool = False
    """A comment or an option leaves it alone."""
    comments: tuple[Comment, ...] = ()
    """The ignore comments that speak of it."""
    left: Left | None = None
    """The option that leaves it alone."""
    migrated: Candidate | None = None
    first: int = 0
    """Offset of the first line of the replacement, once migrated."""
    last: int = 0
    lifted: bool = False
    """An edit was made only to make this migration possible."""
    turn_after: Tracked | None = None
    """While this other one is not done, its turn cannot come, and it need not be decided."""
    notes: tuple[str, ...] = ()
    helper: Helper | None = None
    """The site is a call of this helper, which takes the gradient for it."""
    offer: Helper | None = None
    """The call would be migrated if the function around it were handed a tape."""
    handed: bool = False
    """Its tape is a parameter of the function around it."""
    keep: bool = False
    """The call would be migrated if the object that its method belongs to kept a tape."""
    kept: bool = False
    """Its tape is kept by the object that its method belongs to."""
    keras: tuple[str, ...] | None = None
    """What moving its Keras graph into a function took for granted, if that was done."""
    gathered: tuple[str, ...] = ()
    """What was done to have its Keras graph in one function."""

    @property
    def waits_for_turn(self) -> bool:
        """Whether another one is written before it in any case."""
        before = self.turn_after
        return before is not None and before.migrated is None and before.refusal is None


def follow(tracked: list[Tracked], applied: Applied) -> None:
    """Move what is tracked to where an edit has put it."""
    for site in tracked:
        if site.migrated is not None:
            site.first = applied.follow(site.first)
            site.last = applied.follow(site.last)
        else:
            # The byte before the end belongs to the callee, whatever follows is edited or not.
            located = applied.locate(site.offset - 1)
            site.offset = located + 1 if located is not None else -1
