"""Levels of values in a Keras program; what they mean stands in ``keras_levels``."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from typing import NamedTuple


class Level(enum.IntEnum):
    """How symbolic a value is."""

    PLAIN = 0
    KERAS = 1
    GRAPH = 2


class Value(NamedTuple):
    """The level of a value; ``holds`` if it is a collection of such values."""

    level: Level = Level.PLAIN
    holds: bool = False

    def __or__(self, other: Value) -> Value:
        return Value(max(self.level, other.level), self.holds or other.holds)

    @property
    def symbolic(self) -> bool:
        return self.level > Level.PLAIN


PLAIN = Value()
GRAPH = Value(Level.GRAPH)


def operation(values: Iterable[Value]) -> Value:
    """What an operation on ``values`` gives."""
    return GRAPH if any(value.symbolic for value in values) else PLAIN


def union(values: Iterable[Value], *, holds: bool = False) -> Value:
    """What may be any of ``values``, or (``holds``) holds all of them."""
    result = Value(Level.PLAIN, holds)
    for value in values:
        result |= value
    return result


def static(values: Iterable[Value]) -> Value:
    """What is known of a tensor without computing it: plain where Keras itself can tell."""
    return GRAPH if any(value.level is Level.GRAPH for value in values) else PLAIN
