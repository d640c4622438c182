"""What all benchmarks are told, and the command that they measure."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.compare import Command
from tests.corpus.tool import environment

HERE = Path(__file__).resolve().parent
PYTHON = sys.executable


@dataclass(frozen=True)
class Setting:
    """What all benchmarks are told."""

    rounds: int
    files: int
    """How many files the tree without hits has."""
    cache: Path
    """Folder with the archives of the corpus."""


def tool(*words: str | Path, codes: frozenset[int] = frozenset({0, 3})) -> Command:
    """The tool's own command line."""
    return Command([PYTHON, "-m", "tape_migrate", *words], environment(), codes=codes)


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="tape-migrate-bench-") as folder:
        yield Path(folder).resolve()
