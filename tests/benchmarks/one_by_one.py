"""Archives one after another: what a batch is compared with.

By default each is unpacked and the command is run over it; with ``--forks`` the job that a batch
does for a source is done in a fork of this program, which leaves only the batch's own work out.
"""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path


def main(archives: list[str]) -> int:
    """Do for each archive what a batch does: a copy, a patch, a page."""
    if archives[:1] == ["--forks"]:
        return _in_forks(archives[1:])
    unpack = importlib.import_module("tests.corpus.fetch").unpack
    for archive in archives:
        with tempfile.TemporaryDirectory(prefix="tape-migrate-bench-") as folder:
            tree = Path(folder) / "tree"
            unpack(Path(archive), tree)
            page = str(Path(folder) / "report.html")
            with (Path(folder) / "changes.patch").open("wb") as patch:
                command = [sys.executable, "-m", "tape_migrate", "--isolated", "--html", page, "."]
                done = subprocess.run(command, cwd=tree, stdout=patch, check=False)
            if done.returncode not in {0, 3}:
                return done.returncode
    return 0


def _in_forks(archives: list[str]) -> int:
    work = importlib.import_module("tape_migrate.batch.work")
    importlib.import_module("tape_migrate.api")
    for source in importlib.import_module("tape_migrate.batch.sources").resolve(archives):
        with tempfile.TemporaryDirectory(prefix="tape-migrate-bench-") as folder:
            child = os.fork()
            if child == 0:
                job = {"source": source.as_json(), "given": {}, "isolated": False}
                work.process(job, folder)
                os._exit(0)
            if os.waitpid(child, 0)[1]:
                return 1
    return 0


if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[2])
    raise SystemExit(main(sys.argv[1:]))
