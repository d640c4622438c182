"""Include and exclude: as in .gitignore, relative to one folder, for named files, too."""

from __future__ import annotations

from pathlib import Path

import pytest

from tape_migrate.sources.discover import discover
from tape_migrate.sources.patterns import Filters, Patterns


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("a.py", "b/c.py", "b/d_test.py", "b/n.ipynb", "build/x.py", "third/e/f.py"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x = 1\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def found(tree: Path, paths: list[str], *, include: str = "", exclude: str = "") -> list[str]:
    filters = Filters(
        Patterns(str(tree), tuple(include.split())) if include else None,
        Patterns(str(tree), tuple(exclude.split())) if exclude else None,
    )
    return list(discover(paths, filters).files)


def test_without_filters_python_files_and_notebooks_are_found(tree: Path) -> None:
    assert found(tree, ["."]) == ["a.py", "b/c.py", "b/d_test.py", "b/n.ipynb", "third/e/f.py"]


@pytest.mark.parametrize(
    ("include", "exclude", "expected"),
    [
        ("*.ipynb", "", ["b/n.ipynb"]),
        ("b/", "", ["b/c.py", "b/d_test.py", "b/n.ipynb"]),
        ("", "*_test.py third/", ["a.py", "b/c.py", "b/n.ipynb"]),
        ("b/", "*.ipynb", ["b/c.py", "b/d_test.py"]),
        ("", "/e/", ["a.py", "b/c.py", "b/d_test.py", "b/n.ipynb", "third/e/f.py"]),
        ("", "third/**/f.py", ["a.py", "b/c.py", "b/d_test.py", "b/n.ipynb"]),
        ("", "*.py !c.py", ["b/c.py", "b/n.ipynb"]),
    ],
)
def test_filters(tree: Path, include: str, exclude: str, expected: list[str]) -> None:
    assert found(tree, ["."], include=include, exclude=exclude) == expected


def test_named_files_are_filtered_but_only_by_what_is_below_the_base(tree: Path) -> None:
    assert found(tree, ["b/d_test.py", "a.py"], exclude="*_test.py") == ["a.py"]
    # The folders above the base have names, too, which are nobody's business.
    above = tree.parent.name
    assert found(tree, ["a.py"], exclude=f"{above}/ {tree.name}/") == ["a.py"]


def test_what_is_outside_of_the_base_matches_nothing(tree: Path) -> None:
    filters = Filters(None, Patterns(str(tree / "b"), ("*.py",)))
    assert list(discover(["a.py", "b/c.py"], filters).files) == ["a.py"]


def test_absolute_paths_match_the_same(tree: Path) -> None:
    assert found(tree, [str(tree)], include="b/c.py") == [str(tree / "b" / "c.py")]


def test_an_excluded_folder_is_not_entered(tree: Path) -> None:
    (tree / "third" / "secret").mkdir()
    filters = Filters(None, Patterns(str(tree), ("third/",)))
    assert not filters.enters("third")
    assert filters.enters("b")
