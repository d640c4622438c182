"""Processes that the program starts: seen, told what they need to run, but not recorded."""

import os
import subprocess
from multiprocessing import process
from typing import Any

CHILDREN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "children")


def install(store: Any, job_file: str) -> None:
    """Note every process that is started; Python finds ``children/sitecustomize.py`` there."""
    os.environ["TAPE_MIGRATE_JOB"] = job_file
    known = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = CHILDREN + (os.pathsep + known if known else "")
    popen, start = subprocess.Popen.__init__, process.BaseProcess.start

    def noted_popen(self: Any, args: Any, *more: Any, **words: Any) -> None:
        line = args.split() if isinstance(args, str) else [str(word) for word in args]
        program = os.path.basename(line[0]) if line else ""
        store.note(what="process", command=" ".join([program, *line[1:4]])[:200])
        popen(self, args, *more, **words)

    def noted_start(self: Any) -> None:
        store.note(what="process", command=type(self).__name__ + " of multiprocessing")
        start(self)

    subprocess.Popen.__init__ = noted_popen  # type: ignore[method-assign]
    process.BaseProcess.start = noted_start  # type: ignore[method-assign]
    if hasattr(os, "fork"):  # pragma: no branch - not on Windows
        fork = os.fork

        def noted_fork() -> int:
            store.note(what="process", command="os.fork()")
            return fork()

        os.fork = noted_fork
