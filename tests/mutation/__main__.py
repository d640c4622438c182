"""How many faults put into the engine do the fast tests notice?

    python -m tests.mutation [--count 100] [--seed 0] [--only shapes/decide.py] [--goldens-only]

A random sample of all mutants of ``shapes/``, ``flow/`` and ``edits/`` (``mutants.py``) is tried,
one at a time, in a copy of the tree: first against the goldens of all fixtures (``killer.py``), and
what survives that against the tests of the rooms in ``_TESTS``, of which none starts TensorFlow.
Printed are the share that was killed, with its 95 % interval, and the survivors.

Neither mutmut nor cosmic-ray does this well: both start the whole test command for each mutant, so
that the collection of thousands of tests is paid 12,000 times, and neither draws a sample or gives
an interval for one.
"""

from __future__ import annotations

import argparse
import collections
import json
import math
import os
import random
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from queue import Queue

from tests.mutation.mutants import Mutant, mutants_below

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("shapes", "flow", "edits")
_COPIED = ("codemod", "tests", "fixtures", "pyproject.toml", "README.md")
_TESTS = (
    "tests/edits",
    "tests/flow",
    "tests/shapes",
    "tests/test_engine.py",
    "tests/adversarial/test_syntax.py",
)
_ROOM = {"shapes": ("tests/flow",), "edits": ("tests/flow",), "flow": ()}
"""Tests that have nothing to say of a room."""
_GOLDENS_LIMIT_S = 300.0
_TESTS_LIMIT_S = 900.0


def main() -> int:
    """Try a sample; the exit code is 0 whatever the share."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation")
    parser.add_argument("--count", type=int, default=100, help="how many mutants to try")
    parser.add_argument("--seed", type=int, default=0, help="which sample")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", default="", metavar="PREFIX", help="modules, such as shapes/d")
    parser.add_argument("--json", type=Path, metavar="FILE", help="append each result to FILE")
    parser.add_argument("--goldens-only", action="store_true", help="a lower bound, faster")
    options = parser.parse_args()
    everything = [
        mutant
        for mutant in mutants_below(ROOT / "codemod" / "tape_migrate", ROOMS)
        if mutant.path.startswith(options.only)
    ]
    chosen = random.Random(options.seed).sample(everything, min(options.count, len(everything)))
    with tempfile.TemporaryDirectory(prefix="tape-migrate-mutation-") as folder:
        trees: Queue[Path] = Queue()
        for number in range(options.workers):
            trees.put(_copy(Path(folder) / str(number)))
        first = trees.get()
        for room in ROOMS:
            if (fault := _kill(first, room, options.goldens_only)) is not None:
                raise SystemExit(f"without any mutant: {fault}")
            if options.goldens_only:
                break
        trees.put(first)

        def try_one(mutant: Mutant) -> str | None:
            tree = trees.get()
            try:
                killed = _with_mutant(tree, mutant, options.goldens_only)
            finally:
                trees.put(tree)
            print(f"{mutant}: {killed or 'SURVIVED'}", flush=True)
            if options.json:
                with options.json.open("a", encoding="utf-8") as out:
                    out.write(json.dumps({**asdict(mutant), "killed": killed}) + "\n")
            return killed

        with ThreadPoolExecutor(options.workers) as pool:
            results = list(pool.map(try_one, chosen))
    print(_report(chosen, results, len(everything)))
    return 0


def _copy(tree: Path) -> Path:
    tree.mkdir()
    for name in _COPIED:
        source = ROOT / name
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
            shutil.copytree(source, tree / name, ignore=ignored)
        else:
            shutil.copy(source, tree / name)
    return tree


def _with_mutant(tree: Path, mutant: Mutant, goldens_only: bool) -> str | None:
    path = tree / "codemod" / "tape_migrate" / mutant.path
    source = path.read_bytes()
    path.write_bytes(mutant.apply(source))
    try:
        return _kill(tree, mutant.path.partition("/")[0], goldens_only)
    finally:
        path.write_bytes(source)


def _kill(tree: Path, room: str, goldens_only: bool) -> str | None:
    """Who noticed something wrong in ``tree``; None if nobody did."""
    goldens = [sys.executable, "-m", "tests.mutation.killer"]
    if (fault := _run(tree, goldens, _GOLDENS_LIMIT_S)) is not None:
        return f"goldens: {fault}"
    if goldens_only:
        return None
    tests = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--tb=no", "-r"]
    tests += ["f", "--hypothesis-profile=ci", "-p", "tests.mutation.no_tensorflow"]
    tests += [test for test in _TESTS if test not in _ROOM[room]]
    if (fault := _run(tree, tests, _TESTS_LIMIT_S)) is not None:
        return f"tests: {fault}"
    return None


def _run(tree: Path, command: list[str], limit_s: float) -> str | None:
    environment = {
        **os.environ,
        "PYTHONPATH": f"{tree / 'codemod'}{os.pathsep}{tree}",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    try:
        done = subprocess.run(
            command, cwd=tree, env=environment, capture_output=True, check=False, timeout=limit_s
        )
    except subprocess.TimeoutExpired:
        return "too slow"
    if done.returncode == 0:
        return None
    said = (done.stdout + done.stderr).decode("utf-8", "replace").strip().splitlines()
    telling = [line for line in said if line.startswith(("FAILED", "ERROR"))] or said
    return telling[-1][:160] if telling else f"exit code {done.returncode}"


def _report(chosen: list[Mutant], results: list[str | None], population: int) -> str:
    killed = sum(result is not None for result in results)
    low, high = interval(killed, len(results))
    by_kind: dict[str, list[bool]] = collections.defaultdict(list)
    for mutant, result in zip(chosen, results, strict=True):
        by_kind[mutant.kind].append(result is not None)
    lines = [""]
    lines += [
        f"{kind:20} {len(found):5} made {sum(found):5} killed"
        for kind, found in sorted(by_kind.items())
    ]
    lines.append(
        f"{killed} of {len(results)} killed: {100 * killed / len(results):.1f} % "
        f"(95 % interval {100 * low:.1f} to {100 * high:.1f} %), of {population} mutants in all"
    )
    return "\n".join(lines)


def interval(hits: int, count: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share, both ends between 0 and 1."""
    z = 1.96
    share = hits / count
    middle = share + z * z / (2 * count)
    half = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    scale = 1 + z * z / count
    return (middle - half) / scale, (middle + half) / scale


if __name__ == "__main__":
    raise SystemExit(main())
