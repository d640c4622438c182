"""A batch on a real Ray cluster of two nodes, one of which dies in the middle."""

from __future__ import annotations

import importlib
import importlib.util
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tape_migrate.batch.executors import ExecutorError
from tape_migrate.batch.run import BatchRequest, BatchResult, run_batch
from tests.batch import making

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="not run: ray is not installed"
)


@pytest.fixture
def cluster() -> Iterator[Any]:
    utils: Any = importlib.import_module("ray.cluster_utils")
    # The head keeps the books and does no work.
    found = utils.Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    try:
        yield found
    finally:
        found.shutdown()


def request(tmp_path: Path, names: list[str], executor: str) -> BatchRequest:
    return BatchRequest(
        tuple(str(tmp_path / "sources" / name) for name in names),
        str(tmp_path / "out"),
        executor=executor,
    )


def test_a_node_that_dies_loses_nothing_and_nothing_is_done_twice(
    cluster: Any, tmp_path: Path
) -> None:
    nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
    names = [f"s{i:02}" for i in range(10)]
    for name in names:
        making.slow(tmp_path / "sources" / name, 25)
    making.folder(tmp_path / "sources" / "good")
    (tmp_path / "sources" / "bad.zip").write_bytes(b"")
    results: list[BatchResult] = []
    wanted = request(tmp_path, [*names, "bad.zip", "good"], f"ray={cluster.address}")
    thread = threading.Thread(target=lambda: results.append(run_batch(wanted)), daemon=True)
    thread.start()
    deadline = time.monotonic() + 90
    while making.done(tmp_path / "out") < 3 and time.monotonic() < deadline:
        time.sleep(0.02)
    left = len(names) - making.done(tmp_path / "out")
    cluster.remove_node(nodes[0], allow_graceful=False)
    thread.join(timeout=120)
    assert left > 2, "it must have died in the middle"
    (result,) = results
    found = {record.source.name: record for record in result.records}
    assert {(r.status, r.results) for name, r in found.items() if name != "bad"} == {("done", 1)}
    assert (found["bad"].status, found["bad"].results) == ("failed", 1)
    assert {found[name].summary["migrated"] for name in names} == {200}
    for name in names:
        assert (tmp_path / "out" / name / "changes.patch").stat().st_size > 0


def test_a_cluster_that_is_not_there(tmp_path: Path) -> None:
    making.folder(tmp_path / "sources" / "good")
    with pytest.raises(ExecutorError, match=r"no Ray cluster answers at 127.0.0.1:1: .*refused"):
        run_batch(request(tmp_path, ["good"], "ray=127.0.0.1:1"))
