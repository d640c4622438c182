"""Files with uncommitted changes are not written; what else is dirty does not matter."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tape_migrate.safety.git import GitError, uncommitted, work_tree_of
from tests.safety.repository import git, make_repository
from tests.test_cli import LOCAL, NOTHING, run


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    files = {"a.py": LOCAL, "b.py": LOCAL, "c.py": NOTHING, "d é\n.py": LOCAL}
    return make_repository(tmp_path / "r", {**files, ".gitignore": b"ignored.py\n"})


def names(repository: Path, *wanted: str) -> list[str]:
    found = uncommitted([str(repository / name) for name in wanted])
    return [os.path.relpath(path, repository) for path in found]


def test_changed_staged_untracked_and_renamed_files_are_found(repository: Path) -> None:
    everything = ["a.py", "b.py", "c.py", "d é\n.py"]
    assert names(repository, *everything) == []
    (repository / "a.py").write_bytes(LOCAL + b"\n")
    (repository / "b.py").write_bytes(LOCAL + b"\n")
    git(repository, "add", "b.py")
    (repository / "d é\n.py").write_bytes(b"")
    (repository / "new.py").write_bytes(LOCAL)
    (repository / "ignored.py").write_bytes(LOCAL)
    git(repository, "mv", "c.py", "moved.py")
    wanted = [*everything[:2], "moved.py", "d é\n.py", "new.py", "ignored.py"]
    assert names(repository, *wanted) == wanted[:-1]


def test_many_files_are_asked_about_in_several_commands(tmp_path: Path) -> None:
    repository = make_repository(tmp_path, {f"m{i}.py": b"x = 1\n" for i in range(450)})
    for number in (0, 250, 449):
        (repository / f"m{number}.py").write_bytes(b"x = 2\n")
    wanted = [f"m{i}.py" for i in range(450)]
    assert names(repository, *wanted) == ["m0.py", "m250.py", "m449.py"]


def test_outside_a_work_tree_there_is_nothing_to_ask(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(LOCAL)
    assert work_tree_of(str(tmp_path / "a.py")) is None
    assert uncommitted([str(tmp_path / "a.py")]) == []


def test_a_broken_repository_is_an_error(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "a.py").write_bytes(LOCAL)
    with pytest.raises(GitError, match="not a git repository"):
        uncommitted([str(tmp_path / "a.py")])


def test_hooks_and_variables_of_another_repository_do_not_interfere(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
    (repository / "a.py").write_bytes(b"")
    assert names(repository, "a.py", "b.py") == ["a.py"]


def test_write_refuses_for_the_files_that_it_would_write_only(repository: Path) -> None:
    (repository / "c.py").write_bytes(NOTHING + b"\n")  # would not be written
    (repository / "a.py").write_bytes(LOCAL + b"\n# mine\n")
    done = run("--write", ".", cwd=repository)
    assert done.returncode == 2
    assert b"nothing written: these files have uncommitted changes" in done.stderr
    assert b"--allow-dirty" in done.stderr
    assert b"\n  a.py" in done.stderr
    assert b"c.py" not in done.stderr
    assert (repository / "b.py").read_bytes() == LOCAL
    assert run("--write", "b.py", cwd=repository).returncode == 0
    assert b"Tape" in (repository / "b.py").read_bytes()
    assert run("--write", "--allow-dirty", "a.py", cwd=repository).returncode == 0
    assert (repository / "a.py").read_bytes().endswith(b"# mine\n")
    assert b"Tape" in (repository / "a.py").read_bytes()


def test_a_dry_run_does_not_ask(repository: Path) -> None:
    (repository / "a.py").write_bytes(LOCAL + b"\n")
    assert run(".", cwd=repository).returncode == 0


def test_without_git_nothing_is_written_unless_asked(repository: Path) -> None:
    done = run("--write", "a.py", cwd=repository, PATH="")
    assert done.returncode == 2
    assert b"git cannot be run" in done.stderr
    assert (repository / "a.py").read_bytes() == LOCAL
    assert run("--write", "--allow-dirty", "a.py", cwd=repository, PATH="").returncode == 0
