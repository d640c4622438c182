"""A pytest plugin: instead of running the tests once, try one mutant after the other on them.

The tests are collected once and run once, to see which executes which line. For each mutant this
process forks: the child puts the mutant into the engine as it is imported (``patching.py``), runs
the tests that execute the line, cheap ones first, and ends at the first that fails. Tests that
start TensorFlow are left out, and so are some that do again for every fixture what is dear.

A mutant of code that is executed when a module is imported cannot be put in like that: it is handed
back as one to be tried in a fresh process, with a file that names the tests to be run there: those
that use what the code made (``import_time.py``).
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import pkgutil
import resource
import signal
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from itertools import zip_longest
from pathlib import Path
from types import FrameType, FunctionType

import pytest

import tape_migrate
from tests.mutation.import_time import using_lines
from tests.mutation.mutants import Mutant
from tests.mutation.patching import Key, lines_of, live_functions, put_in, stands_in_a_function
from tests.mutation.recording import Line, executed, record

PACKAGE = Path(tape_migrate.__file__).parent
ROOMS = [PACKAGE / room for room in ("shapes", "flow", "edits")]
_REPEATED = (
    "test_a_second_run_changes_nothing",
    "test_annotations_only_add_comments",
    "test_every_site_has_one_outcome",
    "test_new_lines_hold_the_tape_and_the_gradient",
    "test_output_parses",
)
"""Of all fixtures: what these notice, the text and the outcome have nearly always shown."""
_TENSORFLOW = {"verifier", "other_verifier", "proofs"}
_MEMORY = 6 << 30
_ITEM_LIMIT_S = 5.0


@dataclass(frozen=True)
class Tried:
    """What became of the mutant of a ``number``; ``killed`` says who noticed, None if nobody did.

    ``tests``: how many execute its line. ``fresh``: a file that names tests for a fresh process.
    """

    number: int
    killed: str | None = None
    tests: int = 0
    fresh: str = ""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Where the mutants come from, and where the answers go."""
    group = parser.getgroup("mutants")
    group.addoption("--mutants", type=Path, metavar="FILE", help="JSON: a list of mutants")
    group.addoption("--answers", type=int, metavar="FD", help="a line of JSON for each mutant")
    group.addoption("--forks", type=int, default=1, help="how many mutants at the same time")
    group.addoption("--chosen", type=Path, metavar="FILE", help="JSON: the tests to run, in order")


def pytest_configure(config: pytest.Config) -> None:
    """Import the engine under the eyes of the tracer, before any test module does."""
    if config.getoption("mutants") is not None:
        config.pluginmanager.register(_Session(config))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what no mutant should wait for."""
    dear = [item for item in items if _is_dear(item)]
    config.hook.pytest_deselected(items=dear)
    items[:] = [item for item in items if not _is_dear(item)]
    if (chosen := config.getoption("chosen")) is not None:
        by_id = {item.nodeid: item for item in items}
        items[:] = [by_id[one] for one in json.loads(chosen.read_text(encoding="utf-8"))["tests"]]


def _is_dear(item: pytest.Item) -> bool:
    asked = set(getattr(item, "fixturenames", ()))
    return bool(asked & _TENSORFLOW) or getattr(item, "originalname", "") in _REPEATED


def _of_one_case(items: list[pytest.Item]) -> dict[int, list[int]]:
    """The tests of each fixture: all look at what the engine did once, for the first of them."""
    cases: dict[str, list[int]] = {}
    for number, item in enumerate(items):
        if item.path.name == "test_fixtures.py" and (spec := getattr(item, "callspec", None)):
            cases.setdefault(spec.id, []).append(number)
    return {number: numbers for numbers in cases.values() for number in numbers}


class _Session:
    """Runs in the place of pytest's own loop."""

    def __init__(self, config: pytest.Config) -> None:
        listed = json.loads(config.getoption("mutants").read_text(encoding="utf-8"))
        self._mutants = [Mutant(**one) for one in listed]
        self._folder: Path = config.getoption("mutants").parent
        self._answers: int = config.getoption("answers")
        self._forks: int = config.getoption("forks")
        self._failed: str | None = None
        self._functions: dict[Key, list[FunctionType]] = {}
        self._items: list[pytest.Item] = []
        with executed(ROOMS) as self._imported:
            for module in pkgutil.walk_packages([str(PACKAGE)], "tape_migrate."):
                if module.name.split(".")[1] in ("api", *(room.name for room in ROOMS)):
                    importlib.import_module(module.name)

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Try all mutants, after the engine as it is."""
        self._items = session.items
        sys.stdout.flush()
        self._recording = record(len(self._items), ROOMS, self._run)
        for fault in self._recording.faults.values():
            self._answer(Tried(-2, fault))
        self._functions = live_functions(PACKAGE)
        self._of_one_case = _of_one_case(self._items)
        gc.freeze()
        running = 0
        for number, mutant in enumerate([None, *self._mutants], -1):
            if running == self._forks:
                os.wait()
                running -= 1
            if not os.fork():
                self._in_child(number, mutant)
            running += 1
        for _ in range(running):
            os.wait()
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep what has failed."""
        if report.failed and self._failed is None:
            self._failed = f"{report.nodeid} {report.longreprtext[-100:]!r}"

    def _run(self, number: int, following: int | None = None) -> str | None:
        self._failed = None
        item = self._items[number]
        after = None if following is None else self._items[following]
        item.ihook.pytest_runtest_protocol(item=item, nextitem=after)
        return self._failed

    def _in_child(self, number: int, mutant: Mutant | None) -> None:
        """Answer, and end."""
        try:
            if mutant is None:
                tried = Tried(number, self._notice(number, set(range(len(self._items)))))
            else:
                tried = self._try(number, mutant)
            self._answer(tried)
        finally:
            os._exit(0)

    def _try(self, number: int, mutant: Mutant) -> Tried:
        path = PACKAGE / mutant.path
        source = path.read_bytes()
        lines = {(str(path), line) for line in lines_of(mutant, source)}
        if lines & self._imported or not stands_in_a_function(mutant, source):
            return self._for_fresh(number, mutant)
        try:
            put_in(mutant, PACKAGE, self._functions)
        except SyntaxError:
            return Tried(number, "does not parse")
        except (ValueError, LookupError):
            return self._for_fresh(number, mutant)
        chosen = self._executing(lines)
        return Tried(number, self._notice(number, chosen), len(chosen))

    def _executing(self, lines: Iterable[Line]) -> set[int]:
        """The tests that execute one of some lines."""
        chosen = {test for line in lines for test in self._recording.tests.get(line, ())}
        return chosen | {other for test in chosen for other in self._of_one_case.get(test, ())}

    def _for_fresh(self, number: int, mutant: Mutant) -> Tried:
        """Name the tests that use what the mutant is in; lines elsewhere were not recorded."""
        lines = using_lines(mutant, PACKAGE)
        recorded = tuple(f"{room}{os.sep}" for room in ROOMS)
        if all(path.startswith(recorded) for path, _ in lines):
            # Tests that execute nothing of the engine may look at what it made by themselves.
            busy = {test for tests in self._recording.tests.values() for test in tests}
            chosen = self._executing(lines) | (set(range(len(self._items))) - busy)
        else:
            chosen = set(range(len(self._items)))
        cost_s = self._recording.cost_s
        tests = sorted(chosen - set(self._recording.faults), key=lambda test: cost_s[test])
        named = {
            "tests": [self._items[test].nodeid for test in tests],
            "cost_s": sum(cost_s[test] for test in tests),
        }
        path = self._folder / f"fresh-{number}.json"
        path.write_text(json.dumps(named), encoding="utf-8")
        return Tried(number, None, len(tests), fresh=str(path))

    def _notice(self, number: int, tests: set[int]) -> str | None:
        """The first of some tests that fails, cheap ones first; not one that fails anyway."""
        cost_s = self._recording.cost_s
        chosen = sorted(tests - set(self._recording.faults), key=lambda test: cost_s[test])
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))

        def too_slow(_signal: int, _frame: FrameType | None) -> None:
            self._answer(Tried(number, f"too slow: {self._items[test].nodeid}", len(chosen)))
            os._exit(0)

        signal.signal(signal.SIGPROF, too_slow)
        for test, following in zip_longest(chosen, chosen[1:]):
            signal.setitimer(signal.ITIMER_PROF, _ITEM_LIMIT_S + 10 * cost_s[test])
            fault = self._run(test, following)
            if fault is not None:
                return fault
        return None

    def _answer(self, tried: Tried) -> None:
        os.write(self._answers, json.dumps(asdict(tried)).encode() + b"\n")
