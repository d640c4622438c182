"""Choose neighbours for the tests: such as notice a fault in the engine that the chosen do not.

For random mutants of ``tests/mutation``, neighbours of programs that execute the line are drawn
until one of them comes out otherwise under the mutant.
"""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType

import tape_migrate
from tape_migrate.api import migrate_source
from tests.mutation.mutants import Mutant, mutants_below
from tests.mutation.patching import Key, lines_of, live_functions, put_in, stands_in_a_function
from tests.mutation.recording import Line, executed

from .chosen import DATA, chosen, read, write
from .making import Neighbour, bases, draw, migration_of, said

PACKAGE = Path(tape_migrate.__file__).parent
ROOMS = ("shapes", "flow", "edits")
_KNOWN_TRIES = 12
_LIMIT_S = 60


def choose(count: int, seed: int, tries: int = 10) -> Iterator[tuple[Mutant, Neighbour | None]]:
    """Try ``count`` mutants; what notices one is added to the data, None where nothing did."""
    rng = random.Random(seed)
    sample = rng.sample(mutants_below(PACKAGE, ROOMS), count)
    executing = _executing()
    functions = live_functions(PACKAGE)
    known: dict[str, list[Neighbour]] = {}
    for neighbour in chosen():
        known.setdefault(neighbour.case, []).append(neighbour)
    for mutant in sample:
        source = (PACKAGE / mutant.path).read_bytes()
        lines = [(str(PACKAGE / mutant.path), line) for line in lines_of(mutant, source)]
        programs = sorted({name for line in lines for name in executing.get(line, ())})
        if not programs or not stands_in_a_function(mutant, source):
            continue
        old = [neighbour for name in programs for neighbour in known.get(name, ())]
        new = [draw(rng, rng.choice(programs)) for _ in range(tries)]
        tried = [*rng.sample(old, min(len(old), _KNOWN_TRIES)), *filter(None, new)]
        found = _first_to_notice(mutant, tried, functions)
        if found is not None and found not in old:
            known.setdefault(found.case, []).append(found)
            path = DATA / f"{found.case.partition('/')[0]}.tsv"
            expected = read(path) if path.exists() else {}
            write(path, {**expected, found: said(migration_of(found))})
        yield mutant, found


def _executing() -> dict[Line, list[str]]:
    """The programs that execute each line, before anything is varied."""
    found: dict[Line, list[str]] = {}
    for name, base in bases().items():
        with executed([PACKAGE / room for room in ROOMS]) as lines:
            migrate_source(base.text.encode(), base.options)
        for line in lines:
            found.setdefault(line, []).append(name)
    return found


def _first_to_notice(
    mutant: Mutant, neighbours: list[Neighbour], functions: dict[Key, list[FunctionType]]
) -> Neighbour | None:
    """The first that comes out otherwise in a process in which the engine has the fault."""
    expected = [said(migration_of(neighbour)) for neighbour in neighbours]
    reader, writer = os.pipe()
    if not os.fork():
        try:
            signal.alarm(_LIMIT_S)
            put_in(mutant, PACKAGE, functions)
            for number, neighbour in enumerate(neighbours):
                try:
                    noticed = said(migration_of(neighbour)) != expected[number]
                except Exception:
                    noticed = True
                if noticed:
                    os.write(writer, str(number).encode())
                    break
        except (SyntaxError, ValueError, LookupError):
            pass
        finally:
            os._exit(0)
    os.close(writer)
    with open(reader, encoding="ascii") as answer:
        first = answer.read()
    os.wait()
    return neighbours[int(first)] if first else None
