"""Entry point of ``tape-migrate`` and ``python -m tape_migrate``."""

from __future__ import annotations

import gc
import sys

from tape_migrate.garbage import collect_rarely


def main() -> None:
    """Run the command line and leave with its exit code."""
    if sys.argv[1:] == ["--version"]:
        # Asked so often by other tools that it should not wait for the imports below.
        from tape_migrate import __version__  # noqa: PLC0415

        print(f"tape-migrate {__version__}")
        return
    collect_rarely()
    from tape_migrate.cli import main as run  # noqa: PLC0415

    try:
        run(sys.argv[1:])
    finally:
        gc.freeze()  # what is left need not be searched for garbage before the process ends


if __name__ == "__main__":
    # `python -m` puts the current folder in front. What is read there must never be imported.
    del sys.path[0]
    main()
