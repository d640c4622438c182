"""A Dask cluster of two local workers with one thread each, until its standard input ends."""

from __future__ import annotations

import importlib
import sys


def main() -> None:
    """Print the scheduler's address once the workers are there."""
    distributed = importlib.import_module("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster:
        print(cluster.scheduler_address, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
