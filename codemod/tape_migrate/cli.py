"""The command line: parse options, call, print. No logic.

``tape-migrate PATHS…`` is the main command; the others come before it when they are the first word
(a folder called ``verify`` can be given as ``./verify``).
"""

from __future__ import annotations

import enum
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperCommand

from tape_migrate.exits import (
    EXIT_FAILED,
    EXIT_FINE,
    EXIT_INTERRUPTED,
    EXIT_USAGE,
    EXIT_WOULD_CHANGE,
)

__all__ = [
    "EXIT_FAILED",
    "EXIT_FINE",
    "EXIT_INTERRUPTED",
    "EXIT_USAGE",
    "EXIT_WOULD_CHANGE",
    "main",
]


class Format(str, enum.Enum):
    """How a run is reported on standard output."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    GITHUB = "github"
    JUNIT = "junit"


class Policy(str, enum.Enum):
    """``TfFunction`` as an option: older typers take enumerations of text only."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


class Mode(str, enum.Enum):
    """How TensorFlow 2 is set up for a program of another time."""

    AUTO = "auto"
    AS_IS = "as-is"
    GRAPH = "graph"
    KERAS_2 = "keras-2"
    EAGER_OFF = "eager-off"
    V1 = "v1"
    V1_ALIAS = "v1-alias"


class Device(str, enum.Enum):
    """Where ``verify`` compares."""

    CPU = "cpu"
    GPU = "gpu"
    ALL = "all"


def new_app() -> typer.Typer:
    """Return an application without what costs start-up time."""
    # rich help would cost every start a tenth of a second.
    return typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


_migrate_app, _verify_app = new_app(), new_app()
_probe_app, _explain_app = new_app(), new_app()

_EPILOG = (
    "Other commands, each with its own --help: verify (prove with numbers that old and new code "
    "agree), probe (the same for functions, inputs found by trying), explain (what a code such as "
    "TM101 or a shape means), undo (take the last --write back), batch (many repositories and "
    "packages at once), config (which settings hold, and from where), completion (for your shell). "
    "Exit codes: 0 nothing to do or all written; 1 --check would change a file, or --strict met a "
    "refusal or a comment without use; 2 wrong usage, or uncommitted changes; 3 a file failed; "
    "130 interrupted."
)
_OTHERS = ("batch", "undo", "config", "completion")
"""Commands that live in ``cli_more``, which the main command need not import."""


def main(arguments: list[str]) -> NoReturn:
    """Run the command that ``arguments`` ask for; raises SystemExit with its exit code."""
    commands = {"verify": _verify_app, "probe": _probe_app, "explain": _explain_app}
    if arguments and arguments[0] in commands:
        name, *rest = arguments
        commands[name](rest, prog_name=f"tape-migrate {name}")
    elif arguments and arguments[0] in _OTHERS:
        from tape_migrate.cli_more import APPS  # noqa: PLC0415

        name, *rest = arguments
        APPS[name](rest, prog_name=f"tape-migrate {name}")
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
        typer.Argument(
            metavar="PATHS...",
            help="Python files, notebooks and folders; .gitignore is respected.",
        ),
    ],
    *,
    write: Annotated[bool, typer.Option("--write", help="Write the changes to the files.")] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit with 1 if a file would change.")
    ] = False,
    review: Annotated[
        bool, typer.Option("--review", help="Ask call by call, and write what is accepted.")
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
    html: Annotated[
        str | None, typer.Option("--html", metavar="FILE", help="Write the report as a page, too.")
    ] = None,
    evidence: Annotated[
        str | None,
        typer.Option(
            "--evidence", metavar="FILE", help="Show what verify --json wrote on the page."
        ),
    ] = None,
    select: Annotated[
        list[str] | None,
        typer.Option(
            "--select",
            metavar="CODE|SHAPE",
            help="Only calls of these shapes or codes, of safe or of review; a,b or repeated.",
        ),
    ] = None,
    ignore: Annotated[
        list[str] | None,
        typer.Option("--ignore", metavar="CODE|SHAPE", help="No calls of these; as for --select."),
    ] = None,
    include: Annotated[
        list[str] | None,
        typer.Option(
            "--include", metavar="PATTERN", help="Only files that match, as in .gitignore."
        ),
    ] = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option(
            "--exclude", metavar="PATTERN", help="No files that match, even if they are named."
        ),
    ] = None,
    tf_function: Annotated[
        Policy | None,
        typer.Option(
            "--tf-function", help="Put Python control flow around a gradient under tf.function."
        ),
    ] = None,
    annotate: Annotated[
        bool | None,
        typer.Option(
            "--annotate/--no-annotate",
            help="Write a TODO comment above each call left as it is.",
            show_default=False,
        ),
    ] = None,
    assume_closed: Annotated[
        bool | None,
        typer.Option(
            "--assume-closed/--no-assume-closed",
            help="Nothing outside PATHS calls the functions in them.",
            show_default=False,
        ),
    ] = None,
    strict: Annotated[
        bool | None,
        typer.Option(
            "--strict/--no-strict",
            help="Exit with 1 if a call was refused or an ignore comment is unused.",
            show_default=False,
        ),
    ] = None,
    allow_dirty: Annotated[
        bool | None,
        typer.Option(
            "--allow-dirty/--no-allow-dirty",
            help="Write files with uncommitted changes, too.",
            show_default=False,
        ),
    ] = None,
    backup_dir: Annotated[
        str | None,
        typer.Option("--backup-dir", metavar="DIR", help="Keep the old files below this folder."),
    ] = None,
    config: Annotated[
        str | None,
        typer.Option(
            "--config", metavar="FILE", help="Read this file, not the nearest pyproject.toml."
        ),
    ] = None,
    isolated: Annotated[
        bool, typer.Option("--isolated", help="Read no pyproject.toml at all.")
    ] = False,
    verify: Annotated[
        str | None,
        typer.Option(
            "--verify",
            metavar="COMMAND",
            help="Run this program before and after; write only files whose gradients are equal.",
        ),
    ] = None,
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
    from tape_migrate.command import Request, UsageError  # noqa: PLC0415
    from tape_migrate.command import migrate as run  # noqa: PLC0415

    del version
    given = {
        "select": select,
        "ignore": ignore,
        "include": include,
        "exclude": exclude,
        "tf-function": None if tf_function is None else tf_function.value,
        "annotate": annotate,
        "assume-closed": assume_closed,
        "strict": strict,
        "allow-dirty": allow_dirty,
        "backup-dir": backup_dir,
    }
    request = Request(
        tuple(paths), write, check, review, diff, format_.value, html, evidence, config, isolated,
        given, verify,
    )  # fmt: skip
    try:
        code = run(request)
    except UsageError as error:
        usage_error(str(error))
    raise typer.Exit(code)


class _WithProgram(TyperCommand):
    """A command that ends in a program of its own: ``-m module …``, or arguments after ``--``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        cut = next((i for i, word in enumerate(args) if word in ("-m", "--")), len(args))
        ctx.meta["program"] = tuple(args[cut:])
        return super().parse_args(ctx, args[:cut])


@_verify_app.command(cls=_WithProgram)
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
    from tape_migrate.reports.output import Output  # noqa: PLC0415
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
    if code == EXIT_USAGE:
        usage_error(report.rstrip("\n"))
    output = Output()
    output.text(report)
    output.close()
    raise typer.Exit(code)


@_probe_app.command()
def probe(
    files: Annotated[list[str], typer.Argument(metavar="FILES...", help="Modules.")],
    *,
    device: Annotated[
        Device, typer.Option("--device", help="Where to compare; a missing GPU is said aloud.")
    ] = Device.CPU,
    json_file: Annotated[
        str | None,
        typer.Option("--json", metavar="FILE", help="Write the evidence as JSON; - prints it."),
    ] = None,
    old_python: Annotated[
        str | None,
        typer.Option("--old-python", metavar="PYTHON", help="Interpreter for the old code."),
    ] = None,
    new_python: Annotated[
        str | None,
        typer.Option("--new-python", metavar="PYTHON", help="Interpreter for the new code."),
    ] = None,
    tf_function: Annotated[
        Policy, typer.Option("--tf-function", help="As for the migration itself.")
    ] = Policy.AUTO,
) -> None:
    """Find inputs for functions with migrated calls by trying, and verify them with these.

    Exit codes: 0 all equal, 1 not proven or no input found, 2 wrong usage, 3 a side cannot be run.
    """
    from tape_migrate.reports.output import Output  # noqa: PLC0415
    from tape_migrate.verify.probe_command import run_probe  # noqa: PLC0415

    report, code = run_probe(
        files,
        device=device.value,
        json_path=json_file,
        old_python=old_python,
        new_python=new_python,
        tf_function=tf_function.value,
    )
    if code == EXIT_USAGE:
        usage_error(report.rstrip("\n"))
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
        usage_error(f"{code}: no such code or shape; `tape-migrate explain` lists them")
    output = Output()
    output.text(text)
    output.close()


def usage_error(message: str) -> NoReturn:
    """Say what is wrong with the command, and leave."""
    from tape_migrate.reports.escape import printable  # noqa: PLC0415

    typer.echo(f"tape-migrate: error: {printable(message, keep=chr(10))}", err=True)
    raise typer.Exit(EXIT_USAGE)
