"""The command line: parse options, call, print. No logic.

``tape-migrate PATHS…`` is the main command; the others come before it when they are the first word
(a folder called ``verify`` can be given as ``./verify``). Each command is a module of its own in
here, imported when it is asked for: ``migrate`` for the main one.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, NoReturn

from tape_migrate.exits import EXIT_FINE

if TYPE_CHECKING:
    import typer

MAIN = "migrate"
COMMANDS = ("verify", "probe", "explain", "undo", "batch", "config", "completion")
"""The first words that ask for another command than the main one."""


def app_of(command: str) -> typer.Typer:
    """Return the application of ``MAIN`` or of one of ``COMMANDS``."""
    app: typer.Typer = importlib.import_module(f"tape_migrate.cli.{command}").app
    return app


def main(arguments: list[str]) -> NoReturn:
    """Run the command that ``arguments`` ask for; raises SystemExit with its exit code."""
    if arguments and arguments[0] in COMMANDS:
        name, *rest = arguments
        app_of(name)(rest, prog_name=f"tape-migrate {name}")
    else:
        app_of(MAIN)(arguments, prog_name="tape-migrate")
    raise SystemExit(EXIT_FINE)  # the calls above leave by themselves
