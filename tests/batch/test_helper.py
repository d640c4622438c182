"""The process that carries out the jobs of a batch, and what becomes of jobs when it dies."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tape_migrate.batch import helper as helper_module
from tape_migrate.batch.helper import (
    _HELPERS,
    Helper,
    HelperError,
    carry_out,
    close_helpers,
    open_helper,
)
from tests.batch import making


def test_a_helper_that_dies_is_replaced_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    making.folder(tmp_path / "plain")
    job = {
        "source": {"name": "plain", "kind": "folder", "location": str(tmp_path / "plain")},
        "given": {},
        "isolated": False,
        "time_limit": 30.0,
    }
    open_helper()
    try:
        assert carry_out(job)["summary"]["migrated"] == 1
        helper = _HELPERS.shared()
        assert helper is not None
        os.kill(helper.process_id, signal.SIGKILL)
        assert carry_out(job)["summary"]["migrated"] == 1
    finally:
        close_helpers()
    assert carry_out(job)["message"] == "the batch was stopped"
    open_helper()
    assert list(scratch.iterdir()) == []


def test_jobs_of_a_helper_that_dies_are_all_done(tmp_path: Path) -> None:
    making.slow(tmp_path / "slow", 60)
    job = {
        "source": {"name": "slow", "kind": "folder", "location": str(tmp_path / "slow")},
        "given": {},
        "isolated": False,
        "time_limit": 60.0,
    }
    open_helper()
    try:
        helper = _HELPERS.shared()
        assert helper is not None
        with ThreadPoolExecutor(2) as pool:
            answers = [pool.submit(carry_out, job) for _ in range(2)]
            while not (children := _children(helper.process_id)):
                time.sleep(0.005)
            os.kill(helper.process_id, signal.SIGKILL)
            assert [answer.result()["summary"]["migrated"] for answer in answers] == [480, 480]
        for child in children:
            with contextlib.suppress(ProcessLookupError):  # it has come to its end by itself
                os.killpg(child, signal.SIGKILL)
    finally:
        close_helpers()
        open_helper()


def _children(process_id: int) -> list[int]:
    listed = subprocess.run(["pgrep", "-P", str(process_id)], capture_output=True, check=False)
    return [int(word) for word in listed.stdout.split()]


def test_a_job_that_no_helper_survives_is_a_failure_of_its_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(helper_module, "_START", "raise SystemExit(7)")
    close_helpers()
    open_helper()
    try:
        answer = carry_out({})
    finally:
        close_helpers()
        open_helper()
    assert answer["status"] == "failed"
    assert answer["message"].startswith("no process could do it: ")


def test_a_helper_that_is_given_nothing_more_to_do_ends_by_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A worker of a cluster keeps no process for ever."""
    idle = helper_module._START.replace(
        "serve()\n", "serving._IDLE_SECONDS = 0.2\nserving.serve()\n"
    )
    idle = idle.replace(
        "from tape_migrate.batch.serving import serve", "from tape_migrate.batch import serving"
    )
    monkeypatch.setattr(helper_module, "_START", idle)
    waiting = Helper()
    try:
        assert waiting._process.wait(timeout=60) == 0
        with pytest.raises(HelperError):
            waiting.do({})
    finally:
        waiting.close()


def test_a_job_ends_with_those_who_wait_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    making.slow(tmp_path / "slow", 900)
    job = {
        "source": {"name": "slow", "kind": "folder", "location": str(tmp_path / "slow")},
        "given": {},
        "isolated": False,
        "time_limit": 60.0,
    }
    helper = Helper()
    pool = ThreadPoolExecutor(1)
    waiting = pool.submit(helper.do, job)
    deadline = time.monotonic() + 20
    while not list(scratch.glob("*/copies")) and time.monotonic() < deadline:
        time.sleep(0.01)
    start = time.monotonic()
    helper.close()
    assert isinstance(waiting.exception(timeout=2), HelperError)
    assert time.monotonic() - start < 2
    pool.shutdown()
    assert list(scratch.iterdir()) == []
