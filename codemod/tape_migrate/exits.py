"""The exit codes of all commands."""

from __future__ import annotations

EXIT_FINE = 0
EXIT_WOULD_CHANGE = 1
EXIT_USAGE = 2
EXIT_FAILED = 3
EXIT_INTERRUPTED = 130
