"""A small process that carries out jobs one by one, each in a fork of its own.

A fork costs milliseconds where an interpreter costs tenths of a second; one that crashes, eats too
much time or is killed takes nothing with it. The helper has no threads, so forking is safe,
whatever program it serves: ours, a Dask worker, a Ray worker. It runs ``serve`` and
speaks JSON lines.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import pkgutil
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from typing import Any

from tape_migrate.batch.work import Job
from tape_migrate.garbage import collect_rarely

_IDLE_SECONDS = 120.0
_HOME = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# Python would look into the current folder first, where modules of a tree to be read may stand.
_START = """
import sys
sys.path[:1] = []
sys.path.append(sys.argv[1])
from tape_migrate.batch.helper import serve
serve()
"""


class HelperError(Exception):
    """The helper is gone; the job may be given to another."""


class Helper:
    """The near end of a helper process."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _START, _HOME],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # Ctrl-C is for the program that was started, which ends its helpers in order.
            start_new_session=True,
        )

    @property
    def process_id(self) -> int:
        """The helper's process id."""
        return self._process.pid

    def do(self, job: Job) -> dict[str, Any]:
        """Carry out one job; raises HelperError if the helper dies."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        try:
            stdin.write(json.dumps(job).encode("ascii") + b"\n")
            stdin.flush()
            line = stdout.readline()
        except (OSError, ValueError) as error:
            raise HelperError(str(error)) from error
        if not line.endswith(b"\n"):
            raise HelperError(f"the helper ended with {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """End the helper, and the job it is at."""
        with contextlib.suppress(OSError):
            if self._process.stdin is not None:
                self._process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=2)
        self._process.kill()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


_OWN = threading.local()
_ALL: list[Helper] = []
_CLOSED = threading.Event()


def carry_out(job: Job) -> dict[str, Any]:
    """Carry out a job in this thread's helper; one that dies is replaced and asked again, once."""
    for attempt in (1, 2):
        if _CLOSED.is_set():
            break
        helper: Helper | None = getattr(_OWN, "helper", None)
        if helper is None:
            helper = _OWN.helper = Helper()
            _ALL.append(helper)
        try:
            return helper.do(job)
        except HelperError as error:
            helper.close()
            with contextlib.suppress(ValueError):
                _ALL.remove(helper)
            _OWN.helper = None
            if attempt == 2:
                return {"status": "failed", "message": f"no process could do it: {error}"}
    return {"status": "failed", "message": "the batch was stopped"}


def open_all() -> None:
    """Let helpers be started, also after ``close_all``."""
    _CLOSED.clear()


def close_all() -> None:
    """End the helpers of all threads, and let none be started."""
    _CLOSED.set()
    while _ALL:
        _ALL.pop().close()


def serve() -> None:
    """The far end: read jobs from standard input until it ends."""
    collect_rarely()
    _import_engine()
    gc.freeze()  # what forks share stays shared as long as nobody looks it over for garbage
    answers = os.dup(1)
    os.dup2(2, 1)  # nobody else writes between the answers
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # A cluster's worker that has no more jobs for it should not keep it for ever.
    while select.select([0], [], [], _IDLE_SECONDS)[0]:
        line = sys.stdin.buffer.readline()
        if not line:
            break
        _write_all(answers, _limited(json.loads(line)) + b"\n")


def _import_engine() -> None:
    """Import all that a job may want: a fork would import it again for each job."""
    for name in ("notebooks.migrate", "linking", "batch.work", "shapes", "edits"):
        found = importlib.import_module(f"tape_migrate.{name}")
        for part in pkgutil.iter_modules(getattr(found, "__path__", ())):
            importlib.import_module(f"{found.__name__}.{part.name}")


def _limited(job: Job) -> bytes:
    """Do a job in a fork and return its answer as JSON.

    The fork is killed after its time limit, or when nobody waits any more.
    """
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="tape-migrate-batch-") as folder:
        answer = os.path.join(folder, "answer.json")
        copies = os.path.join(folder, "copies")
        os.mkdir(copies)
        # Nothing is ever written: the far end is closed when the fork has ended.
        ended, open_end = os.pipe()
        child = os.fork()
        if child == 0:
            _in_fork(job, copies, answer)
        os.close(open_end)
        try:
            with contextlib.suppress(OSError):
                os.setpgid(child, child)
            status = _wait(child, ended, start + job["time_limit"])
        finally:
            os.close(ended)
            with contextlib.suppress(OSError):
                os.killpg(child, signal.SIGKILL)
            shutil.rmtree(copies, ignore_errors=True)
        seconds = time.monotonic() - start
        if status is None:
            return _failed(f"stopped after its time limit of {job['time_limit']:g} s", seconds)
        try:
            with open(answer, "rb") as handle:
                return handle.read()
        except OSError:
            code = os.waitstatus_to_exitcode(status)
            how = f"signal {-code}" if code < 0 else f"exit code {code}"
            return _failed(f"its process ended with {how}", seconds)


def _failed(message: str, seconds: float) -> bytes:
    found = {"status": "failed", "message": message, "seconds": seconds}
    return json.dumps(found).encode("ascii")


def _wait(child: int, ended: int, deadline: float) -> int | None:
    """Wait for the fork; None after the deadline. Leaves if the near end is gone."""
    # While a job is being done, the near end sends nothing: readable means that it is gone.
    ready = select.select([0, ended], [], [], max(0.0, deadline - time.monotonic()))[0]
    if ended in ready:
        return os.waitpid(child, 0)[1]
    with contextlib.suppress(OSError):
        os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    if ready:
        raise SystemExit(1)
    return None


def _in_fork(job: Job, copies: str, answer: str) -> None:
    code = 1
    try:
        os.setpgid(0, 0)
        from tape_migrate.batch.work import process  # noqa: PLC0415

        try:
            found = process(job, copies)
        except Exception as error:
            found = {"status": "failed", "message": f"{type(error).__name__}: {error}"}
        with open(answer + ".tmp", "w", encoding="ascii") as handle:
            handle.write(json.dumps(found))
        os.rename(answer + ".tmp", answer)
        code = 0
    finally:
        os._exit(code)


def _write_all(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
