"""``tape-migrate undo``. No logic."""

from __future__ import annotations

from typing import Annotated

import typer

from tape_migrate.cli.common import new_app
from tape_migrate.exits import EXIT_INTERRUPTED

app = new_app()


@app.command()
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
