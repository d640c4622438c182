"""Copies of a project for the sides of a proof."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tape_migrate.verify.program import prepare
from tape_migrate.verify.program.prepare import PrepareError, copy_project, in_place, project_root


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    for name in ("net.py", "pkg/deep.py", ".git/config", "build/made.py", "env/pyvenv.cfg"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name, encoding="utf-8")
    return root


def files_below(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if not p.is_dir())


def test_version_control_and_environments_stay_behind(project: Path, tmp_path: Path) -> None:
    made = copy_project(project, tmp_path / "to", {"pkg/deep.py": b"new"})
    assert files_below(tmp_path / "to") == ["build/made.py", "net.py", "pkg/deep.py"]
    assert (tmp_path / "to/pkg/deep.py").read_bytes() == b"new"
    assert made.files == {str(project / "pkg/deep.py"): str(tmp_path / "to/pkg/deep.py")}
    assert made.linked == ()


def test_the_copy_may_be_in_the_project(project: Path) -> None:
    copy_project(project, project / "to", {})
    assert files_below(project / "to") == ["build/made.py", "net.py", "pkg/deep.py"]


def test_what_is_large_is_linked(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "weights.bin").write_bytes(b"w" * 20)
    monkeypatch.setattr(prepare, "LINKED_FROM", 20)
    made = copy_project(project, tmp_path / "to", {})
    assert made.linked == ("weights.bin",)
    assert os.readlink(tmp_path / "to/weights.bin") == str(project / "weights.bin")
    assert not (tmp_path / "to/build/made.py").is_symlink()


def test_links_to_nothing_and_pipes_are_left_out(project: Path, tmp_path: Path) -> None:
    (project / "gone.py").symlink_to("nowhere")
    os.mkfifo(project / "pipe")
    copy_project(project, tmp_path / "to", {})
    assert files_below(tmp_path / "to") == ["build/made.py", "net.py", "pkg/deep.py"]


@pytest.mark.parametrize(("name", "most"), [("MOST_FILES", 2), ("MOST_BYTES", 10)])
def test_too_much_to_copy(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, most: int
) -> None:
    copy_project(project, tmp_path / "to", {})
    monkeypatch.setattr(prepare, name, most)
    with pytest.raises(
        PrepareError, match=r"too much to copy \(\d files, 0 MiB so far\): run from"
    ):
        copy_project(project, tmp_path / "other", {})


def test_a_file_that_cannot_be_read(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(source: str, target: Path) -> None:
        raise PermissionError(13, "Permission denied", source)

    monkeypatch.setattr(shutil, "copy2", denied)
    with pytest.raises(PrepareError, match=r"net.py: cannot be copied: Permission denied$"):
        copy_project(project, tmp_path / "to", {})


def test_in_place_only_prepared_files_are_made(project: Path, tmp_path: Path) -> None:
    made = in_place(project, tmp_path / "to", {"pkg/deep.py": b"new"})
    assert files_below(tmp_path / "to") == ["pkg/deep.py"]
    assert made.root == str(project)
    assert made.files == {str(project / "pkg/deep.py"): str(tmp_path / "to/pkg/deep.py")}


def test_which_folder_is_the_project(project: Path, tmp_path: Path) -> None:
    assert project_root(project / "pkg/deep.py", tmp_path) == project, ".git is there"
    (project / ".git/config").unlink()
    (project / ".git").rmdir()
    assert project_root(project / "pkg/deep.py", project) == project, "where one is"
    assert project_root(project / "pkg/deep.py", tmp_path / "else") == project / "pkg"
    assert project_root(project / "pkg", tmp_path / "else") == project / "pkg"
