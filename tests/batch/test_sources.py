"""What the arguments of a batch mean."""

from __future__ import annotations

import itertools
import os
import sys
import zipfile
from pathlib import Path

import pytest

from tape_migrate.batch.copies import CopyError, copy, place_of
from tape_migrate.batch.executors import ExecutorError, executor_for, workers_by_default
from tape_migrate.batch.sources import Source, SourcesError, resolve
from tape_migrate.sources import prefilter
from tests.batch import making
from tests.test_cli import LOCAL


def named(*arguments: str | Path, dist: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    return [(s.name, s.kind) for s in resolve([str(a) for a in arguments], dist)]


def test_all_kinds(tmp_path: Path) -> None:
    making.repository(tmp_path / "many" / "one")
    making.repository(tmp_path / "many" / "two")
    (tmp_path / "many" / "notes").mkdir()
    making.folder(tmp_path / "plain")
    sdist = making.sdist(tmp_path / "proj-1.0.tar.gz")
    wheel = making.wheel(tmp_path / "proj-1.0-py3-none-any.whl")
    listing = tmp_path / "list.txt"
    listing.write_text(
        "# a comment\nplain\n\nproj-1.0.tar.gz  # twice\nhttps://example.org/x/repo.git\n"
        "git@example.org:team/other\n"
    )
    assert named(tmp_path / "many", tmp_path / "plain", sdist, wheel, listing, dist=("typer",)) == [
        ("one", "git"), ("two", "git"), ("plain", "folder"), ("proj-1.0", "archive"),
        ("proj-1.0-2", "archive"), ("repo", "git"), ("other", "git"), ("typer", "distribution"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("missing", "no such file or folder, and no URL"),
        ("binary", "neither an archive nor a list"),
        ("nested.txt", "a list cannot hold lists"),
    ],
)
def test_what_is_no_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, argument: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "nested.txt").write_text("nested.txt\n")
    with pytest.raises(SourcesError, match=message):
        resolve([argument])
    with pytest.raises(SourcesError, match="no sources"):
        resolve([])


@pytest.mark.parametrize(
    ("kind", "everything"),
    [("folder", True), *itertools.product(["repository", "sdist", "wheel"], [False, True])],
)
def test_copies_hold_the_sources_and_nothing_from_elsewhere(
    tmp_path: Path, kind: str, everything: bool
) -> None:
    names = {"sdist": "s.tar.gz", "wheel": "w-1-py3-none-any.whl"}
    original = tmp_path / "original" / names.get(kind, kind)
    original.parent.mkdir()
    getattr(making, kind)(original)
    (source,) = resolve([str(original)])
    target = tmp_path / "a" / "copy"
    target.mkdir(parents=True)
    place = Path(copy(source, str(target), everything=everything))
    found = {
        path.relative_to(place).as_posix(): path.read_bytes()
        for path in place.rglob("*")
        if path.is_file() and ".git" not in path.parts
    }
    wanted = dict(making.FILES)
    if not everything and kind != "repository":
        del wanted["README"]
    assert found == wanted
    assert not list(tmp_path.rglob("evil.py"))


def test_a_copy_of_a_repository_is_its_last_commit(tmp_path: Path) -> None:
    original = making.repository(tmp_path / "r")
    (original / "pkg" / "a.py").write_bytes(b"# not committed\n")
    (source,) = resolve([str(original)])
    target = tmp_path / "copies"
    target.mkdir()
    place = Path(copy(source, str(target)))
    assert (place / "pkg" / "a.py").read_bytes() == making.FILES["pkg/a.py"]


@pytest.mark.parametrize(
    "source",
    [
        Source("x", "git", "/no/such/repository"),
        Source("x", "archive", "/no/such.tar.gz"),
        Source("x", "distribution", "no-such-distribution"),
        Source("x", "folder", "/no/such/folder"),
    ],
)
def test_what_cannot_be_looked_at(tmp_path: Path, source: Source) -> None:
    with pytest.raises(CopyError):
        place_of(source, str(tmp_path))


def test_an_archive_of_one_package_or_file_alone_is_not_unpacked_further(tmp_path: Path) -> None:
    for name, files in (
        ("package", {"net/__init__.py": b"", "net/a.py": LOCAL}),
        ("file", {"a.py": LOCAL}),
    ):
        path = tmp_path / f"{name}.zip"
        with zipfile.ZipFile(path, "w") as bundle:
            for inner, data in files.items():
                bundle.writestr(inner, data)
        (source,) = resolve([str(path)])
        target = tmp_path / f"copy {name}"
        target.mkdir()
        place = Path(copy(source, str(target)))
        found = {p.relative_to(place).as_posix(): p.read_bytes() for p in place.rglob("*.py")}
        assert found == files


def test_links_of_a_folder_are_not_followed(tmp_path: Path) -> None:
    original = making.folder(tmp_path / "original")
    (tmp_path / "secret.py").write_bytes(LOCAL)
    (original / "pkg" / "link.py").symlink_to(tmp_path / "secret.py")
    (original / "pkg" / "nothing.py").symlink_to("gone.py")
    (source,) = resolve([str(original)])
    target = tmp_path / "copy"
    target.mkdir()
    place = Path(copy(source, str(target), everything=True))
    found = {p.relative_to(place).as_posix() for p in place.rglob("*") if not p.is_dir()}
    assert found == set(making.FILES)


def test_executors_that_cannot_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, spec in (("distributed", "dask=localhost:1"), ("ray", "ray")):
        monkeypatch.setitem(sys.modules, name, None)
        opened = executor_for(spec, 1)
        with pytest.raises(ExecutorError, match=r"is not installed: pip install"):
            opened.__enter__()


def test_where_a_process_cannot_be_bound_all_processors_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As on macOS and Windows."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 2, 5}, raising=False)
    assert workers_by_default() == prefilter._usable_cpus() == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    assert workers_by_default() == prefilter._usable_cpus() == os.cpu_count()
