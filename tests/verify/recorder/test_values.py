"""What the recorder writes is what is read: whole, bounded, and safe in a fork."""

from __future__ import annotations

import os
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

from tape_migrate.verify.program.matching import value_error
from tape_migrate.verify.program.records import Value, read_records
from tape_migrate.verify.recorder.values import SAMPLE, WHOLE, Named, Store


def written(folder: Path, *arrays: object, limit: int = 1 << 30) -> list[Value]:
    """Write each as an evaluation of its own and read them back."""
    folder.mkdir(exist_ok=True)
    store = Store(str(folder), limit)
    for array in arrays:
        store.evaluation(0, 0, "eager", [array])
    store.close()
    return [found.values[0] for found in read_records(folder).evaluations[0]]


@pytest.mark.parametrize(
    "array",
    [
        np.float32(2.5),
        np.arange(6, dtype="float64").reshape(2, 3).T,
        np.zeros((0, 3), "float32"),
        np.array([1 + 2j], "complex64"),
        np.array([True, False]),
        np.array([float("nan"), float("inf")], "float16"),
    ],
)
def test_arrays_come_back_as_they_were(array: np.ndarray, tmp_path: Path) -> None:
    for value in written(tmp_path, array, array):
        assert value.array is not None
        assert (value.dtype, value.shape) == (array.dtype.name, array.shape)
        np.testing.assert_array_equal(value.array, array)


def test_none_and_slices_come_back(tmp_path: Path) -> None:
    rows = (np.ones((2, 3), "float32"), np.array([0, 0]), np.array([4, 3]))
    none, dense = written(tmp_path, None, rows)
    assert none.kind == "none"
    assert dense.array is not None
    assert dense.array.tolist() == [[2.0] * 3, *[[0.0] * 3] * 3]


def test_large_arrays_are_kept_as_a_sample(tmp_path: Path) -> None:
    big = np.linspace(-1.0, 3.0, WHOLE // 4 + 1, dtype="float32")
    other = big.copy()
    other[5] = 2.0
    (one,), (two,), (three,) = (
        written(tmp_path / name, array) for name, array in (("a", big), ("b", big), ("c", other))
    )
    assert one.digest is not None
    assert one.array is not None
    assert (one.array.size, one.shape, one.digest.largest) == (SAMPLE, big.shape, 3.0)
    assert value_error(one, two) == 0.0
    assert value_error(one, three) > 1e-6
    assert (tmp_path / "a" / "values.bin").stat().st_size == SAMPLE * 4


def test_all_that_is_written_is_bounded(tmp_path: Path) -> None:
    arrays = [np.full(1000, number, "float64") for number in range(20)]
    found = written(tmp_path, *arrays, limit=20_000)
    # Two whole, then samples of 512 entries until as much again is written, then nothing.
    digests = [value.digest is not None for value in found]
    assert digests == [False] * 2 + [True] * (len(found) - 2)
    assert 5 <= len(found) <= 8
    size = sum((tmp_path / name).stat().st_size for name in ("values.bin", "records.jsonl"))
    assert size <= 2 * 20_000 + 8 * SAMPLE + 500
    assert [value.array[0] for value in found if value.array is not None] == list(range(len(found)))
    assert read_records(tmp_path).dropped == 20 - len(found)


def test_a_record_cut_short_is_left_out(tmp_path: Path) -> None:
    written(tmp_path, np.ones(3), np.ones(3))
    lines = (tmp_path / "records.jsonl").read_bytes()
    (tmp_path / "records.jsonl").write_bytes(lines[:-20])
    assert len(read_records(tmp_path).evaluations[0]) == 1
    (tmp_path / "records.jsonl").write_bytes(lines)
    (tmp_path / "values.bin").write_bytes(bytes(30))
    assert len(read_records(tmp_path).evaluations[0]) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no os.fork here")
def test_a_fork_writes_nothing_but_that_it_was_here(tmp_path: Path) -> None:
    store = Store(str(tmp_path), 1 << 30)
    store.evaluation(0, 0, "eager", [np.ones(3)])
    child = os.fork()
    if child == 0:
        store.evaluation(1, 0, "eager", [np.ones(3)])
        store.evaluation(1, 0, "eager", [np.ones(3)])
        store.build(2, 0, ["float32[3]"], "graph")
        store.note(what="variable", number=1)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    store.close()
    found = read_records(tmp_path)
    assert (set(found.evaluations), found.built, found.in_children) == ({0}, {}, {1, 2})
    assert (tmp_path / "children.jsonl").read_text(encoding="ascii").count("\n") == 2


def test_what_numpy_has_no_name_for_comes_back(tmp_path: Path) -> None:
    half = np.array([1.0, -2.5], ml_dtypes.bfloat16)
    texts = np.array([["a", "b"]])
    named = Named(np.array([1.0, 2.0], "float32"), "bfloat16")
    found = written(tmp_path, half, half, texts, texts, named)
    for value in (*found[:2], found[4]):
        assert (value.kind, value.dtype, value.shape) == ("array", "bfloat16", (2,))
    assert found[0].array is not None
    assert found[0].array.tolist() == [1.0, -2.5]
    assert [value.kind for value in found[2:4]] == ["object", "object"]


def test_what_comes_after_the_end_is_not_written(tmp_path: Path) -> None:
    store = Store(str(tmp_path), 1 << 20)
    store.evaluation(0, 0, "eager", [np.ones(3, "float32")])
    store.close()
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    store.evaluation(0, 1, "eager", [np.zeros(3, "float32"), None])
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert len(read_records(tmp_path).evaluations[0]) == 1
