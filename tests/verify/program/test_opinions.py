"""Float64 runs and central differences as opinions on a call, without TensorFlow."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tape_migrate.verify.finite import EPS, Opinion
from tape_migrate.verify.program.opinions import (
    differences_opinion,
    float64_opinion,
    rounding_only,
)
from tape_migrate.verify.program.pairing import Part
from tape_migrate.verify.program.records import Digest, Evaluation, Recorded, Value

PARTS = [(0, Part(0))]


def recorded(*entries: float, dtype: str = "float32", digest: Digest | None = None) -> Recorded:
    data = np.asarray(entries, dtype)
    value = Value("array", dtype, data.shape, data, digest)
    return Recorded({0: [Evaluation(0, 0, "session", (value,))]}, {0: [("",)]})


def test_equal_in_float64() -> None:
    same = recorded(1.0, 2.0, dtype="float64")
    assert float64_opinion(same, same, 0, PARTS) == (True, "float64: equal, bit-equal")


def test_different_in_float64() -> None:
    one, other = recorded(1.0, dtype="float64"), recorded(1.1, dtype="float64")
    agree, sentence = float64_opinion(one, other, 0, PARTS)
    assert not agree
    assert sentence.startswith("float64: different, evaluation 1: relative error 0.1")


def test_a_program_that_insists_on_float32_says_nothing_in_float64() -> None:
    narrow = recorded(1.0)
    assert float64_opinion(narrow, narrow, 0, PARTS) == (
        False,
        "float64: the program insists on float32[1]",
    )


def rounding(old: Recorded, new: Recorded, exact: Recorded) -> str | None:
    return rounding_only((old, new), exact, 0, PARTS)


def test_both_sides_as_far_from_float64_are_apart_by_rounding() -> None:
    exact = recorded(1.0, dtype="float64")
    found = rounding(recorded(1.0001), recorded(0.9999), exact)
    assert found == "rounding only: in float64 both sides agree, and both are within 1.0e-04 of it"
    assert rounding(recorded(1.00001), recorded(0.99993), exact) is not None, "seven times as far"
    assert rounding(recorded(1.00001), recorded(0.9999), exact) is None, "ten times as far"


@pytest.mark.parametrize(
    ("old", "new", "exact"),
    [
        (recorded(1.0), recorded(1.0), recorded(1.0, dtype="float64")),
        (recorded(1.0), recorded(1.0, 2.0), recorded(1.0, dtype="float64")),
        (recorded(1.0), recorded(2.0), Recorded()),
        (
            recorded(1.0, digest=Digest("a", 1.0, 1.0, True)),
            recorded(2.0),
            recorded(1.0, dtype="float64"),
        ),
        (recorded(np.nan), recorded(1.0), recorded(np.nan, dtype="float64")),
    ],
    ids=["the same", "shapes", "not recorded", "only a digest", "nan"],
)
def test_what_rounding_does_not_explain(old: Recorded, new: Recorded, exact: Recorded) -> None:
    assert rounding(old, new, exact) is None


def samples(*rows: tuple[float, float, float]) -> Any:
    """The samples of a smooth target: its value, its slope, and what the gradient claims."""
    return np.array(
        [
            (at, at + slope * EPS, at - slope * EPS, at + slope * EPS / 10,
             at - slope * EPS / 10, claimed)
            for at, slope, claimed in rows
        ]
    )  # fmt: skip


def test_central_differences_agree() -> None:
    found = differences_opinion(Recorded(differences={0: [samples((1.0, 2.0, 2.0))]}), 0)
    assert found.opinion is Opinion.AGREES


def test_the_worst_sample_counts() -> None:
    good, bad = samples((1.0, 2.0, 2.0)), samples((1.0, 2.0, 3.0))
    for order in ([good, bad], [bad, good]):
        found = differences_opinion(Recorded(differences={0: order}), 0)
        assert found.opinion is Opinion.DISAGREES
        assert found.worst == pytest.approx(1 / 3, rel=1e-3)


def test_a_large_target_hides_its_gradient() -> None:
    found = differences_opinion(Recorded(differences={0: [samples((1e9, 2.0, 3.0))]}), 0)
    assert found.opinion is Opinion.INCONCLUSIVE
    assert found.sentence == "inconclusive: the target is too large beside its gradient"


@pytest.mark.parametrize(
    ("record", "why"),
    [
        (Recorded(), "only gradients of a graph can be held against them"),
        (Recorded(undifferenced={0: "it is fed"}), "it is fed"),
        (
            Recorded(differences={0: [np.zeros((0, 6))]}, undifferenced={0: "it is fed"}),
            "it is fed",
        ),
    ],
)
def test_where_there_are_no_samples(record: Recorded, why: str) -> None:
    found = differences_opinion(record, 0)
    assert (found.opinion, found.sentence) == (Opinion.SKIPPED, f"skipped: {why}")


def test_a_large_target_takes_nothing_from_differences_that_agree() -> None:
    found = differences_opinion(Recorded(differences={0: [samples((1e6, 2.0, 2.0))]}), 0)
    assert found.opinion is Opinion.AGREES
