"""``tape-migrate --write --verify COMMAND``: write only what a run of a program proves."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tape_migrate.results import FileResult, FileStatus, RunResult
from tape_migrate.runner import Listeners, write_results
from tape_migrate.verify.program.command import (
    EXIT_FAILED,
    EXIT_NOT_PROVEN,
    EXIT_PROVEN,
    EXIT_USAGE,
    ProgramOptions,
    try_to_prove,
)
from tape_migrate.verify.program.plan import Asked, PlanError, plan_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tape_migrate.safety.writing import WritePolicy
    from tape_migrate.verify.program.outcome import ProgramProof

_UNREACHED = "no run of the program reached its calls"


def prove_and_write(
    result: RunResult,
    command: str,
    options: ProgramOptions,
    policy: WritePolicy | None,
    warn: Callable[[str], None],
) -> tuple[RunResult, str, int]:
    """Prove the migrations of a run by a program; with a ``policy``, write the files it proves.

    A file is proven if at least one of its migrated calls was reached and all that were reached
    are equal. Files that are not stay as they were, and their results say why.

    Returns the result, the report of the proof, and an exit code: 0 all proven, 1 some file is
    not, 2 the command cannot be run, 3 a side failed.

    Raises RefusedError where the policy forbids to write; then nothing was written.
    """
    changed = [entry for entry in result.results if entry.status is FileStatus.CHANGED]
    if not changed:
        return result, "", EXIT_PROVEN
    try:
        made = plan_of(Asked(run=command), changed)
    except PlanError as error:
        return _withheld(result, str(error)), f"{error}\n", EXIT_USAGE
    proof, text = try_to_prove(made, options)
    if proof is None:
        return _withheld(result, text.strip()), text, EXIT_FAILED
    reasons = {}
    for entry in changed:
        # A helper that takes a tape now and its callers are written together or not at all.
        group = entry.together or (entry.path,)
        reasons[entry.path] = _why_not(proof, {_name(path, made.root) for path in group})
    proven = [entry for entry in changed if reasons[entry.path] is None]
    done = {entry.path: entry for entry in _written(proven, policy, warn)}
    entries, lines = [], []
    for entry in result.results:
        why = reasons.get(entry.path)
        if entry.path in reasons and why is None:
            entry = done[entry.path]
        elif why is not None:
            entry = _unwritten(entry, why)
            lines.append(f"{entry.path}: {entry.message}\n")
        entries.append(entry)
    code = EXIT_PROVEN if not lines else EXIT_NOT_PROVEN
    if lines and proof.failed_side() is not None:
        code = EXIT_FAILED
    return replace(result, results=tuple(entries)), text + "".join(lines), code


def _why_not(proof: ProgramProof, names: set[str]) -> str | None:
    """Why files that change together are not to be written, or None."""
    from tape_migrate.verify.program.outcome import WORST_FIRST, Finding  # noqa: PLC0415

    if not proof.ran:
        return "nothing was run"
    for device in proof.ran:
        if device.old is None or device.new is None:
            return "a side was not run"
        if device.new.error and not device.old.error:
            return f"the new program failed: {device.new.error}"
        if device.new.exit_code != device.old.exit_code:
            return f"the programs exit with {device.old.exit_code} and {device.new.exit_code}"
        found = [site for site in device.sites if site.path in names]
        reached = [s for s in found if s.judged.finding is not Finding.NOT_REACHED]
        if not reached:
            return _UNREACHED
        worst = min(reached, key=lambda site: WORST_FIRST.index(site.judged.finding))
        if worst.judged.finding is not Finding.EQUAL:
            place = f"{worst.path}:{worst.line}" if len(names) > 1 else f"line {worst.line}"
            return f"{place} is {worst.judged.finding.value}: {worst.judged.sentence}"
    return None


def _written(
    entries: list[FileResult], policy: WritePolicy | None, warn: Callable[[str], None]
) -> list[FileResult]:
    """Write the files as any other run does: looked at first, and noted down for ``undo``."""
    if policy is None:
        return entries
    results: list[FileResult] = []
    write_results(list(entries), results, policy, Listeners(warning=warn))
    return results


def _unwritten(entry: FileResult, why: str) -> FileResult:
    return replace(entry, status=FileStatus.UNCHANGED, message=f"left as it was: {why}")


def _withheld(result: RunResult, why: str) -> RunResult:
    return replace(
        result,
        results=tuple(
            _unwritten(entry, why) if entry.status is FileStatus.CHANGED else entry
            for entry in result.results
        ),
    )


def _name(path: str, root: Path) -> str:
    return Path(os.path.realpath(path)).relative_to(root).as_posix()
