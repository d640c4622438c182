"""What the recorder wrote, read back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from tape_migrate.verify.program.records import read_records


def written(folder: Path, *records: dict[str, Any], data: bytes = b"") -> Path:
    (folder / "values.bin").write_bytes(data)
    lines = "".join(json.dumps(record) + "\n" for record in records)
    (folder / "records.jsonl").write_text(lines, encoding="utf-8")
    return folder


def item(at: int, entries: Any, dtype: str) -> dict[str, Any]:
    array = np.asarray(entries, dtype)
    return {
        "is": "array", "dtype": dtype, "stored": dtype, "shape": list(array.shape), "at": at,
        "bytes": array.nbytes,
    }  # fmt: skip


def values(*items: dict[str, Any]) -> dict[str, Any]:
    return {"what": "values", "call": 0, "instance": 0, "kind": "session", "items": list(items)}


def slices(shape: list[int] | None) -> tuple[dict[str, Any], bytes]:
    rows, places = np.array([[1.0, 2.0], [3.0, 4.0]], np.float32), np.array([2, 2], np.int32)
    parts = {"values": item(0, rows, "float32"), "indices": item(16, places, "int32")}
    return {"is": "slices", **parts, "shape": shape}, rows.tobytes() + places.tobytes()


def test_slices_become_the_tensor_that_they_stand_for(tmp_path: Path) -> None:
    one, data = slices([3, 2])
    (found,) = read_records(written(tmp_path, values(one), data=data)).evaluations[0][0].values
    assert found.array is not None
    assert found.array.tolist() == [[0.0, 0.0], [0.0, 0.0], [4.0, 6.0]]
    assert found.shape == (3, 2)


def test_slices_of_unknown_or_vast_shape_keep_their_rows(tmp_path: Path) -> None:
    for shape in (None, [], [1 << 30, 2]):
        one, data = slices(shape)
        (found,) = read_records(written(tmp_path, values(one), data=data)).evaluations[0][0].values
        assert found.shape == (2, 2)
        assert found.rows is not None
        assert found.rows.tolist() == [2, 2]


def test_slices_that_are_no_arrays(tmp_path: Path) -> None:
    one, data = slices([3, 2])
    one["values"] = {"is": "none"}
    (found,) = read_records(written(tmp_path, values(one), data=data)).evaluations[0][0].values
    assert (found.kind, found.text) == ("none", "None")


def test_a_value_that_was_cut_short_ends_the_record(tmp_path: Path) -> None:
    whole = values(item(0, [1.0], "float32"))
    cut = values(item(4, [1.0, 2.0], "float32"))
    found = read_records(written(tmp_path, whole, cut, whole, data=b"\0" * 8))
    assert len(found.evaluations[0]) == 1


def test_what_calls_raised_and_why_there_are_no_differences(tmp_path: Path) -> None:
    found = read_records(
        written(
            tmp_path,
            {"what": "raised", "call": 1, "message": "ValueError: first"},
            {"what": "raised", "call": 1, "message": "ValueError: second"},
            {"what": "differences", "call": 1, "why": "it is fed", "rows": []},
            {"what": "differences", "call": 2, "why": "", "rows": [[1, 2, 3, 4, 5, 6]]},
            {"what": "unheard of"},
        )
    )
    assert found.raised == {1: "ValueError: first"}
    assert found.undifferenced == {1: "it is fed"}
    assert [sample.tolist() for sample in found.differences[2]] == [[[1, 2, 3, 4, 5, 6]]]


def test_nothing_was_recorded(tmp_path: Path) -> None:
    assert read_records(tmp_path).evaluations == {}
