"""Edits by byte spans: what is kept stays, and every kept byte can be followed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tape_migrate.edits.draft import Applied, Draft, Keep, OverlapError

OLD = bytes(range(ord("a"), ord("a") + 20))


@st.composite
def drafts(draw: st.DrawFn) -> Draft:
    """Drafts of disjoint edits; replacements hold new bytes (upper case) and kept spans."""
    draft = Draft(OLD)
    cuts = sorted(draw(st.lists(st.integers(0, len(OLD)), min_size=2, max_size=10, unique=True)))
    fresh = st.text("XYZ", max_size=3).map(str.encode)
    for start, end in zip(cuts[::2], cuts[1::2], strict=False):
        kind = draw(st.sampled_from(["insert", "delete", "replace", "keep", "nested"]))
        if kind == "insert":
            draft.insert(start, draw(fresh))
        elif kind == "delete":
            draft.delete(start, end)
        elif kind == "replace":
            draft.replace(start, end, draw(fresh), draw(fresh))
        else:
            low = draw(st.integers(start, end - 1))
            high = draw(st.integers(low + 1, end))
            draft.replace(start, end, draw(fresh), Keep(low, high), draw(fresh))
            if kind == "nested":
                draft.insert(draw(st.integers(low, high - 1)), draw(fresh))
                if high - low > 1:
                    draft.replace(high - 1, high, draw(fresh))
    draft.edits = draw(st.permutations(draft.edits))
    return draft


def check_against_model(draft: Draft, applied: Applied) -> None:
    """Letters of the old text are unique, so the new text tells where each one went."""
    new = applied.text
    for offset, byte in enumerate(OLD):
        located = applied.locate(offset)
        if located is None:
            assert byte not in new
        else:
            assert new[located] == byte
            assert applied.follow(offset) == located
    assert [b for b in new if b in OLD] == sorted(b for b in new if b in OLD)


@given(drafts())
def test_kept_bytes_are_located(draft: Draft) -> None:
    check_against_model(draft, draft.apply())


@given(drafts())
def test_bytes_outside_all_edits_are_kept(draft: Draft) -> None:
    applied = draft.apply()
    touched = {i for edit in draft.edits for i in range(edit.start, edit.end)}
    for offset in set(range(len(OLD))) - touched:
        assert applied.locate(offset) is not None


@given(drafts())
def test_following_a_dropped_byte_leads_to_its_replacement(draft: Draft) -> None:
    applied = draft.apply()
    for offset in range(len(OLD)):
        assert 0 <= applied.follow(offset) <= len(applied.text)


@given(st.permutations([0, 1, 2]))
def test_insertions_at_one_place_keep_their_order(order: list[int]) -> None:
    draft = Draft(b"ab")
    for number in order:
        draft.insert(1, str(number).encode())
    assert draft.apply().text == b"a" + "".join(map(str, order)).encode() + b"b"


def test_an_insertion_comes_before_a_replacement_at_the_same_byte() -> None:
    draft = Draft(b"abc")
    draft.replace(1, 2, b"X")
    draft.insert(1, b"i")
    applied = draft.apply()
    assert applied.text == b"aiXc"
    assert applied.before(1) == 1
    assert applied.follow(1) == 2


def test_before_is_where_something_was_inserted() -> None:
    draft = Draft(b"abc")
    draft.insert(0, b"00")
    draft.insert(2, b"22")
    applied = draft.apply()
    assert applied.text == b"00ab22c"
    assert [applied.before(i) for i in range(3)] == [0, 3, 4]
    assert applied.locate(2) == 6


def test_replacements_move_kept_text_with_edits_inside_it() -> None:
    draft = Draft(b"f(old, arg)")
    draft.replace(0, 11, b"g[", Keep(2, 5), b"]")
    draft.replace(2, 5, b"new")
    assert draft.apply().text == b"g[new]"


def test_the_end_of_the_text() -> None:
    draft = Draft(b"ab")
    draft.insert(2, b"!")
    applied = draft.apply()
    assert applied.text == b"ab!"
    assert applied.locate(2) is None
    assert applied.follow(2) == 3
    assert applied.before(2) == 2


def test_an_empty_draft_changes_nothing() -> None:
    applied = Draft(b"abc").apply()
    assert applied.text == b"abc"
    assert [applied.locate(i) for i in range(3)] == [0, 1, 2]


@pytest.mark.parametrize(
    "spans",
    [
        [(0, 2), (1, 3)],
        [(0, 3), (1, 2)],
        [(0, 3), (0, 2)],
        [(1, 2), (1, 2)],
        [(0, 3), (1, 1)],
    ],
)
def test_overlapping_edits_are_a_fault(spans: list[tuple[int, int]]) -> None:
    draft = Draft(b"abcd")
    for start, end in spans:
        draft.replace(start, end, b"X")
    with pytest.raises(OverlapError):
        draft.apply()


def test_an_edit_across_the_end_of_a_kept_span_is_a_fault() -> None:
    draft = Draft(b"abcdef")
    draft.replace(0, 6, Keep(1, 4))
    draft.delete(3, 5)
    with pytest.raises(OverlapError):
        draft.apply()


def test_edits_of_a_kept_span_may_not_overlap() -> None:
    draft = Draft(OLD)
    draft.replace(0, 10, b"X", Keep(2, 8))
    draft.replace(2, 5, b"Y")
    draft.replace(4, 6, b"Z")
    with pytest.raises(OverlapError):
        draft.apply()
