"""Devices: is there a GPU, was it really used, and how far does it lie from the CPU."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from glob import glob

from tape_migrate.verify.program.change import WatchedFile
from tape_migrate.verify.program.judge import judge
from tape_migrate.verify.program.outcome import (
    DeviceProof,
    Finding,
    Judged,
    SiteProof,
    Tolerance,
)
from tape_migrate.verify.program.pairing import Part
from tape_migrate.verify.program.records import Recorded
from tape_migrate.verify.program.side import SideRun

CPU, GPU = "CPU:0", "GPU:0"
ACROSS = f"{CPU} against {GPU}"
"""The row that holds the old program on the CPU against the new one on the GPU."""
NO_GPU = "no GPU"
_GPU_FILES = ("nvidia*", "kfd", "dxg")

Parts = Sequence[tuple[int, Part]]


@dataclass(frozen=True)
class Ran:
    """What a proof on one device ended in, and the recordings that it rests on."""

    proof: DeviceProof
    old: SideRun | None = None
    new: SideRun | None = None


def has_gpu(python: str) -> bool:
    """Whether the TensorFlow of an interpreter sees a GPU."""
    if sys.platform == "linux" and not any(glob(f"/dev/{name}") for name in _GPU_FILES):
        return False  # seen without the seconds that starting TensorFlow takes
    from tape_migrate.verify.process import TensorFlowMissingError, Worker  # noqa: PLC0415

    with Worker(python, gpu=True) as worker:  # pragma: no cover - needs a GPU
        try:
            return bool(worker.hello["gpus"])
        except TensorFlowMissingError:
            return False


def placed(
    judged: Judged, device: str, sides: tuple[Recorded, Recorded], call: int, parts: Parts
) -> Judged:
    """The verdict of a call, given where its gradients were computed.

    What was computed elsewhere shows nothing of ``device``, however equal it is. The first CPU is
    where everything is without being asked, so nothing is looked at there.
    """
    wrong = judged.finding in (Finding.DIFFERENT, Finding.STRUCTURE)
    if device == CPU or wrong or not judged.compared:
        return judged
    old, new = sides
    seen = (
        old.devices.get(call, set()),
        {place for number, _ in parts for place in new.devices.get(number, ())},
    )
    notes = list(judged.notes)
    for name, places in zip(("old", "new"), seen, strict=True):
        elsewhere = sorted(places - {device})
        if places and device not in places:
            sentence = f"computed on {', '.join(elsewhere)} by the {name} program, not on {device}"
            return replace(judged, finding=Finding.NOT_COMPARABLE, sentence=sentence)
        if not places:
            notes.append(f"where the {name} program computed it could not be seen")
        elif elsewhere:
            notes.append(f"the {name} program computed a part on {', '.join(elsewhere)}")
    return replace(judged, notes=tuple(notes))


def across(watched: Sequence[WatchedFile], tolerance: Tolerance, cpu: Ran, gpu: Ran) -> DeviceProof:
    """Hold the old program on the CPU against the new one on the GPU.

    An extra row: other devices add in another order, and a program that runs long enough makes
    that as large as it likes. So it does not count; where values differ, the same distance of the
    old program from itself is said.
    """
    if gpu.proof.not_run:
        return DeviceProof(ACROSS, (), not_run=gpu.proof.not_run, counts=False)
    if cpu.old is None or gpu.old is None or gpu.new is None:
        return DeviceProof(ACROSS, (), not_run="a side was not run", counts=False)
    sites = []
    found = {(site.path, site.line, site.old_text): site for site in cpu.proof.sites}
    for file in watched:
        for pair in file.pairs:
            call, number = file.old_calls[pair.old], file.old_numbers[pair.old]
            parts = file.parts_of(pair)
            judged = judge(cpu.old.recorded, gpu.new.recorded, number, parts, tolerance)
            if judged.finding is Finding.DIFFERENT:
                itself = judge(
                    cpu.old.recorded, gpu.old.recorded, number, [(number, Part(0))], tolerance
                )
                judged = replace(judged, sentence=f"{judged.sentence}; {_own(itself)}", excerpt="")
            known = found[file.change.name, call.line, call.text]
            sites.append(
                SiteProof(
                    known.path,
                    known.line,
                    known.function,
                    known.old_text,
                    known.new_text,
                    known.new_line,
                    judged,
                )
            )
    return DeviceProof(ACROSS, tuple(sites), cpu.proof.old, gpu.proof.new, counts=False)


def _own(itself: Judged) -> str:
    if itself.worst is None:
        return f"the old program, held against itself so: {itself.finding.value}"
    return f"the old program alone lies {itself.worst:.2g} apart between these devices"
