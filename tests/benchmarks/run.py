"""Measure speed and memory against other programs, all in one run, and print ratios.

    python tests/benchmarks/run.py [--rounds N] [--only NAME] [--cache DIR] [--json FILE]

Every comparison takes turns between its commands and compares medians, so it means something
on any machine. What needs a program or archives that are not there says ``not run``. With
``--check`` the exit code is 1 if a target was missed.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[2])
    raise SystemExit(importlib.import_module("tests.benchmarks.main").main())
