"""Batches: results of each source, faults, limits, and going on after a kill."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.batch import making
from tests.safety.repository import git
from tests.test_cli import LOCAL, environment, run

CALLED_HELPER = b"""import tensorflow as tf


def grad(y, x):
    return tf.gradients(y, x)[0]


def slope(x):
    y = x * x
    return grad(y, x)
"""


def records(out: Path) -> dict[str, tuple[str, str, int, float]]:
    with sqlite3.connect(out / "state.sqlite") as db:
        rows = db.execute("SELECT name, status, message, results, finished FROM sources")
        return {name: tuple(rest) for name, *rest in rows}


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    folder = tmp_path / "sources"
    making.folder(folder / "plain")
    making.repository(folder / "repo")
    making.sdist(folder / "proj-1.0.tar.gz")
    return folder


def test_every_source_gets_a_patch_and_a_report(sources: Path, tmp_path: Path) -> None:
    arguments = ["plain", "repo", "proj-1.0.tar.gz"]
    before = (sources / "plain" / "pkg" / "a.py").read_bytes()
    done = run(
        "batch", *arguments, "--dist", "typer", "--out", tmp_path / "out", "--workers", "2",
        cwd=sources,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")
    lines = done.stdout.decode().splitlines()
    assert [line.split()[:6] for line in lines[2:5]] == [
        [name, "done", "2", "1", "50", "%"] for name in ("plain", "repo", "proj-1.0")
    ]
    out = tmp_path / "out"
    for name in ("plain", "repo", "proj-1.0"):
        copy = tmp_path / f"copy-{name}"
        making.repository(copy)
        git(copy, "apply", str(out / name / "changes.patch"))
        assert git(copy, "status", "--porcelain").split() == ["M", "pkg/a.py"]
        making.folder(tmp_path / "expected")
        run("--write", "pkg", cwd=tmp_path / "expected")
        expected = (tmp_path / "expected" / "pkg" / "a.py").read_bytes()
        assert (copy / "pkg" / "a.py").read_bytes() == expected != before
        report = json.loads((out / name / "report.json").read_text())
        assert report["summary"]["migrated"] == 1
        assert "pkg/a.py:6:12" in (out / name / "report.html").read_text(encoding="utf-8")
    assert not (out / "typer" / "changes.patch").exists()
    # The originals are as they were.
    assert (sources / "plain" / "pkg" / "a.py").read_bytes() == before
    assert git(sources / "repo", "status", "--porcelain") == ""
    combined = json.loads((out / "report.json").read_text())
    assert combined["summary"]["sites"] == 6
    assert combined["codes"] == {"TM101": 3}
    page = (out / "report.html").read_text(encoding="utf-8")
    assert '<a href="proj-1.0/report.html">proj-1.0</a>' in page
    assert "TM101" in page


def test_commits_are_made_on_a_branch_of_their_own(sources: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = run("batch", "plain", "repo", "--out", out, "--commit", cwd=sources)
    assert done.returncode == 0, done.stderr
    for name, commits in (("plain", 2), ("repo", 2)):
        repository = out / name / "repository"
        assert git(repository, "branch", "--show-current") == "tape-migrate\n"
        assert len(git(repository, "log", "--oneline").splitlines()) == commits
        assert git(repository, "show", "--format=%s", "--name-only").splitlines() == [
            "Migrate 1 symbolic gradient to tf.GradientTape", "", "pkg/a.py",
        ]  # fmt: skip
        assert git(repository, "status", "--porcelain") == ""
    assert git(sources / "repo", "branch", "--list", "tape-migrate") == ""


def test_what_takes_longest_is_begun_first(tmp_path: Path) -> None:
    many = b"import tensorflow as tf\n\n\n"
    many += b"".join(
        b"def f%d(x):\n    return tf.gradients(x * x, x)[0]\n\n\n" % n for n in range(4)
    )
    for name, text in (("few", b"x = 1\n" * 10_000), ("many", many), ("none", b"")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.py").write_bytes(text)
    done = run("batch", "few", "none", "many", "--out", "out", "--workers", "1", cwd=tmp_path)
    assert done.returncode == 0
    finished = {name: row[3] for name, row in records(tmp_path / "out").items()}
    assert min(finished, key=lambda name: finished[name]) == "many"


def test_broken_and_slow_sources_stop_no_other(sources: Path, tmp_path: Path) -> None:
    (sources / "broken.zip").write_bytes(b"no archive")
    making.slow(sources / "slow", 900)
    making.folder(sources / "last")
    out = tmp_path / "out"
    arguments: list[str | Path] = ["broken.zip", "slow", "last", "--out", out, "--workers", "1"]
    done = run("batch", *arguments, "--time-limit", "1.0", cwd=sources)
    assert done.returncode == 3
    found = records(out)
    assert [found[name][0] for name in ("broken", "slow", "last")] == ["failed", "failed", "done"]
    assert "File is not a zip file" in found["broken"][1]
    assert found["slow"][1] == "stopped after its time limit of 1 s"
    # What failed is not tried again unless asked, and what is done never is.
    again = run("batch", *arguments, "--time-limit", "1.0", cwd=sources)
    assert again.returncode == 3
    assert records(out) == found
    shutil.rmtree(sources / "slow")
    making.folder(sources / "slow")
    retried = run("batch", *arguments, "--retry-failed", cwd=sources)
    assert retried.returncode == 3
    assert records(out)["slow"][0] == "done"
    assert records(out)["last"] == found["last"]


def test_a_batch_with_other_options_does_not_mix_in(sources: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run("batch", "plain", "--out", out, cwd=sources).returncode == 0
    other = run("batch", "plain", "--out", out, "--annotate", cwd=sources)
    assert other.returncode == 2
    assert b"another --out, or --fresh" in other.stderr
    fresh = run("batch", "plain", "--out", out, "--annotate", "--fresh", cwd=sources)
    assert fresh.returncode == 0
    assert b"TODO(tape-migrate)" in (out / "plain" / "changes.patch").read_bytes()


def test_the_settings_of_a_source_hold_for_it_and_options_win_over_them(
    tmp_path: Path,
) -> None:
    for name, settings in (
        ("plain", ""),
        ("settled", 'annotate = true\nexclude = ["skipped.py"]\n'),
        ("misspelled", "anotate = true\n"),
    ):
        folder = making.folder(tmp_path / name)
        (folder / "pkg" / "skipped.py").write_bytes(LOCAL)
        (folder / "pyproject.toml").write_text(f"[tool.tape-migrate]\n{settings}")
    # Not one of the sources': what lies above them does not hold.
    (tmp_path / "pyproject.toml").write_text('[tool.tape-migrate]\nexclude = ["*.py"]\n')

    def counts(*options: str) -> dict[str, tuple[int, bool]]:
        out = tmp_path / "out"
        names = ["plain", "settled"]
        done = run("batch", *names, "--out", out, "--fresh", *options, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        reports = {name: json.loads((out / name / "report.json").read_text()) for name in names}
        patches = {name: (out / name / "changes.patch").read_bytes() for name in names}
        return {
            name: (report["summary"]["migrated"], b"TODO(tape-migrate)" in patches[name])
            for name, report in reports.items()
        }

    assert counts() == {"plain": (2, False), "settled": (1, True)}
    assert counts("--no-annotate") == {"plain": (2, False), "settled": (1, False)}
    assert counts("--exclude", "a.py") == {"plain": (1, False), "settled": (1, True)}
    assert counts("--isolated") == {"plain": (2, False), "settled": (2, False)}
    assert counts("--assume-closed") == {"plain": (2, False), "settled": (1, True)}
    done = run("batch", "misspelled", "plain", "--out", "other", cwd=tmp_path)
    assert done.returncode == 3
    assert b"misspelled: failed: " in done.stdout
    assert b"unknown key 'anotate' (did you mean 'annotate'?)" in done.stdout
    assert records(tmp_path / "other")["plain"][0] == "done"


def test_a_repository_without_a_commit_is_not_taken_for_one_without_calls(
    tmp_path: Path,
) -> None:
    making.folder(tmp_path / "new")
    git(tmp_path / "new", "init", "--quiet")
    done = run("batch", "new", "--out", "out", cwd=tmp_path)
    assert done.returncode == 3
    assert b"new: failed: the repository holds no commit; commit its files" in done.stdout
    again = run("batch", "new", "--out", "out", cwd=tmp_path)
    assert b"1 source was done or had failed before; --retry-failed or --fresh" in again.stderr


def test_what_stands_around_a_folder_does_not_count(tmp_path: Path) -> None:
    making.folder(tmp_path / "sources" / "proj")
    (tmp_path / "sources" / ".git").mkdir()
    (tmp_path / "sources" / ".gitignore").write_bytes(b"*.py\n")
    (tmp_path / "sources" / "pyproject.toml").write_bytes(
        b"[tool.tape-migrate]\nignore = ['all']\n"
    )
    (tmp_path / "elsewhere.py").write_bytes(LOCAL)
    (tmp_path / "sources" / "proj" / "link.py").symlink_to(tmp_path / "elsewhere.py")
    before = {path: path.stat() for path in (tmp_path / "sources").rglob("*")}
    done = run("batch", "sources/proj", "--out", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "out" / "proj" / "report.json").read_bytes())
    assert report["summary"]["files_scanned"] == 3
    assert report["summary"]["migrated"] == 1
    after = {path: path.stat() for path in (tmp_path / "sources").rglob("*")}
    assert {p: (s.st_mtime_ns, s.st_size) for p, s in after.items()} == {
        p: (s.st_mtime_ns, s.st_size) for p, s in before.items()
    }


@pytest.mark.skipif(os.geteuid() == 0, reason="not run: root may read everything")
def test_a_file_that_cannot_be_read_fails_alone(tmp_path: Path) -> None:
    making.folder(tmp_path / "proj")
    (tmp_path / "proj" / "closed.py").write_bytes(LOCAL)
    (tmp_path / "proj" / "closed.py").chmod(0)
    done = run("batch", "proj", "--out", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "out" / "proj" / "report.json").read_bytes())
    assert report["summary"]["files_failed"] == 1
    assert report["summary"]["migrated"] == 1


def test_a_source_can_be_taken_for_closed(tmp_path: Path) -> None:
    package = tmp_path / "lib" / "pkg"
    package.mkdir(parents=True)
    (package / "__init__.py").write_bytes(b"")
    (package / "m.py").write_bytes(CALLED_HELPER)
    for number, (option, migrated) in enumerate([((), 0), (("--assume-closed",), 1)]):
        out = tmp_path / f"out{number}"
        assert run("batch", "lib", "--out", out, *option, cwd=tmp_path).returncode == 0
        report = json.loads((out / "lib" / "report.json").read_text())
        assert report["summary"]["migrated"] == migrated


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_stopped_batch_goes_on_where_it_was(tmp_path: Path, number: signal.Signals) -> None:
    names = [f"s{i:02}" for i in range(9)]
    for name in names:
        making.slow(tmp_path / "sources" / name, 30)
    out = tmp_path / "out"
    command = [sys.executable, "-m", "tape_migrate", "batch", *names, "--out", str(out)]
    command += ["--workers", "2"]
    with subprocess.Popen(
        command, cwd=tmp_path / "sources", env=environment(), stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, preexec_fn=_interruptible,  # noqa: PLW1509
    ) as process:  # fmt: skip
        deadline = time.monotonic() + 60
        while _done(out) < 3 and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(number)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == (-9 if number is signal.SIGKILL else 130)
    if number is signal.SIGINT:
        assert b"sources not done; the same command goes on with them" in errors
        assert b"Traceback" not in errors
    first = {name: record for name, record in records(out).items() if record[0] == "done"}
    assert 3 <= len(first) < len(names), "the signal must have come in the middle"
    done = subprocess.run(
        command, cwd=tmp_path / "sources", env=environment(), capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    second = records(out)
    assert {record[:3] for record in second.values()} == {("done", "", 1)}
    assert {name: second[name] for name in first} == first  # not done again
    for name in names:
        assert (out / name / "changes.patch").stat().st_size > 0


def _interruptible() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _done(out: Path) -> int:
    try:
        return sum(record[0] == "done" for record in records(out).values())
    except sqlite3.OperationalError:
        return 0


def test_a_source_that_is_no_longer_given_is_no_longer_in_the_report(sources: Path) -> None:
    assert run("batch", "plain", "repo", "--out", "out", cwd=sources).returncode == 0
    first = records(sources / "out")
    assert set(first) == {"plain", "repo"}
    done = run("batch", "plain", "--out", "out", cwd=sources)
    assert done.returncode == 0
    assert records(sources / "out") == {"plain": first["plain"]}
    report = json.loads((sources / "out" / "report.json").read_text())
    assert [source["name"] for source in report["sources"]] == ["plain"]


def test_where_git_knows_nobody_commits_are_the_tools(sources: Path, tmp_path: Path) -> None:
    nobody = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path),
              "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}  # fmt: skip
    done = run("batch", "plain", "--out", "out", "--commit", cwd=sources, **nobody)
    assert done.returncode == 0, done.stderr
    made = git(sources / "out" / "plain" / "repository", "log", "--format=%an <%ae>")
    assert made.splitlines() == ["tape-migrate <tape-migrate@localhost>"] * 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing"], b"missing: no such file or folder, and no URL"),
        ([], b"no sources"),
        (["plain", "--executor", "nobody"], b"must be processes, dask=ADDRESS or ray"),
        (["plain", "--select", "nestd"], b"did you mean 'nested'"),
    ],
)
def test_wrong_usage(sources: Path, arguments: list[str], message: bytes) -> None:
    done = run("batch", *arguments, "--out", "out", cwd=sources)
    assert done.returncode == 2
    assert message in done.stderr


def test_a_state_that_is_none_is_said(sources: Path) -> None:
    (sources / "out").mkdir()
    (sources / "out" / "state.sqlite").write_bytes(b"not a database, surely\n" * 100)
    done = run("batch", "plain", "--out", "out", cwd=sources)
    assert done.returncode == 2
    assert b"move it away" in done.stderr
