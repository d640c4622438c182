"""Run the programs of the tables in a graph as they were, and as they are migrated.

    python -m tests.shapes.tables [TABLE …]

Printed are those that are wrong, and those that do not run; the exit code is 1 if any is wrong.
"""

from __future__ import annotations

import collections
import sys
from dataclasses import replace

from tests.fuzz.checking import Checked, Verdict, check_program, migrate
from tests.fuzz.program import Program
from tests.fuzz.running import difference, run_compiled, run_in_graph

from .reading import groups


def main() -> int:
    """Check all programs of the tables that are named, or of all."""
    count: collections.Counter[Verdict] = collections.Counter()
    for group in groups():
        if sys.argv[1:] and group.table not in sys.argv[1:]:
            continue
        for case in group.cases:
            main, *others = case.modules.items()
            helpers = {path.removesuffix(".py"): text for path, text in others}
            # With a second module it is a project, of which all callers are in sight.
            if case.closed and not helpers:
                helpers = {"unused": ""}
            program = Program(main[1], arrays=case.keras, helpers=helpers)
            checked = _in_graph(program) if case.graph else _checked(program)
            count[checked.verdict] += 1
            if checked.verdict in (Verdict.WRONG, Verdict.INVALID):
                print(f"{group}\n- {case.words}\n    {checked.verdict.value}: {checked.detail}")
    for verdict, number in count.most_common():
        print(f"{verdict.value:20} {number:6}")
    return int(count[Verdict.WRONG] > 0)


def _in_graph(program: Program) -> Checked:
    """Both sides in a graph: eagerly there are no collections."""
    checked = check_program(program)
    if checked.verdict is not Verdict.WRONG:
        return checked
    fault = difference(run_in_graph(program), run_in_graph(_migrated(program)))
    return replace(checked, verdict=Verdict.WRONG if fault else Verdict.EQUAL, detail=fault or "")


def _migrated(program: Program) -> Program:
    texts = {path: found.new.decode() for path, found in migrate(program).items()}
    helpers = {name: texts[f"{name}.py"] for name in program.helpers}
    return replace(program.with_source(texts["main.py"]), helpers=helpers)


def _checked(program: Program) -> Checked:
    """Gradients in loops that ``tf.function`` itself gets wrong must be so before and after."""
    checked = check_program(program)
    if checked.verdict is not Verdict.WRONG or not checked.detail.startswith("function: leaf"):
        return checked
    same = difference(run_compiled(program), run_compiled(_migrated(program))) is None
    return replace(checked, verdict=Verdict.EQUAL) if same else checked


if __name__ == "__main__":
    raise SystemExit(main())
