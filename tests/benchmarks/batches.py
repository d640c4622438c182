"""``batch`` over the releases of the corpus: against one by one, by workers, and on Dask."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks.compare import Command, Row, interleave, ratio_row
from tests.benchmarks.setting import HERE, PYTHON, Setting, scratch, tool
from tests.corpus.fetch import FetchError, fetch
from tests.corpus.releases import load_releases
from tests.corpus.tool import environment

_DONE = frozenset({0, 3})


def batches(setting: Setting) -> list[Row]:
    """Wall and processor time over all releases with calls."""
    name = "batch over the corpus"
    try:
        archives = [fetch(r, setting.cache) for r in load_releases() if r.sites]
    except FetchError as error:
        return [Row(name, "", 1.05, None, not_run=str(error).splitlines()[0])]
    name = f"batch over {len(archives)} releases"
    with scratch() as folder, _cluster() as address:
        out = folder / "out"

        def clear() -> None:
            shutil.rmtree(out, ignore_errors=True)

        def batch(*words: str) -> Command:
            run = tool("batch", *map(str, archives), "--out", out, *words)
            return Command(run.words, run.env, codes=_DONE, prepare=clear)

        script: list[str | Path] = [PYTHON, str(HERE / "one_by_one.py"), *archives]
        commands = {
            "one by one": Command(script, environment()),
            "jobs": Command([*script[:2], "--forks", *script[2:]], environment()),
            "1 worker": batch("--workers", "1"),
            "2 workers": batch("--workers", "2"),
        }
        if address is not None:
            commands["dask"] = batch("--executor", f"dask={address}")
        costs = interleave(commands, max(setting.rounds // 3, 1))
    one, two = costs["1 worker"], costs["2 workers"]
    rows = [
        ratio_row(f"{name}, 1 worker", "unpack and run one by one", 1.05, one, costs["one by one"]),
        ratio_row(f"{name}, 1 worker", "its jobs alone (own overhead)", 1.05, one, costs["jobs"]),
        ratio_row(f"{name}, 2 workers", "1 worker (2 processors wanted)", 1 / 1.7, two, one),
    ]
    against = "2 local processes"
    if address is None:
        rows.append(Row(f"{name}, Dask, 2 workers", against, 1.15, None, not_run="no dask"))
    else:
        rows.append(ratio_row(f"{name}, Dask, 2 workers", against, 1.15, costs["dask"], two))
    return rows


@contextmanager
def _cluster() -> Iterator[str | None]:
    """A running cluster's address; None without Dask."""
    if importlib.util.find_spec("distributed") is None:
        yield None
        return
    with subprocess.Popen(
        [sys.executable, str(Path(HERE) / "dask_cluster.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, **environment()},
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        address = process.stdout.readline().strip()
        try:
            yield address or None
        finally:
            process.stdin.close()
            process.wait(timeout=30)
