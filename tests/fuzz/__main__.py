"""``python -m tests.fuzz --budget 2h``: generate programs, migrate them, compare the numbers.

Every program is run in a graph as it was, and migrated: eagerly and under ``tf.function``. What
comes out wrong is made small, printed, and saved under ``tests/fuzz/found``.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from pathlib import Path

from tests.fuzz.checking import Verdict
from tests.fuzz.coverage import Table
from tests.fuzz.hunting import KINDS, hunt, save
from tests.fuzz.program import FOUND

_UNITS = {"s": 1, "m": 60, "h": 3600}


def seconds(text: str) -> float:
    """``90``, ``90s``, ``30m`` or ``2h`` in seconds; argparse's error for anything else."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no time: write 90s, 30m or 2h")
    return float(match[1]) * _UNITS[match[2] or "s"]


def main() -> int:
    """Print what was found and covered; the exit status is 1 if any program came out wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--budget", type=seconds, default=float("inf"), help="time, as in 2h")
    parser.add_argument("--count", type=int, help="programs to check (without --budget: 200)")
    parser.add_argument("--seed", type=int, default=0, help="number of the first batch")
    parser.add_argument("--only", choices=KINDS, default="all", help="one kind of program")
    parser.add_argument("--save", type=Path, default=FOUND, help="where wrong programs go")
    options = parser.parse_args()
    count = options.count or (200 if options.budget == float("inf") else 10**9)
    table = Table()
    started = time.monotonic()
    try:
        for finding in hunt(
            options.seed, budget=options.budget, count=count, table=table, kind=options.only
        ):
            path = save(finding, options.save)
            print(f"=== {path}: {finding.checked.detail} {finding.checked.codes}")
            print(finding.program.source)
            print("--- migrated to")
            print(finding.checked.new, flush=True)
    except KeyboardInterrupt:
        print("stopped")
    spent, cpu = time.monotonic() - started, time.process_time()
    print(table)
    print(", ".join(f"{table.verdicts[verdict]} {verdict.value}" for verdict in Verdict))
    print(
        f"{table.programs} programs with {table.calls} calls in {spent:.0f} s "
        f"({60 * table.programs / max(spent, 1):.0f} a minute, "
        f"{60 * table.programs / max(cpu, 1):.0f} in a minute of CPU time), "
        f"{table.values} values compared, "
        f"{table.whole:.0%} of the programs migrated as a whole"
    )
    print(f"refusals: {dict(table.codes.most_common())}")
    never = table.never_migrated()
    if never:
        print(f"never migrated: {', '.join(never)}")
    return 1 if table.verdicts[Verdict.WRONG] else 0


if __name__ == "__main__":
    sys.exit(main())
