"""The inside of a helper process: each job in a fork of its own, as many at once as are given."""

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
import tempfile
import time
from dataclasses import dataclass

from tape_migrate.batch.helper import Job
from tape_migrate.garbage import collect_rarely

_IDLE_SECONDS = 120.0
_STDIN = 0


def serve() -> None:
    """Do jobs from standard input, and write their answers to standard output, until it ends."""
    collect_rarely()
    _import_engine()
    gc.freeze()  # what forks share stays shared as long as nobody looks it over for garbage
    answers = os.dup(1)
    os.dup2(2, 1)  # nobody else writes between the answers
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    running: dict[int, _Fork] = {}
    try:
        _serve(running, answers)
    finally:
        for fork in running.values():
            fork.end(by_itself=False)
            fork.forget()


def _serve(running: dict[int, _Fork], answers: int) -> None:
    begun = b""
    while True:
        ready = select.select([_STDIN, *running], [], [], _patience(running))[0]
        # A cluster's worker that has no more jobs for it should not keep it for ever.
        if not ready and not running:
            return
        for ended, fork in list(running.items()):
            if ended in ready or fork.deadline <= time.monotonic():
                answer = fork.answer(fork.end(by_itself=ended in ready))
                fork.forget()
                del running[ended]
                _write_all(answers, b"%d %s\n" % (fork.number, answer))
        if _STDIN in ready:
            data = os.read(_STDIN, 1 << 16)
            if not data:
                return
            *lines, begun = (begun + data).split(b"\n")
            for line in lines:
                number, _, job = line.partition(b" ")
                start = time.monotonic()
                try:
                    fork = _begin(int(number), json.loads(job), start, answers)
                except OSError as error:  # no room for a folder, no more processes
                    _write_all(answers, b"%s %s\n" % (number, _failed(start, str(error))))
                else:
                    running[fork.ended] = fork


def _patience(running: dict[int, _Fork]) -> float:
    if not running:
        return _IDLE_SECONDS
    return max(0.0, min(fork.deadline for fork in running.values()) - time.monotonic())


def _import_engine() -> None:
    """Import all that a job may want: a fork would import it again for each job."""
    for name in ("notebooks.migrate", "linking", "batch.work", "shapes", "edits"):
        found = importlib.import_module(f"tape_migrate.{name}")
        for part in pkgutil.iter_modules(getattr(found, "__path__", ())):
            importlib.import_module(f"{found.__name__}.{part.name}")


@dataclass(frozen=True)
class _Fork:
    """A job that is being done."""

    number: int
    child: int
    ended: int
    """A pipe's end that nothing is ever written to: its other end is closed as the fork ends."""
    folder: str
    start: float
    limit: float

    @property
    def deadline(self) -> float:
        return self.start + self.limit

    @property
    def copies(self) -> str:
        return os.path.join(self.folder, "copies")

    def end(self, *, by_itself: bool) -> int | None:
        """Kill what is left of it; returns the wait status of one that ended by itself."""
        status = os.waitpid(self.child, 0)[1] if by_itself else None
        with contextlib.suppress(OSError):
            os.killpg(self.child, signal.SIGKILL)
        if status is None:
            os.waitpid(self.child, 0)
        return status

    def answer(self, status: int | None) -> bytes:
        """The answer as JSON; ``status`` is None for one that was stopped."""
        if status is None:
            return _failed(self.start, f"stopped after its time limit of {self.limit:g} s")
        try:
            with open(_answer(self.folder), "rb") as handle:
                return handle.read()
        except OSError:
            code = os.waitstatus_to_exitcode(status)
            how = f"signal {-code}" if code < 0 else f"exit code {code}"
            return _failed(self.start, f"its process ended with {how}")

    def forget(self) -> None:
        """Leave nothing of it."""
        os.close(self.ended)
        shutil.rmtree(self.folder, ignore_errors=True)


def _failed(start: float, message: str) -> bytes:
    found = {"status": "failed", "message": message, "seconds": time.monotonic() - start}
    return json.dumps(found).encode("ascii")


def _begin(number: int, job: Job, start: float, answers: int) -> _Fork:
    folder = tempfile.mkdtemp(prefix="tape-migrate-batch-")
    os.mkdir(os.path.join(folder, "copies"))
    ended, open_end = os.pipe()
    child = os.fork()
    if child == 0:
        # Who waits for the helper must not wait for its forks: these keep none of its ends open.
        os.close(answers)
        os.dup2(os.open(os.devnull, os.O_RDONLY), _STDIN)
        _in_fork(job, folder)
    os.close(open_end)
    with contextlib.suppress(OSError):
        os.setpgid(child, child)
    return _Fork(number, child, ended, folder, start, job["time_limit"])


def _answer(folder: str) -> str:
    return os.path.join(folder, "answer.json")


def _in_fork(job: Job, folder: str) -> None:
    code = 1
    try:
        os.setpgid(0, 0)
        from tape_migrate.batch.work import process  # noqa: PLC0415

        try:
            found = process(job, os.path.join(folder, "copies"))
        except Exception as error:
            found = {"status": "failed", "message": f"{type(error).__name__}: {error}"}
        temporary = _answer(folder) + ".tmp"
        with open(temporary, "w", encoding="ascii") as handle:
            handle.write(json.dumps(found))
        os.rename(temporary, _answer(folder))
        code = 0
    finally:
        os._exit(code)


def _write_all(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
