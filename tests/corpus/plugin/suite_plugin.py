"""A pytest plugin for the interpreter of a release's own tests (Python 3.6 or later).

``TAPE_SUITE_MODE`` says how old code is made to run on TensorFlow 2: ``v1`` turns v2 behaviour
off, ``alias`` makes ``import tensorflow`` give ``tensorflow.compat.v1`` besides, ``eager-off``
turns off eager execution alone, ``plain`` does nothing. The outcome of every test, the end of
what a failure said, and the lines that called a tape are written to the file
``TAPE_SUITE_RESULT`` as JSON.
"""

import importlib
import json
import os
import sys
from typing import Any, Dict, Optional, Set, Tuple

MODE = os.environ["TAPE_SUITE_MODE"]
RESULT = os.environ["TAPE_SUITE_RESULT"]

outcomes: Dict[str, str] = {}
failures: Dict[str, str] = {}
reached: Set[Tuple[str, int]] = set()


def _prepare() -> None:
    tf: Any = importlib.import_module("tensorflow.compat.v1")
    if MODE in ("v1", "alias"):
        tf.disable_v2_behavior()
    elif MODE == "eager-off":
        tf.disable_eager_execution()
    elif MODE != "plain":
        raise ValueError("unknown mode: " + MODE)
    if MODE == "alias":
        sys.modules["tensorflow"] = tf
    for name in ("gradient", "jacobian", "batch_jacobian"):
        _record(tf.GradientTape, name)


def _record(tape: Any, name: str) -> None:
    original = getattr(tape, name)

    def recorded(*args: Any, **kwargs: Any) -> Any:
        caller = sys._getframe(1)
        reached.add((os.path.realpath(caller.f_code.co_filename), caller.f_lineno))
        return original(*args, **kwargs)

    setattr(tape, name, recorded)


_prepare()


def pytest_runtest_logreport(report: Any) -> None:
    # A test passes if its call did and neither setting up nor tearing down failed.
    worst: Optional[str] = outcomes.get(report.nodeid)
    if worst in (None, "passed") and (report.when == "call" or report.outcome != "passed"):
        outcomes[report.nodeid] = report.outcome
        if report.failed:
            failures[report.nodeid] = report.longreprtext[-2000:]


def pytest_collectreport(report: Any) -> None:
    if report.failed:
        outcomes[report.nodeid or "collection"] = "error"


def pytest_sessionfinish(session: Any) -> None:
    with open(RESULT, "w") as handle:
        json.dump({"outcomes": outcomes, "failures": failures, "reached": sorted(reached)}, handle)
