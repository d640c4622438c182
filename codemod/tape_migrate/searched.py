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

_SETS_BY_NAME = r"setattr|__dict__|\bvars\b"
_WORD = re.compile(rb"[A-Za-z_]\w*")
_MANY = 40
"""Words after which all that there are, are read off the texts: it costs as much as these did."""
_OTHERWISE = rb"\bNAME\s+as\s+(\w+)|^(\w+)[ \t]*=[ \t]*(?:\w+\.)+NAME[ \t\r]*$"
_DEFINED = re.compile(rb"\bdef[ \t\f\\\r\n]+([\w\x80-\xff]+)")


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
        self._naming: dict[str, list[str]] = {}
        self._matching: dict[tuple[str, str], list[str]] = {}
        self._words: dict[bytes, list[str]] | None = None
        self._called: dict[str, tuple[str, ...]] = {}
        self._setting: frozenset[str] | None = None
        self._starring: list[str] | None = None
        self._defining: dict[bytes, list[str]] | None = None

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

    def naming(self, name: str) -> list[str]:
        """Paths of those whose text may hold ``name`` as a word; no others do."""
        if name not in self._naming:
            word = name.encode()
            if self._words is None and len(self._naming) >= _MANY:
                self._words = self._index()
            if self._words is None or _WORD.fullmatch(word) is None:
                self._naming[name] = list(self.holding(word))
            else:
                self._naming[name] = self._words.get(word, [])
        return self._naming[name]

    def _index(self) -> dict[bytes, list[str]]:
        """The paths of the texts with each word."""
        found: dict[bytes, list[str]] = {}
        for path in self._paths:
            with contextlib.suppress(KeyError, OSError, SourceError):
                for word in set(_WORD.findall(self._sources[path])):
                    found.setdefault(word, []).append(path)
        return found

    def matching(self, path: str, name: str, pattern: str) -> list[str]:
        """Paths of those but ``path`` that hold ``name`` and in which a pattern matches."""
        key = (name, pattern)
        if key not in self._matching:
            self._matching[key] = [p for p in self.naming(name) if self._matches(p, pattern)]
        return [other for other in self._matching[key] if other != path]

    def _matches(self, path: str, pattern: str) -> bool:
        with contextlib.suppress(KeyError, OSError, SourceError):
            text = self._sources[path]
            if text.isascii() and pattern.isascii():
                return re.search(pattern.encode(), text) is not None
            # In bytes no letter but those of ASCII belongs to a word.
            return re.search(pattern, text.decode("utf-8", "replace")) is not None
        return False

    def words_for(self, name: str) -> tuple[str, ...]:
        """The words by which texts have what others call ``name``, that one first.

        ``from lib import net as model``, ``model = lib.net``.
        """
        if name not in self._called:
            found = [name]
            for word in found:  # which grows
                more = self._called_otherwise(word) if len(found) < _MANY else ()
                found += [each for each in more if each not in found]
            self._called[name] = tuple(found)
        return self._called[name]

    def _called_otherwise(self, name: str) -> list[str]:
        pattern = re.compile(_OTHERWISE.replace(b"NAME", name.encode()), re.MULTILINE)
        found: dict[str, None] = {}
        for path in self.naming(name):
            with contextlib.suppress(KeyError, OSError, SourceError):
                for match in pattern.finditer(self._sources[path]):
                    found[(match[1] or match[2]).decode("utf-8", "replace")] = None
        return sorted(found)

    def setting_by_name(self) -> frozenset[str]:
        """Paths of those that may set an attribute by a text: ``setattr``, ``vars(net)[…]``."""
        if self._setting is None:
            found = self.holding(b"setattr", b"__dict__", b"vars")
            self._setting = frozenset(p for p in found if self._matches(p, _SETS_BY_NAME))
        return self._setting

    def defining(self, path: str, name: str) -> list[str]:
        """Paths of those but ``path`` in whose text a function or method of this name is defined.

        So many names are asked for that all are read off the texts at once.
        """
        if self._defining is None:
            self._defining = {}
            for other in self._paths:
                with contextlib.suppress(KeyError, OSError, SourceError):
                    for found in set(_DEFINED.findall(self._sources[other])):
                        self._defining.setdefault(found, []).append(other)
        return [other for other in self._defining.get(name.encode(), ()) if other != path]

    def starring(self) -> list[str]:
        """Paths of those with ``from … import *``."""
        if self._starring is None:
            self._starring = list(self._search((b"import *",)))
        return self._starring
