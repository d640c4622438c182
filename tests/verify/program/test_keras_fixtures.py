"""The Keras fixtures as one program: in a graph on Keras 2 before, eagerly on Keras 3 after."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.verify.program.fixture_program import chosen, write_project
from tests.verify.program.programs import prove

CASES = chosen(("keras-2",))
NOT_EQUAL = {("keras_function_grad_cam_sequential_add", "cam"): "raises on Keras 3"}
"""Why a call is not found equal in this program."""


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("keras")
    write_project(folder, CASES)
    data, code = prove(folder, "cases", run="python driver.py", assume_closed=True)
    assert code == 1, data
    (device,) = data["devices"]
    assert (device["old"]["mode"], device["new"]["mode"]) == ("keras-2", "as-is")
    found: list[dict[str, Any]] = device["sites"]
    return found


@pytest.mark.parametrize("name", [name for name, _ in CASES])
def test_a_right_migration_is_equal(name: str, sites: list[dict[str, Any]]) -> None:
    mine = [site for site in sites if Path(site["path"]).stem == name]
    assert mine
    for site in mine:
        verdict = "not comparable" if (name, site["function"]) in NOT_EQUAL else "equal"
        assert site["verdict"] == verdict, site
