"""Every migrated fixture, proven once more as a part of one program over many files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tape_migrate.verify.program.command import ProgramOptions, run_program
from tape_migrate.verify.program.outcome import Finding
from tape_migrate.verify.program.plan import Asked
from tests.verify.program.fixture_program import chosen, projects, write_project

CASES = chosen()
PROJECTS = projects()
NOT_EQUAL = {
    ("control_flow_example_3_branch", "<module>"): "control flow that no graph takes",
    ("control_flow_module_level_while", "<module>"): "control flow that no graph takes",
    ("control_flow_gradient_in_branch_whole", "step"): "assigns: not run without being asked",
    ("control_flow_gradient_in_both_branches", "drift"): "the other branch is not reached",
    ("local_use_conditional_expression", "saliency"): "the other branch is not reached",
    ("kept_tape_set_up", "SineTest.testNoOther"): "None is the right answer",
    ("kept_tape_inputs_of_inherited_set_up", "LearningTest.test_no_other"): "None is right",
    ("kept_tape_unconnected_sources", "Pair.check"): "zero is the right answer",
    ("local_branch_functions", "run"): "zero is the right answer where a branch is not taken",
    ("local_source_made_after_target", "run"): "None is the right answer",
    ("loop_body_vectorized_map", "run.grad_norm"): "no turn can be seen",
    ("makers_rebound_before_it_is_given_back", "run"): "None is the right answer for one of two",
    ("programs_trpo_policy", "fisher_vector_product"): "a policy's divergence from itself",
    ("training_minimize_eagerly", "run"): "the old call gives no gradient to compare with",
    ("training_minimize_some_eagerly", "run"): "the old call gives no gradient to compare with",
}
"""Why a call is not found equal in this program."""


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("fixtures")
    write_project(folder, CASES, PROJECTS)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        folders = tuple(f"projects/{name}" for name, _ in PROJECTS)
        asked = Asked(targets=("cases", *folders), run="python driver.py", assume_closed=True)
        options = ProgramOptions(device="cpu", old_mode="graph", json_path="-")
        report, code = run_program(asked, options)
    assert code == 1, report[-2000:]
    (device,) = json.loads(report)["devices"]
    found: list[dict[str, Any]] = device["sites"]
    return found


@pytest.mark.parametrize("name", [name for name, _ in CASES])
def test_a_right_migration_is_equal(name: str, sites: list[dict[str, Any]]) -> None:
    mine = [site for site in sites if Path(site["path"]).stem == name]
    assert mine
    for site in mine:
        if (name, site["function"]) not in NOT_EQUAL:
            assert site["verdict"] == Finding.EQUAL.value, site
        else:
            wrong = {Finding.DIFFERENT.value, Finding.STRUCTURE.value, Finding.SIDE_FAILED.value}
            assert site["verdict"] not in wrong, site


@pytest.mark.parametrize("name", [name for name, _ in PROJECTS])
def test_files_that_change_together_are_equal(name: str, sites: list[dict[str, Any]]) -> None:
    mine = [site for site in sites if site["path"].startswith(f"projects/{name}/")]
    assert mine
    for site in mine:
        assert site["verdict"] == Finding.EQUAL.value, site


def test_the_exceptions_are_still_exceptions(sites: list[dict[str, Any]]) -> None:
    left = {
        (Path(site["path"]).stem, site["function"])
        for site in sites
        if site["verdict"] != Finding.EQUAL.value
    }
    assert left == set(NOT_EQUAL)
