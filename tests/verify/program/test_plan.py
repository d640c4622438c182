"""What a person asks for, as a program and the files that changed; no TensorFlow is started."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tape_migrate.model import Options
from tape_migrate.runner import run
from tape_migrate.verify.program.plan import Asked, PlanError, imported, plan, plan_of

OLD = "import tensorflow as tf\n\n\ndef slope(x):\n    return tf.gradients(x * x, x)[0]\n"
BROKEN = "import tensorflow as tf\ntf.gradients(\n"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "net.py").write_text(OLD, encoding="utf-8")
    (tmp_path / "train.py").write_text("import net\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (Asked(), "say what to run: a program.py, -m MODULE, or --run 'python program.py …'"),
        (Asked(targets=("net.py", "train.py")), "say what to run"),
        (Asked(targets=(".",)), "say what to run"),
        (Asked(targets=("net.py",), old_file="net.py"), "--old and --new go together"),
        (Asked(targets=("net.py",), new_file="net.py"), "--old and --new go together"),
        (
            Asked(targets=("net.py",), old_file="a", new_file="b", against="HEAD"),
            "--against and --old exclude each other",
        ),
        (
            Asked(("net.py", "train.py"), run="train.py", old_file="net.py", new_file="net.py"),
            "--old and --new are two texts of one file",
        ),
        (Asked(run="train.py", tail=("-m", "net")), "--run and -m (or arguments after --) exclude"),
        (Asked(run="python"), "--run needs a program: --run 'python train.py'"),
        (Asked(run=""), "--run needs a program"),
        (Asked(tail=("-m",)), "-m needs a module"),
        (Asked(run="gone.py"), "gone.py: no such file"),
        (Asked(("net.py",), old_file="gone.py", new_file="net.py"), "gone.py: No such file or dir"),
        (Asked(("/",), run="python train.py", old_file="net.py", new_file="net.py"), "/ is not in"),
        (Asked(("net.py",), against="HEAD"), "git: "),
        (Asked(("bad.py",)), "bad.py: "),
    ],
)
def test_what_cannot_be_made_out(asked: Asked, message: str) -> None:
    Path("bad.py").write_text(BROKEN, encoding="utf-8")
    with pytest.raises(PlanError) as caught:
        plan(asked)
    assert str(caught.value).startswith(message)


def test_a_script_is_migrated_with_what_it_imports() -> None:
    made = plan(Asked(run="python3 train.py --steps 3"))
    assert made.program.arguments == ("train.py", "--steps", "3")
    assert [change.name for change in made.changes] == ["net.py"]
    assert made.root == Path.cwd()


def test_a_module_may_be_named_in_the_command() -> None:
    made = plan(Asked(targets=("net.py",), run="python -m train --steps 3"))
    assert str(made.program) == "python -m train --steps 3"
    assert str(plan(Asked(targets=("net.py",), run="train.py -m x")).program) == (
        "python train.py -m x"
    )


def test_a_module_is_run_in_the_folder_that_is_current(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("inner").mkdir()
    monkeypatch.chdir("inner")
    made = plan(Asked(tail=("-m", "train", "--fast")))
    assert (made.program.module, made.program.arguments) == ("train", ("--fast",))
    assert made.program.folder == "inner"
    assert made.changes == ()


def test_two_texts_of_a_file_are_compared_by_hand() -> None:
    Path("new.py").write_text(OLD.replace("x * x", "2.0 * x"), encoding="utf-8")
    made = plan(Asked(old_file="net.py", new_file="new.py"))
    assert made.program.arguments == ("net.py",)
    (change,) = made.changes
    assert (change.name, change.by_hand) == ("net.py", True)
    assert change.new == Path("new.py").read_bytes()


def git(*arguments: str) -> None:
    subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments], check=True,
        capture_output=True,
    )  # fmt: skip


def test_against_a_revision(tmp_path: Path) -> None:
    Path("gone.py").write_text(OLD, encoding="utf-8")
    Path("by_hand.py").write_text(OLD, encoding="utf-8")
    Path("notes.txt").write_text("old", encoding="utf-8")
    git("init", "-q")
    git("add", ".")
    git("commit", "-q", "-m", "old")
    (result,) = run(["net.py"], Options()).results
    assert result.migration is not None
    Path("net.py").write_bytes(result.migration.new)
    Path("by_hand.py").write_text(OLD + "\nmore = 1\n", encoding="utf-8")
    Path("notes.txt").write_text("new", encoding="utf-8")
    Path("gone.py").unlink()
    made = plan(Asked(targets=(".",), run="train.py", against="HEAD"))
    found = {change.name: (change.by_hand, len(change.results)) for change in made.changes}
    assert found == {"net.py": (False, 1), "by_hand.py": (True, 0)}
    assert all(change.old == OLD.encode() for change in made.changes)


def test_git_may_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(PlanError, match=r"^--against needs git$"):
        plan(Asked(("net.py",), against="HEAD"))


def test_files_that_were_migrated_already_need_a_program() -> None:
    results = run(["net.py"], Options()).results
    with pytest.raises(PlanError, match=r"^say what to run: 'python program.py …'"):
        plan_of(Asked(), results)
    made = plan_of(Asked(run="train.py"), results)
    assert [change.name for change in made.changes] == ["net.py"]


def test_what_a_script_imports(tmp_path: Path) -> None:
    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "one.py").write_text("from . import two\nfrom .three import *\n", encoding="utf-8")
    (package / "two.py").write_text(BROKEN, encoding="utf-8")
    (package / "three.py").write_text("import train, package.one\n", encoding="utf-8")
    (tmp_path / "train.py").write_text("import package.one, os\n", encoding="utf-8")
    found = imported(tmp_path / "train.py", tmp_path)
    names = ("__init__", "one", "three", "two")
    assert found == [f"package/{name}.py" for name in names]
