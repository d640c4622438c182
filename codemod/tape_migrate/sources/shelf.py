"""The texts of many files one behind the other, read once and searched again and again.

A decision asks which modules hold this name and that; to open and read thousands of files for each
name costs a tenth of a run. What is kept is bounded: files beyond ``_BYTES`` are read anew.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Sequence

_BYTES = 24 << 20


class Shelf:
    """As many of ``files``, from the first on, as there is room for; none that cannot be read."""

    def __init__(self, files: Sequence[str], limit: int = _BYTES) -> None:
        self._paths: list[str] = []
        self._starts: list[int] = []
        self._places: dict[str, tuple[int, int]] = {}
        self.rest: list[str] = []
        """The files that are not kept here."""
        kept = bytearray()
        for number, path in enumerate(files):
            try:
                data = _read(path, limit - len(kept))
            except OSError:
                self.rest.append(path)
                continue
            if data is None:
                self.rest += files[number:]
                break
            self._paths.append(path)
            self._starts.append(len(kept))
            self._places[path] = (len(kept), len(kept) + len(data))
            kept += data
            kept.append(0)  # no word begins in one file and ends in the next
        self._kept = kept

    def text(self, path: str) -> bytes | None:
        """What was read of the file at ``path``; None if it is not kept here."""
        place = self._places.get(path)
        return None if place is None else bytes(self._kept[place[0] : place[1]])

    def holding(self, words: Sequence[bytes]) -> set[str]:
        """Those of the files here that hold any of the words, of which none has a NUL."""
        found: set[str] = set()
        for word in words:
            at = self._kept.find(word)
            while at >= 0:
                number = bisect_right(self._starts, at) - 1
                found.add(self._paths[number])
                if number + 1 == len(self._starts):
                    break
                at = self._kept.find(word, self._starts[number + 1])
        return found


def _read(path: str, room: int) -> bytes | None:
    """The bytes of a file; None if there is no room for them. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        size = os.fstat(descriptor).st_size
        data = os.read(descriptor, size + 1) if size <= room else b""
        while len(data) <= room and (more := os.read(descriptor, 1 << 16)):
            data += more
    finally:
        os.close(descriptor)
    return data if size <= room >= len(data) else None
