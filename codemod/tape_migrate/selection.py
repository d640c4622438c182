"""``--select`` and ``--ignore``: which calls a run is about, by code, shape or applicability.

Every call has labels: a migrated one its shape and ``safe`` or ``review``, a refused one its code.
It is selected if ``select`` is empty or names one of them, and ``ignore`` names none. A call that
is not selected is left as it is and counted as skipped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from tape_migrate.model import (
    Applicability,
    Leaves,
    Left,
    Migration,
    Options,
    Outcome,
    Shape,
    SiteResult,
)
from tape_migrate.refusals import all_refusals, find

Migrate = Callable[[Options], Migration]
"""The engine with everything but the options settled."""
MigrateAll = Callable[[Leaves], Mapping[str, Migration]]
"""The same for files that are looked at together, by path."""

_CODE = "TM002"


@dataclass(frozen=True)
class Selection:
    """Codes (or their first characters), shapes and applicabilities, as ``canonical`` has them."""

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.select or self.ignore)

    def wants(self, result: SiteResult) -> bool:
        """Say whether a call that came out like this is selected."""
        labels = [
            label
            for label in (
                result.code,
                None if result.shape is None else result.shape.value,
                None if result.applicability is None else result.applicability.value,
            )
            if label is not None
        ]
        if self.select and not _any_match(self.select, labels):
            return False
        return not _any_match(self.ignore, labels)


def canonical(word: str) -> str | None:
    """Return how a word is kept: a code, the start of codes (``TM1``), a shape; None if none."""
    reason = find(word)
    if reason is not None:
        return reason.code
    upper, lower = word.upper(), word.lower()
    if len(upper) > 1 and any(entry.code.startswith(upper) for entry in all_refusals()):
        return upper
    names = {*(shape.value for shape in Shape), *(kind.value for kind in Applicability)}
    return lower if lower in names else None


def known_words() -> list[str]:
    """Everything that can be selected."""
    names = [name for entry in all_refusals() for name in (entry.code, entry.slug)]
    return [*names, *(shape.value for shape in Shape), *(kind.value for kind in Applicability)]


def migrate_selected(migrate: Migrate, options: Options, selection: Selection) -> Migration:
    """Migrate one file with the calls left out that are not selected."""

    def migrate_all(leaves: Leaves) -> dict[str, Migration]:
        return {"": migrate(replace(options, leave=(*options.leave, *leaves.get("", ()))))}

    return select_calls(migrate_all, selection)[0][""]


def select_calls(
    migrate: MigrateAll, selection: Selection
) -> tuple[Mapping[str, Migration], Leaves]:
    """Migrate files with the calls left out that are not selected; return these calls, too.

    Leaving one out can change what becomes of others (a gradient of its result), so this goes on
    until all that is left in is selected; each turn leaves out at least one more.
    """
    leaves: Leaves = {}
    while True:
        migrations = migrate(leaves)
        unwanted = {
            path: tuple(
                _left(result)
                for result in migration.sites
                if result.outcome is not Outcome.SKIPPED and not selection.wants(result)
            )
            for path, migration in migrations.items()
            if selection and migration.internal_error is None
        }
        if not any(set(found) - set(leaves.get(path, ())) for path, found in unwanted.items()):
            return migrations, leaves
        leaves = {
            path: (*leaves.get(path, ()), *unwanted.get(path, ()))
            for path in {**leaves, **unwanted}
        }


def _left(result: SiteResult) -> Left:
    if result.outcome is Outcome.MIGRATED:
        message = f"not selected; could be {result.message}"
    else:
        message = f"not selected; would be refused with {result.code}: {result.message}"
    return Left(result.site.line, result.site.column, _CODE, message, result.site.cell)


def _any_match(words: tuple[str, ...], labels: list[str]) -> bool:
    return any(
        word == label or (word.startswith("TM") and label.startswith(word))
        for word in words
        for label in labels
    )
