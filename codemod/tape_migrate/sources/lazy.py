"""The bytes of many files, read when asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tape_migrate.sources.prefilter import find_hits, may_hold_calls, read_file


class LazySources(Mapping[str, bytes]):
    """The bytes of files by path; some may be known to be others than on disk."""

    def __init__(self, files: Sequence[str], known: Mapping[str, bytes]) -> None:
        self._files = dict.fromkeys(files)
        self._known = known

    def __getitem__(self, path: str) -> bytes:
        if path not in self._files:
            raise KeyError(path)
        return self._known[path] if path in self._known else read_file(path)

    def holding(self, words: Sequence[bytes]) -> list[str]:
        """The files that hold any of the words, in order; none of those that cannot be read."""
        on_disk = [path for path in self._files if path not in self._known]
        found = {on_disk[index] for index in find_hits(on_disk, words).hits}
        for path in self._files.keys() & self._known.keys():
            if may_hold_calls(self._known[path], words):
                found.add(path)
        return [path for path in self._files if path in found]

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)
