"""Run both sides of cases and weigh what comes back."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from tape_migrate.verify.case import KERAS_MODES, Case
from tape_migrate.verify.compare import Comparison, Verdict, arbitrate, compare, unexpected
from tape_migrate.verify.evidence import Evidence, Row, Side, conclude
from tape_migrate.verify.finite import DIRECTIONS, EPS, DifferenceCheck, Opinion, judge
from tape_migrate.verify.inputs import encode
from tape_migrate.verify.process import JOB_LIMIT_S, Worker
from tape_migrate.verify.results import Array, RunResult

DEVICES = ("cpu", "gpu", "all")
_PYTHON_CONTROL_FLOW = ("OperatorNotAllowedInGraphError", "using a `tf.Tensor` as a Python `bool`")
_VARIABLES_IN_FUNCTION = "tf.function only supports singleton tf.Variables"
_NO_KERNEL = ("ould not satisfy device", "ould not satisfy explicit device")
_JOB_MODES = {"tf.function": "function", "graph": "graph"}
_FATAL = ("WorkerDied", "Timeout")


class Verifier:
    """Workers for both sides, kept alive over many cases. Use as a context manager.

    The old side runs under `python_old`, the new one under `python_new` (paths of interpreters
    that have TensorFlow; this interpreter by default). `devices` is ``cpu``, ``gpu`` or ``all``.
    """

    def __init__(
        self,
        python_old: str | None = None,
        python_new: str | None = None,
        devices: str = "all",
        job_limit_s: float = JOB_LIMIT_S,
    ) -> None:
        if devices not in DEVICES:
            raise ValueError(f"devices must be one of {', '.join(DEVICES)}, not {devices!r}")
        self._devices = devices
        gpu = devices != "cpu"
        self.old = Worker(python_old, gpu=gpu, job_limit_s=job_limit_s)
        self.new = Worker(python_new, gpu=gpu, job_limit_s=job_limit_s)
        self._v1 = Worker(python_old, v1=True, gpu=gpu, job_limit_s=job_limit_s)
        self._keras = Worker(python_old, keras2=True, gpu=gpu, job_limit_s=job_limit_s)
        self._new_keras = self._keras
        if python_old != python_new:
            self._new_keras = Worker(python_new, keras2=True, gpu=gpu, job_limit_s=job_limit_s)

    def __enter__(self) -> Verifier:
        return self

    def __exit__(self, *details: object) -> None:
        self.close()

    def close(self) -> None:
        """End all workers."""
        for worker in (self.old, self.new, self._v1, self._keras, self._new_keras):
            worker.close()

    def verify(self, case: Case) -> Evidence:
        """Run one case on both sides, in every mode and on every device, and compare.

        Raises:
            TensorFlowMissingError: if a side has no TensorFlow.
        """
        began = time.perf_counter()
        if case.not_run is not None:
            return Evidence(case.name, Verdict.NOT_RUN, case.not_run)
        if case.entry is None and not case.outputs:
            text = "the case names neither an entry nor outputs"
            return Evidence(case.name, Verdict.NOT_RUN, text)
        if case.after is None:
            return Evidence(case.name, Verdict.NOT_RUN, "nothing was migrated: nothing to compare")
        if case.old_mode == "auto" and b"disable_v2_behavior" in _bytes(case.before):
            case = replace(case, old_mode="v1")
        old_worker = self._old_worker(case)
        for worker in (old_worker, self.new):
            worker.start()
        rows: list[Row] = []
        mode = "graph"
        for device in self._device_names():
            if device == "GPU":
                rows.append(Row("any", device, Verdict.NOT_RUN, "no GPU", required=False))
                continue
            for seed in case.seeds:
                mode, found = self._compare_on(case, old_worker, device, seed)
                rows += found
        check = self._differences(case)
        telling = [name for name in case.modes if name != "graph"] or ["graph"]
        verdict, sentence = conclude(tuple(rows), telling)
        if check is not None and check.opinion is Opinion.DISAGREES and verdict is Verdict.EQUAL:
            verdict, sentence = Verdict.DIFFERENT, f"finite differences: {check.sentence}"
        old_hello, new_hello = old_worker.hello, self.new.hello
        return Evidence(
            case.name,
            verdict,
            sentence,
            tuple(rows),
            Side(mode, old_hello["tensorflow"], old_hello["python"]),
            Side(", ".join(case.modes), new_hello["tensorflow"], new_hello["python"]),
            check,
            time.perf_counter() - began,
        )

    def _old_worker(self, case: Case) -> Worker:
        return {"v1": self._v1, "keras-2": self._keras}.get(case.old_mode, self.old)

    def run_before(self, case: Case, device: str = "CPU:0") -> RunResult:
        """Run only the old side, in the case's own mode (``auto`` counts as ``graph``).

        Raises:
            TensorFlowMissingError: if the old side has no TensorFlow.
        """
        worker = self._old_worker(case)
        mode = "autograph" if case.old_mode == "autograph" else "graph"
        seed = case.seeds[0]
        return run_side(worker, case, case.before, mode=mode, device=device, seed=seed)

    def _device_names(self) -> list[str]:
        names = ["CPU:0"] if self._devices != "gpu" else []
        if self._devices != "cpu":
            names += self.new.hello["gpus"] or ["GPU"]
        return names

    def _compare_on(
        self, case: Case, old_worker: Worker, device: str, seed: int
    ) -> tuple[str, list[Row]]:
        """Run the old side once and the new side in each mode; returns the old mode used."""
        mode = {"auto": "graph", "v1": "graph", "keras-2": "graph"}.get(
            case.old_mode, case.old_mode
        )
        old = run_side(old_worker, case, case.before, mode=mode, device=device, seed=seed)
        if case.old_mode == "auto" and old.error and _is_python_control_flow(old):
            mode = "autograph"
            old = run_side(old_worker, case, case.before, mode=mode, device=device, seed=seed)
        assert case.after is not None
        rows = []
        new = RunResult()
        for name in case.modes:
            job_mode = _JOB_MODES.get(name, "eager")
            # A tape in a v1 graph meets the old side's kind of variables only in its worker.
            worker = self._v1 if name == "graph" and case.old_mode == "v1" else self.new
            if name == KERAS_MODES[1]:
                worker = self._new_keras
            if name == "tf.function" and case.skip_function is not None:
                new = RunResult(not_run=case.skip_function)
            elif old.ok and not (new.error is not None and new.error.type in _FATAL):
                new = run_side(worker, case, case.after, mode=job_mode, device=device, seed=seed)
            found = self._judge(case, old, new, name)
            if found.verdict is Verdict.DIFFERENT and old.ok and new.ok:
                sides = [
                    run_side(w, case, source, mode=side_mode, device=device, seed=seed, double=True)
                    for w, source, side_mode in (
                        (old_worker, case.before, mode),
                        (worker, case.after, job_mode),
                    )
                ]
                excuse = arbitrate(old, new, sides[0], sides[1])
                if excuse is not None:
                    found = replace(found, verdict=Verdict.EQUAL, sentence=excuse)
            rows.append(_row(case, (name, device, seed), old, new, found))
        return mode, rows

    def _judge(self, case: Case, old: RunResult, new: RunResult, mode: str) -> Comparison:
        found = compare(
            old,
            new,
            in_function=mode == "tf.function",
            allow_zero=case.allow_zero is not None,
            allow_none=case.allow_none is not None or _expects_none(case.expect),
        )
        if found.verdict in {Verdict.EQUAL, Verdict.VACUOUS}:
            for side, run in (("old", old), ("new", new)):
                problem = unexpected(run.value, case.expect)
                if problem is not None:
                    return replace(
                        found, verdict=Verdict.DIFFERENT, sentence=f"{side} side: {problem}"
                    )
        return found

    def _differences(self, case: Case) -> DifferenceCheck | None:
        asked = case.differences
        if asked is None:
            return None
        if asked.skip is not None:
            return DifferenceCheck(Opinion.SKIPPED, f"skipped: {asked.skip}")
        assert case.after is not None
        table = {
            "target": asked.target,
            "source": asked.source,
            "gradient": asked.gradient,
            "eps": EPS,
            "directions": DIRECTIONS,
        }
        run = run_side(
            self.new,
            case,
            case.after,
            mode="differences",
            device="CPU:0",
            seed=case.seeds[0],
            double=True,
            differences=table,
        )
        if not run.ok:
            why = run.not_run or (run.error.sentence if run.error else "")
            return DifferenceCheck(Opinion.SKIPPED, f"skipped: no float64 run: {why}")
        return judge(getattr(run.value, "array"), EPS)  # noqa: B009 - a Leaf by construction


def verify_cases(
    cases: Iterable[Case],
    python_old: str | None = None,
    python_new: str | None = None,
    devices: str = "all",
    job_limit_s: float = JOB_LIMIT_S,
) -> list[Evidence]:
    """Verify many cases with one worker a side. See ``Verifier``."""
    with Verifier(python_old, python_new, devices, job_limit_s) as verifier:
        return [verifier.verify(case) for case in cases]


def verify_case(
    case: Case,
    python_old: str | None = None,
    python_new: str | None = None,
    devices: str = "all",
) -> Evidence:
    """Verify one case. See ``Verifier``."""
    return verify_cases([case], python_old, python_new, devices)[0]


def run_side(
    worker: Worker,
    case: Case,
    source: bytes | str,
    *,
    mode: str,
    device: str,
    seed: int,
    double: bool = False,
    differences: dict[str, Any] | None = None,
) -> RunResult:
    """Run one source of a case once; `double` asks for a float64 run of float32 code."""
    arrays: dict[str, Array] = {}
    arguments = [[name, encode(value, name, seed, arrays)] for name, value in case.inputs]
    job = {
        "source": _bytes(source).decode("latin-1"),
        "path": case.path,
        "mode": mode,
        "device": device,
        "entry": case.entry,
        "outputs": list(case.outputs),
        "arguments": arguments,
        "double": double,
        "seed": seed,
        "sys_path": list(case.sys_path),
        "package": case.package,
        "v1": worker.v1,
        "differences": differences,
    }
    return worker.run(job, arrays)


def _row(
    case: Case, where: tuple[str, str, int], old: RunResult, new: RunResult, found: Comparison
) -> Row:
    mode, device, seed = where
    required = mode != "graph" or case.modes == ("graph",) or _stays_in_graph(case)
    verdict, sentence = found.verdict, found.sentence
    failed = new.error if old.error is None else old.error
    if verdict is Verdict.FAILED and failed is not None:
        text = failed.message
        wrapped = mode == "tf.function" and (case.entry is None or _VARIABLES_IN_FUNCTION in text)
        no_kernel = device != "CPU:0" and any(mark in text for mark in _NO_KERNEL)
        if no_kernel or (wrapped and old.error is None):
            verdict, sentence = Verdict.NOT_RUN, failed.sentence
        elif mode == "graph" and not required and old.error is None:
            verdict, sentence = Verdict.NOT_RUN, f"does not run in a v1 graph: {sentence}"
    return Row(
        mode,
        device,
        verdict,
        sentence,
        found.worst,
        found.bit_equal,
        found.tensors,
        found.notes,
        seed,
        required,
        failed.traceback if failed is not None else "",
    )


def _bytes(source: bytes | str) -> bytes:
    return source.encode("utf-8") if isinstance(source, str) else source


def _stays_in_graph(case: Case) -> bool:
    """Whether the program itself turns eager execution off, so that its tapes run in a graph."""
    source = _bytes(case.before)
    return b"disable_v2_behavior" in source or b"disable_eager_execution" in source


def _is_python_control_flow(run: RunResult) -> bool:
    error = run.error
    return error is not None and any(
        mark in error.type or mark in error.message for mark in _PYTHON_CONTROL_FLOW
    )


def _expects_none(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return any(_expects_none(item) for item in value)
    return bool(value == "None")
