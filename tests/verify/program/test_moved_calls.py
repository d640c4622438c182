"""Calls that a migration moves to another file: a loss's gradient becomes that of a layer."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tape_migrate.linking import migrate_project
from tape_migrate.model import Migration
from tape_migrate.verify.program.change import FileChange, WatchedFile, watch
from tests.verify.program.programs import prove

PROJECTS = Path(__file__).parents[3] / "fixtures" / "projects"
DRIVER = """
import numpy as np
from main import run

print(len(run(np.linspace(0.1, 0.9, 5).astype("float32"))))
"""


@pytest.mark.parametrize(
    ("project", "path", "count"),
    [("loss_of_another_file", "losses.py", 6), ("loss_of_two_trainers", "losses.py", 6)],
)
def test_a_call_that_moves_is_held_against_the_new_ones(
    tmp_path: Path, project: str, path: str, count: int
) -> None:
    shutil.copytree(PROJECTS / project / "before", tmp_path / "p")
    (tmp_path / "p" / "pyproject.toml").touch()
    (tmp_path / "p" / "driver.py").write_text(DRIVER)
    data, code = prove(tmp_path / "p", ".", run="python driver.py")
    assert code == 0, data
    (site,) = data["devices"][0]["sites"]
    assert (site["path"], site["verdict"]) == (path, "equal")
    assert site["evaluations"] == {"old": count, "new": count}


def _watched(project: str) -> dict[str, WatchedFile]:
    before = PROJECTS / project / "before"
    sources = {path.name: path.read_bytes() for path in before.glob("*.py")}
    changes = []
    for name, found in migrate_project(sources).items():
        assert isinstance(found, Migration)
        if found.changed:
            changes.append(FileChange(name, found.old, found.new, found.sites))
    return {file.change.name: file for file in watch(changes)}


def test_the_new_calls_are_named_by_file_and_line() -> None:
    files = _watched("loss_of_two_trainers")
    losses = files["losses.py"]
    (pair,) = losses.pairs
    assert [number for number, _ in losses.parts_of(pair)] == [0, 1]
    text, line = losses.shown(pair)
    assert line is None
    assert text.startswith("first.py:")
    assert ", second.py:" in text
    assert all(not file.unmatched_new for file in files.values())


def test_calls_that_are_not_alike_stand_for_none() -> None:
    changes = {name: file.change for name, file in _watched("loss_of_two_trainers").items()}
    first = changes["first.py"]
    assert first.new.count(b"gradient(slope, sample)") == 1
    other = first.new.replace(b"gradient(slope, sample)", b"gradient(slope, [sample])")
    changes["first.py"] = replace(first, new=other)
    files = {file.change.name: file for file in watch(list(changes.values()))}
    (pair,) = files["losses.py"].pairs
    assert files["losses.py"].parts_of(pair) == []
    assert files["losses.py"].shown(pair) == ("", None)
    assert files["first.py"].unmatched_new == (0,)
