"""Hold the engine against the goldens under fixtures/: text and outcomes, no TensorFlow.

Run in a process of its own, with a mutant in place. Stops at the first difference and exits with 1.
"""

from __future__ import annotations

import random

from tape_migrate.api import migrate_source
from tape_migrate.model import Outcome
from tests.fixture_cases import FixtureCase, all_cases


def main() -> int:
    """Check every case, in an order that mixes the shapes; 1 if one differs."""
    cases = list(all_cases())
    random.Random(0).shuffle(cases)
    for case in cases:
        difference = differs(case)
        if difference is not None:
            print(f"{case.name}: {difference}")
            return 1
    return 0


def differs(case: FixtureCase) -> str | None:
    """What is not as the case's goldens have it."""
    migration = migrate_source(case.before, case.options, path=f"fixtures/{case.name}/before.py")
    golden = case.folder / "after.py"
    expected = golden.read_bytes() if golden.exists() else case.before
    if migration.internal_error is not None:
        return migration.internal_error
    if migration.new != expected:
        return "another text"
    codes = tuple(s.code for s in migration.sites if s.outcome is not Outcome.MIGRATED)
    return None if codes == case.codes else f"codes {codes}"


if __name__ == "__main__":
    raise SystemExit(main())
