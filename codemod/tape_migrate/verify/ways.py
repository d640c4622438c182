"""Which way of proving a command asks for: functions and cases, or a whole program."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tape_migrate.verify.command import EXIT_USAGE, run_cli
from tape_migrate.verify.program.command import ProgramOptions, run_program
from tape_migrate.verify.program.plan import Asked


def run_verify(asked: Asked, inputs: Sequence[str], options: ProgramOptions) -> tuple[str, int]:
    """Prove a function, a folder of cases, or a program; returns the report and the exit code."""
    if is_function_or_cases(asked):
        if options.html_path is not None:
            return "--html is for programs\n", EXIT_USAGE
        return run_cli(
            asked.targets[0],
            inputs,
            device=options.device,
            json_path=options.json_path,
            old_python=options.old_python,
            new_python=options.new_python,
            tf_function=asked.tf_function,
        )
    if inputs:
        return "--input goes with module.py::function\n", EXIT_USAGE
    if not options.command:
        options = replace(options, command=shlex.join(["tape-migrate", *sys.argv[1:]]))
    return run_program(asked, options)


def is_function_or_cases(asked: Asked) -> bool:
    """``module.py::function``, or a folder without a program to run."""
    if len(asked.targets) != 1 or asked.tail or asked.run or asked.old_file:
        return False
    target = asked.targets[0]
    if "::" in target:
        return True
    return Path(target).is_dir() or not target.endswith(".py")
