"""Deliberately wrong migrations of whole programs: each must be caught, at the right place."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tape_migrate.verify.program.command import ProgramOptions, run_program
from tape_migrate.verify.program.outcome import Finding
from tape_migrate.verify.program.plan import Asked
from tests.verify.program.wrong_migrations import (
    FUNCTIONS,
    STEPS,
    STEPS_NEW,
    STEPS_OLD,
    Wrong,
    functions,
)

Sites = dict[str, list[dict[str, str]]]


def prove(folder: Path, old: str, new: str) -> Sites:
    """Prove a hand migration; returns the sites by function."""
    (folder / "old.py").write_text(old, encoding="utf-8")
    (folder / "new.py").write_text(new, encoding="utf-8")
    asked = Asked(old_file=str(folder / "old.py"), new_file=str(folder / "new.py"))
    report, code = run_program(asked, ProgramOptions(device="cpu", json_path="-"))
    assert code == 1, report
    data = json.loads(report)
    assert not data["proven"]
    (device,) = data["devices"]
    assert device["old"]["error"] is None, device
    assert device["new"]["error"] is None, device
    found: Sites = {}
    for site in device["sites"]:
        found.setdefault(site["function"], []).append(site)
    return found


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory) -> Sites:
    return prove(tmp_path_factory.mktemp("single"), functions("old"), functions("new"))


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory) -> Sites:
    return prove(tmp_path_factory.mktemp("steps"), STEPS_OLD, STEPS_NEW)


@pytest.mark.parametrize("case", FUNCTIONS, ids=lambda case: case.name)
def test_a_wrong_gradient_is_found(case: Wrong, single: Sites) -> None:
    # The inner one of two nested calls is right in all of them.
    verdicts = {site["verdict"] for site in single[case.name]} - {Finding.EQUAL.value}
    assert (verdicts or {Finding.EQUAL.value}) == {case.finding.value}, single[case.name]


@pytest.mark.parametrize("name", STEPS)
def test_a_wrong_step_of_a_training_loop_is_found(name: str, steps: Sites) -> None:
    (site,) = steps[name]
    assert site["verdict"] == STEPS[name].value, site


def test_the_first_wrong_evaluation_is_named(steps: Sites) -> None:
    first = {"one_evaluation": 3, "stale_variable": 2, "stale_python_value": 2}
    for name, number in first.items():
        assert steps[name][0]["message"].startswith(f"evaluation {number}:"), steps[name]
