"""Who does the work, behind the interface of ``concurrent.futures``."""

from __future__ import annotations

import contextlib
import importlib
import os
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any

from tape_migrate.batch.helper import carry_out, close_helpers, open_helper


class ExecutorError(Exception):
    """There is no such executor here; the message says what to do."""


def workers_by_default() -> int:
    """One for each processor that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextlib.contextmanager
def executor_for(spec: str, workers: int) -> Iterator[Executor]:
    """Open ``processes``, ``dask=ADDRESS``, ``ray`` or ``ray=ADDRESS``; close it afterwards.

    ``workers`` counts for local processes only; clusters know their own.

    Raises ExecutorError.
    """
    name, _, address = spec.partition("=")
    if name == "processes" and not address:
        with _local(workers) as executor:
            yield executor
    elif name == "dask" and address:
        with _dask(address) as executor:
            yield executor
    elif name == "ray":
        with _ray(address or None) as executor:
            yield executor
    else:
        raise ExecutorError(f"{spec}: must be processes, dask=ADDRESS or ray[=ADDRESS]")


@contextlib.contextmanager
def _local(workers: int) -> Iterator[Executor]:
    # Each thread waits for a job that the helper process does.
    open_helper()
    executor = ThreadPoolExecutor(workers, thread_name_prefix="batch")
    try:
        yield executor
    finally:
        executor.shutdown(wait=False, cancel_futures=True)
        close_helpers()
        executor.shutdown(wait=True)


@contextlib.contextmanager
def _dask(address: str) -> Iterator[Executor]:
    try:
        distributed: Any = importlib.import_module("distributed")
    except ImportError as error:
        raise ExecutorError('dask is not installed: pip install "tape-migrate[dask]"') from error
    try:
        client = distributed.Client(address, timeout="20s")
    except (OSError, TimeoutError, ValueError) as error:
        raise ExecutorError(f"no Dask scheduler answers at {address}: {error}") from error
    executor = client.get_executor(pure=False, retries=3)
    try:
        yield executor
    finally:
        with contextlib.suppress(Exception):
            executor.shutdown(wait=False)
        client.close()


@contextlib.contextmanager
def _ray(address: str | None) -> Iterator[Executor]:  # pragma: no cover - the tests have no Ray
    try:
        ray: Any = importlib.import_module("ray")
    except ImportError as error:
        raise ExecutorError('ray is not installed: pip install "tape-migrate[ray]"') from error
    expect_answer(address)
    try:
        ray.init(address=address, log_to_driver=False, configure_logging=False)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise ExecutorError(f"no Ray cluster: {error}") from error
    try:
        yield _RayExecutor(ray.remote(max_retries=3)(carry_out))
    finally:
        ray.shutdown()


def expect_answer(address: str | None) -> None:
    """Raise ExecutorError where nobody listens at ``HOST:PORT``: Ray itself goes on trying."""
    host, _, port = (address or "").removeprefix("ray://").rpartition(":")
    if not (host and port.isdecimal()):
        return  # "auto" and the like
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=20).close()
    except (OSError, OverflowError) as error:
        raise ExecutorError(f"no Ray cluster answers at {address}: {error}") from error


class _RayExecutor(Executor):  # pragma: no cover - the tests have no Ray
    """Tasks of Ray as futures."""

    def __init__(self, task: Any) -> None:
        self._task = task

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        assert fn is carry_out
        future: Future[Any] = self._task.remote(*args, **kwargs).future()
        return future
