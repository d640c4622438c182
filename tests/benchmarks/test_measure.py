"""Costs of a child are its own."""

from __future__ import annotations

import sys

import pytest

from tests.benchmarks.measure import run


def test_output_exit_code_and_environment() -> None:
    code = "import os, sys; print(os.environ['WORD']); print('e', file=sys.stderr); sys.exit(7)"
    done = run([sys.executable, "-c", code], env={"WORD": "hello"})
    assert (done.exit_code, done.stdout.strip(), done.stderr.strip()) == (7, b"hello", b"e")


def test_processor_time_and_memory_are_the_childs() -> None:
    idle = run([sys.executable, "-c", "import time; time.sleep(0.3)"])
    assert idle.wall >= 0.3 > idle.cpu
    big = run([sys.executable, "-c", "x = b'1' * 150_000_000"])
    assert big.peak > 150_000_000 > idle.peak


def test_a_missing_program_is_told() -> None:
    with pytest.raises(FileNotFoundError):
        run(["no-such-program-as-this"])
