"""Read the programs under ``data/``: odd but valid code around gradient calls.

A file holds programs, each headed by ``=== name: outcomes`` with one word a call, in source order:
``migrated``, the code of a refusal, or ``untouched`` where there is no call of TensorFlow's;
``(eager)`` after them where AutoGraph misreads the program, so that it is not run under
``tf.function``. Each
defines ``main(x, z)`` for two float32 vectors of three elements; ``tensorflow`` is imported as
``tf`` in front of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

_DATA = Path(__file__).parent / "data"
_HEADER = re.compile(r"^=== (\w+): ([\w ]+?)( \(eager\))?\n", re.MULTILINE)
IMPORT = "import tensorflow as tf\n\n\n"


@dataclass(frozen=True)
class Program:
    """One program and what must become of its gradient calls."""

    name: str
    outcomes: tuple[str, ...]
    """One word a call; empty where no call is TensorFlow's."""
    text: str
    modes: tuple[str, ...] = ("eager", "tf.function", "graph")

    @property
    def source(self) -> bytes:
        return (IMPORT + self.text).encode()


def read_programs(theme: str) -> list[Program]:
    """The programs of ``data/<theme>.txt``, in their order."""
    parts = _HEADER.split((_DATA / f"{theme}.txt").read_text(encoding="utf-8"))
    assert not parts[0].strip(), "text before the first header"
    programs = []
    for name, outcomes, eager, text in zip(*(parts[n::4] for n in range(1, 5)), strict=True):
        words = () if outcomes == "untouched" else tuple(outcomes.split())
        program = Program(name, words, text)
        programs.append(replace(program, modes=("eager",)) if eager else program)
    names = [program.name for program in programs]
    assert len(set(names)) == len(names), "two programs have the same name"
    return programs
