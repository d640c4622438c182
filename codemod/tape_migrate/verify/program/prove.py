"""Prove one program: copies, both sides, comparison, second opinions."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from tape_migrate.verify.finite import Opinion
from tape_migrate.verify.program.change import FileChange, WatchedFile, marked, watch
from tape_migrate.verify.program.devices import CPU, GPU, NO_GPU, Ran, across, has_gpu, placed
from tape_migrate.verify.program.judge import judge
from tape_migrate.verify.program.modes import (
    asks_for_another,
    new_modes,
    old_modes,
    raised_for_mode,
)
from tape_migrate.verify.program.opinions import (
    differences_opinion,
    float64_opinion,
    rounding_only,
)
from tape_migrate.verify.program.outcome import (
    DeviceProof,
    FileDiff,
    Finding,
    Judged,
    ProgramProof,
    SideInfo,
    SiteProof,
    Tolerance,
)
from tape_migrate.verify.program.pairing import Part
from tape_migrate.verify.program.plan import Program
from tape_migrate.verify.program.prepare import copy_project, in_place
from tape_migrate.verify.program.records import Recorded
from tape_migrate.verify.program.side import Setting, SideRun, run_side

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Request:
    """What to prove and how."""

    root: Path
    """The project."""
    program: Program
    changes: tuple[FileChange, ...]
    old: Setting = field(default_factory=Setting)
    new: Setting = field(default_factory=Setting)
    old_mode: str = "auto"
    new_mode: str = "auto"
    device: str = "all"
    tolerance: Tolerance = field(default_factory=Tolerance)
    in_place: bool = False
    double: bool = False
    """Run both sides in float64 too."""
    differences: bool = False
    """Take central differences of the old graph's targets, in float64."""
    command: str = ""
    """What a person typed, to reproduce it."""


class Prover:
    """Runs the sides of one request in a folder of its own."""

    def __init__(self, request: Request, folder: Path, progress: Progress) -> None:
        self._request = request
        self._folder = folder
        self._progress = progress
        self._runs = 0
        self.watched = watch(list(request.changes))

    def old_texts(self) -> dict[str, bytes]:
        """The old text of each changed file, with its calls marked."""
        return {
            file.change.name: marked(file.change.old, file.old_calls, file.old_numbers)
            for file in self.watched
        }

    def new_texts(self) -> dict[str, bytes]:
        """The new text of each changed file, with its calls marked."""
        return {
            file.change.name: marked(file.change.new, file.new_calls, file.new_numbers)
            for file in self.watched
        }

    def old_side(self, setting: Setting, mode: str) -> SideRun:
        """Run the old program once."""
        return self.side("old", replace(setting, mode=mode), self.old_texts(), {}, None)

    def new_side(self, setting: Setting, mode: str, old: SideRun) -> SideRun:
        """Run the new program once, with the old one's random numbers."""
        lines = {file.change.name: file.old_lines for file in self.watched}
        how = replace(setting, mode=mode)
        return self.side("new", how, self.new_texts(), lines, old.draws or {})

    def side(
        self,
        name: str,
        setting: Setting,
        texts: dict[str, bytes],
        lines: dict[str, tuple[int, ...]],
        draws: dict[str, int] | None,
    ) -> SideRun:
        """Run prepared texts once; see ``run_side``."""
        self._runs += 1
        here = self._folder / f"{self._runs}-{name}"
        make = in_place if self._request.in_place else copy_project
        copy = make(self._request.root, here / "project", texts)
        return run_side(
            self._request.program,
            copy,
            self._request.root,
            setting,
            here / "records",
            lines=lines,
            draws=draws,
            progress=lambda text: self._progress(f"{name} side ({setting.mode}): {text}"),
        )


def prove(request: Request, progress: Progress = lambda text: None) -> ProgramProof:
    """Run both sides and compare them, on each device asked for.

    Raises:
        PrepareError: if the project cannot be copied.
        SideStoppedError: if an interpreter cannot be started.
        SourceError: if a changed file does not parse.
    """
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="tape-migrate-") as folder:
        prover = Prover(request, Path(folder).resolve(), progress)
        devices = _devices(prover, request)
    return ProgramProof(
        str(request.program),
        str(request.root),
        tuple(devices),
        tuple(FileDiff(c.name, c.old, c.new) for c in request.changes),
        request.old.seed,
        request.command,
        time.perf_counter() - began,
    )


def _devices(prover: Prover, request: Request) -> list[DeviceProof]:
    ran = {}
    for device, named in ((CPU, "cpu"), (GPU, "gpu")):
        if request.device in (named, "all"):
            ran[device] = on_device(prover, request, device)
    proofs = [found.proof for found in ran.values()]
    if len(ran) > 1:
        proofs.append(across(prover.watched, request.tolerance, ran[CPU], ran[GPU]))
    return proofs


def on_device(prover: Prover, request: Request, device: str) -> Ran:
    """Run both sides on one device and compare them."""
    if device == GPU and not has_gpu(request.new.python):
        return Ran(DeviceProof("GPU", (), not_run=NO_GPU))
    old_setting = replace(request.old, device=device)
    new_setting = replace(request.new, device=device)
    sources = [change.old for change in request.changes]
    old = _first_that_runs(
        old_modes(sources, request.old_mode), lambda mode: prover.old_side(old_setting, mode)
    )
    if old.missing is not None or not (old.ok or old.recorded.evaluations):
        unproven = _unproven(prover.watched, _failure("old", old))
        return Ran(DeviceProof(device, tuple(unproven), _info(old), None), old)
    new = _first_that_runs(
        new_modes(old.setting.mode, request.new_mode),
        lambda mode: prover.new_side(new_setting, mode, old),
    )
    sites = _judge_all(prover.watched, request, old, new)
    notes = []
    if new.setting.mode in ("v1", "v1-alias") and _doubtful(sites):
        kinder = prover.new_side(replace(new_setting, tapes=True), new.setting.mode, old)
        again = _judge_all(prover.watched, request, old, kinder)
        if _equal(again) > _equal(sites):
            new, sites = kinder, again
            notes = [
                "the new program was run with resource variables and TensorFlow 2's loops and "
                "branches (enable_resource_variables, enable_control_flow_v2): tapes see no others"
            ]
    sites = _second_look(prover, request, old, new, sites)
    notes += _notes(old, new)
    proof = DeviceProof(device, tuple(sites), _info(old), _info(new), notes=tuple(notes))
    return Ran(proof, old, new)


def _doubtful(sites: list[SiteProof]) -> bool:
    fine = (Finding.EQUAL, Finding.NOT_REACHED, Finding.BOTH_ZERO, Finding.VACUOUS)
    return any(site.judged.finding not in fine for site in sites)


def _equal(sites: list[SiteProof]) -> int:
    return sum(site.judged.finding is Finding.EQUAL for site in sites)


def _first_that_runs(modes: list[str], run: Callable[[str], SideRun]) -> SideRun:
    """The run in the first mode in which the program comes to its end and no watched call fails
    for the mode's sake; if there is none, the one that evaluated most calls."""
    tried: list[SideRun] = []
    for mode in modes:
        found = run(mode)
        refused = raised_for_mode(found.recorded.raised.values(), mode)
        if found.missing is not None or (found.ok and not refused):
            return found
        tried.append(found)
        if not refused and not asks_for_another(found.error, mode):
            break
    return max(tried, key=lambda found: len(found.recorded.evaluations))


def _failure(name: str, run: SideRun) -> Judged:
    if run.missing is not None:
        return Judged(Finding.SIDE_FAILED, f"the {name} side has no TensorFlow: {run.missing}")
    assert run.error is not None
    return Judged(Finding.SIDE_FAILED, f"the {name} program raised {run.error.sentence}")


def _unproven(watched: list[WatchedFile], judged: Judged) -> list[SiteProof]:
    return [_site(file, index, judged) for file in watched for index in range(len(file.old_calls))]


def _judge_all(
    watched: list[WatchedFile], request: Request, old: SideRun, new: SideRun
) -> list[SiteProof]:
    sites = []
    for file in watched:
        for pair in file.pairs:
            parts = file.parts_of(pair)
            number = file.old_numbers[pair.old]
            judged = _judge(old, new, number, parts, request.tolerance)
            sites.append(_site(file, pair.old, judged))
    return sites


def _judge(
    old: SideRun,
    new: SideRun,
    number: int,
    parts: list[tuple[int, Part]],
    tolerance: Tolerance,
) -> Judged:
    judged = judge(old.recorded, new.recorded, number, parts, tolerance)
    judged = placed(judged, old.setting.device, (old.recorded, new.recorded), number, parts)
    if judged.finding in (Finding.NOT_REACHED, Finding.NOT_COMPARABLE) and not judged.compared:
        for name, run in (("old", old), ("new", new)):
            if not run.ok:
                return _failure(name, run)
    if judged.finding in (Finding.DIFFERENT, Finding.STRUCTURE):
        why = _not_the_same_input(old, new)
        if why is not None:
            return replace(judged, finding=Finding.NOT_COMPARABLE, sentence=why)
    return judged


def _not_the_same_input(old: SideRun, new: SideRun) -> str | None:
    """Why a difference need not be the migration's, if so."""
    if new.unmatched_draws:
        first = new.unmatched_draws[0]
        return f"random: the new program draws where the old one does not ({first})"
    pairs = zip(old.recorded.variables, new.recorded.variables, strict=False)
    for number, (one, two) in enumerate(pairs, 1):
        if one != two:
            return f"variables differ: number {number} is {one} on the old side, {two} on the new"
    return None


def _site(file: WatchedFile, index: int, judged: Judged) -> SiteProof:
    call = file.old_calls[index]
    new_text, new_line = file.shown(file.pairs[index])
    return SiteProof(
        file.change.name,
        call.line,
        call.function,
        call.text,
        new_text,
        new_line,
        judged,
    )


def _second_look(
    prover: Prover, request: Request, old: SideRun, new: SideRun, sites: list[SiteProof]
) -> list[SiteProof]:
    """Where values differ: does the old program repeat itself, does float64 agree? And whatever
    else was asked for."""
    if request.double or request.differences:
        sites = _in_float64(prover, request, old, new, sites)
    if not any(site.judged.finding is Finding.DIFFERENT for site in sites):
        return sites
    again = prover.old_side(old.setting, old.setting.mode)
    noise = _noise(prover.watched, old.recorded, again.recorded, request.tolerance)
    result = []
    for site, found in zip(sites, noise, strict=True):
        if site.judged.finding is Finding.DIFFERENT and found is not None:
            sentence = f"the old program does not repeat itself: {found}"
            judged = replace(site.judged, finding=Finding.NOT_COMPARABLE, sentence=sentence)
            site = replace(site, judged=judged)
        result.append(site)
    return result


def _in_float64(
    prover: Prover, request: Request, old: SideRun, new: SideRun, sites: list[SiteProof]
) -> list[SiteProof]:
    wide = replace(old.setting, double=True, differences=int(request.differences))
    old64 = prover.old_side(wide, old.setting.mode)
    new64 = prover.new_side(replace(new.setting, double=True), new.setting.mode, old)
    result = []
    places = [(file, pair) for file in prover.watched for pair in file.pairs]
    for site, (file, pair) in zip(sites, places, strict=True):
        number = file.old_numbers[pair.old]
        parts = file.parts_of(pair)
        failed = next((side for side in (old64, new64) if not side.ok), None)
        agrees, said = float64_opinion(old64.recorded, new64.recorded, number, parts)
        if failed is not None and failed.error is not None and not agrees:
            said = f"float64: not run: {failed.error.sentence}"
        site = replace(site, double=said)
        if agrees and site.judged.finding is Finding.DIFFERENT:
            excuse = rounding_only((old.recorded, new.recorded), old64.recorded, number, parts)
            if excuse is not None:
                judged = replace(site.judged, finding=Finding.EQUAL, sentence=excuse, excerpt="")
                site = replace(site, judged=judged)
        if request.differences and site.judged.finding is not Finding.NOT_REACHED:
            check = differences_opinion(old64.recorded, number)
            site = replace(site, differences=f"finite differences: {check.sentence}")
            if check.opinion is Opinion.DISAGREES and site.judged.finding is Finding.EQUAL:
                judged = replace(
                    site.judged, finding=Finding.DIFFERENT, sentence=f"both sides: {check.sentence}"
                )
                site = replace(site, judged=judged)
        result.append(site)
    return result


def _noise(
    watched: list[WatchedFile], first: Recorded, second: Recorded, tolerance: Tolerance
) -> list[str | None]:
    """For each site, how two runs of the same side differ beyond the tolerance, if they do."""
    result: list[str | None] = []
    for file in watched:
        for pair in file.pairs:
            number = file.old_numbers[pair.old]
            judged = judge(first, second, number, [(number, Part(0))], tolerance)
            differs = judged.finding in (Finding.DIFFERENT, Finding.STRUCTURE)
            result.append(judged.sentence if differs else None)
    return result


def _info(run: SideRun) -> SideInfo:
    release = run.versions.get("tensorflow", "")
    return SideInfo(
        # Under TensorFlow 1 there is nothing to choose.
        "as-is" if release.startswith("1.") else run.setting.mode,
        run.versions.get("python", ""),
        release,
        run.versions.get("numpy", ""),
        run.versions.get("keras", ""),
        run.seconds,
        run.exit_code,
        error=run.missing or (run.error.sentence if run.error else ""),
        traceback=run.error.traceback if run.error else "",
        output=run.output,
    )


def _notes(old: SideRun, new: SideRun) -> list[str]:
    notes = []
    if old.ok and new.ok and old.exit_code != new.exit_code:
        notes.append(f"the old program exits with {old.exit_code}, the new with {new.exit_code}")
    elif old.ok and old.exit_code:
        notes.append(f"both programs exit with {old.exit_code}")
    notes += dict.fromkeys((*old.recorded.remarks, *new.recorded.remarks))
    for name, run in (("old", old), ("new", new)):
        if not run.ok:
            sentence = run.error.sentence if run.error else run.missing
            notes.append(f"the {name} program did not come to its end: {sentence}")
    return notes
