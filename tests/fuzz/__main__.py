"""``python -m tests.fuzz --count N --seed S``: check N programs, shrink what fails."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter

from tests.fuzz.checking import Checked, Verdict, check_program
from tests.fuzz.generate import generate
from tests.fuzz.shrink import shrink


def main() -> int:
    """Print the verdicts; the exit status is 1 if any program came out wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--count", type=int, default=100, help="programs to check")
    parser.add_argument("--seed", type=int, default=0, help="number of the first program")
    parser.add_argument("--no-shrink", action="store_true", help="show failures as generated")
    options = parser.parse_args()
    verdicts: Counter[str] = Counter()
    codes: Counter[str] = Counter()
    values = 0
    started = time.monotonic()
    for seed in range(options.seed, options.seed + options.count):
        source = generate(seed)
        flag = seed % 3 != 0
        checked = check_program(source, flag=flag)
        verdicts[checked.verdict.value] += 1
        codes.update(checked.codes)
        values += checked.gradients
        if checked.verdict is Verdict.WRONG:
            _show(seed, source, checked, flag=flag, small=not options.no_shrink)
    valid = options.count - verdicts[Verdict.INVALID.value]
    share = verdicts[Verdict.EQUAL.value] / max(1, valid)
    print(f"{dict(verdicts)}, {share:.0%} of {valid} valid programs migrated as a whole")
    print(f"{values} values compared, refusals {dict(codes.most_common())}")
    print(f"{time.monotonic() - started:.0f} s")
    return 1 if verdicts[Verdict.WRONG.value] else 0


def _show(seed: int, source: str, checked: Checked, *, flag: bool, small: bool) -> None:
    if small:
        source, checked = shrink(source, checked, flag=flag)
    print(f"=== seed {seed}, flag={flag}: {checked.detail} {checked.codes}")
    print(source)
    print("--- migrated to")
    print(checked.new, flush=True)


if __name__ == "__main__":
    sys.exit(main())
