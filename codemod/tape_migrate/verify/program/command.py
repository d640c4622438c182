"""What ``tape-migrate verify program.py`` does, without the command line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from tape_migrate.model import SourceError
from tape_migrate.sources.discover import PathError
from tape_migrate.verify.program.plan import Asked, Plan, PlanError, plan

if TYPE_CHECKING:
    from tape_migrate.verify.program.outcome import ProgramProof
    from tape_migrate.verify.program.prove import Request

EXIT_PROVEN = 0
EXIT_NOT_PROVEN = 1
EXIT_USAGE = 2
EXIT_FAILED = 3


@dataclass(frozen=True)
class ProgramOptions:
    """How a program is to be proven; the defaults are those of the command line."""

    device: str = "all"
    old_python: str | None = None
    new_python: str | None = None
    old_mode: str = "auto"
    new_mode: str = "auto"
    rtol: float | None = None
    atol: float = 0.0
    double: bool = False
    finite_differences: bool = False
    require_reached: bool = False
    timeout_s: float = 600.0
    seed: int = 0
    in_place: bool = False
    json_path: str | None = None
    html_path: str | None = None
    command: str = ""
    progress: Callable[[str], None] = field(default=lambda text: None)


def run_program(asked: Asked, options: ProgramOptions) -> tuple[str, int]:
    """Prove a program; returns the report and the exit code.

    Exit codes: 0 every migrated call that was reached is equal, and at least one was reached;
    1 that is not so; 2 wrong usage; 3 a side could not be run to its end.
    """
    try:
        made = plan(asked)
    except (PlanError, PathError, SourceError) as error:
        return f"{error}\n", EXIT_USAGE
    if not made.changes:
        left = "".join(f"{line}\n" for line in made.left)
        return f"{left}nothing was migrated: there is nothing to prove\n", EXIT_NOT_PROVEN
    return prove_plan(made, options)


def prove_plan(made: Plan, options: ProgramOptions) -> tuple[str, int]:
    """Prove what was planned, write the evidence asked for, and say how it ended."""
    proof, text = try_to_prove(made, options)
    if proof is None:
        return text, EXIT_FAILED
    code = EXIT_PROVEN if proof.proven(require_reached=options.require_reached) else EXIT_NOT_PROVEN
    if code and proof.failed_side() is not None:
        code = EXIT_FAILED
    if options.device == "gpu" and not proof.ran:
        code = EXIT_NOT_PROVEN
    return text, code


def try_to_prove(made: Plan, options: ProgramOptions) -> tuple[ProgramProof | None, str]:
    """Prove and write the evidence asked for; the report, or why nothing could be run."""
    try:
        return _prove(request(made, options), options)
    except ModuleNotFoundError as error:
        if error.name != "numpy":
            raise
        from tape_migrate.verify.command import MISSING  # noqa: PLC0415

        return None, f"{MISSING}\n"


def _prove(asked: Request, options: ProgramOptions) -> tuple[ProgramProof | None, str]:
    from tape_migrate.verify.program import report  # noqa: PLC0415
    from tape_migrate.verify.program.prepare import PrepareError  # noqa: PLC0415
    from tape_migrate.verify.program.prove import prove  # noqa: PLC0415
    from tape_migrate.verify.program.side import SideStoppedError  # noqa: PLC0415

    try:
        proof = prove(asked, options.progress)
    except (PrepareError, SideStoppedError) as error:
        return None, f"{error}\n"
    data = report.json_text(proof)
    if options.json_path is not None and options.json_path != "-":
        Path(options.json_path).write_text(data, encoding="utf-8")
    if options.html_path is not None:
        from tape_migrate.verify.program.html import page  # noqa: PLC0415

        Path(options.html_path).write_text(page(proof, asked.tolerance), encoding="utf-8")
    return proof, data if options.json_path == "-" else report.text_table(proof)


def request(made: Plan, options: ProgramOptions) -> Request:
    """The request that a plan and options make."""
    from tape_migrate.verify.program.outcome import Tolerance  # noqa: PLC0415
    from tape_migrate.verify.program.prove import Request as Made  # noqa: PLC0415
    from tape_migrate.verify.program.side import Setting  # noqa: PLC0415

    setting = Setting(seed=options.seed, timeout_s=options.timeout_s)
    old = replace(setting, python=options.old_python or setting.python)
    new = replace(setting, python=options.new_python or setting.python)
    return Made(
        root=made.root,
        program=made.program,
        changes=made.changes,
        old=old,
        new=new,
        old_mode=options.old_mode,
        new_mode=options.new_mode,
        device=options.device,
        tolerance=Tolerance(options.rtol, options.atol),
        in_place=options.in_place,
        double=options.double,
        differences=options.finite_differences,
        command=options.command,
    )
