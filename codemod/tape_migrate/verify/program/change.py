"""What was migrated: files before and after, and the sites to watch in them."""

from __future__ import annotations

import difflib
from collections import Counter
from dataclasses import dataclass, field, replace

from tape_migrate.model import Outcome, SiteResult
from tape_migrate.sources.text import decode
from tape_migrate.verify.program.calls import Call, calls_at, functions, old_calls, tape_calls
from tape_migrate.verify.program.pairing import Pair, Part, leftover, pair


@dataclass(frozen=True)
class FileChange:
    """One file of the project, before and after."""

    name: str
    """Path relative to the project's root, with slashes."""
    old: bytes
    new: bytes
    results: tuple[SiteResult, ...] = ()
    """What the engine says of its calls; empty for a hand migration."""
    by_hand: bool = False


@dataclass(frozen=True)
class Elsewhere:
    """A new call that stands for an old call of another file."""

    name: str
    """Of its file, relative to the project's root."""
    call: Call
    number: int


@dataclass(frozen=True)
class WatchedFile:
    """A changed file with its calls on both sides; numbers are unique over the whole program."""

    change: FileChange
    old_calls: tuple[Call, ...]
    new_calls: tuple[Call, ...]
    old_numbers: tuple[int, ...]
    new_numbers: tuple[int, ...]
    pairs: tuple[Pair, ...]
    """By index into ``old_calls`` and ``new_calls``."""
    unmatched_new: tuple[int, ...]
    """Indices of new calls that stand for no old one."""
    old_lines: tuple[int, ...] = field(default=(), repr=False)
    """The old line of each new line, from line 1 on."""
    elsewhere: tuple[Elsewhere, ...] = ()
    """What stands for the only old call that has no pair: a loss's gradient moves to the models."""

    def parts_of(self, pair: Pair) -> list[tuple[int, Part]]:
        """The new calls that stand for an old one, each with its number."""
        if not pair.parts:
            return [(there.number, Part(there.number)) for there in self.elsewhere]
        return [(self.new_numbers[part.call], part) for part in pair.parts]

    def shown(self, pair: Pair) -> tuple[str, int | None]:
        """Text and line of the new call; of one in another file the text says which."""
        if pair.parts:
            call = self.new_calls[pair.parts[0].call]
            return call.text, call.line
        places = [f"{there.name}:{there.call.line}" for there in self.elsewhere]
        return (f"{', '.join(places)}: {self.elsewhere[0].call.text}" if places else ""), None


def watch(changes: list[FileChange]) -> list[WatchedFile]:
    """Find and match the calls of all changed files.

    Raises:
        SourceError: if a text does not parse.
    """
    watched = []
    old_total = new_total = 0
    for change in changes:
        old_text, new_text = _utf8(change.old), _utf8(change.new)
        old, spans = _migrated_calls(change, old_text, new_text)
        before = Counter((call.function, call.text) for call in tape_calls(old_text))
        new = []
        for call in tape_calls(new_text):
            key = (call.function, call.text)
            if before[key]:
                before[key] -= 1  # a tape of the user's own
            else:
                new.append(call)
        pairs = pair(old, new, spans, functions(old_text))
        watched.append(
            WatchedFile(
                change,
                tuple(old),
                tuple(new),
                tuple(range(old_total, old_total + len(old))),
                tuple(range(new_total, new_total + len(new))),
                tuple(pairs),
                tuple(leftover(new, pairs)),
                line_table(old_text, new_text),
            )
        )
        old_total += len(old)
        new_total += len(new)
    return _with_elsewhere(watched)


def _with_elsewhere(watched: list[WatchedFile]) -> list[WatchedFile]:
    """Match what has moved to other files: one old call without a pair, and new ones, all alike."""
    old = [file for file in watched for pair in file.pairs if not pair.parts]
    new = [
        Elsewhere(file.change.name, file.new_calls[index], file.new_numbers[index])
        for file in watched
        for index in file.unmatched_new
    ]
    alike = len({(there.call.function, there.call.text) for there in new}) == 1
    if len(old) != 1 or not alike or any(file.change.by_hand for file in watched):
        return watched
    return [
        replace(file, elsewhere=tuple(new) if file is old[0] else (), unmatched_new=())
        for file in watched
    ]


def _migrated_calls(
    change: FileChange, old_text: bytes, new_text: bytes
) -> tuple[list[Call], list[tuple[int, int] | None]]:
    if not change.by_hand:
        kept = [result for result in change.results if result.outcome is Outcome.MIGRATED]
        places = [(result.site.line, result.site.column) for result in kept]
        return calls_at(old_text, places), [result.new_lines for result in kept]
    calls = old_calls(old_text)
    left = Counter((call.function, call.text) for call in old_calls(new_text))
    gone: list[Call] = []
    for call in calls:
        key = (call.function, call.text)
        if left[key]:
            left[key] -= 1
        else:
            gone.append(call)
    return gone, [None] * len(gone)


def line_table(old: bytes, new: bytes) -> tuple[int, ...]:
    """For each line of ``new`` the 1-based line of ``old`` that it came from, indented or not."""
    before = [line.strip() for line in old.splitlines()]
    after = [line.strip() for line in new.splitlines()]
    table: list[int] = [0] * len(after)
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    for tag, old_start, old_stop, new_start, new_stop in matcher.get_opcodes():
        for line in range(new_start, new_stop):
            if tag == "equal":
                table[line] = old_start + line - new_start + 1
            else:
                table[line] = min(old_start + line - new_start, max(old_stop - 1, old_start)) + 1
    return tuple(table)


def marked(text: bytes, calls: tuple[Call, ...], numbers: tuple[int, ...]) -> bytes:
    """The file with every watched callee wrapped; lines stay where they are."""
    source = decode(text)
    utf8 = source.text.encode("utf-8")
    edits: list[tuple[int, bytes]] = []
    for call, number in zip(calls, numbers, strict=True):
        edits.append((call.end, b")"))
        edits.append((call.start, b"__tape_migrate__(%d, " % number))
    # Of edits at one place the closing of an inner callee comes first.
    for offset, piece in sorted(edits, key=lambda edit: edit[0], reverse=True):
        utf8 = utf8[:offset] + piece + utf8[offset:]
    return source.encode(utf8.decode("utf-8"))


def _utf8(text: bytes) -> bytes:
    return decode(text).text.encode("utf-8")
