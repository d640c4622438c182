"""``tape-migrate explain``. No logic."""

from __future__ import annotations

from typing import Annotated

import typer

from tape_migrate.cli.common import new_app, show, usage_error
from tape_migrate.exits import EXIT_FINE

app = new_app()


@app.command()
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

    text = explanation(code)
    if text is None:
        usage_error(f"{code}: no such code or shape; `tape-migrate explain` lists them")
    show(text, EXIT_FINE)
