"""Measure several commands against one another: interleaved, medians, ratios."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.benchmarks.measure import Run, run


@dataclass(frozen=True)
class Command:
    """A command to be measured. ``codes`` are the exit codes it may end with."""

    words: Sequence[str | Path]
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None
    codes: frozenset[int] = frozenset({0})
    prepare: Callable[[], None] | None = None
    """Called before each run, outside of what is measured."""


@dataclass(frozen=True)
class Cost:
    """Medians over the rounds (seconds), and the highest peak (bytes)."""

    wall: float
    cpu: float
    peak: int

    def beyond(self, start: Cost) -> Cost:
        """What is left of this cost without ``start``, the same command's on nothing."""
        return Cost(max(self.wall - start.wall, 0.0), max(self.cpu - start.cpu, 0.0), self.peak)


class CommandError(Exception):
    """A measured command ended with an exit code that it should not end with."""


def interleave(commands: Mapping[str, Command], rounds: int) -> dict[str, Cost]:
    """Run every command once for warmth, then ``rounds`` times, taking turns.

    Taking turns, and starting each round with another command, spreads whatever else the
    machine is doing evenly. The run for warmth also leaves byte code of all that is imported, as
    an installation has it, whatever the environment says of that. Raises ``CommandError``.
    """
    names = list(commands)
    runs: dict[str, list[Run]] = {name: [] for name in names}
    with tempfile.TemporaryDirectory(prefix="tape-migrate-bench-") as folder:
        env = compiled(folder)
        for turn in range(rounds + 1):
            shift = turn % len(names)
            for name in names[shift:] + names[:shift]:
                done = _checked(name, commands[name], env)
                if turn:
                    runs[name].append(done)
    return {
        name: Cost(
            statistics.median(r.wall for r in found),
            statistics.median(r.cpu for r in found),
            max(r.peak for r in found),
        )
        for name, found in runs.items()
    }


def compiled(folder: str) -> dict[str, str]:
    """Have Python keep the byte code of what it imports in ``folder``."""
    return {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": folder}


def _checked(name: str, command: Command, env: Mapping[str, str]) -> Run:
    if command.prepare is not None:
        command.prepare()
    done = run(command.words, env={**env, **command.env}, cwd=command.cwd)
    if done.exit_code not in command.codes:
        said = (done.stdout + done.stderr).decode("utf-8", "replace").splitlines()[-8:]
        raise CommandError(f"{name} ended with {done.exit_code}:\n" + "\n".join(said))
    return done


@dataclass(frozen=True)
class Row:
    """One line of the benchmarks' table."""

    benchmark: str
    against: str
    target: float | None
    """The ratio, or for memory the number of MB, not to be exceeded; None: for information."""
    reached: float | None
    """Ratio of wall time (or MB); None if it was not run."""
    cpu_ratio: float | None = None
    ours: str = ""
    theirs: str = ""
    not_run: str = ""
    """Why there is no number."""

    @property
    def verdict(self) -> str:
        """``met``, ``MISSED``, empty for a row of information, or why it was not run."""
        if self.not_run:
            return f"not run: {self.not_run}"
        if self.target is None or self.reached is None:
            return ""
        return "met" if self.reached <= self.target else "MISSED"


def ratio_row(benchmark: str, against: str, target: float | None, ours: Cost, theirs: Cost) -> Row:
    """Ours by theirs, in wall and in processor time."""
    return Row(
        benchmark,
        against,
        target,
        ours.wall / max(theirs.wall, 1e-9),
        ours.cpu / max(theirs.cpu, 1e-9),
        f"{ours.wall * 1000:.0f} ms",
        f"{theirs.wall * 1000:.0f} ms",
    )
