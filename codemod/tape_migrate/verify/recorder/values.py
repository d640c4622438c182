"""Values on their way to the disk: every record is one JSON line, arrays go to a file beside it.

Arrays beyond ``WHOLE`` bytes, and all arrays once ``limit`` bytes are written, are kept as a
digest: a hash (equal or not to the bit), the largest magnitude, the norm, and a sample of entries
at fixed places. Once these and the lines take up ``limit`` bytes more, evaluations are counted
only.
"""

import hashlib
import json
import os
import threading
import time
from typing import Any

import numpy as np

WHOLE = 1 << 20
SAMPLE = 512
FLUSHED_EVERY_S = 0.25


class Named:
    """An array that stands for one of a dtype that numpy lacks."""

    def __init__(self, array: Any, dtype: str) -> None:
        self.array = array
        self.dtype = dtype


class Store:
    """The two files of one side; safe to use from TensorFlow's threads.

    Written a few times a second, so that little is lost if the program is killed. Lines are put
    together by hand: this runs in every step of the program.
    """

    def __init__(self, folder: str, limit: int) -> None:
        self._lines = open(os.path.join(folder, "records.jsonl"), "wb", 1 << 16)  # noqa: SIM115
        self._bytes = open(os.path.join(folder, "values.bin"), "wb", 1 << 20)  # noqa: SIM115
        self._left = limit
        self._limit = limit
        self._dropped = 0
        self._at = 0
        self._lock = threading.Lock()
        self._flushed = time.monotonic()
        self._heads = {}  # type: Any
        self._children = os.path.join(folder, "children.jsonl")
        self._process = os.getpid()
        self._in_child = set()  # type: Any

    def build(self, call: int, instance: int, items: Any, kind: str) -> None:
        """Say that a call returned: its structure is known, its values may come later."""
        self.note(what="build", call=call, instance=instance, items=items, kind=kind)

    def evaluation(
        self, call: int, instance: int, kind: str, values: Any, extra: bool = False
    ) -> None:
        """Write the values of one evaluation of a call, item by item."""
        if os.getpid() != self._process:
            self._forked(call)
            return
        with self._lock:
            if self._left < -self._limit:
                self._dropped += 1
                return
            items = ",".join([self._quick(value) for value in values])
            self._write(
                '{"what":"values","call":%d,"instance":%d,"kind":"%s","extra":%s,"items":[%s]}\n'
                % (call, instance, kind, "true" if extra else "false", items)
            )

    def note(self, **fields: Any) -> None:
        """Write a record of another kind."""
        if os.getpid() != self._process:
            if "call" in fields:
                self._forked(fields["call"])
            return
        with self._lock:
            self._write(json.dumps(fields) + "\n")

    def _forked(self, call: int) -> None:
        """In a fork the files are somebody else's: only that it came here is said."""
        if call not in self._in_child:
            self._in_child.add(call)
            with open(self._children, "a", encoding="ascii") as file:
                file.write('{"call": %d}\n' % call)

    def close(self) -> None:
        if self._dropped:
            self.note(what="full", dropped=self._dropped)
        with self._lock:
            self._bytes.close()
            self._lines.close()

    def _write(self, line: str) -> None:
        if self._lines.closed:
            return
        self._lines.write(line.encode("ascii"))
        self._left -= len(line)
        now = time.monotonic()
        if now - self._flushed > FLUSHED_EVERY_S:
            self._flushed = now
            self._bytes.flush()
            self._lines.flush()

    def _quick(self, value: Any) -> str:
        """The text of an item; plain arrays of a kind that came before take the short way."""
        if type(value) is np.ndarray and value.flags.c_contiguous:
            head = self._heads.get((value.dtype, value.shape))
            size = value.nbytes
            if head is None and size <= WHOLE:
                item = self._item(value)
                if item["is"] == "array" and item["dtype"] != "bfloat16":
                    head = dict(item)
                    del head["at"], head["bytes"]
                    self._heads[value.dtype, value.shape] = json.dumps(head)[:-1]
                return json.dumps(item)
            if head is not None and size <= self._left and not self._bytes.closed:
                at = self._at
                self._bytes.write(value.data if size else b"")
                self._at += size
                self._left -= size
                return '%s,"at":%d,"bytes":%d}' % (head, at, size)
        return json.dumps(self._item(value))

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
