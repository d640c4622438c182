"""Commands as people run them, and what each says of what it cannot do."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tape_migrate.batch.commit import CommitError, commit
from tape_migrate.batch.executors import ExecutorError, expect_answer
from tape_migrate.batch.sources import Kind, Source
from tape_migrate.completion import script
from tests.test_cli import LOCAL, NOTHING, environment, run


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "a.py").write_bytes(LOCAL)
    return tmp_path


def test_a_shell_is_given_its_script(tree: Path) -> None:
    done = run("completion", "zsh", cwd=tree)
    assert done.returncode == 0
    assert done.stdout.decode() == script("zsh")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("config", "--config", "no.toml", "p"), "no.toml"),
        (("config", "--config", "bad.toml", "p"), "bad.toml"),
        (("batch", "p", "--out", "out", "--select", "no-such-shape"), "no-such-shape"),
        (("batch", "p", "--out", "out", "--executor", "nobody"), "nobody"),
        (("batch", "p", "--out", "out", "--executor", "dask=localhost:1"), "localhost:1"),
        (("batch", "nowhere", "--out", "out"), "nowhere"),
        (("p", "--html", "page.html", "--evidence", "none.json"), "none.json"),
        (("p", "--html", "page.html", "--evidence", "bad.toml"), "bad.toml"),
        (("nowhere", "--write"), "nowhere"),
    ],
)
def test_what_cannot_be_read_is_named(tree: Path, arguments: tuple[str, ...], said: str) -> None:
    (tree / "bad.toml").write_text("[tool.tape-migrate\n", encoding="utf-8")
    done = run(*arguments, cwd=tree)
    assert done.returncode == 2, done.stderr.decode()
    assert said in done.stderr.decode()
    assert b"Traceback" not in done.stderr
    assert (tree / "p" / "a.py").read_bytes() == LOCAL


def test_the_journal_is_in_the_folder_for_state(tree: Path) -> None:
    home = {"XDG_STATE_HOME": str(tree / "state"), "TAPE_MIGRATE_STATE": ""}
    assert run("p", "--write", "--allow-dirty", cwd=tree, **home).returncode == 0
    assert (tree / "p" / "a.py").read_bytes() != LOCAL
    assert list((tree / "state" / "tape-migrate").rglob("*"))
    assert run("undo", cwd=tree, **home).returncode == 0
    assert (tree / "p" / "a.py").read_bytes() == LOCAL


def test_nothing_to_probe_starts_nothing(tree: Path) -> None:
    (tree / "plain.py").write_bytes(NOTHING)
    done = run("probe", "plain.py", cwd=tree)
    assert done.returncode in (0, 1)
    assert b"Traceback" not in done.stderr


def test_a_line_of_progress_where_somebody_looks(tmp_path: Path) -> None:
    program = (
        "from tape_migrate.reports.progress import progress\n"
        "with progress() as tell:\n    tell('[red]one[/red] of two')\n"
        "    import time; time.sleep(0.3)\n"
    )
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment(), stderr=follower
    )
    os.close(follower)
    seen = b""
    while True:
        try:
            chunk = os.read(leader, 4096)
        except OSError:
            break
        if not chunk:
            break
        seen += chunk
    os.close(leader)
    assert process.wait() == 0
    assert b"[red]one[/red] of two" in seen, "shown as it is"


def test_progress_is_silent_elsewhere(tmp_path: Path) -> None:
    program = (
        "from tape_migrate.reports.progress import progress\n"
        "with progress() as tell:\n    tell('one of two')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment(), capture_output=True,
        check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_a_cluster_that_does_not_answer_is_named() -> None:
    with pytest.raises(ExecutorError, match="no Ray cluster answers at ray://localhost:1"):
        expect_answer("ray://localhost:1")
    expect_answer("auto")  # Ray itself knows where that is


@pytest.mark.parametrize("broken", ["patch", "copy", "git"])
def test_a_commit_that_cannot_be_made(
    tree: Path, broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    patch = tree / "change.patch"
    patch.write_text("--- a/nowhere.py\n+++ b/nowhere.py\n@@ -1 +1 @@\n-a\n+b\n", encoding="utf-8")
    place = tree / "nowhere" if broken == "copy" else tree / "p"
    if broken == "git":
        monkeypatch.setenv("PATH", str(tree))
    source = Source("p", Kind.FOLDER.value, str(place))
    with pytest.raises(CommitError) as raised:
        commit(source, str(tree / "made"), str(patch), {"migrated": 1, "refused": 0})
    assert str(raised.value)
    assert (tree / "p" / "a.py").read_bytes() == LOCAL
