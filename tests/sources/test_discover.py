"""Which files a command line means."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tape_migrate.sources.discover import PathError, discover


def _touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_folders_give_their_python_files_sorted(here: Path) -> None:
    _touch(here, "b/z.py", "b/a.py", "b/c/d.py", "b/notes.txt", "b/x.pyc", "b/.hidden/h.py")
    found = discover(["b"])
    assert found.files == ("b/.hidden/h.py", "b/a.py", "b/c/d.py", "b/z.py")
    assert found.folders == ("b",)
    assert found.failures == ()


@pytest.mark.parametrize(
    ("given", "expected"),
    [(".", "a.py"), ("./", "a.py"), ("../here", "../here/a.py"), ("../here/", "../here/a.py")],
)
def test_paths_are_spelled_as_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str, expected: str
) -> None:
    _touch(tmp_path / "here", "a.py")
    monkeypatch.chdir(tmp_path / "here")
    assert discover([given]).files == (expected,)


def test_folders_without_sources_of_the_project_are_passed_over(here: Path) -> None:
    _touch(here, "a.py", ".git/x.py", "__pycache__/x.py", ".venv/x.py", "node_modules/x.py")
    _touch(here, "build/lib/x.py", "dist/x.py", ".tox/x.py", "env/pyvenv.cfg", "env/lib/x.py")
    assert discover(["."]).files == ("a.py",)


def test_a_folder_named_outright_is_walked_whatever_it_is(here: Path) -> None:
    _touch(here, "build/x.py", "env/pyvenv.cfg", "env/x.py")
    assert discover(["build", "env"]).files == ("build/x.py", "env/x.py")


def test_a_file_named_outright_is_taken_whatever_it_is(here: Path) -> None:
    _touch(here, "script", "a.py")
    (here / ".gitignore").write_text("*\n")
    assert discover(["script", "a.py"]).files == ("a.py", "script")
    assert discover(["."]).files == ()


def test_overlapping_paths_give_each_file_once(here: Path) -> None:
    _touch(here, "p/a.py", "p/q/b.py")
    files = discover(["p", "p/q", "p/a.py", str(here / "p" / "q" / "b.py")]).files
    assert files == ("p/a.py", "p/q/b.py")


def test_links_to_files_are_followed_once(here: Path) -> None:
    _touch(here, "p/real.py", "outside/other.py")
    (here / "p" / "again.py").symlink_to("real.py")
    (here / "p" / "link.py").symlink_to("../outside/other.py")
    assert discover(["p"]).files == ("p/link.py", "p/real.py")


def test_loops_and_broken_links_are_survived(here: Path) -> None:
    _touch(here, "p/a.py")
    (here / "p" / "up").symlink_to("..", target_is_directory=True)
    (here / "p" / "self.py").symlink_to("self.py")
    (here / "p" / "gone.py").symlink_to("nowhere.py")
    (here / "p" / "folder.py").symlink_to(".", target_is_directory=True)
    found = discover(["p"])
    assert found.files == ("p/a.py",)
    assert found.failures == ()


def test_a_folder_called_like_a_module_is_a_folder(here: Path) -> None:
    _touch(here, "odd.py/a.py")
    assert discover(["."]).files == ("odd.py/a.py",)


def test_pipes_are_passed_over_and_refused_when_named(here: Path) -> None:
    os.mkfifo(here / "pipe.py")
    _touch(here, "a.py")
    assert discover(["."]).files == ("a.py",)
    with pytest.raises(PathError, match=r"pipe\.py: neither a file nor a folder"):
        discover(["pipe.py"])


def test_missing_paths_are_named(here: Path) -> None:
    with pytest.raises(PathError, match=r"nope/x\.py: No such file"):
        discover([".", "nope/x.py"])


def test_names_that_are_no_utf8_come_through(here: Path) -> None:
    (here / os.fsdecode(b"caf\xe9.py")).write_text("")
    assert [os.fsencode(name) for name in discover(["."]).files] == [b"caf\xe9.py"]


def test_an_unreadable_folder_is_a_failure_not_an_end(here: Path) -> None:
    _touch(here, "p/open/a.py", "p/shut/b.py")
    (here / "p" / "shut").chmod(0)
    # Root may read anything, so ask as nobody where this runs as root.
    program = (
        "import os, sys\n"
        "from tape_migrate.sources.discover import discover\n"
        "if os.geteuid() == 0: os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "found = discover(['p'])\n"
        "print(found.files, [(f.path, f.message) for f in found.failures])\n"
    )
    for folder in (here, *here.parents):
        if folder.stat().st_uid == os.geteuid() and folder != Path("/tmp"):
            folder.chmod(folder.stat().st_mode | 0o055)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    (here / "p" / "shut").chmod(0o700)
    assert done.stdout.strip() == "('p/open/a.py',) [('p/shut/', 'Permission denied')]"
