"""The catalogue of reasons for leaving a call alone: code, slug, sentence, advice, example.

``tape-migrate explain TM104`` prints an entry. Codes are never reused; new ones are appended.
``TM0xx`` are skips (nothing to do), ``TM1xx`` are refusals, of which ``TM14x`` are of Keras graphs.
"""

from __future__ import annotations

from functools import cache
from operator import attrgetter

from tape_migrate.refusals.calls import CALLS
from tape_migrate.refusals.keras import KERAS
from tape_migrate.refusals.reason import Reason

__all__ = ["Reason", "all_refusals", "find"]

_CATALOGUE = tuple(sorted((*CALLS, *KERAS), key=attrgetter("code")))


@cache
def _by_key() -> dict[str, Reason]:
    return {key: reason for reason in _CATALOGUE for key in (reason.code, reason.slug)}


def all_refusals() -> tuple[Reason, ...]:
    """The whole catalogue, in the order of codes."""
    return _CATALOGUE


def find(key: str) -> Reason | None:
    """The entry with this code or slug (case does not matter), or None."""
    table = _by_key()
    return table.get(key.upper()) or table.get(key.lower())
