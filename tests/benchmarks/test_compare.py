"""Ratios are of medians, and failing commands are never measured."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.benchmarks.compare import Command, CommandError, Cost, Row, interleave, ratio_row


def test_every_command_runs_once_more_than_the_rounds(tmp_path: Path) -> None:
    log = tmp_path / "log"
    code = "import sys; open(sys.argv[1], 'a').write(sys.argv[2])"
    commands = {n: Command([sys.executable, "-c", code, log, n]) for n in "ab"}
    costs = interleave(commands, 3)
    assert log.read_text(encoding="utf-8") == "abbaabba"
    assert all(cost.wall > 0 and cost.peak > 1_000_000 for cost in costs.values())


def test_a_failing_command_is_told() -> None:
    command = Command([sys.executable, "-c", "import sys; sys.exit('went wrong')"])
    with pytest.raises(CommandError, match=r"it ended with 1:\nwent wrong"):
        interleave({"it": command}, 1)
    assert interleave({"it": Command(command.words, codes=frozenset({1}))}, 1)["it"].wall > 0


def test_verdicts() -> None:
    ours, theirs = Cost(0.2, 0.1, 10), Cost(0.1, 0.2, 20)
    row = ratio_row("b", "a", 1.9, ours, theirs)
    assert (row.reached, row.cpu_ratio, row.verdict) == (2.0, 0.5, "MISSED")
    assert ratio_row("b", "a", 2.0, ours, theirs).verdict == "met"
    assert ratio_row("b", "a", None, ours, theirs).verdict == ""
    assert Row("b", "a", 1.0, None, not_run="no tool").verdict == "not run: no tool"


def test_beyond_takes_the_start_away_and_never_goes_below_nothing() -> None:
    left = Cost(1.0, 0.5, 10).beyond(Cost(0.75, 0.75, 5))
    assert left == Cost(0.25, 0.0, 10)


def test_prepare_comes_before_every_run(tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = Command(
        [sys.executable, "-c", "import os, sys; os.mkdir(sys.argv[1])", out],
        prepare=lambda: out.rmdir() if out.exists() else None,
    )
    interleave({"mkdir": command}, 2)
    assert out.is_dir()
