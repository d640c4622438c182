"""One batch: who is waiting, give out, take in, write down."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from typing import Any

from tape_migrate.batch.commit import CommitError, commit
from tape_migrate.batch.executors import executor_for
from tape_migrate.batch.helper import carry_out
from tape_migrate.batch.report import write_reports
from tape_migrate.batch.sources import Kind, Source, resolve
from tape_migrate.batch.state import Record, State
from tape_migrate.sources.discover import PathError, discover
from tape_migrate.sources.prefilter import WORDS, find_hits, read_file

_PER_WORKER = 2
"""Jobs given out ahead of time for each worker, so that a cluster is not flooded."""
_AHEAD = 64
_FOLDERS_TO_LOOK_INTO = 200
"""With more, no single one keeps the others waiting for long."""
_BYTES_FOR_A_CALL = 20_000
"""Of an archive, which takes about as long as a call."""


@dataclass(frozen=True)
class BatchRequest:
    """What a batch is told."""

    sources: tuple[str, ...]
    out: str
    distributions: tuple[str, ...] = ()
    executor: str = "processes"
    workers: int = 1
    time_limit: float = 600.0
    commit: bool = False
    fresh: bool = False
    retry_failed: bool = False
    isolated: bool = False
    """Whether the sources' own settings do not count."""
    given: Mapping[str, Any] = field(default_factory=dict)
    """Options by key of ``[tool.tape-migrate]``: they win over a source's own settings. None where
    not given."""


@dataclass(frozen=True)
class BatchResult:
    """What became of a batch."""

    records: tuple[Record, ...]
    interrupted: bool = False
    done_before: int = 0
    """Sources that an earlier run of the same batch had finished with."""


def run_batch(
    request: BatchRequest, progress: Callable[[int, int, str], None] = lambda *_: None
) -> BatchResult:
    """Carry out a batch, or what an earlier one in the same folder left to do.

    Every source ends as ``done`` or ``failed``; none stops the others. Ctrl-C ends the batch in
    order; what is done by then stays done.

    Raises SourcesError, StateError, ExecutorError, and OSError if ``out`` cannot be written.
    """
    sources = resolve(request.sources, request.distributions)
    os.makedirs(request.out, exist_ok=True)
    state = State(request.out)
    try:
        if request.fresh or request.retry_failed:
            state.forget(failed_only=not request.fresh)
        state.begin(
            sources,
            {**request.given, "commit": request.commit, "isolated": request.isolated},
        )
        waiting = [record.source for record in state.records() if record.status == "waiting"]
        interrupted = False
        try:
            if waiting:
                _work(request, state, waiting, len(sources), progress)
        except KeyboardInterrupt:
            interrupted = True
        records = tuple(state.records())
        write_reports(request.out, records)
        return BatchResult(records, interrupted, len(sources) - len(waiting))
    finally:
        state.close()


def _work(
    request: BatchRequest,
    state: State,
    waiting: list[Source],
    total: int,
    progress: Callable[[int, int, str], None],
) -> None:
    # The longest first: one that is begun last keeps all but one worker waiting.
    queue = waiting[::-1]
    look = sum(source.kind == Kind.FOLDER.value for source in waiting) <= _FOLDERS_TO_LOOK_INTO
    queue.sort(key=lambda source: _size(source, look=look))
    running: dict[Future[Any], Source] = {}
    ahead = _AHEAD if request.executor != "processes" else _PER_WORKER * request.workers
    with executor_for(request.executor, request.workers) as executor:
        while queue or running:
            while queue and len(running) < ahead:
                source = queue.pop()
                running[executor.submit(carry_out, _job(request, source))] = source
            progress(total - len(queue) - len(running), total, next(iter(running.values())).name)
            finished, _ = wait(running, timeout=0.5, return_when=FIRST_COMPLETED)
            for future in finished:
                source = running.pop(future)
                state.finish(source.name, _taken_in(request, source, future))


def _size(source: Source, *, look: bool) -> float:
    """A guess at how long a source takes, in bytes; what cannot be guessed counts as long."""
    if source.kind == Kind.FOLDER.value and look:
        return _BYTES_FOR_A_CALL * _words_in(source.location)
    if source.kind != Kind.ARCHIVE.value:
        return float("inf")
    try:
        return os.path.getsize(source.location)
    except OSError:
        return 0.0


def _words_in(folder: str) -> int:
    """How often gradients are spoken of below a folder: deciding calls is what takes long."""
    try:
        files = discover([folder]).files
    except PathError:
        return 0
    count = 0
    for index in find_hits(files).hits:
        with contextlib.suppress(OSError):
            data = read_file(files[index])
            count += sum(data.count(word + b"(") for word in WORDS)
    return count


def _job(request: BatchRequest, source: Source) -> dict[str, Any]:
    return {
        "source": source.as_json(),
        "given": dict(request.given),
        "isolated": request.isolated,
        "time_limit": request.time_limit,
    }


def _taken_in(request: BatchRequest, source: Source, future: Future[Any]) -> dict[str, Any]:
    """Write the results of one source and return what the state keeps of them."""
    try:
        answer: dict[str, Any] = future.result()
    except Exception as error:  # of the executor: a worker that died again and again, say
        return {"status": "failed", "message": f"{type(error).__name__}: {error}"}
    if answer["status"] != "done":
        return answer
    folder = os.path.join(request.out, source.name)
    try:
        os.makedirs(folder, exist_ok=True)
        patch = os.path.join(folder, "changes.patch")
        data = answer["patch"].encode("latin-1")
        if data:
            _write(patch, data)
        else:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(patch)
        _write(os.path.join(folder, "report.json"), answer["report"].encode("utf-8"))
        _write(os.path.join(folder, "report.html"), answer["page"].encode("utf-8", "replace"))
        if request.commit and data:
            commit(source, folder, patch, answer["summary"])
    except (OSError, CommitError) as error:
        return {**answer, "status": "failed", "message": f"results not written: {error}"}
    return answer


def _write(path: str, data: bytes) -> None:
    """Write a whole file or none, so that a killed batch leaves no half of one."""
    temporary = f"{path}.tmp"
    with open(temporary, "wb") as handle:
        handle.write(data)
    os.replace(temporary, path)
