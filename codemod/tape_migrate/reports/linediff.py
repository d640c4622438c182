"""Which lines differ: Myers' greedy algorithm, whose time grows with the edits, not the file.

``difflib`` compares every blank line with every other one, which on a long file costs more than
the whole migration.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import NamedTuple

_MAX_EDITS = 1000
"""Beyond this many inserted and deleted lines ``difflib``'s guesses are good enough."""


class Change(NamedTuple):
    """Lines ``old_start`` to ``old_stop`` (0-based, exclusive) become the new ones."""

    old_start: int
    old_stop: int
    new_start: int
    new_stop: int


def changes(old: Sequence[bytes], new: Sequence[bytes]) -> list[Change]:
    """Return the differing spans in order; between them the lines are equal one by one."""
    shorter = min(len(old), len(new))
    head = 0
    while head < shorter and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < shorter - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    a, b = old[head : len(old) - tail], new[head : len(new) - tail]
    if not a and not b:
        return []
    if not a or not b:
        return [Change(head, head + len(a), head, head + len(b))]
    matches = _matches(a, b)
    found = []
    x = y = 0
    for start_a, start_b, length in [*matches, (len(a), len(b), 0)]:
        found.append(Change(head + x, head + start_a, head + y, head + start_b))
        x, y = start_a + length, start_b + length
    return found


def _matches(a: Sequence[bytes], b: Sequence[bytes]) -> list[tuple[int, int, int]]:
    """Return runs of equal lines as (start in a, start in b, length), in order."""
    size_a, size_b = len(a), len(b)
    # reached[k] is the furthest line of ``a`` on diagonal k = x - y after so many edits.
    reached = {1: 0}
    history: list[dict[int, int]] = []
    for edits in range(_MAX_EDITS + 1):
        history.append(reached.copy())
        for k in range(-edits, edits + 1, 2):
            down = k == -edits or (k != edits and reached[k - 1] < reached[k + 1])
            x = reached[k + 1] if down else reached[k - 1] + 1
            y = x - k
            while x < size_a and y < size_b and a[x] == b[y]:
                x += 1
                y += 1
            reached[k] = x
            if x >= size_a and y >= size_b:
                return _trace(history, size_a, size_b)
    blocks = difflib.SequenceMatcher(None, a, b).get_matching_blocks()
    return [(block.a, block.b, block.size) for block in blocks if block.size]


def _trace(history: list[dict[int, int]], x: int, y: int) -> list[tuple[int, int, int]]:
    """Walk back from the end and collect the diagonal runs."""
    runs = []
    for edits in range(len(history) - 1, -1, -1):
        reached = history[edits]
        k = x - y
        down = k == -edits or (k != edits and reached[k - 1] < reached[k + 1])
        from_k = k + 1 if down else k - 1
        from_x = reached[from_k]
        from_y = from_x - from_k
        start_x = from_x if down else from_x + 1
        if edits == 0:
            start_x = 0
        if x > start_x:
            runs.append((start_x, start_x - k, x - start_x))
        x, y = from_x, from_y
    runs.reverse()
    return runs
