"""What is said of two sides beside the verdicts, from made-up runs; no TensorFlow is started."""

from __future__ import annotations

from typing import Any

from tape_migrate.verify.program.devices import ACROSS, Ran, _own, across
from tape_migrate.verify.program.outcome import DeviceProof, Finding, Judged, Tolerance
from tape_migrate.verify.program.prove import _not_the_same_input, _notes
from tape_migrate.verify.program.records import Recorded
from tape_migrate.verify.program.side import Setting, SideRun
from tape_migrate.verify.results import RunError


def side(recorded: Recorded | None = None, **more: Any) -> SideRun:
    return SideRun(Setting(), {}, (), recorded or Recorded(), 0.0, **more)


def test_exit_codes_are_told_of() -> None:
    assert _notes(side(), side()) == []
    assert _notes(side(exit_code=2), side(exit_code=2)) == ["both programs exit with 2"]
    assert _notes(side(exit_code=1), side(exit_code=3)) == [
        "the old program exits with 1, the new with 3"
    ]
    assert _notes(side(), side(exit_code=3)) == ["the old program exits with 0, the new with 3"]


def test_a_side_that_did_not_come_to_its_end_is_told_of() -> None:
    failed = side(error=RunError("ValueError", "no data"))
    assert _notes(failed, side(missing="no TensorFlow")) == [
        "the old program did not come to its end: ValueError: no data",
        "the new program did not come to its end: no TensorFlow",
    ]


def test_sides_with_other_variables_or_draws_are_not_compared() -> None:
    def with_variables(*shapes: str) -> SideRun:
        return side(Recorded(variables=shapes))

    alike = with_variables("float32[3]", "float32[2]")
    assert _not_the_same_input(alike, alike) is None
    assert _not_the_same_input(alike, with_variables("float32[3]", "float32[5]")) == (
        "variables differ: number 2 is float32[2] on the old side, float32[5] on the new"
    )
    drawn = side(unmatched_draws=("net.py:3:uniform",))
    assert _not_the_same_input(side(), drawn) == (
        "random: the new program draws where the old one does not (net.py:3:uniform)"
    )


def test_devices_are_held_against_each_other_only_where_both_sides_ran() -> None:
    here, there = Ran(DeviceProof("CPU:0", ())), Ran(DeviceProof("GPU:0", ()))
    proof = across([], Tolerance(), here, there)
    assert (proof.device, proof.not_run, proof.counts) == (ACROSS, "a side was not run", False)
    none = across([], Tolerance(), here, Ran(DeviceProof("GPU", (), not_run="no GPU")))
    assert none.not_run == "no GPU"


def test_how_far_the_old_program_lies_from_itself() -> None:
    assert _own(Judged(Finding.DIFFERENT, "", worst=0.25)) == (
        "the old program alone lies 0.25 apart between these devices"
    )
    assert _own(Judged(Finding.STRUCTURE, "")) == (
        "the old program, held against itself so: structure differs"
    )
