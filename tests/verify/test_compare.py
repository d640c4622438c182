"""Comparison on plain arrays, without TensorFlow."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tape_migrate.verify.compare import (
    Verdict,
    arbitrate,
    compare,
    relative_error,
    structure_difference,
    unexpected,
    vacuous,
)
from tape_migrate.verify.results import (
    Leaf,
    Node,
    Opaque,
    RunError,
    RunResult,
    Scalar,
    Slices,
    Tree,
    describe,
    leaves,
)


def leaf(value: Any, dtype: str = "float32") -> Leaf:
    array = np.asarray(value, "float32" if dtype == "bfloat16" else dtype)
    return Leaf(dtype, array.shape, array)


def tree(*items: Node, kind: str = "list", name: str = "", keys: tuple[str, ...] = ()) -> Tree:
    return Tree(kind, name, keys, items)


def run(*items: Node) -> RunResult:
    return RunResult(value=tree(*items))


ONE = leaf([1.0, 2.0])


def test_equal_results() -> None:
    found = compare(run(ONE, None), run(ONE, None))
    assert found.verdict is Verdict.EQUAL
    assert (found.worst, found.bit_equal, found.tensors) == (0.0, True, 1)
    assert found.notes == ("None on both sides: result[1]",)


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        (ONE, None, "result[0]: old is float32[2], new is None"),
        (None, ONE, "result[0]: old is None, new is float32[2]"),
        (ONE, leaf([[1.0, 2.0]]), "new is float32[1,2]"),
        (ONE, leaf([1.0, 2.0], "float64"), "new is float64[2]"),
        (ONE, tree(ONE), "new is list of 1"),
        (tree(ONE), tree(ONE, kind="tuple"), "old is a list of 1, new is a tuple of 1"),
        (tree(ONE), tree(ONE, ONE), "new is a list of 2"),
        (tree(ONE, keys=("a",), kind="dict"), tree(ONE, keys=("b",), kind="dict"), "keys"),
        (tree(ONE, kind="tuple", name="P"), tree(ONE, kind="tuple"), "old is a P of 1"),
        (Slices(ONE, leaf([0, 1], "int32"), None), ONE, "old is IndexedSlices of float32[2]"),
        (Opaque("Net"), Opaque("Tape"), "new is an object of type Tape"),
        (Scalar("int", "1"), Scalar("float", "1.0"), "new is Python float 1.0"),
    ],
)
def test_structure(old: Node, new: Node, where: str) -> None:
    found = compare(run(old, ONE), run(new, ONE))
    assert found.verdict is Verdict.STRUCTURE_DIFFERS
    assert where in found.sentence


def test_dict_order_does_not_matter() -> None:
    two = leaf([3.0, 4.0])
    old = tree(ONE, two, kind="dict", keys=("a", "b"))
    new = tree(two, ONE, kind="dict", keys=("b", "a"))
    assert compare(RunResult(value=old), RunResult(value=new)).verdict is Verdict.EQUAL
    wrong = tree(ONE, two, kind="dict", keys=("b", "a"))
    assert compare(RunResult(value=old), RunResult(value=wrong)).verdict is Verdict.DIFFERENT


def test_python_numbers_become_tensors_only_under_tf_function() -> None:
    old, new = run(ONE, Scalar("float", "2.5")), run(ONE, leaf(2.5))
    assert compare(old, new).verdict is Verdict.STRUCTURE_DIFFERS
    assert compare(old, new, in_function=True).verdict is Verdict.EQUAL
    other = compare(old, run(ONE, leaf(2.6)), in_function=True)
    assert other.verdict is Verdict.DIFFERENT


@pytest.mark.parametrize(
    ("dtype", "within", "beyond"),
    [
        ("float64", 0.9e-10, 1.2e-10),
        ("float32", 1.8e-5, 2.3e-5),
        ("float16", 4e-3, 7e-3),
        ("bfloat16", 3.8e-2, 4.3e-2),
    ],
)
def test_tolerance_by_dtype(dtype: str, within: float, beyond: float) -> None:
    old = leaf([1.0, 1e-9], dtype)
    near, far = leaf([1.0 + within, 1e-9], dtype), leaf([1.0 + beyond, 1e-9], dtype)
    assert compare(run(old), run(near)).verdict is Verdict.EQUAL
    assert compare(run(old), run(near)).bit_equal is False
    assert compare(run(old), run(far)).verdict is Verdict.DIFFERENT


def test_tolerance_is_by_tensor_not_by_entry() -> None:
    assert compare(run(leaf([1.0, 1e-9])), run(leaf([1.0, 1e-6]))).verdict is Verdict.EQUAL
    small = compare(run(leaf([1.0]), leaf([1e-9])), run(leaf([1.0]), leaf([1e-6])))
    assert small.verdict is Verdict.DIFFERENT


def test_zero_and_minus_zero_are_bit_equal() -> None:
    assert compare(run(ONE, leaf([0.0])), run(ONE, leaf([-0.0]))).bit_equal is True


@pytest.mark.parametrize(
    ("reference", "other", "error"),
    [
        ([2.0, 0.0], [2.0, 1.0], 0.5),
        ([0.0], [0.0], 0.0),
        ([0.0], [1e-30], np.inf),
        ([np.nan, 1.0], [np.nan, 1.0], 0.0),
        ([np.nan, 1.0], [1.0, 1.0], np.inf),
        ([np.inf, 1.0], [np.inf, 2.0], 1.0),
        ([], [], 0.0),
        ([1 + 1j], [1 - 1j], np.sqrt(2)),
    ],
)
def test_relative_error(reference: Any, other: Any, error: float) -> None:
    assert relative_error(np.asarray(reference), np.asarray(other)) == pytest.approx(error)


@pytest.mark.parametrize(
    ("items", "reason"),
    [
        ((None, None), "every gradient is None"),
        ((leaf([0.0, 0.0]), leaf(0.0)), "every gradient is zero"),
        ((ONE, leaf([np.nan])), "result[1] holds NaN"),
        ((ONE, leaf([np.inf])), "NaN or infinity"),
        ((leaf([1, 2], "int32"),), "no floating-point tensor"),
        ((Scalar("int", "3"),), "no floating-point tensor"),
        ((), "no floating-point tensor"),
    ],
)
def test_vacuous_evidence_is_rejected(items: tuple[Node, ...], reason: str) -> None:
    found = compare(run(*items), run(*items))
    assert found.verdict is Verdict.VACUOUS
    assert reason in found.sentence


def test_vacuous_evidence_may_be_declared_right() -> None:
    zero, none = run(leaf([0.0])), run(None)
    assert compare(zero, zero, allow_zero=True).verdict is Verdict.EQUAL
    assert compare(zero, zero, allow_none=True).verdict is Verdict.VACUOUS
    assert compare(none, none, allow_none=True).verdict is Verdict.EQUAL
    assert compare(none, none, allow_zero=True).verdict is Verdict.VACUOUS
    assert vacuous(tree(leaf([np.nan])), allow_zero=True, allow_none=True) is not None


def test_a_zero_among_others_is_said_aloud() -> None:
    found = compare(run(ONE, leaf([0.0])), run(ONE, leaf([0.0])))
    assert found.verdict is Verdict.EQUAL
    assert "zero on both sides: result[1]" in found.notes


def test_errors_and_runs_that_did_not_happen() -> None:
    good, bad = run(ONE), RunResult(error=RunError("ValueError", "no\nmore"))
    assert compare(bad, good).sentence == "the old code raised ValueError: no"
    assert compare(good, bad).sentence == "the new code raised ValueError: no"
    assert compare(good, bad).verdict is Verdict.FAILED
    skipped = compare(RunResult(not_run="no GPU"), good)
    assert skipped.verdict is Verdict.NOT_RUN
    assert "no GPU" in skipped.sentence


def test_slices_are_compared_densely() -> None:
    dense = leaf([[1.0], [0.0], [2.0]])
    one = Slices(leaf([[1.0], [2.0]]), leaf([0, 2], "int32"), dense)
    other = Slices(leaf([[2.0], [1.0]]), leaf([2, 0], "int32"), dense)
    found = compare(run(one), run(other))
    assert found.verdict is Verdict.EQUAL
    assert "list other rows" in found.notes[0]
    wrong = Slices(one.values, one.indices, leaf([[1.0], [2.0], [0.0]]))
    assert compare(run(one), run(wrong)).verdict is Verdict.DIFFERENT
    assert structure_difference(one, Slices(one.values, one.indices, None)) is not None


def test_integers_and_strings_must_be_the_same() -> None:
    found = compare(run(ONE, leaf([1, 2], "int64")), run(ONE, leaf([1, 3], "int64")))
    assert found.verdict is Verdict.DIFFERENT
    text = Leaf("string", (), np.asarray(b"a")), Leaf("string", (), np.asarray(b"b"))
    assert compare(run(ONE, text[0]), run(ONE, text[1])).verdict is Verdict.DIFFERENT


@pytest.mark.parametrize(
    ("expect", "complaint"),
    [
        ({"[0]": [1.0, 2.0], "[1]": "None"}, None),
        ({"result": [[1.0, 2.0], "None"]}, None),
        ({"[0]": [1.0, 2.1]}, "[0]: expected [1.0, 2.1], got [1.0, 2.0]"),
        ({"[0]": "None"}, "expected 'None', got float32[2]"),
        ({"[1]": 0.0}, "expected 0.0, got None"),
        ({"[2]": 0.0}, "expected a value for [2], but the result has none"),
        ({"g": 0.0}, "expected a value for g"),
        ({"[0]": 1.0}, "expected shape []"),
    ],
)
def test_known_values(expect: dict[str, Any], complaint: str | None) -> None:
    found = unexpected(tree(ONE, None), expect.items())
    assert (found is None) if complaint is None else complaint in str(found)


def test_arbitration_excuses_rounding_and_nothing_else() -> None:
    exact = leaf([1.0, 2.0], "float64")
    low, high = leaf([1.0 - 4e-5, 2.0]), leaf([1.0 + 4e-5, 2.0])
    assert compare(run(low), run(high)).verdict is Verdict.DIFFERENT
    assert "rounding only" in str(arbitrate(run(low), run(high), run(exact), run(exact)))
    # One side far nearer to the truth than the other: an approximation, not rounding.
    near = leaf([1.0 - 4e-7, 2.0])
    assert arbitrate(run(near), run(high), run(exact), run(exact)) is None
    # float64 disagrees as well.
    wrong = leaf([1.0, 2.0 + 1e-6], "float64")
    assert arbitrate(run(low), run(high), run(exact), run(wrong)) is None
    # float64 could not be run.
    failed = RunResult(error=RunError("TypeError", "float32"))
    assert arbitrate(run(low), run(high), run(exact), failed) is None


def test_paths_and_descriptions() -> None:
    nested = tree(ONE, tree(None, keys=("a",), kind="dict"))
    assert [path for path, _ in leaves(nested)] == ["result[0]", "result[1]['a']"]
    assert [describe(item) for item in nested.items] == ["float32[2]", "dict of 1"]


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        (
            Slices(ONE, leaf([0, 1], "int32"), None),
            Slices(leaf([1.0]), leaf([0], "int32"), None),
            "structure differs: old is float32[2], new is float32[1]",
        ),
        (Slices(ONE, leaf([0, 1], "int32"), None), Slices(ONE, leaf([0, 1], "int32"), None), None),
        (Scalar("float", "0.1"), Scalar("float", "0.10000001"), None),
        (Scalar("float", "0.1"), Scalar("float", "0.1001"), "different: old is 0.1, new is 0.1001"),
        (Scalar("int", "1"), Scalar("int", "2"), "different: old is 1, new is 2"),
    ],
)
def test_differences_of_slices_and_numbers(old: Node, new: Node, where: str | None) -> None:
    found = compare(run(ONE, old), run(ONE, new))
    if where is None:
        assert found.verdict is Verdict.EQUAL
    else:
        said = f"{found.verdict.value}: {found.sentence}"
        assert said == where.replace(": ", ": result[1]: ", 1)


def test_a_string_that_a_function_makes_a_tensor() -> None:
    old = run(ONE, Scalar("str", "'a'"))
    for made, verdict in ((b"a", Verdict.EQUAL), (b"b", Verdict.DIFFERENT)):
        new = run(ONE, Leaf("string", (), np.array(made, object)))
        assert compare(old, new, in_function=True).verdict is verdict
        assert compare(old, new).verdict is Verdict.STRUCTURE_DIFFERS


@pytest.mark.parametrize(
    ("got", "expect", "problem"),
    [
        (tree(ONE, ONE), ("result", [[1.0, 2.0], [1.0, 2.0]]), None),
        (tree(ONE, ONE), ("result", [[1.0, 2.0], [1.0, 3.0]]), "result[1]: expected [1.0, 3.0]"),
        (
            tree(ONE, ONE),
            ("result", [[1.0, 2.0]]),
            "result: expected [[1.0, 2.0]], got list of 2",
        ),
        (tree(ONE, ONE), ("result", 1.0), "result: expected 1.0, got list of 2"),
        (tree(Scalar("int", "3")), ("[0]", 3), None),
        (tree(Scalar("int", "3")), ("[0]", 4), "[0]: expected 4, got Python int 3"),
        (tree(Opaque("Net")), ("[0]", 4), "[0]: expected 4, got an object of type Net"),
        (tree(ONE), ("[0][0]", 1.0), "expected a value for [0][0], but the result has none"),
        (tree(ONE, None), ("[1]", "None"), None),
        (tree(ONE, None), ("[0]", "None"), "[0]: expected 'None', got float32[2]"),
    ],
)
def test_known_values_of_other_kinds(
    got: Node, expect: tuple[str, Any], problem: str | None
) -> None:
    found = unexpected(got, [expect])
    assert found == problem or (problem is not None and str(found).startswith(problem))


def test_where_none_is_the_right_answer_nothing_else_need_be_compared() -> None:
    number = leaf([1, 2], "int32")
    assert vacuous(tree(number, None), allow_zero=False, allow_none=True) is None
    said = vacuous(tree(number), allow_zero=False, allow_none=True)
    assert said == "the result holds no floating-point tensor, so no gradient was compared"


def test_results_of_another_kind_are_not_excused_by_rounding() -> None:
    near, wide = run(leaf([1.0, 2.00001])), run(leaf([1.0, 2.0], "float64"))
    assert arbitrate(run(ONE), near, wide, wide) is None
    slices = run(Slices(ONE, leaf([0, 1], "int32"), None))
    assert arbitrate(run(ONE), slices, wide, wide) is None
