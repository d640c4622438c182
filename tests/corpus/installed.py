"""Run the tool over the standard library and everything installed here: nothing may happen.

    python tests/corpus/installed.py [FOLDER…]

A dry run over folders (by default this Python's standard library and its site-packages). Exit code
1 if a file fails that Python can parse, if the engine reports an error of its own, if a call is
found in a file that speaks of neither TensorFlow nor Keras, or if a file is touched. Files
of TensorFlow and Keras, which a run leaves alone, are given to the engine by themselves.
"""

from __future__ import annotations

import argparse
import ast
import collections
import sys
import sysconfig
import time
import warnings
from dataclasses import dataclass, field
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[2])
    sys.path.insert(1, str(Path(__file__).resolve().parents[2] / "codemod"))

from tape_migrate.api import migrate_source
from tape_migrate.model import Options
from tape_migrate.runner import run


@dataclass
class Found:
    """What a dry run over one folder came to."""

    folder: Path
    files: int = 0
    calls: collections.Counter[str] = field(default_factory=collections.Counter)
    """How many calls ended with which outcome."""
    problems: list[str] = field(default_factory=list)
    seconds: float = 0.0
    """CPU time."""


def default_folders() -> list[Path]:
    """The standard library and the site-packages of this interpreter."""
    paths = sysconfig.get_paths()
    return list(dict.fromkeys(Path(paths[name]) for name in ("stdlib", "purelib", "platlib")))


def check(folder: Path) -> Found:
    """Dry-run over ``folder`` in this process."""
    found = Found(folder)
    before = _stamps(folder)
    began = time.process_time()
    result = run([str(folder)], Options())
    found.seconds = time.process_time() - began
    found.files = len(result.scanned)
    for entry in result.results:
        data = Path(entry.path).read_bytes()
        if entry.status.value == "failed" and (_parses(data) or "internal" in entry.message):
            found.problems.append(f"{entry.path} failed: {entry.message}")
        sites = entry.migration.sites if entry.migration is not None else ()
        if entry.migration is not None and any(r.code == "TM005" for r in entry.migration.remarks):
            # Left alone, but full of odd calls: the engine must come through all the same.
            migration = migrate_source(data, path=entry.path)
            sites = migration.sites
            if migration.internal_error is not None:
                found.problems.append(f"{entry.path} failed: {migration.internal_error}")
        found.calls.update(site.outcome.value for site in sites)
        if sites and b"tensorflow" not in data and b"keras" not in data.lower():
            found.problems.append(f"{entry.path}:{sites[0].site.line}: no call of TensorFlow's")
        found.problems += [
            f"{entry.path}:{site.site.line}: {site.message}"
            for site in sites
            if site.code == "TM199"
        ]
    touched = sorted(before.items() ^ _stamps(folder).items())
    found.problems += [f"{path} was touched" for path, _ in touched]
    return found


def _stamps(folder: Path) -> dict[str, tuple[int, int]]:
    return {
        str(path): (status.st_size, status.st_mtime_ns)
        for path in folder.rglob("*.py")
        if path.is_file() and (status := path.stat())
    }


def _parses(data: bytes) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(data)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def main() -> int:
    """Check the folders of the command line; 1 if there is a problem."""
    parser = argparse.ArgumentParser(prog="tests/corpus/installed.py")
    parser.add_argument("folders", nargs="*", type=Path, metavar="FOLDER")
    problems = 0
    for folder in parser.parse_args().folders or default_folders():
        found = check(folder)
        for problem in found.problems:
            print(problem)
        problems += len(found.problems)
        calls = ", ".join(f"{n} {outcome}" for outcome, n in sorted(found.calls.items()))
        print(f"{folder}: {found.files} files, {calls or 'no call'}, {found.seconds:.1f} s of CPU")
    return int(problems > 0)


if __name__ == "__main__":
    raise SystemExit(main())
