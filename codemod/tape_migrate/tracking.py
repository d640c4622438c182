"""Gradient calls followed through the rounds of edits, by offset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tape_migrate.edits.draft import Applied
from tape_migrate.ignores import Comment
from tape_migrate.model import Helper, Left, Loss, Shape, Site
from tape_migrate.module import Module
from tape_migrate.shapes.plan import Candidate, Refusal
from tape_migrate.sites import Found, find_sites

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
    from_lambda: bool = False
    """Its lambda has become a function, to see what then becomes of it."""
    function: str = ""
    """Qualified name of the function that its lambda has become before helpers took tapes."""
    lifted: bool = False
    """An edit was made only to make this migration possible."""
    turn_after: Tracked | None = None
    """While this other one is not done, its turn cannot come, and it need not be decided."""
    notes: tuple[str, ...] = ()
    helper: Helper | None = None
    """The site is a call of this helper, which takes the gradient for it."""
    offer: Helper | None = None
    """The call would be migrated if the function around it were handed a tape."""
    loss: Loss | None = None
    """The call could read what models of other modules would give."""
    handed: bool = False
    """Its tape is a parameter of the function around it."""
    keep: bool = False
    """The call would be migrated if the object that its method belongs to kept a tape."""
    kept: bool = False
    """Its tape is kept by the object that its method belongs to."""
    keras: tuple[str, ...] | None = None
    """What moving its Keras graph into a function took for granted, if that was done."""
    shape: Shape | None = None
    """What moving its Keras graph has made of it, if not a compiled function."""
    gathered: tuple[str, ...] = ()
    """What was done to have its Keras graph in one function."""
    assumed: tuple[str, ...] = ()
    """What that took for granted."""

    @property
    def home(self) -> str:
        """Qualified name of the function that it stands in."""
        return self.function or self.site.function

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


def found_again(module: Module, tracked: Sequence[Tracked]) -> list[Found]:
    """The gradient calls of ``module``, each where it is tracked."""
    places = {module.end(item.call.func): item for item in find_sites(module)}
    return [places[site.offset] for site in tracked]
