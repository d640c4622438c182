"""The command lines of ``undo``, ``config``, ``completion`` and ``batch``. No logic."""

from __future__ import annotations

import enum
from typing import Annotated

import typer

from tape_migrate.cli import Policy, new_app, usage_error
from tape_migrate.exits import EXIT_INTERRUPTED

_undo_app, _config_app, _completion_app, _batch_app = (new_app() for _ in range(4))

APPS = {
    "batch": _batch_app,
    "undo": _undo_app,
    "config": _config_app,
    "completion": _completion_app,
}


class Shell(str, enum.Enum):
    """The shells that can complete words."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


@_undo_app.command()
def undo(
    *,
    list_: Annotated[bool, typer.Option("--list", help="List the writes, the last first.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be restored, and restore nothing.")
    ] = False,
    keep_changed: Annotated[
        bool,
        typer.Option(
            "--keep-changed",
            help="Leave files that have changed since as they are, and restore the others.",
        ),
    ] = False,
) -> None:
    """Restore the files of the last --write in this folder as they were before it.

    Nothing is restored if one of them was changed since. Used again, it takes back the write
    before that. Exit codes: 0 restored, 1 refused or nothing to undo, 3 a file failed.
    """
    from tape_migrate.undo_command import undo as run  # noqa: PLC0415

    try:
        code = run(list_=list_, dry_run=dry_run, keep_changed=keep_changed)
    except KeyboardInterrupt:
        raise typer.Exit(EXIT_INTERRUPTED) from None
    raise typer.Exit(code)


@_config_app.command()
def config(
    paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PATHS...]", help="What a run would be given; . by default."),
    ] = None,
    *,
    config: Annotated[
        str | None, typer.Option("--config", metavar="FILE", help="Read this pyproject.toml.")
    ] = None,
) -> None:
    """Show which settings hold for a run over PATHS, and where each comes from."""
    from tape_migrate.reports.output import Output  # noqa: PLC0415
    from tape_migrate.settings.load import SettingsError, load  # noqa: PLC0415
    from tape_migrate.settings.show import show  # noqa: PLC0415

    try:
        settings = load(paths or ["."], config=config)
    except SettingsError as error:
        usage_error(str(error))
    output = Output()
    output.text(show(settings))
    output.close()


@_completion_app.command()
def completion(
    shell: Annotated[Shell, typer.Argument(help="Your shell.")],
) -> None:
    """Print a script that completes commands and options, for your shell to read.

    bash: tape-migrate completion bash > ~/.local/share/bash-completion/completions/tape-migrate.
    zsh: put it as _tape-migrate into a folder of $fpath. fish: into ~/.config/fish/completions.
    """
    from tape_migrate.completion import script  # noqa: PLC0415

    typer.echo(script(shell.value), nl=False)


@_batch_app.command()
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
    select: Annotated[
        list[str] | None,
        typer.Option("--select", metavar="CODE|SHAPE", help="As for a run over files."),
    ] = None,
    ignore: Annotated[
        list[str] | None,
        typer.Option("--ignore", metavar="CODE|SHAPE", help="As for a run over files."),
    ] = None,
    tf_function: Annotated[
        Policy, typer.Option("--tf-function", help="As for a run over files.")
    ] = Policy.AUTO,
    annotate: Annotated[bool, typer.Option("--annotate", help="As for a run over files.")] = False,
) -> None:
    """Migrate many sources, each in a copy of its own, and put the results into DIR.

    For each source: changes.patch (for git apply), report.json and report.html; for all together
    report.html and report.json. A batch that was stopped goes on where it was when the same command
    is given again. Settings in the sources' own pyproject.toml do not count.

    Exit codes: 0 all done, 2 wrong usage, 3 a source failed (others were done), 130 interrupted.
    """
    from tape_migrate.batch.command import batch as run  # noqa: PLC0415
    from tape_migrate.batch.executors import workers_by_default  # noqa: PLC0415
    from tape_migrate.batch.run import BatchRequest  # noqa: PLC0415
    from tape_migrate.command import UsageError  # noqa: PLC0415
    from tape_migrate.settings.load import SettingsError, load  # noqa: PLC0415

    try:
        settings = load([], {"select": select, "ignore": ignore}, isolated=True)
        code = run(
            BatchRequest(
                sources=tuple(sources or ()),
                out=out,
                distributions=tuple(dist or ()),
                executor=executor,
                workers=workers or workers_by_default(),
                time_limit=time_limit,
                commit=commit,
                fresh=fresh,
                retry_failed=retry_failed,
                options={
                    "tf_function": tf_function.value,
                    "annotate": annotate,
                    "select": list(settings.words("select")),
                    "ignore": list(settings.words("ignore")),
                },
            )
        )
    except (SettingsError, UsageError) as error:
        usage_error(str(error))
    raise typer.Exit(code)


COMMANDS = (undo, config, completion, batch)
"""The functions behind ``APPS``."""
