"""The process that carries out jobs, as seen by the program that has them: see ``serving``.

A fork costs milliseconds where an interpreter costs tenths of a second, so one process imports all
that jobs want and forks for each of them; one that crashes, eats too much time or is killed takes
nothing with it. The process has no threads, so forking is safe, whatever program it serves: ours, a
Dask worker, a Ray worker. A line for a job goes in, a line with its answer comes out, in any order.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from queue import SimpleQueue
from typing import Any

Job = dict[str, Any]
"""Plain values, so that it can travel anywhere: ``source``, ``given`` (options by key of
``[tool.tape-migrate]``), ``isolated``, ``time_limit``."""

_HOME = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# Python would look into the current folder first, where modules of a tree to be read may stand.
_START = """
import sys
sys.path[:1] = []
sys.path.append(sys.argv[1])
from tape_migrate.batch.serving import serve
serve()
"""


class HelperError(Exception):
    """The helper is gone; the job may be given to another."""


class Helper:
    """The near end of a helper process. Threads may share it: each waits for its own answer."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _START, _HOME],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # Ctrl-C is for the program that was started, which ends its helpers in order.
            start_new_session=True,
        )
        self._lock = threading.Lock()
        self._asked = 0
        self._waiting: dict[int, SimpleQueue[bytes | None]] = {}
        self._gone = False
        self._reader = threading.Thread(target=self._hand_out, name="answers", daemon=True)
        self._reader.start()

    @property
    def process_id(self) -> int:
        """The helper's process id."""
        return self._process.pid

    def do(self, job: Job) -> dict[str, Any]:
        """Carry out one job; raises HelperError if the helper dies."""
        box: SimpleQueue[bytes | None] = SimpleQueue()
        with self._lock:
            if self._gone:
                raise HelperError("the helper has ended")
            self._asked += 1
            self._waiting[self._asked] = box
            self._send(f"{self._asked} {json.dumps(job)}\n".encode("ascii"))
        answer = box.get()
        if answer is None:
            raise HelperError(f"the helper ended with {self._process.wait()}")
        found: dict[str, Any] = json.loads(answer)
        return found

    def _send(self, line: bytes) -> None:
        stdin = self._process.stdin
        assert stdin is not None
        try:
            stdin.write(line)
            stdin.flush()
        except (OSError, ValueError) as error:
            raise HelperError(str(error)) from error

    def _hand_out(self) -> None:
        """Give the answers to those who wait, until the helper ends; then nothing to the others."""
        assert self._process.stdout is not None
        with self._process.stdout as answers:
            for line in answers:
                number, _, answer = line.partition(b" ")
                if not line.endswith(b"\n"):
                    break
                with self._lock:
                    box = self._waiting.pop(int(number))
                box.put(answer)
        with self._lock:
            self._gone = True
            for box in self._waiting.values():
                box.put(None)

    def close(self) -> None:
        """End the helper, and the jobs it is at."""
        with contextlib.suppress(OSError):
            if self._process.stdin is not None:
                self._process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=2)
        self._process.kill()
        self._process.wait()
        self._reader.join(timeout=2)


class _Helpers:
    """The helpers of this process: one for all jobs, and those that do again what failed there."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open = True
        self._shared: Helper | None = None
        self._own: list[Helper] = []

    def open(self) -> None:
        with self._lock:
            self._open = True

    def close(self) -> None:
        with self._lock:
            self._open = False
            ending = self._own if self._shared is None else [self._shared, *self._own]
            self._shared, self._own = None, []
        for helper in ending:
            helper.close()

    def shared(self) -> Helper | None:
        """The one for all jobs; None after ``close``."""
        with self._lock:
            if self._open and self._shared is None:
                self._shared = Helper()
            return self._shared

    def own(self) -> Helper | None:
        """One for one job; None after ``close``."""
        with self._lock:
            if not self._open:
                return None
            self._own.append(Helper())
            return self._own[-1]

    def drop(self, helper: Helper) -> None:
        """End a helper; one that was shared is replaced when it is asked for."""
        with self._lock:
            if helper is self._shared:
                self._shared = None
            elif helper in self._own:
                self._own.remove(helper)
            else:
                return
        helper.close()


_HELPERS = _Helpers()


def carry_out(job: Job) -> dict[str, Any]:
    """Carry out a job in this process's helper.

    If that dies, the job is given to one that does nothing else, once: whatever killed the first
    may be another job, or this one.
    """
    shared = _HELPERS.shared()
    if shared is not None:
        try:
            return shared.do(job)
        except HelperError:
            _HELPERS.drop(shared)
    own = _HELPERS.own()
    if own is None:
        return {"status": "failed", "message": "the batch was stopped"}
    try:
        return own.do(job)
    except HelperError as error:
        return {"status": "failed", "message": f"no process could do it: {error}"}
    finally:
        _HELPERS.drop(own)


def open_helper() -> None:
    """Let helpers be started, also after ``close_helpers``, and start one: it takes a while."""
    _HELPERS.open()
    _HELPERS.shared()


def close_helpers() -> None:
    """End the helpers, and let none be started."""
    _HELPERS.close()
