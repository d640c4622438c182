"""Read what the recorder wrote: evaluations of watched calls, item by item."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from tape_migrate.verify.results import Array


@dataclass(frozen=True, eq=False)
class Value:
    """One gradient tensor at one evaluation.

    ``array`` holds it whole, or where ``digest`` is given a sample of its entries; ``shape`` is
    that of the tensor in any case. ``kind`` is ``array``, ``none``, ``object`` or
    ``not computed`` (this run did not need it).
    """

    kind: str
    dtype: str = ""
    shape: tuple[int, ...] = ()
    array: Array | None = None
    digest: Digest | None = None
    rows: Array | None = None
    """The rows that ``IndexedSlices`` list, where the tensor was given so."""

    @property
    def text(self) -> str:
        """A few words: ``None``, ``float32[3,2]``."""
        if self.kind == "array":
            return f"{self.dtype}[{','.join(str(size) for size in self.shape)}]"
        return "None" if self.kind == "none" else self.kind


@dataclass(frozen=True)
class Digest:
    """What is kept of a large tensor besides the sample."""

    sha1: str
    largest: float
    norm: float
    finite: bool


@dataclass(frozen=True, eq=False)
class Evaluation:
    """All items of one evaluation of a watched call."""

    call: int
    instance: int
    kind: str
    """``eager``, ``traced``, ``session`` or ``callable``."""
    values: tuple[Value, ...]
    extra: bool = False
    """The program did not compute it at this point; the recorder did."""


@dataclass(frozen=True)
class Recorded:
    """Everything one side recorded."""

    evaluations: dict[int, list[Evaluation]] = field(default_factory=dict)
    """By the number of the call, in order of time."""
    built: dict[int, list[tuple[str | None, ...]]] = field(default_factory=dict)
    """By call, what each time it was called came back: an outline or None for each item."""
    variables: tuple[str, ...] = ()
    """The float variables in order of creation: ``float32[3,2]``."""
    vectorised: set[int] = field(default_factory=set)
    """Calls in the body of ``tf.vectorized_map``, of which no single turn can be seen."""
    devices: dict[int, set[str]] = field(default_factory=dict)
    """By call, where its gradients were computed (``GPU:0``); not looked at on the first CPU."""
    dropped: int = 0
    """How many evaluations came after there was no room for any more."""
    in_children: set[int] = field(default_factory=set)
    """Calls that ran in a process which the program had started: nothing is recorded there."""
    processes: tuple[str, ...] = ()
    """The processes that the program started, in a few words each."""
    remarks: tuple[str, ...] = ()
    """What the recorder had to do differently from the program."""
    raised: dict[int, str] = field(default_factory=dict)
    """What a watched call itself raised first."""
    differences: dict[int, list[Array]] = field(default_factory=dict)
    """By call, samples for central differences (see ``finite.judge``)."""
    undifferenced: dict[int, str] = field(default_factory=dict)
    """By call, why central differences say nothing there."""


def read_records(folder: Path) -> Recorded:
    """Read a side's folder; a record cut short by the end of the process is left out."""
    recorded = Recorded()
    variables: list[str] = []
    dropped = 0
    processes: list[str] = []
    remarks: list[str] = []
    try:
        data = np.memmap(folder / "values.bin", np.uint8, "r")
    except (OSError, ValueError):  # nothing was recorded
        data = np.zeros(0, np.uint8)  # type: ignore[assignment]
    for record in _lines(folder / "records.jsonl"):
        what = record.get("what")
        if what == "build":
            recorded.built.setdefault(record["call"], []).append(tuple(record["items"]))
            if record["kind"] == "vectorised":
                recorded.vectorised.add(record["call"])
        elif what == "values":
            try:
                values = tuple(_value(item, data) for item in record["items"])
            except ValueError:
                break
            recorded.evaluations.setdefault(record["call"], []).append(
                Evaluation(
                    record["call"],
                    record["instance"],
                    record["kind"],
                    values,
                    bool(record.get("extra")),
                )
            )
        elif what == "variable":
            shape = record["shape"]
            sizes = "?" if shape is None else ",".join(str(size) for size in shape)
            variables.append(f"{record['dtype']}[{sizes}]")
        elif what == "full":
            dropped = record["dropped"]
        elif what == "process":
            processes.append(record["command"])
        elif what == "remark":
            remarks.append(record["text"])
        elif what == "device":
            recorded.devices.setdefault(record["call"], set()).add(record["device"])
        elif what == "raised":
            recorded.raised.setdefault(record["call"], record["message"])
        elif what == "differences":
            if record["why"]:
                recorded.undifferenced.setdefault(record["call"], record["why"])
            else:
                rows = np.asarray(record["rows"], np.float64)
                recorded.differences.setdefault(record["call"], []).append(rows)
    recorded.in_children.update(record["call"] for record in _lines(folder / "children.jsonl"))
    return replace(
        recorded,
        variables=tuple(variables),
        dropped=dropped,
        processes=tuple(dict.fromkeys(processes)),
        remarks=tuple(dict.fromkeys(remarks)),
    )


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    try:
        with open(path, encoding="utf-8") as file:
            for line in file:
                try:
                    yield json.loads(line)
                except ValueError:
                    return
    except OSError:
        return


def _value(item: dict[str, Any], data: Array) -> Value:
    kind = item["is"]
    if kind == "slices":
        return _dense(_value(item["values"], data), _value(item["indices"], data), item["shape"])
    if kind not in ("array", "digest"):
        return Value(kind if kind in ("none", "not computed") else "object")
    raw = np.asarray(data[item["at"] : item["at"] + item["bytes"]])
    if raw.nbytes != item["bytes"]:
        raise ValueError("cut short")
    array = raw.view(np.dtype(item["stored"]))
    shape = tuple(item["shape"])
    if kind == "array":
        return Value("array", item["dtype"], shape, array.reshape(shape))
    digest = Digest(item["sha1"], item["largest"], item["norm"], item["finite"])
    return Value("array", item["dtype"], shape, array, digest)


def _dense(values: Value, indices: Value, shape: list[int] | None) -> Value:
    """The tensor that ``IndexedSlices`` stand for, where it can be told."""
    if values.array is None or indices.array is None or values.digest or indices.digest:
        return values
    if shape is None or not shape:
        return Value("array", values.dtype, values.shape, values.array, None, indices.array)
    dense = np.zeros(tuple(shape), values.array.dtype)
    if dense.nbytes > 1 << 28:
        return Value("array", values.dtype, values.shape, values.array, None, indices.array)
    np.add.at(dense, indices.array, values.array)
    return Value("array", values.dtype, dense.shape, dense, None, indices.array)
