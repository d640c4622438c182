"""Run ``tape-migrate`` without the powers of root, which no permission binds.

    python as_nobody.py ARGUMENTS…

Everything is imported first, as the interpreter's own files may be out of the other user's reach.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import sys

import tape_migrate

_LEFT_OUT = ("tape_migrate.verify", "tape_migrate.__main__")


def main() -> None:
    """Give root up where this is root, and run the command line."""
    for module in pkgutil.walk_packages(tape_migrate.__path__, "tape_migrate."):
        if not module.name.startswith(_LEFT_OUT):
            importlib.import_module(module.name)
    run = importlib.import_module("tape_migrate.cli").main
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
    run(sys.argv[1:])


if __name__ == "__main__":
    main()
