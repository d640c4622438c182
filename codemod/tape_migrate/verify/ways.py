"""Which way of proving a command asks for: functions and cases, or a whole program."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from tape_migrate.verify.command import EXIT_USAGE, run_cli
from tape_migrate.verify.program.command import ProgramOptions, run_program
from tape_migrate.verify.program.plan import Asked


def run_verify(asked: Asked, inputs: Sequence[str], options: ProgramOptions) -> tuple[str, int]:
    """Prove a function, a folder of cases, or a program; returns the report and the exit code."""
    if is_function_or_cases(asked):
        unused = _for_programs(asked, options)
        if unused:
            verb = "is" if len(unused) == 1 else "are"
            return f"{', '.join(unused)} {verb} for programs\n", EXIT_USAGE
        return run_cli(
            asked.targets[0],
            inputs,
            device=options.device,
            json_path=options.json_path,
            old_python=options.old_python,
            new_python=options.new_python,
            tf_function=asked.tf_function,
            assume_closed=asked.assume_closed,
        )
    if inputs:
        return "--input goes with module.py::function\n", EXIT_USAGE
    if not options.command:
        options = replace(options, command=shlex.join(["tape-migrate", *sys.argv[1:]]))
    return run_program(asked, options)


_FLAGS: Final = {
    "old_mode": "--old-mode",
    "new_mode": "--new-mode",
    "rtol": "--rtol",
    "atol": "--atol",
    "double": "--float64",
    "finite_differences": "--finite-differences",
    "require_reached": "--require-reached",
    "timeout_s": "--timeout",
    "seed": "--seed",
    "in_place": "--in-place",
    "html_path": "--html",
}
"""Options without a meaning for a function or a case, by their field."""


def _for_programs(asked: Asked, options: ProgramOptions) -> list[str]:
    """The options given that only the proof of a program knows."""
    plain = ProgramOptions()
    given = [f for name, f in _FLAGS.items() if getattr(options, name) != getattr(plain, name)]
    return [*given, *(["--against"] if asked.against else [])]


def is_function_or_cases(asked: Asked) -> bool:
    """``module.py::function``, or a folder without a program to run."""
    if len(asked.targets) != 1 or asked.tail or asked.run or asked.old_file:
        return False
    target = asked.targets[0]
    if "::" in target:
        return True
    return Path(target).is_dir() or not target.endswith(".py")
