"""Spans of differing lines, against the definition and a slow minimal answer."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from tape_migrate.reports.linediff import Change, changes

LINES = st.lists(st.sampled_from([b"a", b"b", b"c", b""]), max_size=12)


def _fewest_edits(a: list[bytes], b: list[bytes]) -> int:
    """Length of the shortest edit script, from the longest common subsequence."""
    row = [0] * (len(b) + 1)
    for line in a:
        previous = row[:]
        for j, other in enumerate(b):
            row[j + 1] = previous[j] + 1 if line == other else max(previous[j + 1], row[j])
    return len(a) + len(b) - 2 * row[-1]


@given(LINES, LINES)
def test_what_is_between_the_changes_is_equal_and_the_changes_are_few(
    a: list[bytes], b: list[bytes]
) -> None:
    found = changes(a, b)
    rebuilt: list[bytes] = []
    x = y = edits = 0
    for change in found:
        assert a[x : change.old_start] == b[y : change.new_start]
        rebuilt += a[x : change.old_start] + b[change.new_start : change.new_stop]
        edits += change.old_stop - change.old_start + change.new_stop - change.new_start
        x, y = change.old_stop, change.new_stop
    assert a[x:] == b[y:]
    assert rebuilt + a[x:] == b
    assert edits == _fewest_edits(a, b)


def test_long_files_with_many_equal_lines_take_no_time() -> None:
    body = [b"pass", b""] * 20000
    started = time.process_time()
    assert changes(body, [b"# one", *body, b"# two"]) == [
        Change(0, 0, 0, 1),
        Change(40000, 40000, 40001, 40002),
    ]
    assert time.process_time() - started < 2


def test_files_that_have_nothing_in_common_are_one_change() -> None:
    old, new = [b"%d" % n for n in range(1500)], [b"x%d" % n for n in range(1500)]
    assert changes(old, new) == [Change(0, 1500, 0, 1500)]
