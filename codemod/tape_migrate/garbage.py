"""When garbage is collected: between files, when a module that is done is all garbage.

Syntax trees are many small objects that live as long as their module is looked at: collecting in
between, as often as Python does, finds next to nothing and costs a quarter of the time. What is
done with is taken apart where that is known (``Module.release``): hardly any garbage is left.
"""

from __future__ import annotations

import gc

_YOUNG, _MIDDLE, _OLD = 300_000, 16, 1_000
"""Thresholds in objects, collections of the young, and of the middle generation."""
_MUCH = 4
"""Collections of the young generation that a file has to cost before its trees are collected."""


def collect_rarely() -> None:
    """Set the thresholds of a process of our own; ``collect_between`` does what they do not."""
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)


def collect_between() -> None:
    """To be called before a file: frees what the ones before left behind, if that is much."""
    if gc.get_count()[1] >= _MUCH:
        gc.collect(1)
