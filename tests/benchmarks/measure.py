"""Run a command as a child process and say what it cost: wall time, CPU time, memory.

Needs a POSIX system: only there a parent is told what one child used.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Run:
    """What one finished child process did and cost, with all processes it waited for."""

    exit_code: int
    wall: float
    """Seconds from start to end."""
    cpu: float
    """Seconds of processor time, user and system."""
    peak: int
    """Largest resident set, in bytes (of the biggest single process)."""
    stdout: bytes
    stderr: bytes


def run(
    command: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> Run:
    """Run ``command`` to its end. ``env`` is added to this process's environment.

    The output goes through files, so that a slow reader cannot slow the child down.
    Raises ``FileNotFoundError`` if there is no such program.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        start = time.perf_counter()
        child = subprocess.Popen(
            [os.fspath(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            cwd=cwd,
            env={**os.environ, **(env or {})},
        )
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - start
        # The child is reaped: tell Popen, or it would wait for a process that is gone.
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        return Run(
            exit_code=child.returncode,
            wall=wall,
            cpu=usage.ru_utime + usage.ru_stime,
            peak=usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
            stdout=out.read(),
            stderr=err.read(),
        )
