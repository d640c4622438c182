"""Look for programs that come out wrong: hypothesis generates, batch by batch."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.fuzz.checking import Checked, Verdict, check_program
from tests.fuzz.coverage import Table
from tests.fuzz.generate import draw, draw_tensors
from tests.fuzz.keepers import draw_keepers
from tests.fuzz.keras_graphs import draw_keras
from tests.fuzz.libraries import draw_library
from tests.fuzz.program import FOUND, NO_FLAG, Program
from tests.fuzz.projects import draw_project
from tests.fuzz.shrink import shrink
from tests.fuzz.traps import draw_trap

_BATCH = 100

_randoms = st.randoms(use_true_random=True)
programs = _randoms.map(draw)
"""Programs of all kinds. hypothesis chooses where the random numbers begin: were it to make every
choice, the programs would be much alike; ``shrink`` makes them small."""

KINDS = {
    "all": draw,
    "keepers": draw_keepers,
    "keras": draw_keras,
    "libraries": draw_library,
    "projects": draw_project,
    "tensors": draw_tensors,
    "traps": draw_trap,
}
"""What can be looked at by itself."""


@dataclass(frozen=True)
class Finding:
    """A program that comes out wrong, as small as it was made."""

    program: Program
    checked: Checked
    batch: int


def hunt(
    first: int, *, budget: float, count: int, table: Table, kind: str = "all"
) -> Iterator[Finding]:
    """Check programs for ``budget`` seconds, or until ``count`` are done; yield what is wrong.

    ``first`` numbers the first batch: the same numbers give the same programs. Every program is
    counted in ``table`` (those that are tried to make one smaller are not). ``kind`` is one of
    ``KINDS``.
    """
    end = time.monotonic() + budget
    batch = first
    while time.monotonic() < end and table.programs < count:
        for finding in _run_batch(
            batch, min(_BATCH, count - table.programs), end, table, _randoms.map(KINDS[kind])
        ):
            small, checked = shrink(finding.program, finding.checked)
            yield Finding(small, checked, batch)
        batch += 1


def _run_batch(
    number: int, size: int, end: float, table: Table, drawn: st.SearchStrategy[Program]
) -> list[Finding]:
    found: list[tuple[Program, Checked]] = []

    @seed(number)
    @settings(
        max_examples=size,
        deadline=None,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(drawn)
    def check(program: Program) -> None:
        if time.monotonic() > end:
            return
        checked = check_program(program)
        table.add(program, checked)
        if checked.verdict is Verdict.WRONG:
            found.append((program, checked))

    check()
    return [Finding(program, checked, number) for program, checked in found]


def save(finding: Finding, folder: Path = FOUND) -> Path:
    """Write a finding's program into ``folder``, to be mended and then kept by the tests."""
    folder.mkdir(parents=True, exist_ok=True)
    number = 0
    while (path := folder / f"batch_{finding.batch}_{number}.py").exists():
        number += 1
    flag = "" if finding.program.flag else NO_FLAG
    texts = [f"# expect: {Verdict.EQUAL.value}{flag}\n", finding.program.source]
    for name, text in finding.program.helpers.items():
        texts.append(f"# --- {name}.py\n{text}")
    path.write_text("".join(texts))
    return path
