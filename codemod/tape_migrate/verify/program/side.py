"""Run one side of a program under the recorder, in a process group of its own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tape_migrate.verify.program.plan import Program
from tape_migrate.verify.program.prepare import Copy
from tape_migrate.verify.program.records import Recorded, read_records
from tape_migrate.verify.results import RunError

RECORDER = Path(__file__).parent.parent / "recorder"
WORLD = Path(__file__).parent.parent / "worker_world.py"
LIMIT_BYTES = 256 << 20


@dataclass(frozen=True)
class Setting:
    """How one side is run."""

    python: str = sys.executable
    mode: str = "as-is"
    tapes: bool = False
    """In modes of TensorFlow 1: with resource variables, and loops that tapes can see."""
    device: str = "CPU:0"
    seed: int = 0
    double: bool = False
    timeout_s: float = 600.0
    limit_bytes: int = LIMIT_BYTES
    differences: int = 0


@dataclass(frozen=True)
class SideRun:
    """How a side ended, and what it recorded."""

    setting: Setting
    versions: dict[str, str]
    gpus: tuple[str, ...]
    recorded: Recorded
    seconds: float
    exit_code: int = 0
    """Of the program itself."""
    error: RunError | None = None
    """What the program raised, or why there is no end to report."""
    missing: str | None = None
    """Why TensorFlow is not there."""
    unmatched_draws: tuple[str, ...] = ()
    draws: dict[str, int] | None = None
    output: str = ""
    """The end of what the program printed."""

    @property
    def ok(self) -> bool:
        """Whether the program came to its own end."""
        return self.error is None and self.missing is None


class SideStoppedError(Exception):
    """The interpreter could not be started at all."""


def run_side(
    program: Program,
    copy: Copy,
    original: Path,
    setting: Setting,
    folder: Path,
    *,
    lines: dict[str, tuple[int, ...]],
    draws: dict[str, int] | None,
    progress: Callable[[str], None] = lambda text: None,
) -> SideRun:
    """Run a prepared copy of the project and read what was recorded.

    ``lines`` gives, for each changed file, the old line of each line; ``draws`` how often each
    place drew random numbers on the old side (None there).

    Raises:
        SideStoppedError: if the interpreter cannot be started.
    """
    folder.mkdir(parents=True, exist_ok=True)
    script = [os.path.join(copy.root, program.arguments[0])] if not program.module else []
    argv = [*script, *program.arguments[len(script) :]] if script else [
        program.module, *program.arguments
    ]  # fmt: skip
    if script:
        argv[0] = copy.files.get(os.path.realpath(argv[0]), argv[0])
    job = {
        "folder": str(folder),
        "root": copy.root,
        "original": str(original),
        "files": dict(copy.files),
        "argv": argv,
        "module": program.module,
        "mode": setting.mode,
        "tapes": setting.tapes,
        "device": setting.device,
        "seed": setting.seed,
        "double": setting.double,
        "differences": setting.differences,
        "limit_bytes": setting.limit_bytes,
        "lines": lines,
        "draws": draws,
        "world": str(WORLD),
    }
    job_file = folder / "job.json"
    job_file.write_text(json.dumps(job), encoding="utf-8")
    began = time.perf_counter()
    stopped = _run(
        [setting.python, str(RECORDER), str(job_file)],
        cwd=os.path.join(copy.root, program.folder),
        environment=_environment(setting, copy, original),
        folder=folder,
        timeout_s=setting.timeout_s,
        progress=progress,
    )
    return _read(folder, setting, stopped, time.perf_counter() - began)


def _environment(setting: Setting, copy: Copy, original: Path) -> dict[str, str]:
    environment = dict(os.environ)
    environment.update(
        TF_ENABLE_ONEDNN_OPTS="0",
        TF_DETERMINISTIC_OPS="1",
        NVIDIA_TF32_OVERRIDE="0",
        PYTHONHASHSEED="0",
        PYTHONIOENCODING="utf-8",
        PYTHONUNBUFFERED="1",
        PYTHONDONTWRITEBYTECODE="1",
        MPLBACKEND=environment.get("MPLBACKEND", "Agg"),
    )
    environment.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if setting.device.startswith("CPU"):  # pragma: no branch - needs a GPU
        environment["CUDA_VISIBLE_DEVICES"] = "-1"
    if copy.root == str(original):
        # pytest would read the project's own text of a test.
        options = environment.get("PYTEST_ADDOPTS", "")
        environment["PYTEST_ADDOPTS"] = f"{options} --assert=plain".strip()
    return environment


def _run(
    command: Sequence[str],
    *,
    cwd: str,
    environment: dict[str, str],
    folder: Path,
    timeout_s: float,
    progress: Callable[[str], None],
) -> RunError | None:
    """Run to the end, or to the time limit; whatever ends it, the whole group is gone after."""
    with open(folder / "stdout.txt", "wb") as out, open(folder / "stderr.txt", "wb") as err:
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env=environment,
                cwd=cwd,
                start_new_session=True,
            )
        except OSError as error:
            raise SideStoppedError(f"{command[0]} cannot be started: {error}") from None
        began = time.monotonic()
        try:
            while True:
                try:
                    process.wait(timeout=0.25)
                    break
                except subprocess.TimeoutExpired:
                    seconds = time.monotonic() - began
                    progress(f"{seconds:.0f} s")
                    if seconds > timeout_s:
                        return RunError("Timeout", f"still running after {timeout_s:g} s: stopped")
        finally:
            _kill(process)
    if process.returncode:
        tail = _tail(folder / "stderr.txt", 12)
        return RunError("Died", f"the process ended with status {process.returncode}", tail)
    return None


def _kill(process: subprocess.Popen[bytes]) -> None:
    # What the program has started goes with it.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _read(folder: Path, setting: Setting, stopped: RunError | None, seconds: float) -> SideRun:
    start = _json(folder / "start.json")
    end = _json(folder / "end.json")
    error = stopped
    if end is not None and end.get("error"):
        error = RunError(**end["error"])
    elif end is None and error is None:
        error = RunError("Died", "the program ended the process", _tail(folder / "stderr.txt", 12))
    elif end is not None:
        error = None  # teardown may fail; the program itself came to its end
    end = end or {}
    versions = {key: str(value) for key, value in (start or {}).items() if key != "gpus"}
    return SideRun(
        setting,
        versions,
        tuple((start or {}).get("gpus", ())),
        read_records(folder),
        seconds,
        exit_code=int(end.get("exit", 0)),
        error=error if not end.get("missing") else None,
        missing=end.get("missing"),
        unmatched_draws=tuple(end.get("unmatched", ())),
        draws=end.get("draws"),
        output=_tail(folder / "stdout.txt", 20) + "\n" + _tail(folder / "stderr.txt", 20),
    )


def _json(path: Path) -> dict[str, Any] | None:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return data if isinstance(data, dict) else None


def _tail(path: Path, lines: int) -> str:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])
