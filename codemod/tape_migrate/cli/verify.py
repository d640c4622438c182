"""``tape-migrate verify``. No logic."""

from __future__ import annotations

import enum
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from tape_migrate.cli.common import (
    CompareOn,
    Device,
    JsonFile,
    NewPython,
    OldPython,
    Policy,
    TfFunctionOption,
    new_app,
    show,
)
from tape_migrate.exits import EXIT_INTERRUPTED

app = new_app()


class Mode(str, enum.Enum):
    """How TensorFlow 2 is set up for a program of another time."""

    AUTO = "auto"
    AS_IS = "as-is"
    GRAPH = "graph"
    KERAS_2 = "keras-2"
    EAGER_OFF = "eager-off"
    V1 = "v1"
    V1_ALIAS = "v1-alias"


class _WithProgram(TyperCommand):
    """A command that ends in a program of its own: ``-m module …``, or arguments after ``--``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        cut = next((i for i, word in enumerate(args) if word in ("-m", "--")), len(args))
        ctx.meta["program"] = tuple(args[cut:])
        return super().parse_args(ctx, args[:cut])


@app.command(cls=_WithProgram)
def verify(
    context: typer.Context,
    targets: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TARGET]... [-m MODULE ARGS... | -- ARGS...]",
            help="program.py, or what a program imports and -m or --run runs; "
            "module.py::function; or a folder that holds case.toml files.",
        ),
    ] = None,
    *,
    input_: Annotated[
        list[str] | None,
        typer.Option(
            "--input",
            metavar="NAME=SPEC",
            help="An argument of the function, e.g. x=float32[16,1]; once for each.",
        ),
    ] = None,
    device: CompareOn = Device.ALL,
    json_file: JsonFile = None,
    old_python: OldPython = None,
    new_python: NewPython = None,
    tf_function: TfFunctionOption = Policy.AUTO,
    assume_closed: Annotated[
        bool,
        typer.Option("--assume-closed", help="As for the migration itself."),
    ] = False,
    run: Annotated[
        str | None,
        typer.Option("--run", metavar="COMMAND", help="The program: 'python train.py --steps 3'."),
    ] = None,
    old: Annotated[
        str | None, typer.Option("--old", metavar="FILE", help="The old text of a migration.")
    ] = None,
    new: Annotated[
        str | None, typer.Option("--new", metavar="FILE", help="The new text, made by hand, say.")
    ] = None,
    against: Annotated[
        str | None,
        typer.Option("--against", metavar="REV", help="Take the old side from this git revision."),
    ] = None,
    old_mode: Annotated[
        Mode, typer.Option("--old-mode", help="How TensorFlow 2 runs the old program.")
    ] = Mode.AUTO,
    new_mode: Annotated[
        Mode, typer.Option("--new-mode", help="The same for the new program.")
    ] = Mode.AUTO,
    rtol: Annotated[
        float | None,
        typer.Option("--rtol", help="Relative error that counts as equal (default: by dtype)."),
    ] = None,
    atol: Annotated[
        float, typer.Option("--atol", help="Differences up to this count as none.")
    ] = 0.0,
    float64: Annotated[
        bool, typer.Option("--float64", help="Run both sides in float64 too.")
    ] = False,
    finite_differences: Annotated[
        bool,
        typer.Option("--finite-differences", help="Central differences as a third opinion."),
    ] = False,
    require_reached: Annotated[
        bool,
        typer.Option("--require-reached", help="Calls that the program never reaches fail."),
    ] = False,
    timeout: Annotated[
        float, typer.Option("--timeout", metavar="SECONDS", help="Time limit of each side.")
    ] = 600.0,
    seed: Annotated[int, typer.Option("--seed", help="Seed of all random numbers.")] = 0,
    in_place: Annotated[
        bool,
        typer.Option("--in-place", help="Run in the project itself, not in a copy of it."),
    ] = False,
    html: Annotated[
        str | None,
        typer.Option("--html", metavar="FILE", help="Write the evidence as a page for people."),
    ] = None,
) -> None:
    """Run old and new code, and compare the numbers of every migrated gradient.

    Exit codes: 0 all equal, 1 not proven, 2 wrong usage, 3 a side cannot be run.
    """
    from tape_migrate.reports.progress import progress  # noqa: PLC0415
    from tape_migrate.verify.program.command import ProgramOptions  # noqa: PLC0415
    from tape_migrate.verify.program.plan import Asked  # noqa: PLC0415
    from tape_migrate.verify.ways import run_verify  # noqa: PLC0415

    asked = Asked(
        tuple(targets or ()),
        context.meta["program"],
        run,
        old,
        new,
        against,
        tf_function.value,
        assume_closed,
    )
    try:
        with progress() as tell:
            options = ProgramOptions(
                device=device.value,
                old_python=old_python,
                new_python=new_python,
                old_mode=old_mode.value,
                new_mode=new_mode.value,
                rtol=rtol,
                atol=atol,
                double=float64,
                finite_differences=finite_differences,
                require_reached=require_reached,
                timeout_s=timeout,
                seed=seed,
                in_place=in_place,
                json_path=json_file,
                html_path=html,
                progress=tell,
            )
            report, code = run_verify(asked, input_ or (), options)
    except KeyboardInterrupt:
        raise typer.Exit(EXIT_INTERRUPTED) from None
    show(report, code)
