"""``tape-migrate config``. No logic."""

from __future__ import annotations

from typing import Annotated

import typer

from tape_migrate.cli.common import new_app, show, usage_error
from tape_migrate.exits import EXIT_FINE

app = new_app()


@app.command()
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
    from tape_migrate.settings.load import SettingsError, load  # noqa: PLC0415
    from tape_migrate.settings.show import show as table  # noqa: PLC0415

    try:
        settings = load(paths or ["."], config=config)
    except SettingsError as error:
        usage_error(str(error))
    show(table(settings), EXIT_FINE)
