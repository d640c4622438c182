"""One key at a time from a terminal."""

from __future__ import annotations

import contextlib
import os
import select
import sys
from collections.abc import Iterator
from typing import Any

try:
    import termios
    import tty
except ImportError:  # not on every platform; there a line is read
    termios = None  # type: ignore[assignment]


class Keyboard:
    """The terminal while keys are read: no echo, no waiting for the end of a line.

    It stays like that between the keys, so that one typed early is not lost.
    """

    def __init__(self) -> None:
        self._before: list[Any] | None = None

    def __enter__(self) -> Keyboard:
        if termios is not None:
            self._before = termios.tcgetattr(sys.stdin.fileno())
            # Ctrl-C still is Ctrl-C in this mode.
            tty.setcbreak(sys.stdin.fileno(), termios.TCSANOW)
        return self

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            termios.tcsetattr(sys.stdin.fileno(), termios.TCSADRAIN, self._before)
            self._before = None

    @contextlib.contextmanager
    def away(self) -> Iterator[None]:
        """Give the terminal back to another program for a while."""
        self.__exit__()
        try:
            yield
        finally:
            self.__enter__()

    def key(self) -> str:
        """Wait for a key and return it; ``q`` at the end of input. Raises KeyboardInterrupt."""
        if self._before is None:
            line = sys.stdin.readline()
            return line.strip()[:1] if line else "q"
        descriptor = sys.stdin.fileno()
        key = os.read(descriptor, 1)
        if key == b"\x1b":
            _skip_sequence(descriptor)
        if key in {b"", b"\x04"}:
            return "q"
        return key.decode("ascii", "replace")


def _skip_sequence(descriptor: int) -> None:
    """Swallow the rest of an arrow key, so that its letters are not taken for answers."""
    while select.select([descriptor], [], [], 0.02)[0]:
        if not os.read(descriptor, 16):
            return
