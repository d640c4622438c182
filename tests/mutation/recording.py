"""Which test executes which line: a mutant is shown to those tests only."""

from __future__ import annotations

import gc
import os
import pickle
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import _lru_cache_wrapper
from pathlib import Path
from typing import Any

import coverage

Line = tuple[str, int]
"""A file's path and a 1-based line."""


@dataclass(frozen=True)
class Recording:
    """``tests``: the numbers of those that execute a line; ``cost_s``: the CPU time of each.

    ``faults``: what failed although nothing is wrong.
    """

    tests: dict[Line, tuple[int, ...]]
    cost_s: tuple[float, ...]
    faults: dict[int, str]


@contextmanager
def executed(folders: list[Path]) -> Iterator[set[Line]]:
    """The lines below some folders that are executed meanwhile; filled at the end."""
    lines: set[Line] = set()
    tracer = _tracer(folders)
    tracer.start()
    try:
        yield lines
    finally:
        tracer.stop()
        data = tracer.get_data()
        for name in data.measured_files():
            lines.update((name, line) for line in data.lines(name) or ())


def record(count: int, folders: list[Path], run: Callable[[int], object]) -> Recording:
    """Run each of ``count`` tests once, in a process of its own, which leaves this one as it was.

    Raises:
        RuntimeError: that process did not come to its end.
    """
    with tempfile.NamedTemporaryFile() as out:
        pid = os.fork()
        if not pid:
            Path(out.name).write_bytes(pickle.dumps(_record(count, folders, run)))
            os._exit(0)
        if os.waitpid(pid, 0)[1]:
            raise RuntimeError("the tests could not be recorded")
        found: Recording = pickle.loads(Path(out.name).read_bytes())
    return found


def _record(count: int, folders: list[Path], run: Callable[[int], object]) -> Recording:
    tracer = _tracer(folders)
    tracer.start()
    cost_s = []
    faults = {}
    caches = _caches()
    for number in range(count):
        for cache in caches:
            cache.cache_clear()
        tracer.switch_context(str(number))
        begin = time.process_time()
        fault = run(number)
        cost_s.append(time.process_time() - begin)
        if fault:
            faults[number] = str(fault)
    tracer.stop()
    data = tracer.get_data()
    tests = {
        (name, line): tuple(sorted(int(context) for context in contexts if context))
        for name in data.measured_files()
        for line, contexts in data.contexts_by_lineno(name).items()
    }
    return Recording(tests, tuple(cost_s), faults)


def _tracer(folders: list[Path]) -> coverage.Coverage:
    include = [f"{folder}/*" for folder in folders]
    return coverage.Coverage(data_file=None, config_file=False, include=include, messages=False)


def _caches() -> list[_lru_cache_wrapper[Any]]:
    """What was computed for one test would not be executed for the next: so it is forgotten."""
    return [
        found
        for found in gc.get_objects()
        if isinstance(found, _lru_cache_wrapper) and found.__module__.startswith("tape_migrate")
    ]
