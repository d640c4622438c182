"""Talk to worker processes: start, ask, time out, start again."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import IO, Any

import numpy as np

from tape_migrate.verify.environment import without_secrets
from tape_migrate.verify.results import Array, RunError, RunResult, read_result

WORKER = Path(__file__).with_name("worker.py")
START_LIMIT_S = 180.0
JOB_LIMIT_S = 120.0
_END_LIMIT_S = 10.0


class TensorFlowMissingError(Exception):
    """The interpreter that should run a side has no TensorFlow (or no numpy)."""


class Worker:
    """One interpreter with TensorFlow loaded, answering jobs one after another.

    The process is started on first use and again after it died or was stopped for taking longer
    than ``job_limit_s``, so that a case can spoil no other case. Use as a context manager.
    """

    def __init__(
        self,
        python: str | None = None,
        *,
        v1: bool = False,
        keras2: bool = False,
        gpu: bool = False,
        job_limit_s: float = JOB_LIMIT_S,
    ) -> None:
        self.python = python or sys.executable
        self.v1 = v1
        self.keras2 = keras2
        self.gpu = gpu
        self.job_limit_s = job_limit_s
        self.starts = 0
        self._process: subprocess.Popen[str] | None = None
        self._answers: queue.Queue[str] = queue.Queue()
        self._hello: dict[str, Any] | None = None
        self._jobs = 0
        self._folder = tempfile.TemporaryDirectory(prefix="tape-migrate-")
        self._log = Path(self._folder.name) / "stderr.txt"

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *details: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process and remove its files."""
        self._stop()
        self._folder.cleanup()

    def start(self) -> None:
        """Start the process without waiting for it, so that several can load TensorFlow at once.

        Raises:
            TensorFlowMissingError: if the interpreter cannot be started at all.
        """
        if self._process is not None and self._process.poll() is None:
            return
        self._stop()
        environment = without_secrets(os.environ)
        environment.update(
            TF_ENABLE_ONEDNN_OPTS="0",
            TF_DETERMINISTIC_OPS="1",
            NVIDIA_TF32_OVERRIDE="0",
            PYTHONHASHSEED="0",
            PYTHONIOENCODING="utf-8",
        )
        environment.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        if not self.gpu:
            environment["CUDA_VISIBLE_DEVICES"] = "-1"
        flags = [*(["v1"] if self.v1 else []), *(["keras2"] if self.keras2 else [])]
        command = [self.python, str(WORKER), "--serve", *flags]
        self.starts += 1
        try:
            with open(self._log, "wb") as log:
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    env=environment,
                    cwd=self._folder.name,
                    text=True,
                    encoding="utf-8",
                )
        except OSError as error:
            raise TensorFlowMissingError(f"{self.python} cannot be started: {error}") from None
        self._answers = queue.Queue()
        assert self._process.stdout is not None
        reader = threading.Thread(
            target=_forward, args=(self._process.stdout, self._answers), daemon=True
        )
        reader.start()
        self._hello = None

    @property
    def hello(self) -> dict[str, Any]:
        """What the worker found: ``tensorflow`` and ``python`` versions, ``gpus`` by name.

        Raises:
            TensorFlowMissingError: if TensorFlow cannot be imported there.
        """
        self.start()
        if self._hello is None:
            line = self._read(START_LIMIT_S)
            if line is None:
                tail = self._tail()
                self._stop()
                raise TensorFlowMissingError(f"{self.python} did not start a worker: {tail}")
            self._hello = json.loads(line)
        assert self._hello is not None
        if self._hello["error"]:
            raise TensorFlowMissingError(f"{self.python}: {self._hello['error']}")
        return self._hello

    def run(self, job: dict[str, Any], arrays: dict[str, Array]) -> RunResult:
        """Run one job with the given input arrays; a crash or a timeout comes back as an error.

        Raises:
            TensorFlowMissingError: if the worker cannot be started.
        """
        self.hello  # noqa: B018 - waits for TensorFlow, so that the limit covers the job alone
        self._jobs += 1
        folder = Path(self._folder.name)
        inputs, result = folder / f"in{self._jobs}.npz", folder / f"out{self._jobs}.npz"
        np.savez(inputs, **arrays)  # type: ignore[arg-type]
        question = {
            **job,
            "id": self._jobs,
            "folder": str(folder),
            "inputs": str(inputs),
            "result": str(result),
        }
        assert self._process is not None
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
        line = self._read(self.job_limit_s)
        if line is None:
            return RunResult(error=self._post_mortem())
        answer = read_result(json.loads(line), result)
        for path in (inputs, result):
            path.unlink(missing_ok=True)
        return answer

    def _read(self, limit_s: float) -> str | None:
        try:
            return self._answers.get(timeout=limit_s) or None
        except queue.Empty:
            return None

    def _post_mortem(self) -> RunError:
        assert self._process is not None
        try:
            # Its pipe may close a moment before the process is gone.
            code = self._process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            self._stop()
            return RunError("Timeout", f"still running after {self.job_limit_s:g} s: stopped")
        tail = self._tail()
        self._stop()
        return RunError("WorkerDied", f"the process ended with exit status {code}", tail)

    def _tail(self) -> str:
        with contextlib.suppress(OSError):
            lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
            return "\n".join(lines[-12:])
        return ""

    def _stop(self) -> None:
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(timeout=_END_LIMIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for pipe in filter(None, (self._process.stdin, self._process.stdout)):
            with contextlib.suppress(OSError):
                pipe.close()
        self._process = None


def _forward(pipe: IO[str], answers: queue.Queue[str]) -> None:
    # An empty string marks the end; reading a closed pipe means the same.
    with contextlib.suppress(ValueError, OSError):
        for line in pipe:
            answers.put(line)
    answers.put("")
