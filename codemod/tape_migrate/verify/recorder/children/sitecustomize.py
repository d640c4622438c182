"""Run at the start of every Python process that a recorded program starts.

Nothing is recorded there. But prepared texts must run, and that they did is written down, so that
no call is taken for one that was never reached. Needs no TensorFlow and is silent about anything
that goes wrong: it is a guest in somebody else's process.
"""

import builtins
import contextlib
import importlib
import json
import os
import sys
from typing import Any

JOB = "TAPE_MIGRATE_JOB"


def watch(job: Any) -> None:
    """Make ``__tape_migrate__`` known: it notes each call once and hands the callee back."""
    seen = set()  # type: Any

    def __tape_migrate__(call: int, callee: Any) -> Any:  # noqa: N807
        if call not in seen:
            seen.add(call)
            try:
                with open(os.path.join(job["folder"], "children.jsonl"), "a") as file:
                    file.write('{"call": %d}\n' % call)
            except OSError:
                pass
        return callee

    vars(builtins)["__tape_migrate__"] = __tape_migrate__


def go_on() -> None:
    """Leave the path as it would be, and run the ``sitecustomize`` that we stand in front of."""
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry) != here]
    del sys.modules["sitecustomize"]
    with contextlib.suppress(ImportError):
        importlib.import_module("sitecustomize")


def start() -> None:
    """Set the process up for the job that the environment names."""
    path = os.environ.get(JOB, "")
    try:
        with open(path, encoding="utf-8") as file:
            job = json.load(file)
        watch(job)
        sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        try:
            imports = importlib.import_module("imports")
        finally:
            del sys.path[0]
        del sys.modules["imports"]
        imports.redirect(job["original"], job["root"], job["files"])
    except Exception:
        pass


start()
go_on()
