"""Values on their way to the disk: every record is one JSON line, arrays go to a file beside it.

Arrays beyond ``WHOLE`` bytes, and all arrays once ``limit`` bytes are written, are kept as a
digest: a hash (equal or not to the bit), the largest magnitude, the norm, and a sample of entries
at fixed places.
"""

import hashlib
import json
import os
import threading
from typing import Any

import numpy as np

WHOLE = 1 << 20
SAMPLE = 512


class Named:
    """An array that stands for one of a dtype that numpy lacks."""

    def __init__(self, array: Any, dtype: str) -> None:
        self.array = array
        self.dtype = dtype


class Store:
    """The two files of one side; safe to use from TensorFlow's threads."""

    def __init__(self, folder: str, limit: int) -> None:
        self._lines = open(  # noqa: SIM115
            os.path.join(folder, "records.jsonl"), "w", encoding="utf-8"
        )
        self._bytes = open(os.path.join(folder, "values.bin"), "wb")  # noqa: SIM115
        self._left = limit
        self._at = 0
        self._lock = threading.Lock()
        self.evaluations = {}  # type: Any

    def build(self, call: int, instance: int, items: Any, kind: str) -> None:
        """Say that a call returned: its structure is known, its values may come later."""
        with self._lock:
            self._write(
                {"what": "build", "call": call, "instance": instance, "items": items, "kind": kind}
            )

    def evaluation(self, call: int, instance: int, kind: str, values: Any, **more: Any) -> None:
        """Write the values of one evaluation of a call, item by item."""
        with self._lock:
            self.evaluations[call] = self.evaluations.get(call, 0) + 1
            record = {"what": "values", "call": call, "instance": instance, "kind": kind}
            record.update(more)
            record["items"] = [self._item(value) for value in values]
            self._write(record)

    def note(self, **fields: Any) -> None:
        """Write a record of another kind."""
        with self._lock:
            self._write(fields)

    def close(self) -> None:
        with self._lock:
            self._lines.close()
            self._bytes.close()

    def _write(self, record: Any) -> None:
        if self._lines.closed:
            return
        self._lines.write(json.dumps(record) + "\n")
        # What was recorded must be there even if the program is killed.
        self._bytes.flush()
        self._lines.flush()

    def _item(self, value: Any) -> Any:
        if value is None:
            return {"is": "none"}
        if isinstance(value, str):
            return {"is": value}
        if isinstance(value, tuple):
            values, indices, shape = value
            return {
                "is": "slices",
                "values": self._item(np.asarray(values)),
                "indices": self._item(np.asarray(indices)),
                "shape": None if shape is None else [int(size) for size in np.asarray(shape)],
            }
        if isinstance(value, Named):
            return dict(self._array(np.asarray(value.array)), dtype=value.dtype)
        return self._array(np.asarray(value))

    def _array(self, array: Any) -> Any:
        name = array.dtype.name
        if name == "bfloat16":
            array = array.astype(np.float32)
        if array.dtype.kind in "OSU":
            return {"is": "object", "type": "string"}
        array = np.ascontiguousarray(array).reshape(array.shape)
        item = {"is": "array", "dtype": name, "stored": array.dtype.str, "shape": list(array.shape)}
        if array.nbytes > WHOLE or array.nbytes > self._left:
            item["is"] = "digest"
            item.update(self._digest(array))
            array = item.pop("sample")
        item["at"] = self._at
        data = array.tobytes()
        if not self._bytes.closed:
            self._bytes.write(data)
        self._at += len(data)
        self._left -= len(data)
        item["bytes"] = len(data)
        return item

    def _digest(self, array: Any) -> Any:
        flat = array.reshape(-1)
        places = np.linspace(0, flat.size - 1, min(SAMPLE, flat.size)).astype(np.int64)
        wide = flat.astype(np.complex128 if array.dtype.kind == "c" else np.float64)
        return {
            "sha1": hashlib.sha1(array.tobytes()).hexdigest(),
            "largest": float(np.max(np.abs(wide))) if flat.size else 0.0,
            "norm": float(np.sqrt(np.sum(np.abs(wide) ** 2))),
            "finite": bool(np.isfinite(wide).all()),
            "sample": flat[places],
        }
