"""The command line: parse options, call, print. No logic.

``tape-migrate PATHS…`` is the main command; ``verify`` and ``explain`` come before it when they
are the first word (a folder of that name can be given as ``./verify``).
"""

from __future__ import annotations

import enum
from typing import Annotated, NoReturn

import typer

EXIT_FINE = 0
EXIT_WOULD_CHANGE = 1
EXIT_USAGE = 2
EXIT_FAILED = 3
EXIT_INTERRUPTED = 130


class Format(str, enum.Enum):
    """How a run is reported on standard output."""

    TEXT = "text"
    JSON = "json"


class Policy(str, enum.Enum):
    """``TfFunction`` as an option: older typers take enumerations of text only."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


class Device(str, enum.Enum):
    """Where ``verify`` compares."""

    CPU = "cpu"
    GPU = "gpu"
    ALL = "all"


def _app() -> typer.Typer:
    # rich help would cost every start a tenth of a second.
    return typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


_migrate_app, _verify_app, _explain_app = _app(), _app(), _app()

_EPILOG = (
    "Other commands: tape-migrate verify (prove with numbers that old and new code agree), "
    "tape-migrate explain (what a code such as TM101 means). Exit codes: 0 nothing to do or all "
    "written, 1 --check would change a file or --strict met a refusal, 2 wrong usage, 3 a file "
    "failed."
)


def main(arguments: list[str]) -> NoReturn:
    """Run the command that ``arguments`` ask for; raises SystemExit with its exit code."""
    commands = {"verify": _verify_app, "explain": _explain_app}
    if arguments and arguments[0] in commands:
        name, *rest = arguments
        commands[name](rest, prog_name=f"tape-migrate {name}")
    else:
        _migrate_app(arguments, prog_name="tape-migrate")
    raise SystemExit(EXIT_FINE)  # the calls above leave by themselves


def _show_version(wanted: bool) -> None:
    if wanted:
        from tape_migrate import __version__  # noqa: PLC0415

        typer.echo(f"tape-migrate {__version__}")
        raise typer.Exit(EXIT_FINE)


@_migrate_app.command(epilog=_EPILOG)
def migrate(
    paths: Annotated[
        list[str],
        typer.Argument(metavar="PATHS...", help="Files and folders; .gitignore is respected."),
    ],
    *,
    write: Annotated[bool, typer.Option("--write", help="Write the changes to the files.")] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit with 1 if a file would change.")
    ] = False,
    diff: Annotated[
        bool | None,
        typer.Option(
            "--diff/--no-diff",
            help="Show a unified diff (default: unless writing).",
            show_default=False,
        ),
    ] = None,
    format_: Annotated[
        Format, typer.Option("--format", help="Report for people or for programs.")
    ] = Format.TEXT,
    tf_function: Annotated[
        Policy,
        typer.Option(
            "--tf-function", help="Put Python control flow around a gradient under tf.function."
        ),
    ] = Policy.AUTO,
    annotate: Annotated[
        bool,
        typer.Option("--annotate", help="Write a TODO comment above each call left as it is."),
    ] = False,
    assume_closed: Annotated[
        bool,
        typer.Option("--assume-closed", help="Nothing outside PATHS calls the functions in them."),
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 1 if a call was refused.")
    ] = False,
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_show_version,
            is_eager=True,
            help="Show the version and exit.",
        ),
    ] = False,
) -> None:
    """Rewrite TensorFlow 1 symbolic gradients into tf.GradientTape code.

    Without --write nothing is changed: the diff shows what would be.
    """
    from tape_migrate.model import Options, TfFunction  # noqa: PLC0415
    from tape_migrate.reports.output import Output  # noqa: PLC0415
    from tape_migrate.runner import FileResult, run  # noqa: PLC0415
    from tape_migrate.sources.discover import PathError  # noqa: PLC0415

    del version
    if write and check:
        _usage_error("--write and --check exclude each other")
    if format_ is Format.JSON and diff:
        _usage_error("--format json leaves no room for --diff")
    output = Output()
    with_diff = format_ is Format.TEXT and (not write if diff is None else diff)

    def show(result: FileResult) -> None:
        output.failure(result)
        if with_diff:
            output.diff(result)

    try:
        options = Options(TfFunction(tf_function.value), annotate, assume_closed)
        result = run(paths, options, write=write, on_result=show)
    except PathError as error:
        _usage_error(str(error))
    except KeyboardInterrupt:  # before the first file
        raise typer.Exit(EXIT_INTERRUPTED) from None
    if format_ is Format.JSON:
        output.json(result)
    else:
        output.report(result, wrote=write)
    output.close()
    counts = result.summary()
    if result.interrupted:
        raise typer.Exit(EXIT_INTERRUPTED)
    if counts.files_failed:
        raise typer.Exit(EXIT_FAILED)
    if (check and counts.files_changed) or (strict and counts.refused):
        raise typer.Exit(EXIT_WOULD_CHANGE)


@_verify_app.command()
def verify(
    target: Annotated[
        str,
        typer.Argument(
            metavar="TARGET", help="module.py::function, or a folder that holds case.toml files."
        ),
    ],
    *,
    input_: Annotated[
        list[str] | None,
        typer.Option(
            "--input",
            metavar="NAME=SPEC",
            help="An argument of the function, e.g. x=float32[16,1]; once for each.",
        ),
    ] = None,
    device: Annotated[
        Device, typer.Option("--device", help="Where to compare; a missing GPU is said aloud.")
    ] = Device.ALL,
    json_file: Annotated[
        str | None,
        typer.Option(
            "--json",
            metavar="FILE",
            help="Write the evidence as JSON; - prints it instead of the table.",
        ),
    ] = None,
    old_python: Annotated[
        str | None,
        typer.Option(
            "--old-python",
            metavar="PYTHON",
            help="Interpreter, with its own TensorFlow, to run the old code on.",
        ),
    ] = None,
    new_python: Annotated[
        str | None,
        typer.Option("--new-python", metavar="PYTHON", help="Interpreter to run the new code on."),
    ] = None,
    tf_function: Annotated[
        Policy, typer.Option("--tf-function", help="As for the migration itself.")
    ] = Policy.AUTO,
) -> None:
    """Run old code in a graph and new code eagerly and compiled, and compare the numbers.

    Exit codes: 0 all equal, 1 not proven, 2 wrong usage, 3 a side cannot be run.
    """
    from tape_migrate.reports.output import Output  # noqa: PLC0415
    from tape_migrate.verify.command import run_cli  # noqa: PLC0415

    report, code = run_cli(
        target,
        input_ or (),
        device=device.value,
        json_path=json_file,
        old_python=old_python,
        new_python=new_python,
        tf_function=tf_function.value,
    )
    if code == EXIT_USAGE:
        _usage_error(report.rstrip("\n"))
    output = Output()
    output.text(report)
    output.close()
    raise typer.Exit(code)


@_explain_app.command()
def explain(
    code: Annotated[
        str | None,
        typer.Argument(
            metavar="[CODE|SHAPE]",
            help="A code (TM101), its name, or a shape (nested); without one, all are listed.",
        ),
    ] = None,
) -> None:
    """Say why a call was left as it is and what to do by hand, or what a shape is."""
    from tape_migrate.reports.explain import explanation  # noqa: PLC0415
    from tape_migrate.reports.output import Output  # noqa: PLC0415

    text = explanation(code)
    if text is None:
        _usage_error(f"{code}: no such code or shape; `tape-migrate explain` lists them")
    output = Output()
    output.text(text)
    output.close()


def _usage_error(message: str) -> NoReturn:
    from tape_migrate.reports.escape import printable  # noqa: PLC0415

    typer.echo(f"tape-migrate: error: {printable(message, keep=chr(10))}", err=True)
    raise typer.Exit(EXIT_USAGE)
