"""The texts of a project's modules, searched for words without being parsed."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Protocol, runtime_checkable

from tape_migrate.model import SourceError

_OFTEN = frozenset(
    (
        *(b"disable_v2_behavior(", b"disable_resource_variables(", b"disable_eager_execution("),
        *(b"Defun", b"RegisterGradient", b"gradient_override_map"),
    )
)
"""Words that are asked for again and again, in different company: all are sought in one go."""


@runtime_checkable
class _Searchable(Protocol):
    """Sources that can be searched faster than by asking for one after the other."""

    def holding(self, words: Sequence[bytes]) -> list[str]:
        """The paths of those that hold any of the words, in order."""


class Searched:
    """Sources by path, of which those at ``paths`` are searched."""

    def __init__(self, sources: Mapping[str, bytes], paths: Collection[str]) -> None:
        self._sources = sources
        self._paths = tuple(paths)
        self._marked: list[str] | None = None
        """The modules that hold one of the words that are asked for often."""
        self._mentioning: dict[str, list[str]] = {}
        self._starring: list[str] | None = None

    def holding(self, *words: bytes) -> Iterator[str]:
        """The modules whose text holds any of the words; those that can be read."""
        if not _OFTEN.issuperset(words):
            yield from self._search(words)
            return
        if self._marked is None:
            self._marked = list(self._search(sorted(_OFTEN)))
        yield from self._of(self._marked, words)

    def _search(self, words: Sequence[bytes]) -> Iterator[str]:
        if isinstance(self._sources, _Searchable):
            yield from self._sources.holding(words)
            return
        yield from self._of(self._paths, words)

    def _of(self, paths: Iterable[str], words: Sequence[bytes]) -> Iterator[str]:
        for path in paths:
            try:
                data = self._sources[path]
            except (KeyError, OSError, SourceError):
                continue
            if any(word in data for word in words):
                yield path

    def matching(self, path: str, name: str, pattern: str) -> list[str]:
        """Paths of those but ``path`` in which a pattern that holds ``name`` matches."""
        if name not in self._mentioning:
            self._mentioning[name] = list(self.holding(name.encode()))
        wanted = pattern.encode()
        found: list[str] = []
        for other in self._mentioning[name]:
            with contextlib.suppress(KeyError, OSError, SourceError):
                if other != path and re.search(wanted, self._sources[other]):
                    found.append(other)
        return found

    def starring(self) -> list[str]:
        """Paths of those with ``from … import *``."""
        if self._starring is None:
            self._starring = list(self._search((b"import *",)))
        return self._starring
