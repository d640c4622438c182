"""Run the programs of the tables in a graph as they were, and as they are migrated.

    python -m tests.shapes.tables [TABLE …]

Printed are those that are wrong, and those that do not run; the exit code is 1 if any is wrong.
"""

from __future__ import annotations

import collections
import sys

from tests.fuzz.checking import Verdict, check_program
from tests.fuzz.program import Program

from .reading import groups


def main() -> int:
    """Check all programs of the tables that are named, or of all."""
    count: collections.Counter[Verdict] = collections.Counter()
    for group in groups():
        if sys.argv[1:] and group.table not in sys.argv[1:]:
            continue
        for case in group.cases:
            # With a second module it is a project, of which all callers are in sight.
            helpers = {"unused": ""} if case.closed else {}
            checked = check_program(Program(case.text, arrays=case.keras, helpers=helpers))
            count[checked.verdict] += 1
            if checked.verdict in (Verdict.WRONG, Verdict.INVALID):
                print(f"{group}\n- {case.words}\n    {checked.verdict.value}: {checked.detail}")
    for verdict, number in count.most_common():
        print(f"{verdict.value:20} {number:6}")
    return int(count[Verdict.WRONG] > 0)


if __name__ == "__main__":
    raise SystemExit(main())
