"""Choose neighbours for the tests: such as notice a fault in the engine that nothing else does.

For random mutants of ``tests/mutation``, the programs of the tests that execute the line are tried
first, and the neighbours that were chosen before; then new neighbours of those programs are drawn
until one comes out otherwise under the mutant.
"""

from __future__ import annotations

import enum
import multiprocessing
import os
import random
import signal
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TypeVar

import tape_migrate
from tests.mutation.mutants import Mutant, mutants_below
from tests.mutation.patching import lines_of, live_functions, put_in, stands_in_a_function
from tests.mutation.recording import record

from .chosen import DATA, chosen, read, write
from .making import Neighbour, bases, draw, migrations_of, migrations_of_base, said

PACKAGE = Path(tape_migrate.__file__).parent
ROOMS = ("shapes", "flow", "edits")
_LIMIT_S = 20.0
"""For what is known, and once more for what is new."""
_ONE_LIMIT_S = 5.0
"""CPU time after which a program under a mutant does not come to its end."""
_AT_ONCE = 50
_BASES = 16
_DRAWN = 96
_One = TypeVar("_One", str, Neighbour)


class Notice(enum.Enum):
    """Who notices a mutant."""

    KNOWN = "noticed already"
    NEW = "noticed by"
    NOBODY = "nothing notices it"
    UNREACHED = "no program executes it"


@dataclass(frozen=True)
class Tried:
    """What became of one mutant; ``neighbour`` is the new one that notices it."""

    mutant: Mutant
    notice: Notice
    neighbour: Neighbour | None = None

    def __str__(self) -> str:
        name = f" {self.neighbour.case} {self.neighbour}" if self.neighbour else ""
        return f"{self.mutant}: {self.notice.value}{name}"


def choose(count: int, seed: int, only: tuple[str, ...], workers: int) -> Iterator[Tried]:
    """Try ``count`` mutants of modules that begin with ``only``; the data get what is new."""
    everything = [m for m in mutants_below(PACKAGE, ROOMS) if m.path.startswith(only)]
    sample = random.Random(seed).sample(everything, min(count, len(everything)))
    _Chooser.inherited = _Chooser()
    fork = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(workers, mp_context=fork) as pool:
        for tried in pool.map(_attempt, sample):
            if tried is None:
                continue
            if (found := tried.neighbour) is not None:
                path = DATA / f"{found.case.partition('/')[0]}.tsv"
                expected = read(path) if path.exists() else {}
                write(path, {**expected, found: said(migrations_of(found))})
            yield tried


def _attempt(mutant: Mutant) -> Tried | None:
    assert _Chooser.inherited is not None
    return _Chooser.inherited.attempt(mutant)


class _Chooser:
    inherited: _Chooser | None = None
    """Of the process from which those fork that try mutants."""

    def __init__(self) -> None:
        self._names = sorted(bases())
        folders = [PACKAGE / room for room in ROOMS]

        def run(number: int) -> None:
            migrations_of_base(self._names[number])

        self._executing = record(len(self._names), folders, run).tests
        self._functions = live_functions(PACKAGE)
        self._known: dict[str, list[Neighbour]] = {}
        for neighbour in chosen():
            self._known.setdefault(neighbour.case, []).append(neighbour)
        self._said: dict[str | Neighbour, str] = {}
        """What becomes of each without a fault."""

    def attempt(self, mutant: Mutant) -> Tried | None:
        """None for a mutant that cannot be put into a process that runs."""
        source = (PACKAGE / mutant.path).read_bytes()
        if not stands_in_a_function(mutant, source):
            return None
        lines = [(str(PACKAGE / mutant.path), line) for line in lines_of(mutant, source)]
        numbers = sorted({number for line in lines for number in self._executing.get(line, ())})
        if not numbers:
            return Tried(mutant, Notice.UNREACHED)
        rng = random.Random(str(mutant))
        names = [self._names[number] for number in numbers]
        rng.shuffle(names)
        if self._first_to_notice(mutant, names) is not None:
            return Tried(mutant, Notice.KNOWN)
        known = [neighbour for name in names for neighbour in self._known.get(name, ())]
        if self._first_to_notice(mutant, known) is not None:
            return Tried(mutant, Notice.KNOWN)
        some = names[:_BASES]
        drawn = [draw(rng, name) for name in some for _ in range(_DRAWN // len(some))]
        found = self._first_to_notice(mutant, list(dict.fromkeys(filter(None, drawn))))
        return Tried(mutant, Notice.NEW if found else Notice.NOBODY, found)

    def _first_to_notice(self, mutant: Mutant, tried: Sequence[_One]) -> _One | None:
        """The first that comes out otherwise in a process in which the engine has the fault."""
        until, first, count = time.monotonic() + _LIMIT_S, 0, _AT_ONCE
        while first < len(tried) and time.monotonic() < until:
            some = tried[first : first + count]
            expected = [self._expected(one) for one in some]
            reader, writer = os.pipe()
            if not os.fork():
                try:
                    self._notice(mutant, some, expected, writer)
                finally:
                    os._exit(0)
            os.close(writer)
            with open(reader, encoding="ascii") as answer:
                number = answer.read()
            os.wait()
            if number:
                return some[int(number)]
            first, count = first + count, 2 * count
        return None

    def _notice(
        self, mutant: Mutant, tried: Sequence[str | Neighbour], expected: list[str], writer: int
    ) -> None:
        """Write the number of the first that is not as expected."""
        number = 0

        def answer(_signal: int = 0, _frame: FrameType | None = None) -> None:
            os.write(writer, str(number).encode())
            os._exit(0)

        signal.signal(signal.SIGPROF, answer)
        try:
            put_in(mutant, PACKAGE, self._functions)
        except (SyntaxError, ValueError, LookupError):
            return
        for number, one in enumerate(tried):
            signal.setitimer(signal.ITIMER_PROF, _ONE_LIMIT_S)
            try:
                noticed = _of(one) != expected[number]
            except Exception:
                noticed = True
            if noticed:
                answer()

    def _expected(self, one: str | Neighbour) -> str:
        if one not in self._said:
            self._said[one] = _of(one)
        return self._said[one]


def _of(one: str | Neighbour) -> str:
    return said(migrations_of(one) if isinstance(one, Neighbour) else migrations_of_base(one))
