"""Verdicts from recorded streams, without TensorFlow."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tape_migrate.verify.program.judge import judge
from tape_migrate.verify.program.matching import value_error
from tape_migrate.verify.program.outcome import Finding, Tolerance
from tape_migrate.verify.program.pairing import Part
from tape_migrate.verify.program.records import Digest, Evaluation, Recorded, Value

NONE = Value("none")
SKIPPED = Value("not computed")


def array(*entries: float, dtype: str = "float32") -> Value:
    data = np.asarray(entries, dtype)
    return Value("array", dtype, data.shape, data)


def recorded(*evaluations: tuple[Value, ...], kind: str = "session", extra: bool = False) -> Any:
    found = [Evaluation(0, n, kind, values, extra) for n, values in enumerate(evaluations)]
    return Recorded({0: found} if found else {}, {0: [("float32[1]",)] * len(found)})


def verdict(old: Recorded, new: Recorded, part: Part | None = None, **more: Any) -> Any:
    return judge(old, new, 0, [(0, part or Part(0))], Tolerance(**more))


def steps(*numbers: float, **more: Any) -> Any:
    return recorded(*[(array(number, 1.0),) for number in numbers], **more)


def test_equal_streams_are_equal() -> None:
    found = verdict(steps(1, 2, 3), steps(1, 2, 3))
    assert (found.finding, found.compared, found.bit_equal) == (Finding.EQUAL, 3, True)


def test_one_wrong_evaluation_is_named() -> None:
    found = verdict(steps(1, 2, 3), steps(1, 2.01, 3))
    assert found.finding is Finding.DIFFERENT
    assert found.sentence.startswith("evaluation 2:")
    assert "entry 0: old 2, new 2.01" in found.excerpt


def test_a_new_side_that_evaluates_less_often_must_agree_in_order() -> None:
    found = verdict(steps(1, 1, 2, 2, 3), steps(1, 2, 3))
    assert found.finding is Finding.EQUAL
    assert "2 of 5 old tensors have no counterpart" in found.notes
    assert verdict(steps(1, 1, 2, 2, 3), steps(2, 1, 3)).finding is Finding.DIFFERENT
    assert verdict(steps(1, 2, 3), steps(1, 4)).finding is Finding.DIFFERENT


def test_a_new_side_that_evaluates_more_often_may_only_repeat() -> None:
    assert verdict(steps(1, 2), steps(1, 1, 2)).finding is Finding.EQUAL
    assert verdict(steps(1, 2), steps(1, 2, 3)).finding is Finding.DIFFERENT


def test_what_there_was_no_room_for_is_no_difference() -> None:
    old, new = steps(1, 1, 2), steps(1, 2, 3)
    assert verdict(old, new).finding is Finding.DIFFERENT
    for sides in ((steps(1, 1, 2, 2), new), (steps(1, 2), new)):
        assert verdict(*sides).finding is Finding.DIFFERENT
        found = verdict(replace(sides[0], dropped=4), sides[1])
        assert found.finding is Finding.NOT_COMPARABLE
        assert found.sentence.startswith("there was no room to record every evaluation")
    found = verdict(replace(old, dropped=4), replace(new, dropped=2))
    assert found.finding is Finding.NOT_COMPARABLE
    # As many on both sides: the first of them are the same ones.
    assert verdict(replace(old, dropped=4), replace(new, dropped=4)).finding is Finding.DIFFERENT
    found = verdict(replace(new, dropped=1), replace(new, dropped=1))
    assert found.finding is Finding.EQUAL
    assert "there was no room to record every evaluation" in found.notes


def test_turns_of_a_loop_may_come_in_any_order_but_none_may_be_wrong() -> None:
    old = steps(1, 2, 3, kind="traced")
    assert verdict(old, steps(3, 1, 2, kind="traced")).finding is Finding.EQUAL
    assert verdict(old, steps(3, 1, 1, kind="traced")).finding is Finding.DIFFERENT
    assert verdict(steps(1, 2, 3), steps(3, 1, 2)).finding is Finding.DIFFERENT


@pytest.mark.parametrize(
    ("old", "new", "finding"),
    [
        ((array(1.0),), (NONE,), Finding.STRUCTURE),
        ((array(0.0),), (NONE,), Finding.STRUCTURE),
        ((array(1.0),), (array(1.0, 1.0),), Finding.STRUCTURE),
        ((array(1.0),), (array(1.0, dtype="float64"),), Finding.STRUCTURE),
        ((array(0.0),), (array(0.0),), Finding.BOTH_ZERO),
        ((array(0.0),), (array(1e-9),), Finding.DIFFERENT),
        ((array(float("nan")),), (array(float("nan")),), Finding.VACUOUS),
        ((array(1.0),), (array(float("nan")),), Finding.DIFFERENT),
        ((NONE,), (NONE,), Finding.VACUOUS),
        ((array(1.0), NONE), (array(1.0), NONE), Finding.EQUAL),
        ((array(1.0), SKIPPED), (array(1.0), array(5.0)), Finding.EQUAL),
    ],
)
def test_one_evaluation(old: tuple[Value, ...], new: tuple[Value, ...], finding: Finding) -> None:
    assert verdict(recorded(old), recorded(new)).finding is finding


def test_items_of_a_shared_call_are_picked() -> None:
    old = recorded((array(1.0),))
    new = recorded((array(2.0), array(1.0)))
    assert verdict(old, new, Part(0, ((0, 1),))).finding is Finding.EQUAL
    assert verdict(old, new, Part(0, ((0, 0),))).finding is Finding.DIFFERENT


def test_sides_that_did_not_come_here() -> None:
    nothing = Recorded()
    built = Recorded({}, {0: [("float32[1]",)]})
    assert verdict(nothing, nothing).finding is Finding.NOT_REACHED
    assert verdict(built, nothing).finding is Finding.NOT_COMPARABLE
    assert verdict(steps(1), nothing).finding is Finding.NOT_COMPARABLE
    assert verdict(built, built).finding is Finding.NOT_REACHED
    assert judge(steps(1), steps(1), 0, [], Tolerance()).finding is Finding.UNMATCHED
    none = Recorded({}, {0: [(None,)]})
    assert verdict(none, none).finding is Finding.VACUOUS
    assert verdict(steps(1), none).finding is Finding.STRUCTURE


def test_what_only_the_recorder_asked_for_refutes_nothing() -> None:
    extra = steps(5, extra=True)
    assert verdict(extra, steps(1)).finding is Finding.NOT_COMPARABLE
    assert verdict(extra, steps(5)).finding is Finding.EQUAL


def test_tolerances_can_be_set() -> None:
    assert verdict(steps(1), steps(1.001), rtol=1e-2).finding is Finding.EQUAL
    assert verdict(steps(1), steps(1 + 1e-5), rtol=1e-7).finding is Finding.DIFFERENT
    assert verdict(steps(1), steps(1.001), atol=1e-2).finding is Finding.EQUAL


def digest(data: Any) -> Value:
    places = np.linspace(0, data.size - 1, 512).astype(np.int64)
    kept = Digest(
        hashlib.sha1(data.tobytes()).hexdigest(),
        float(np.abs(data).max()),
        float(np.linalg.norm(data)),
        True,
    )
    return Value("array", "float32", data.shape, data[places], kept)


def test_digests_are_held_against_digests_and_whole_arrays() -> None:
    data = np.random.RandomState(0).randn(10_000).astype("float32")
    near, far = data * np.float32(1 + 1e-6), data.copy()
    far[1::2] *= 1.5
    whole = Value("array", "float32", data.shape, data)
    assert value_error(digest(data), digest(data)) == 0.0
    assert value_error(whole, digest(data)) == 0.0
    assert 0.0 < value_error(digest(data), digest(near)) < 2e-5
    assert value_error(digest(data), digest(far)) > 1e-2
    assert value_error(whole, digest(far)) > 1e-2


def test_a_side_that_returns_nothing() -> None:
    found = verdict(recorded(()), recorded((array(1.0),)))
    assert found.finding is Finding.STRUCTURE
    assert found.sentence == "one side returns nothing where the other returns gradients"


def test_a_call_that_raised_on_one_side() -> None:
    raised = Recorded(raised={0: "ValueError: no\nmore"})
    assert verdict(raised, steps(1)).sentence == "the call raised on the old side: ValueError: no"
    found = verdict(steps(1), Recorded(raised={0: ""}))
    assert (found.finding, found.sentence) == (
        Finding.SIDE_FAILED, "the call raised on the new side: "
    )  # fmt: skip


def test_items_that_an_evaluation_does_not_have_are_passed_over() -> None:
    old = recorded((array(1.0),), (array(2.0),))
    new = recorded((array(5.0), array(1.0)), (array(5.0), array(2.0)))
    assert verdict(old, new, Part(0, ((0, 1),))).finding is Finding.EQUAL
    found = judge(old, new, 0, [(0, Part(0, ((0, 1), (1, 7))))], Tolerance())
    assert (found.finding, found.compared) == (Finding.EQUAL, 2)


def test_integers_alone_prove_nothing() -> None:
    found = verdict(*(recorded((array(1, dtype="int32"),)),) * 2)
    assert (found.finding, found.sentence) == (
        Finding.VACUOUS, "no floating-point gradient was compared"
    )  # fmt: skip
    found = verdict(*(recorded((array(1, dtype="int32"), NONE)),) * 2)
    assert found.sentence == "every gradient is None on both sides"


def test_what_is_equal_in_part_is_told() -> None:
    found = verdict(*(steps(1, np.nan, 2),) * 2)
    assert (found.finding, found.compared) == (Finding.EQUAL, 3)
    assert found.notes == ("1 of 3 tensors hold NaN or infinity",)


def large(sha1: str, *entries: float, finite: bool = True) -> Value:
    data = np.asarray(entries, "float32")
    top = float(np.max(np.abs(data)))
    digest = Digest(sha1, top, float(np.linalg.norm(data)), finite)
    return Value("array", "float32", (9, 9), data, digest)


def test_large_gradients_by_digest() -> None:
    found = verdict(*(recorded((large("a", 1.0, 2.0),)),) * 2)
    assert found.finding is Finding.EQUAL
    assert "large gradients compared by digest, norm and a sample of entries" in found.notes
    found = verdict(*(recorded((large("a", 0.0),)),) * 2)
    assert found.finding is Finding.BOTH_ZERO
    found = verdict(*(recorded((large("a", 1.0, finite=False),)),) * 2)
    assert found.finding is Finding.VACUOUS


def test_what_cannot_be_drawn_is_compared_all_the_same() -> None:
    one = recorded((array(1.0, 2.0, dtype="complex64"),), (array(),))
    found = verdict(one, one)
    assert (found.finding, found.scatter) == (Finding.EQUAL, ())
    assert verdict(steps(1, 2), steps(1, 2)).scatter


def test_a_whole_tensor_against_a_sample_shows_no_entries() -> None:
    whole = np.arange(100, dtype="float32")
    far = Digest(hashlib.sha1(b"").hexdigest(), 198.0, float(np.linalg.norm(whole * 2)), True)
    sample = Value("array", "float32", (100,), whole[::11] * 2, far)
    found = verdict(recorded((Value("array", "float32", (100,), whole),)), recorded((sample,)))
    assert (found.finding, found.excerpt) == (Finding.DIFFERENT, "")


def test_of_large_tensors_one_that_is_not_finite_is_far_from_one_that_is() -> None:
    data = np.ones(4, "float32")
    sides = [
        Value("array", "float32", (4,), data, Digest(str(finite), 1.0, 2.0, finite))
        for finite in (True, False)
    ]
    assert value_error(sides[0], sides[1]) == float("inf")
    assert value_error(sides[0], sides[0]) == 0.0
