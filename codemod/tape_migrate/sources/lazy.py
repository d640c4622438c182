"""The bytes of many files, read when asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tape_migrate.sources.prefilter import find_hits, may_hold_calls, read_file
from tape_migrate.sources.shelf import Shelf

_FEW = 2
"""Searches that read the files; whoever asks for more will ask for many."""


class LazySources(Mapping[str, bytes]):
    """The bytes of files by path; some may be known to be others than on disk."""

    def __init__(self, files: Sequence[str], known: Mapping[str, bytes]) -> None:
        self._files = dict.fromkeys(files)
        self._known = known
        self._searches = 0
        self._shelf: Shelf | None = None

    def __getitem__(self, path: str) -> bytes:
        if path not in self._files:
            raise KeyError(path)
        if path in self._known:
            return self._known[path]
        kept = self._shelf.text(path) if self._shelf is not None else None
        return read_file(path) if kept is None else kept

    def holding(self, words: Sequence[bytes]) -> list[str]:
        """The files that hold any of the words, in order; none of those that cannot be read."""
        on_disk = [path for path in self._files if path not in self._known]
        found: set[str] = set()
        if self._searches == _FEW:
            self._shelf = self._shelf or Shelf(on_disk)
            found, on_disk = self._shelf.holding(words), self._shelf.rest
        else:
            self._searches += 1
        found.update(on_disk[index] for index in find_hits(on_disk, words).hits)
        for path in self._files.keys() & self._known.keys():
            if may_hold_calls(self._known[path], words):
                found.add(path)
        return [path for path in self._files if path in found]

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)
