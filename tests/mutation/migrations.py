"""Does ``verify`` notice when a migration is wrong?

    python -m tests.mutation.migrations [--count 300] [--seed 0] [--list]

Takes the migrated program of every fixture, puts one fault at a time into it (``wrong_edits.py``)
and proves it against the old program as the fixture's own case does. What ``verify`` calls equal is
run again on other numbers, side by side with the right migration, and compared without ``verify``:
where those agree, the fault changes nothing that could be seen (equivalent); where they do not, it
has escaped. The exit code is 1 if one has.
"""

from __future__ import annotations

import argparse
import collections
import enum
import random
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from tape_migrate.sources.text import decode
from tape_migrate.verify import Case, Verdict, Verifier, load_case
from tape_migrate.verify.harness import run_side
from tape_migrate.verify.results import Leaf, RunResult, describe, leaves
from tests.benchmarks.table import text_table
from tests.fixture_cases import all_cases
from tests.mutation.wrong_edits import WrongEdit, wrong_edits

_OTHER_SEEDS = (101, 102)
_RTOL = 1e-4


class Fate(enum.Enum):
    """What became of one wrong migration."""

    CAUGHT = "caught"
    EQUIVALENT = "equivalent"
    ESCAPED = "escaped"


@dataclass(frozen=True)
class Tried:
    """One wrong migration of one case and what became of it."""

    case: str
    edit: WrongEdit
    fate: Fate
    sentence: str


def candidates() -> list[tuple[Case, WrongEdit]]:
    """Every fault of every fixture that is migrated and run, by name and line."""
    found: list[tuple[Case, WrongEdit]] = []
    for fixture in all_cases():
        if not fixture.changes or fixture.not_run is not None:
            continue
        case = load_case(fixture.folder)
        if "eager" not in case.modes or not isinstance(case.after, bytes):
            continue  # what remains is a graph
        source = decode(case.after)
        if source.encoding == "utf-8" and not source.bom and "\r" not in source.text:
            found += [(case, edit) for edit in wrong_edits(source.text)]
    return found


def try_edit(verifier: Verifier, case: Case, edit: WrongEdit) -> Tried:
    """Prove a wrong migration; where ``verify`` finds nothing, look for oneself."""
    evidence = verifier.verify(replace(case, after=edit.text.encode()))
    if evidence.verdict is not Verdict.EQUAL:
        return Tried(case.name, edit, Fate.CAUGHT, evidence.sentence)
    assert case.after is not None
    for seed in (*case.seeds, *_OTHER_SEEDS):
        right, wrong = (
            run_side(verifier.new, case, source, mode="eager", device="CPU:0", seed=seed)
            for source in (case.after, edit.text)
        )
        difference = _difference(right, wrong)
        if difference is not None:
            return Tried(case.name, edit, Fate.ESCAPED, f"seed {seed}: {difference}")
    return Tried(case.name, edit, Fate.EQUIVALENT, "the same numbers on all inputs tried")


def _difference(right: RunResult, wrong: RunResult) -> str | None:
    if right.error is not None or wrong.error is not None:
        same = right.error is not None and wrong.error is not None
        return None if same else "only one of them fails"
    ours, theirs = list(leaves(right.value)), list(leaves(wrong.value))
    if [(p, describe(n)) for p, n in ours] != [(p, describe(n)) for p, n in theirs]:
        return "another structure"
    for (path, one), (_, other) in zip(ours, theirs, strict=True):
        if isinstance(one, Leaf) and isinstance(other, Leaf) and one.array.dtype.kind in "fiu":
            scale = float(np.max(np.abs(one.array), initial=0.0))
            if not np.allclose(one.array, other.array, rtol=0, atol=_RTOL * scale, equal_nan=True):
                return f"{path} differs"
    return None


def table(tried: Iterable[Tried]) -> str:
    """A line a kind: how many were made, and what became of them."""
    count: dict[str, collections.Counter[Fate]] = collections.defaultdict(collections.Counter)
    for one in tried:
        count[one.edit.kind][one.fate] += 1
    count["all"] = sum(count.values(), collections.Counter[Fate]())
    return text_table(
        ("fault", "made", "caught", "equivalent", "escaped"),
        [[kind, fates.total(), *(fates[fate] for fate in Fate)] for kind, fates in count.items()],
    )


def main() -> int:
    """Try a sample of all faults, or all of them."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation.migrations")
    parser.add_argument("--count", type=int, default=300, help="how many to try; 0 is all")
    parser.add_argument("--seed", type=int, default=0, help="which sample")
    parser.add_argument("--list", action="store_true", help="name each one that was not caught")
    options = parser.parse_args()
    everything = candidates()
    chosen = everything
    if options.count:
        count = min(options.count, len(everything))
        chosen = random.Random(options.seed).sample(everything, count)
    tried: list[Tried] = []
    with Verifier(devices="cpu", job_limit_s=60.0) as verifier:
        for case, edit in chosen:
            one = try_edit(verifier, case, edit)
            tried.append(one)
            if one.fate is Fate.ESCAPED or (options.list and one.fate is not Fate.CAUGHT):
                where = f"{one.case}:{edit.line}"
                print(f"{one.fate.value}: {edit.kind} at {where}: {one.sentence}", flush=True)
    print(f"{len(chosen)} of {len(everything)} faults\n{table(tried)}")
    return int(any(one.fate is Fate.ESCAPED for one in tried))


if __name__ == "__main__":
    raise SystemExit(main())
