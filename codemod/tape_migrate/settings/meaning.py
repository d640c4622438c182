"""What settings mean for a run: which files and calls, what may be done, how careful a write is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tape_migrate.model import Options, TfFunction
from tape_migrate.runner import Scope
from tape_migrate.settings.load import Settings
from tape_migrate.sources.patterns import Filters, Patterns

if TYPE_CHECKING:
    from tape_migrate.safety.writing import WritePolicy


def scope_of(settings: Settings) -> Scope:
    """Return which files and calls the settings are about."""
    selection = None
    if settings.words("select") or settings.words("ignore"):
        from tape_migrate.selection import Selection  # noqa: PLC0415

        selection = Selection(settings.words("select"), settings.words("ignore"))
    include, exclude = (_patterns(settings, key) for key in ("include", "exclude"))
    return Scope(Filters(include, exclude), selection)


def options_of(settings: Settings) -> Options:
    """Return what the engine may do."""
    return Options(
        TfFunction(settings.values["tf-function"]),
        settings.flag("annotate"),
        settings.flag("assume-closed"),
    )


def policy_of(settings: Settings) -> WritePolicy:
    """Return how careful a write is."""
    from tape_migrate.safety.writing import WritePolicy  # noqa: PLC0415

    return WritePolicy(settings.flag("allow-dirty"), settings.path("backup-dir"))


def _patterns(settings: Settings, key: str) -> Patterns | None:
    lines: tuple[str, ...] = settings.values[key]
    return Patterns(settings.base(key), lines) if lines else None
