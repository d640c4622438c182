"""Entry point of ``tape-migrate`` and ``python -m tape_migrate``."""

from __future__ import annotations

import gc
import sys

_COLLECT_AFTER = (100_000, 4, 4)
"""Objects: syntax trees are many small objects that live as long as their module is looked at, so
that collecting as often as Python does finds next to nothing and costs a tenth of the time. The
older ones are looked at more often than Python does: a module that is done is all garbage."""


def main() -> None:
    """Run the command line and leave with its exit code."""
    if sys.argv[1:] == ["--version"]:
        # Asked so often by other tools that it should not wait for the imports below.
        from tape_migrate import __version__  # noqa: PLC0415

        print(f"tape-migrate {__version__}")
        return
    gc.set_threshold(*_COLLECT_AFTER)
    from tape_migrate.cli import main as run  # noqa: PLC0415

    run(sys.argv[1:])


if __name__ == "__main__":
    # `python -m` puts the current folder in front. What is read there must never be imported.
    del sys.path[0]
    main()
