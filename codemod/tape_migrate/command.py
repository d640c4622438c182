"""What ``tape-migrate PATHS…`` does, from settings to exit code. Raises UsageError for the user."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tape_migrate.exits import (
    EXIT_FAILED,
    EXIT_FINE,
    EXIT_INTERRUPTED,
    EXIT_USAGE,
    EXIT_WOULD_CHANGE,
)
from tape_migrate.reports.escape import printable, printable_path
from tape_migrate.reports.output import Output
from tape_migrate.results import FileResult, RunResult
from tape_migrate.runner import Listeners, run
from tape_migrate.safety.state import cut_short
from tape_migrate.settings.load import Settings, SettingsError, load
from tape_migrate.settings.meaning import options_of, policy_of, scope_of
from tape_migrate.sources.discover import PathError, discover

if TYPE_CHECKING:
    from tape_migrate.reports.html.evidence import EvidenceFile


class UsageError(Exception):
    """The command cannot be carried out as it was given; the message says what to do."""


@dataclass(frozen=True)
class Request:
    """The command line of a run."""

    paths: tuple[str, ...]
    write: bool = False
    check: bool = False
    review: bool = False
    diff: bool | None = None
    format: str = "text"
    html: str | None = None
    evidence: str | None = None
    config: str | None = None
    isolated: bool = False
    given: Mapping[str, Any] = field(default_factory=dict)
    """Options that are keys of ``[tool.tape-migrate]``, too; None where not given."""
    verify: str | None = None
    """A program that is run before and after: only what it proves is written."""


def migrate(request: Request) -> int:
    """Carry out a run and print what there is to say; return the exit code.

    Raises UsageError.
    """
    _check(request)
    try:
        settings = load(
            request.paths, request.given, config=request.config, isolated=request.isolated
        )
    except SettingsError as error:
        raise UsageError(str(error)) from error
    evidence = _evidence(request.evidence)
    output = Output()
    torn = bool(cut_short()) and _settle(request, settings, output)
    if request.review:
        return _review(request, settings)
    try:
        result = _run(request, settings, output)
    except PathError as error:
        raise UsageError(str(error)) from error
    except KeyboardInterrupt:  # before the first file
        return EXIT_INTERRUPTED
    if result is None:
        return EXIT_USAGE
    proof_code = EXIT_FINE
    if request.verify is not None and not result.interrupted:
        proven = _prove(request, request.verify, settings, result, output)
        if isinstance(proven, int):
            return proven
        result, proof_code = proven
    output.run(result, format_=request.format, wrote=request.write)
    if request.html is not None:
        _write_page(request, result, evidence)
    output.close()
    code = exit_code(result, check=request.check, strict=settings.flag("strict"))
    if torn and request.check:
        code = code or EXIT_WOULD_CHANGE
    return code if code in (EXIT_INTERRUPTED, EXIT_FAILED) else proof_code or code


def exit_code(result: RunResult, *, check: bool, strict: bool) -> int:
    """Return the exit code that a run ends with."""
    counts = result.summary()
    if result.interrupted:
        return EXIT_INTERRUPTED
    if counts.files_failed:
        return EXIT_FAILED
    remarks = any(entry.migration.remarks for entry in result.results if entry.migration)
    if (check and counts.files_changed) or (strict and (counts.refused or remarks)):
        return EXIT_WOULD_CHANGE
    return EXIT_FINE


def _check(request: Request) -> None:
    if request.write and request.check:
        raise UsageError("--write and --check exclude each other")
    if request.review and (request.write or request.check):
        raise UsageError("--review writes what is accepted; leave --write and --check away")
    if request.format != "text" and request.diff:
        raise UsageError(f"--format {request.format} leaves no room for --diff")
    if request.review and request.format != "text":
        raise UsageError("--review is for people; leave --format away")
    if request.evidence is not None and request.html is None:
        raise UsageError("--evidence goes into a page; give --html FILE, too")


def _settle(request: Request, settings: Settings, output: Output) -> bool:
    """Finish what a killed run has begun with files that change together, or say what to do.

    Returns whether something is left to be finished.
    """
    from tape_migrate.safety import unfinished  # noqa: PLC0415

    try:
        files = discover(request.paths, scope_of(settings).filters).files
    except PathError as error:
        raise UsageError(str(error)) from error
    paths = [os.path.realpath(path) for path in files]
    groups = unfinished.torn_groups(paths)
    if not groups:
        return False
    if request.write and request.verify is None:
        try:
            written = unfinished.finish(groups, paths)
        except unfinished.UnfinishedError as error:
            raise UsageError(f"nothing written: {error}") from error
        for path in written:
            output.diagnostic(f"finished what an earlier --write had begun: {printable_path(path)}")
        return False
    for group in groups:
        message = f"{group.describe()}; --write finishes it, `tape-migrate undo` takes it back"
        if request.review or request.write:
            raise UsageError(message)
        output.diagnostic(f"warning: {printable(message)}")
    return True


def _run(request: Request, settings: Settings, output: Output) -> RunResult | None:
    """Run; None if the policy forbids to write."""
    with_diff = request.format == "text" and (
        not request.write if request.diff is None else request.diff
    )

    def show(result: FileResult) -> None:
        output.failure(result)
        if with_diff:
            output.diff(result)

    listeners = Listeners(show, output.progress.show, output.diagnostic)
    if not request.write or request.verify is not None:
        return run(
            request.paths, options_of(settings), scope=scope_of(settings), listeners=listeners
        )
    from tape_migrate.safety.writing import RefusedError  # noqa: PLC0415

    try:
        return run(
            request.paths,
            options_of(settings),
            write=True,
            scope=scope_of(settings),
            policy=policy_of(settings),
            listeners=listeners,
        )
    except RefusedError as error:
        output.diagnostic(f"tape-migrate: error: {error}")
        return None


def _prove(
    request: Request, command: str, settings: Settings, result: RunResult, output: Output
) -> tuple[RunResult, int] | int:
    """Prove a run by a program, and write what it proves; an exit code if that cannot be done."""
    from tape_migrate.reports.progress import progress  # noqa: PLC0415
    from tape_migrate.safety.writing import RefusedError  # noqa: PLC0415
    from tape_migrate.verify.program.command import ProgramOptions  # noqa: PLC0415
    from tape_migrate.verify.program.gate import prove_and_write  # noqa: PLC0415

    policy = policy_of(settings) if request.write else None
    try:
        with progress() as tell:
            result, proof, code = prove_and_write(
                result, command, ProgramOptions(progress=tell), policy, output.diagnostic
            )
    except KeyboardInterrupt:  # in a proof: nothing is written
        return EXIT_INTERRUPTED
    except RefusedError as error:
        output.diagnostic(f"tape-migrate: error: {error}")
        return EXIT_USAGE
    if request.format == "text":
        output.text(proof)
    return result, code


def _review(request: Request, settings: Settings) -> int:
    from tape_migrate.review.command import review  # noqa: PLC0415

    try:
        return review(request.paths, options_of(settings), scope_of(settings), policy_of(settings))
    except PathError as error:
        raise UsageError(str(error)) from error


def _evidence(path: str | None) -> EvidenceFile | None:
    if path is None:
        return None
    from tape_migrate.reports.html.evidence import EvidenceError, read  # noqa: PLC0415

    try:
        return read(path)
    except EvidenceError as error:
        raise UsageError(str(error)) from error


def _write_page(request: Request, result: RunResult, evidence: EvidenceFile | None) -> None:
    from tape_migrate.reports.html.run import page  # noqa: PLC0415

    assert request.html is not None
    text = page(result, wrote=request.write, evidence=evidence)
    try:
        with open(request.html, "w", encoding="utf-8") as handle:
            handle.write(text)
    except OSError as error:
        raise UsageError(f"{request.html}: {error.strerror or error}") from error
