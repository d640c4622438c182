"""``tape-migrate completion``. No logic."""

from __future__ import annotations

import enum
from typing import Annotated

import typer

from tape_migrate.cli.common import new_app

app = new_app()


class Shell(str, enum.Enum):
    """The shells that can complete words."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


@app.command()
def completion(
    shell: Annotated[Shell, typer.Argument(help="Your shell.")],
) -> None:
    """Print a script that completes commands and options, for your shell to read.

    bash: tape-migrate completion bash > ~/.local/share/bash-completion/completions/tape-migrate.
    zsh: put it as _tape-migrate into a folder of $fpath. fish: into ~/.config/fish/completions.
    """
    from tape_migrate.completion import script  # noqa: PLC0415

    typer.echo(script(shell.value), nl=False)
