"""``--include`` and ``--exclude``: patterns as in ``.gitignore``, relative to a folder."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field

from tape_migrate.sources.gitignore import IgnoreRules


@dataclass(frozen=True)
class Patterns:
    """Patterns and the folder they are relative to; only what lies below it can match.

    Other than with ``.gitignore`` files they hold for files named outright, too: that is how
    pre-commit and editors name them.
    """

    base: str
    lines: tuple[str, ...]
    _rules: IgnoreRules = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_rules", IgnoreRules(self.lines))

    def match_entry(self, path: str, *, is_folder: bool) -> bool:
        """Say whether this file or folder itself matches."""
        inner = self._inner(path)
        return inner is not None and self._decide(inner, is_folder)

    def match(self, path: str) -> bool:
        """Say whether a file or one of its folders matches."""
        inner = self._inner(path)
        if inner is None:
            return False
        parts = inner.split("/")
        return any(
            self._decide("/".join(parts[:count]), count < len(parts))
            for count in range(1, len(parts) + 1)
        )

    def _inner(self, path: str) -> str | None:
        inner = os.path.relpath(os.path.abspath(path), self.base).replace(os.sep, "/")
        return None if inner in {".", ".."} or inner.startswith("../") else inner

    def _decide(self, inner: str, is_folder: bool) -> bool:
        name = inner.rpartition("/")[2]
        return self._rules.decide(name, inner, is_folder) is True


@dataclass(frozen=True)
class Filters:
    """Which of the files found a run looks at."""

    include: Patterns | None = None
    exclude: Patterns | None = None

    def __bool__(self) -> bool:
        return self.include is not None or self.exclude is not None

    def enters(self, folder: str) -> bool:
        """Say whether a folder's files can be wanted at all."""
        return self.exclude is None or not self.exclude.match_entry(folder, is_folder=True)

    def keep(self, files: Sequence[str]) -> tuple[str, ...]:
        """Return the wanted files, in their order."""
        include, exclude = self.include, self.exclude
        return tuple(
            path
            for path in files
            if (include is None or include.match(path))
            and (exclude is None or not exclude.match(path))
        )
