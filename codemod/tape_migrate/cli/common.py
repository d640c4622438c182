"""What the commands share: their kind of application, options with one meaning, usage errors."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Annotated, Any, NoReturn

import typer
import typer.core

from tape_migrate.exits import EXIT_USAGE

# Where rich is installed, typer escapes brackets in help for it, and then prints them without it.
typer.core.HAS_RICH = False


class Policy(str, enum.Enum):
    """``TfFunction`` as an option: older typers take enumerations of text only."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


class Device(str, enum.Enum):
    """Where ``verify`` and ``probe`` compare."""

    CPU = "cpu"
    GPU = "gpu"
    ALL = "all"


_TF_FUNCTION = typer.Option(
    "--tf-function", help="Put Python control flow around a gradient under tf.function."
)
TfFunctionSetting = Annotated[Policy | None, _TF_FUNCTION]
"""None where the option is not given, so that a setting may hold."""
TfFunctionOption = Annotated[Policy, _TF_FUNCTION]

Select = Annotated[
    list[str] | None,
    typer.Option(
        "--select",
        metavar="CODE|SHAPE",
        help="Only calls of these shapes or codes, of safe or of review; a,b or repeated.",
    ),
]
Ignore = Annotated[
    list[str] | None,
    typer.Option("--ignore", metavar="CODE|SHAPE", help="No calls of these; as for --select."),
]
Include = Annotated[
    list[str] | None,
    typer.Option("--include", metavar="PATTERN", help="Only files that match, as in .gitignore."),
]
Exclude = Annotated[
    list[str] | None,
    typer.Option(
        "--exclude", metavar="PATTERN", help="No files that match, even if they are named."
    ),
]
Annotate = Annotated[
    bool | None,
    typer.Option(
        "--annotate/--no-annotate",
        help="Write a TODO comment above each call left as it is.",
        show_default=False,
    ),
]
AssumeClosed = Annotated[
    bool | None,
    typer.Option(
        "--assume-closed/--no-assume-closed",
        help="Nothing outside what is given calls the functions in it.",
        show_default=False,
    ),
]
Isolated = Annotated[bool, typer.Option("--isolated", help="Read no pyproject.toml at all.")]

CompareOn = Annotated[
    Device, typer.Option("--device", help="Where to compare; a missing GPU is said aloud.")
]
JsonFile = Annotated[
    str | None,
    typer.Option(
        "--json",
        metavar="FILE",
        help="Write the evidence as JSON; - prints it instead of the table.",
    ),
]
OldPython = Annotated[
    str | None,
    typer.Option(
        "--old-python",
        metavar="PYTHON",
        help="Interpreter, with its own TensorFlow, to run the old code on.",
    ),
]
NewPython = Annotated[
    str | None,
    typer.Option("--new-python", metavar="PYTHON", help="Interpreter to run the new code on."),
]


def new_app() -> typer.Typer:
    """Return an application without what costs start-up time."""
    # rich help would cost every start a tenth of a second.
    return typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


def migration_settings(
    *,
    tf_function: Policy | None,
    annotate: bool | None,
    assume_closed: bool | None,
    select: Sequence[str] | None,
    ignore: Sequence[str] | None,
    include: Sequence[str] | None,
    exclude: Sequence[str] | None,
) -> dict[str, Any]:
    """Return options as values of keys of ``[tool.tape-migrate]``; None where not given."""
    return {
        "tf-function": None if tf_function is None else tf_function.value,
        "annotate": annotate,
        "assume-closed": assume_closed,
        "select": select,
        "ignore": ignore,
        "include": include,
        "exclude": exclude,
    }


def usage_error(message: str) -> NoReturn:
    """Say what is wrong with the command, and leave."""
    from tape_migrate.reports.escape import printable  # noqa: PLC0415

    typer.echo(f"tape-migrate: error: {printable(message, keep=chr(10))}", err=True)
    raise typer.Exit(EXIT_USAGE)


def show(report: str, code: int) -> NoReturn:
    """Print a report (a usage error to standard error) and leave with ``code``."""
    from tape_migrate.reports.output import Output  # noqa: PLC0415

    if code == EXIT_USAGE:
        usage_error(report.rstrip("\n"))
    output = Output()
    output.text(report)
    output.close()
    raise typer.Exit(code)
