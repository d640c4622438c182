"""``tape-migrate probe``. No logic."""

from __future__ import annotations

from typing import Annotated

import typer

from tape_migrate.cli.common import (
    CompareOn,
    Device,
    JsonFile,
    NewPython,
    OldPython,
    Policy,
    TfFunctionOption,
    new_app,
    show,
)

app = new_app()


@app.command()
def probe(
    files: Annotated[list[str], typer.Argument(metavar="FILES...", help="Modules.")],
    *,
    device: CompareOn = Device.CPU,
    json_file: JsonFile = None,
    old_python: OldPython = None,
    new_python: NewPython = None,
    tf_function: TfFunctionOption = Policy.AUTO,
) -> None:
    """Find inputs for functions with migrated calls by trying, and verify them with these.

    Exit codes: 0 all equal, 1 not proven or no input found, 2 wrong usage, 3 a side cannot be run.
    """
    from tape_migrate.verify.probe_command import run_probe  # noqa: PLC0415

    report, code = run_probe(
        files,
        device=device.value,
        json_path=json_file,
        old_python=old_python,
        new_python=new_python,
        tf_function=tf_function.value,
    )
    show(report, code)
