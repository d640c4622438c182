"""The fixtures as a whole: enough of them, over all shapes, and each well described."""

from __future__ import annotations

from collections import Counter

import pytest

from tape_migrate.model import Shape
from tape_migrate.verify import load_case

from .fixture_cases import FIXTURES, UNCHANGED, FixtureCase, all_cases, migrated

CASES = all_cases()


def test_there_are_enough_cases() -> None:
    outcomes = Counter(case.outcome for case in CASES)
    assert outcomes["migrated"] >= 60
    assert sum(outcomes[outcome] for outcome in UNCHANGED) >= 40


def test_every_shape_is_covered() -> None:
    """By what the tool itself says of the cases' sites."""
    count = Counter(
        site.shape for case in CASES if case.changes for site in migrated(case).sites if site.shape
    )
    assert set(count) == set(Shape)
    assert all(count[shape] >= 4 for shape in Shape), count


def test_every_folder_of_fixtures_is_a_case() -> None:
    folders = {path.parent for path in FIXTURES.glob("*/*/before.py")}
    assert folders == {case.folder for case in CASES}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_case_is_described_and_readable(case: FixtureCase) -> None:
    assert len(case.description) > 10
    assert "\n" not in case.description
    loaded = load_case(case.folder)
    assert loaded.entry is not None or loaded.outputs or loaded.not_run or not case.changes
    assert (case.outcome == "untouched") <= (not case.codes)
    home = case.folder.parent.name
    if home in ("refused", "untouched"):
        assert not case.changes
    else:
        assert case.changes


def test_descriptions_tell_cases_apart() -> None:
    count = Counter(case.description for case in CASES)
    assert [text for text, number in count.items() if number > 1] == []
