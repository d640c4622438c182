"""A review session in a terminal of its own, driven by keys."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

PROMPT = "[y,n,a,d,A,e,u,?,q] "
_COLOURS = re.compile(r"\x1b\[[0-9;]*[mK]")


def drive(
    folder: Path, keys: Sequence[str], *arguments: str, kill: int | None = None, **changes: str
) -> tuple[str, int]:
    """Give one of ``keys`` at each question; return what was seen, without colours, and the code.

    With ``kill`` that signal is sent at the question after the last key.
    """
    pid, terminal = pty.fork()
    if pid == 0:
        # A shell that put the tests into the background has it ignored.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.chdir(folder)
        environment = {**os.environ, "TERM": "xterm", **changes}
        command = [sys.executable, "-m", "tape_migrate", "--review", *(arguments or ["."])]
        os.execvpe(sys.executable, command, environment)
    seen = b""
    left = list(keys)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if not select.select([terminal], [], [], 1)[0]:
            continue
        try:
            chunk = os.read(terminal, 65536)
        except OSError:
            break
        if not chunk:
            break
        seen += chunk
        if _text(seen).endswith(PROMPT):
            if left:
                os.write(terminal, left.pop(0).encode())
            elif kill is not None:
                os.kill(pid, kill)
            else:
                os.kill(pid, signal.SIGKILL)
                raise AssertionError(f"another question:\n{_text(seen)}")
    else:
        os.kill(pid, signal.SIGKILL)
    # Closed before it has ended, the terminal would hang up on it.
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    assert not left, f"keys {left} were not asked for:\n{_text(seen)}"
    return _text(seen), os.waitstatus_to_exitcode(status)


def _text(seen: bytes) -> str:
    return _COLOURS.sub("", seen.decode("utf-8", "replace")).replace("\r\n", "\n")
