"""Costs of a child are its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks.measure import run


def test_output_exit_code_and_environment() -> None:
    code = "import os, sys; print(os.environ['WORD']); print('e', file=sys.stderr); sys.exit(7)"
    done = run([sys.executable, "-c", code], env={"WORD": "hello"})
    assert (done.exit_code, done.stdout.strip(), done.stderr.strip()) == (7, b"hello", b"e")


_MEASURE = """
import sys
from tests.benchmarks.measure import run
idle = run([sys.executable, "-c", "import time; time.sleep(0.3)"])
big = run([sys.executable, "-c", "x = b'1' * 150_000_000"])
print(idle.wall, idle.cpu, idle.peak, big.peak)
"""


def test_processor_time_and_memory_are_the_childs() -> None:
    # From a small process: a child's peak counts what its parent held when it was started.
    done = subprocess.run(
        [sys.executable, "-c", _MEASURE],
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    wall, cpu, idle_peak, big_peak = map(float, done.stdout.split())
    assert wall >= 0.3 > cpu
    assert big_peak > 150_000_000 > idle_peak


def test_a_missing_program_is_told() -> None:
    with pytest.raises(FileNotFoundError):
        run(["no-such-program-as-this"])
