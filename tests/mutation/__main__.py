"""How many faults put into the engine do the fast tests notice?

    python -m tests.mutation [--count 300] [--seed 0] [--only shapes/decide.py] [--goldens-only]

A random sample of all mutants of ``shapes/``, ``flow/`` and ``edits/`` (``mutants.py``) is tried in
a copy of the tree, one mutant at a time, on the tests that execute its line and start no TensorFlow
(``session.py``). Printed are the share that was killed, with its 95 % interval, and the survivors.

Neither mutmut nor cosmic-ray does this well: both start the whole test command for each mutant, so
that the collection of thousands of tests is paid 15,000 times, and neither draws a sample or gives
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
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.mutation.mutants import Mutant, mutants_below

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("shapes", "flow", "edits")
_COPIED = ("codemod", "tests", "fixtures", "pyproject.toml", "README.md")
_GOLDENS = ("tests/test_fixtures.py",)
_TESTS = (
    *_GOLDENS,
    "tests/edits",
    "tests/flow",
    "tests/neighbours",
    "tests/shapes",
    "tests/notebooks",
    "tests/test_called_names.py",
    "tests/test_engine.py",
    "tests/test_imports.py",
    "tests/test_keeping_trials.py",
    "tests/test_lambdas.py",
    "tests/test_layer_linking.py",
    "tests/test_linking.py",
    "tests/test_linking_corners.py",
    "tests/test_linking_faults.py",
    "tests/test_loss_linking.py",
    "tests/test_mentions.py",
    "tests/test_module.py",
    "tests/test_names.py",
    "tests/test_project.py",
    "tests/test_refusals.py",
    "tests/test_sites.py",
    "tests/adversarial/test_syntax.py",
    "tests/fuzz/test_outcomes.py",
)
_FRESH_START_S = 180.0


def main() -> int:
    """Try a sample; the exit code is 0 whatever the share."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation")
    parser.add_argument("--count", type=int, default=300, help="how many mutants to try")
    parser.add_argument("--seed", type=int, default=0, help="which sample")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument(
        "--only", nargs="+", default=[""], metavar="PREFIX", help="modules, such as shapes/d"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="append each result to FILE")
    parser.add_argument(
        "--again", type=Path, metavar="FILE", help="those that survived in FILE, of --json"
    )
    parser.add_argument("--goldens-only", action="store_true", help="a lower bound, faster")
    options = parser.parse_args()
    everything = [
        mutant
        for mutant in mutants_below(ROOT / "codemod" / "tape_migrate", ROOMS)
        if mutant.path.startswith(tuple(options.only))
    ]
    chosen = random.Random(options.seed).sample(everything, min(options.count, len(everything)))
    if options.again:
        tried = map(json.loads, options.again.read_text(encoding="utf-8").splitlines())
        survived = {Mutant(**one) for one in tried if one.pop("killed") is None}
        chosen = [mutant for mutant in everything if mutant in survived]
    tests = _GOLDENS if options.goldens_only else _TESTS
    results: dict[int, str | None] = {}
    with tempfile.TemporaryDirectory(
        prefix="tape-migrate-mutation-", ignore_cleanup_errors=True
    ) as folder:
        tree = _copy(Path(folder) / "tree")
        for number, killed, count in _tried(tree, chosen, tests, options.workers):
            results[number] = killed
            mutant = chosen[number]
            print(f"{mutant}: {killed or f'SURVIVED {count} tests'}", flush=True)
            if options.json:
                with options.json.open("a", encoding="utf-8") as out:
                    out.write(json.dumps({**asdict(mutant), "killed": killed}) + "\n")
    print(_report(chosen, [results[number] for number in range(len(chosen))], len(everything)))
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


def _tried(
    tree: Path, mutants: list[Mutant], tests: tuple[str, ...], workers: int
) -> Iterator[tuple[int, str | None, int]]:
    """The number of each mutant, who noticed it if anybody did, and how many tests could have."""
    afresh: list[dict[str, Any]] = []
    for answer in _forked(tree, mutants, tests, workers):
        if answer["number"] == -1 and answer["killed"]:
            raise SystemExit(f"without any mutant: {answer['killed']}")
        if answer["number"] < 0:
            if answer["killed"]:
                print(f"left out, since it fails without any mutant: {answer['killed']}")
        elif answer["fresh"]:
            afresh.append(answer)
        else:
            yield answer["number"], answer["killed"], answer["tests"]
    with ThreadPoolExecutor(workers) as pool:
        waiting = {
            pool.submit(_afresh, tree, mutants[answer["number"]], Path(answer["fresh"])): answer
            for answer in afresh
        }
        for done in as_completed(waiting):
            yield waiting[done]["number"], done.result(), waiting[done]["tests"]


def _forked(
    tree: Path, mutants: list[Mutant], tests: tuple[str, ...], workers: int
) -> Iterator[dict[str, Any]]:
    listed = tree / "mutants.json"
    listed.write_text(json.dumps([asdict(mutant) for mutant in mutants]), encoding="utf-8")
    reader, writer = os.pipe()
    command = [*_pytest(tree), "--mutants", str(listed), "--answers", str(writer)]
    with (
        open(reader, encoding="utf-8") as answers,
        subprocess.Popen(
            [*command, "--forks", str(workers), *tests],
            cwd=tree, env=_environment(tree, tree / "codemod"), pass_fds=(writer,),
            stdout=subprocess.DEVNULL,
        ) as process,
    ):  # fmt: skip
        os.close(writer)
        try:
            yield from map(json.loads, answers)
        except GeneratorExit:
            process.kill()
            raise
        if process.wait():
            raise SystemExit(f"the tests ended with exit code {process.returncode}")


def _afresh(tree: Path, mutant: Mutant, chosen: Path) -> str | None:
    """Who noticed a mutant that is in its place when the engine is imported."""
    named = json.loads(chosen.read_text(encoding="utf-8"))
    if not named["tests"]:
        return None
    engine = chosen.with_suffix("")
    shutil.copytree(tree / "codemod", engine)
    path = engine / "tape_migrate" / mutant.path
    path.write_bytes(mutant.apply(path.read_bytes()))
    files = list(dict.fromkeys(one.partition("::")[0] for one in named["tests"]))
    command = [*_pytest(tree), "-x", "-o", f"pythonpath={engine}", "--chosen", str(chosen), *files]
    limit_s = _FRESH_START_S + 10 * named["cost_s"]
    try:
        done = subprocess.run(
            command, cwd=tree, env=_environment(tree, engine), capture_output=True, check=False,
            timeout=limit_s,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return "too slow"
    finally:
        shutil.rmtree(engine)
    if done.returncode == 0:
        return None
    said = (done.stdout + done.stderr).decode("utf-8", "replace").strip().splitlines()
    telling = [line for line in said if line.startswith(("FAILED", "ERROR"))] or said
    return telling[-1][:160] if telling else f"exit code {done.returncode}"


def _pytest(tree: Path) -> list[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-s", "--tb=line", "-p", "no:cacheprovider"]
    return [*command, "-p", "tests.mutation.session", "--hypothesis-profile=ci"]


def _environment(tree: Path, engine: Path) -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": f"{engine}{os.pathsep}{tree}",
        "PYTHONDONTWRITEBYTECODE": "1",
        # Where each fork makes a folder of its own for `tmp_path`.
        "PYTEST_DEBUG_TEMPROOT": str(tree.parent),
    }


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
