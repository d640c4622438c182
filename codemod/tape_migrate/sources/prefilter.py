"""The first look at a file: bytes only, so that files without the words cost next to nothing."""

from __future__ import annotations

import marshal
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass

from tape_migrate.sources.search import Contains, searcher

WORDS = (b"gradients", b"hessians", b"batch_jacobian", b"enable_eager_execution")
"""A gradient call cannot be spelled without one of these (also not ``get_gradients``, …), nor can
an optimizer's ``minimize`` raise for a tensor without the last."""

_BUFFER_BYTES = 1 << 20
_BATCH_BYTES = 1 << 18
"""A batch is searched once it is this long, so that most files fit behind it."""
_FILES_PER_PROCESS = 1000
_MAX_PROCESSES = 4
_MANY_FILES = 2000


@dataclass(frozen=True)
class Hits:
    """What the first look found, as positions in the list of files it was given."""

    hits: tuple[int, ...]
    failures: tuple[tuple[int, str], ...]
    """Files that could not be read, with the reason."""


def may_hold_calls(data: bytes, words: Sequence[bytes] = WORDS) -> bool:
    """Say whether these bytes could hold a gradient call at all (or hold any of other words)."""
    return any(word in data for word in words)


def read_file(path: str) -> bytes:
    """Read a whole file; raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        chunks = []
        while chunk := os.read(descriptor, 1 << 20):
            chunks.append(chunk)
        return b"".join(chunks)
    finally:
        os.close(descriptor)


def find_hits(files: Sequence[str], words: Sequence[bytes] = WORDS) -> Hits:
    """Find the files that could hold a gradient call (or hold any of other words).

    Large trees are shared out over forked processes: searching holds the interpreter's lock,
    so threads would gain nothing, and a fork of this small program costs a millisecond.
    """
    processes = min(_MAX_PROCESSES, _usable_cpus(), 1 + len(files) // _FILES_PER_PROCESS)
    if processes < 2 or not hasattr(os, "fork") or threading.active_count() > 1:
        hits, failures = _scan(files, 0, 1, words)
    else:
        hits, failures = _scan_forked(files, processes, words)
    return Hits(tuple(sorted(hits)), tuple(sorted(failures)))


def _usable_cpus() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


_Found = tuple[list[int], list[tuple[int, str]]]


def _scan(files: Sequence[str], first: int, step: int, words: Sequence[bytes] = WORDS) -> _Found:
    """Look at every ``step``-th file from ``first`` on."""
    hits: list[int] = []
    failures: list[tuple[int, str]] = []
    indices = range(first, len(files), step)
    if hasattr(os, "readv"):
        _scan_batches(files, indices, words, hits, failures)
        return hits, failures
    for index in indices:
        try:
            if may_hold_calls(read_file(files[index]), words):
                hits.append(index)
        except OSError as error:
            failures.append((index, error.strerror or str(error)))
    return hits, failures


def _scan_batches(
    files: Sequence[str],
    indices: range,
    words: Sequence[bytes],
    hits: list[int],
    failures: list[tuple[int, str]],
) -> None:
    """Read files one behind the other into one buffer and search it when it is full.

    One buffer saves allocating, it stays in the processor's cache, and one long search is
    faster than many short ones.
    """
    buffer = bytearray(_BUFFER_BYTES)
    view = memoryview(buffer)
    contains = searcher(buffer, much=len(indices) >= _MANY_FILES)
    probe = [bytearray(1)]
    batch: list[tuple[int, int, int]] = []
    end = 0
    open_, readv, close = os.open, os.readv, os.close
    for index in indices:
        if end > _BATCH_BYTES:
            hits += _search(contains, words, batch, end)
            batch.clear()
            end = 0
        try:
            descriptor = open_(files[index], os.O_RDONLY)
            try:
                size = readv(descriptor, [view[end:]])
                # Not everything came: a large file, or a file system that hands out less.
                more = readv(descriptor, probe)
            finally:
                close(descriptor)
            if more:
                if may_hold_calls(read_file(files[index]), words):
                    hits.append(index)
            else:
                batch.append((index, end, end + size))
                end += size
        except OSError as error:
            failures.append((index, error.strerror or str(error)))
    hits += _search(contains, words, batch, end)


def _search(
    contains: Contains, words: Sequence[bytes], batch: list[tuple[int, int, int]], end: int
) -> list[int]:
    """Return the files of a batch, given as (index, start, stop), that hold one of the words."""
    there = [word for word in words if contains(word, 0, end)]
    return [
        index
        for index, start, stop in (batch if there else ())
        if any(contains(word, start, stop) for word in there)
    ]


def _scan_forked(files: Sequence[str], processes: int, words: Sequence[bytes] = WORDS) -> _Found:
    """Share the files out; what a child could not do is done here."""
    children = [_fork_scan(files, share, processes, words) for share in range(1, processes)]
    try:
        hits, failures = _scan(files, 0, processes, words)
        for share, (_, pipe) in enumerate(children, start=1):
            found = _receive(pipe)
            if found is None:
                found = _scan(files, share, processes, words)
            hits += found[0]
            failures += found[1]
    finally:
        for pid, pipe in children:
            os.close(pipe)
            os.waitpid(pid, 0)
    return hits, failures


def _fork_scan(
    files: Sequence[str], share: int, processes: int, words: Sequence[bytes]
) -> tuple[int, int]:
    """Start a child on its share; return its process id and the pipe its findings come from."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writing)
        return pid, reading
    try:
        # Whatever goes wrong here, the parent sees a short message and does the share itself.
        payload = memoryview(marshal.dumps(_scan(files, share, processes, words)))
        while payload:
            payload = payload[os.write(writing, payload) :]
    finally:
        os._exit(0)


def _receive(pipe: int) -> _Found | None:
    """Read a child's findings; None if it did not get to the end of them."""
    chunks = []
    while chunk := os.read(pipe, 1 << 16):
        chunks.append(chunk)
    try:
        found: _Found = marshal.loads(b"".join(chunks))
    except (EOFError, ValueError, TypeError):
        return None
    return found
