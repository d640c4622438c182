"""A batch on a real Dask cluster of two workers, one of which is killed in the middle."""

from __future__ import annotations

import importlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tape_migrate.batch.executors import ExecutorError
from tape_migrate.batch.run import BatchRequest, BatchResult, run_batch
from tests.batch import making


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    distributed: Any = importlib.import_module("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as found:
        yield found


def request(tmp_path: Path, names: list[str], executor: str) -> BatchRequest:
    return BatchRequest(
        tuple(str(tmp_path / "sources" / name) for name in names),
        str(tmp_path / "out"),
        executor=executor,
    )


def test_a_killed_worker_loses_nothing_and_nothing_is_done_twice(
    cluster: Any, tmp_path: Path
) -> None:
    names = [f"s{i:02}" for i in range(24)]
    for name in names:
        making.slow(tmp_path / "sources" / name, 25)
    pids = [worker.pid for worker in cluster.workers.values()]
    assert len(set(pids)) == 2
    results: list[BatchResult] = []
    wanted = request(tmp_path, names, f"dask={cluster.scheduler_address}")
    thread = threading.Thread(target=lambda: results.append(run_batch(wanted)))
    thread.start()
    deadline = time.monotonic() + 60
    while making.done(tmp_path / "out") < 1 and time.monotonic() < deadline:
        time.sleep(0.02)
    left = len(names) - making.done(tmp_path / "out")
    os.kill(pids[0], signal.SIGKILL)
    thread.join(timeout=120)
    assert left > 2, "the kill must have come in the middle"
    (result,) = results
    assert {(r.status, r.message, r.results) for r in result.records} == {("done", "", 1)}
    assert [record.source.name for record in result.records] == names
    assert {record.summary["migrated"] for record in result.records} == {200}
    for name in names:
        assert (tmp_path / "out" / name / "changes.patch").stat().st_size > 0
    again = run_batch(wanted)
    assert again.records == result.records


def test_faults_of_sources_are_the_same_as_without_a_cluster(cluster: Any, tmp_path: Path) -> None:
    making.folder(tmp_path / "sources" / "good")
    (tmp_path / "sources" / "bad.zip").write_bytes(b"")
    executor = f"dask={cluster.scheduler_address}"
    result = run_batch(request(tmp_path, ["bad.zip", "good"], executor))
    assert [record.status for record in result.records] == ["failed", "done"]


def test_a_cluster_that_is_not_there(tmp_path: Path) -> None:
    making.folder(tmp_path / "sources" / "good")
    with pytest.raises(ExecutorError, match="no Dask scheduler answers"):
        run_batch(request(tmp_path, ["good"], "dask=nonsense://here"))
