"""Prove random neighbours of the fixtures, or those that the tests run.

    python -m tests.neighbours [--count 500] [--seed 0] [--chosen]
    python -m tests.neighbours --choose 200 [--seed 0] [--only shapes/d]

Each is run as it was in a graph and as it is migrated, and the numbers are compared. The exit code
is 1 if some differ. ``--choose`` adds to those of the tests what notices so many mutants.
"""

from __future__ import annotations

import argparse
import collections
import random

from tape_migrate.verify import Verifier

from .choosing import Notice, choose
from .chosen import chosen
from .making import draw
from .proving import Fate, prove


def main() -> int:
    """Print what is different, and how many came to what end."""
    parser = argparse.ArgumentParser(prog="python -m tests.neighbours")
    parser.add_argument("--count", type=int, default=500, help="how many to try")
    parser.add_argument("--seed", type=int, default=0, help="which")
    parser.add_argument("--chosen", action="store_true", help="those of the tests instead")
    parser.add_argument("--choose", type=int, metavar="MUTANTS", help="choose for the tests")
    parser.add_argument(
        "--only", nargs="+", default=[""], metavar="PREFIX", help="mutants of modules, shapes/d"
    )
    parser.add_argument("--workers", type=int, default=2, help="how many mutants at a time")
    options = parser.parse_args()
    if options.choose:
        ends: collections.Counter[Notice] = collections.Counter()
        only = tuple(options.only)
        for tried in choose(options.choose, options.seed, only, options.workers):
            ends[tried.notice] += 1
            print(tried, flush=True)
        for end in Notice:
            print(f"{end.value:24} {ends[end]:6}")
        return 0
    rng = random.Random(options.seed)
    drawn = chosen() if options.chosen else (draw(rng) for _ in range(options.count))
    count: collections.Counter[Fate] = collections.Counter()
    with Verifier(devices="cpu", job_limit_s=60.0) as verifier:
        for neighbour in drawn:
            if neighbour is None:
                continue
            proved = prove(verifier, neighbour)
            count[proved.fate] += 1
            if proved.fate is Fate.DIFFERENT:
                print(f"{neighbour.case} {neighbour}: {proved.sentence}", flush=True)
    for fate in Fate:
        print(f"{fate.value:20} {count[fate]:6}")
    return int(count[Fate.DIFFERENT] > 0)


if __name__ == "__main__":
    raise SystemExit(main())
