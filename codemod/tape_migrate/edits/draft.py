"""A draft: edits of a text by byte spans, with a map from old offsets to new ones.

What no edit touches is kept byte for byte, by construction. Replacements may *keep* spans of the
old text (``Keep``), so that code can be moved and still be followed through the edit.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from tape_migrate.shapes.plan import Made


@dataclass(frozen=True)
class Keep:
    """A span of the old text, carried into a replacement."""

    start: int
    end: int


Piece = bytes | Keep

_Maps = tuple[list[tuple[int, int, int]], list[tuple[int, int, int]]]


@dataclass(frozen=True)
class Edit:
    """Replace ``old[start:end]`` by ``pieces``; an insertion has ``start == end``."""

    start: int
    end: int
    pieces: tuple[Piece, ...]


@dataclass(frozen=True)
class Applied:
    """A new text and where the kept parts of the old one went."""

    text: bytes
    _old: tuple[int, ...]
    _new: tuple[int, ...]
    _length: tuple[int, ...]
    _edits: tuple[tuple[int, int, int], ...]
    """Old start, old end and new start of each edit, in order."""

    def locate(self, offset: int) -> int | None:
        """New offset of the byte that stood at ``offset``, or None if it was dropped."""
        index = bisect_right(self._old, offset) - 1
        if index < 0 or offset >= self._old[index] + self._length[index]:
            return None
        return self._new[index] + offset - self._old[index]

    def follow(self, offset: int) -> int:
        """Like ``locate``; for a byte that was replaced, where its replacement begins."""
        found = self.locate(offset)
        if found is not None:
            return found
        within = [new for start, end, new in self._edits if start <= offset < end]
        return within[0] if within else len(self.text)

    def before(self, offset: int) -> int:
        """New offset of what was inserted at ``offset`` (of the byte itself if nothing was)."""
        found = self._inserted.get(offset)
        return self.follow(offset) if found is None else found

    @cached_property
    def _inserted(self) -> dict[int, int]:
        """Old offset of each insertion, and where the first of them there came to stand."""
        found: dict[int, int] = {}
        for start, end, new in self._edits:
            if start == end:
                found.setdefault(start, new)
        return found


class OverlapError(ValueError):
    """Two edits of one draft touch the same bytes: a bug of the recipe, never of the user."""


@dataclass
class Draft:
    """Collects edits of ``old`` and applies them at once.

    Insertions at one offset come out in the order in which they were made.
    """

    old: bytes
    edits: list[Edit] = field(default_factory=list)
    imported: str | None = None
    """The name bound by an import of TensorFlow that this draft adds."""
    makers: list[Made] = field(default_factory=list)
    """Makers that are handed a tape by this draft, and have yet to take it (``watch_in_maker``)."""

    def insert(self, offset: int, *pieces: Piece) -> None:
        self.edits.append(Edit(offset, offset, pieces))

    def replace(self, start: int, end: int, *pieces: Piece) -> None:
        self.edits.append(Edit(start, end, pieces))

    def delete(self, start: int, end: int) -> None:
        self.edits.append(Edit(start, end, ()))

    def apply(self) -> Applied:
        """Apply all edits.

        Raises:
            OverlapError: if two edits overlap other than by nesting inside a kept span.
        """
        out: list[bytes] = []
        spans: list[tuple[int, int, int]] = []
        starts: list[tuple[int, int, int]] = []
        # Insertions come before a replacement that starts at the same byte.
        ordered = sorted(self.edits, key=lambda edit: (edit.start, edit.end > edit.start))
        self._emit(ordered, 0, len(self.old), out, (spans, starts), 0)
        spans.sort()
        return Applied(
            b"".join(out),
            tuple(s[0] for s in spans),
            tuple(s[1] for s in spans),
            tuple(s[2] for s in spans),
            tuple(starts),
        )

    def _emit(
        self,
        edits: Sequence[Edit],
        start: int,
        end: int,
        out: list[bytes],
        maps: _Maps,
        position: int,
    ) -> int:
        """Emit ``old[start:end]`` with ``edits`` (all inside it) applied; return the new length."""
        cursor = start
        index = 0
        while index < len(edits):
            edit = edits[index]
            if edit.start < cursor:
                raise OverlapError(f"edits overlap at byte {edit.start}")
            position = self._copy(cursor, edit.start, out, maps[0], position)
            index += 1
            inner: list[Edit] = []
            while edit.end > edit.start and index < len(edits) and edits[index].start < edit.end:
                inner.append(edits[index])
                index += 1
            kept = [piece for piece in edit.pieces if isinstance(piece, Keep)]
            for nested in inner:
                if not any(k.start <= nested.start and nested.end <= k.end for k in kept):
                    raise OverlapError(f"edits overlap at byte {nested.start}")
            maps[1].append((edit.start, edit.end, position))
            for piece in edit.pieces:
                if isinstance(piece, Keep):
                    within = [e for e in inner if piece.start <= e.start and e.end <= piece.end]
                    position = self._emit(within, piece.start, piece.end, out, maps, position)
                else:
                    out.append(piece)
                    position += len(piece)
            cursor = edit.end
        return self._copy(cursor, end, out, maps[0], position)

    def _copy(
        self, start: int, end: int, out: list[bytes], spans: list[tuple[int, int, int]], at: int
    ) -> int:
        if end > start:
            out.append(self.old[start:end])
            spans.append((start, at, end - start))
            at += end - start
        return at
