"""``tape-migrate PATHS…``. No logic."""

from __future__ import annotations

import enum
from typing import Annotated

import typer

from tape_migrate.cli.common import (
    Annotate,
    AssumeClosed,
    Exclude,
    Ignore,
    Include,
    Isolated,
    Select,
    TfFunctionSetting,
    migration_settings,
    new_app,
    usage_error,
)
from tape_migrate.exits import EXIT_FINE

app = new_app()


class Format(str, enum.Enum):
    """How a run is reported on standard output."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    GITHUB = "github"
    JUNIT = "junit"


_EPILOG = (
    "Other commands, each with its own --help: verify (prove with numbers that old and new code "
    "agree), probe (the same for functions, inputs found by trying), explain (what a code such as "
    "TM101 or a shape means), undo (take the last --write back), batch (many repositories and "
    "packages at once), config (which settings hold, and from where), completion (for your shell). "
    "Exit codes: 0 nothing to do or all written; 1 --check would change a file, or --strict met a "
    "refusal or a comment without use; 2 wrong usage, or uncommitted changes; 3 a file failed; "
    "130 interrupted."
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from tape_migrate import __version__  # noqa: PLC0415

        typer.echo(f"tape-migrate {__version__}")
        raise typer.Exit(EXIT_FINE)


@app.command(epilog=_EPILOG)
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
    select: Select = None,
    ignore: Ignore = None,
    include: Include = None,
    exclude: Exclude = None,
    tf_function: TfFunctionSetting = None,
    annotate: Annotate = None,
    assume_closed: AssumeClosed = None,
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
    isolated: Isolated = False,
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
        **migration_settings(
            tf_function=tf_function,
            annotate=annotate,
            assume_closed=assume_closed,
            select=select,
            ignore=ignore,
            include=include,
            exclude=exclude,
        ),
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
