"""``tape-migrate batch``. No logic."""

from __future__ import annotations

from typing import Annotated

import typer

from tape_migrate.cli.common import (
    Annotate,
    AssumeClosed,
    Exclude,
    Ignore,
    Include,
    Select,
    TfFunctionSetting,
    migration_settings,
    new_app,
    usage_error,
)

app = new_app()


@app.command()
def batch(
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SOURCES...]",
            help="Folders, git repositories (paths or URLs), folders of repositories, sdists, "
            "wheels, or text files that list such.",
        ),
    ] = None,
    *,
    out: Annotated[
        str, typer.Option("--out", metavar="DIR", help="Where results and the state go.")
    ],
    dist: Annotated[
        list[str] | None,
        typer.Option("--dist", metavar="NAME", help="A distribution that is installed here."),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers",
            min=1,
            help="Local processes (default: one for each processor).",
            show_default=False,
        ),
    ] = None,
    executor: Annotated[
        str,
        typer.Option(
            "--executor", metavar="WHO", help="processes, dask=ADDRESS, ray or ray=ADDRESS."
        ),
    ] = "processes",
    time_limit: Annotated[
        float, typer.Option("--time-limit", min=0.1, help="Seconds for one source.")
    ] = 600.0,
    commit: Annotated[
        bool,
        typer.Option("--commit", help="Also a repository with the change on a branch, in DIR."),
    ] = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Do all sources again, whatever is done already.")
    ] = False,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Do those again that failed.")
    ] = False,
    select: Select = None,
    ignore: Ignore = None,
    include: Include = None,
    exclude: Exclude = None,
    tf_function: TfFunctionSetting = None,
    annotate: Annotate = None,
    assume_closed: AssumeClosed = None,
    isolated: Annotated[
        bool, typer.Option("--isolated", help="Read no source's pyproject.toml.")
    ] = False,
) -> None:
    """Look at many sources, changing none of them, and put what would change into DIR.

    For each source: changes.patch (for git apply), report.json and report.html; for all together
    report.html and report.json. A batch that was stopped goes on where it was when the same command
    is given again. A source's own pyproject.toml holds for it; options given here win over it.

    Exit codes: 0 all done, 2 wrong usage, 3 a source failed (others were done), 130 interrupted.
    """
    from tape_migrate.batch.helper import open_helper  # noqa: PLC0415

    if executor == "processes":
        open_helper()  # it gets ready while what follows is imported
    from tape_migrate.batch.command import batch as run  # noqa: PLC0415
    from tape_migrate.batch.executors import workers_by_default  # noqa: PLC0415
    from tape_migrate.batch.run import BatchRequest  # noqa: PLC0415
    from tape_migrate.command import UsageError  # noqa: PLC0415

    request = BatchRequest(
        sources=tuple(sources or ()),
        out=out,
        distributions=tuple(dist or ()),
        executor=executor,
        workers=workers or workers_by_default(),
        time_limit=time_limit,
        commit=commit,
        fresh=fresh,
        retry_failed=retry_failed,
        isolated=isolated,
        given=migration_settings(
            tf_function=tf_function,
            annotate=annotate,
            assume_closed=assume_closed,
            select=select,
            ignore=ignore,
            include=include,
            exclude=exclude,
        ),
    )
    try:
        code = run(request)
    except UsageError as error:
        usage_error(str(error))
    raise typer.Exit(code)
