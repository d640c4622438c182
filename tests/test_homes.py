"""Which module of a project another one means."""

from __future__ import annotations

import pytest

from tape_migrate.homes import Homes, stem_of
from tape_migrate.imports import module_names


def _own(paths: str, dotted: str, folder: str = "") -> str:
    return Homes(module_names(paths.split())).own(dotted, folder)


@pytest.mark.parametrize(
    ("paths", "dotted", "folder", "own"),
    [
        ("pkg/__init__.py pkg/lib.py", "pkg.lib.f", "", "pkg.lib.f"),
        ("pkg/lib.py", "pkg.lib.f", "", "lib.f"),
        ("src/pkg/__init__.py src/pkg/lib.py", "pkg.lib.f", "", "pkg.lib.f"),
        ("src/__init__.py src/pkg/__init__.py src/pkg/lib.py", "pkg.lib", "", "src.pkg.lib"),
        ("src/__init__.py src/pkg/__init__.py src/pkg/lib.py", "pkg", "src", "src.pkg"),
        ("pkg/__init__.py pkg/lib.py", "lib.f", "pkg", "pkg.lib.f"),
        ("pkg/__init__.py pkg/lib.py lib.py", "lib.f", "pkg", "lib.f"),
        ("pkg/__init__.py pkg/a/__init__.py pkg/a/lib.py", "lib.f", "pkg", "lib.f"),
        ("pkg/__init__.py pkg/random.py", "random.f", "pkg", "random.f"),
        ("a/random.py a/main.py", "random.f", "a", "random.f"),
        ("a/utils.py b/utils.py", "utils.f", "a", "a.utils.f"),
        ("a/utils.py b/utils.py", "b.utils.f", "", "b.utils.f"),
        ("a/utils.py b/utils.py", "utils.f", "", "utils.f"),
        ("pkg.py pkg/__init__.py pkg/lib.py", "pkg.lib.f", "", "pkg.lib.f"),
        ("lib.py", ".lib.f", "", "lib.f"),
        ("lib.py", "..lib.f", "", "..lib.f"),
        ("lib.py state.py", "lib.state", "", "lib.state"),
        ("numpy/__init__.py", "numpy.sin", "", "numpy.sin"),
        ("x/lib.py", "other.lib.f", "", "other.lib.f"),
    ],
)
def test_own_names(paths: str, dotted: str, folder: str, own: str) -> None:
    assert _own(paths, dotted, folder) == own


@pytest.mark.parametrize(
    ("path", "folder"),
    [
        ("a/b/lib.py", "a.b"),
        ("a/b/__init__.py", "a.b"),
        ("lib.py", ""),
        ("/x/v1.0/lib.py", "x.v1_0"),
    ],
)
def test_relative_imports_begin_in_the_folder(path: str, folder: str) -> None:
    assert Homes(module_names([path])).folder_of(path) == folder


def test_modules_of_one_name_are_told_apart_by_their_folders() -> None:
    homes = Homes(module_names(["a/x/utils.py", "b/utils.py", "c/lib.py"]))
    assert homes.names == {"a/x/utils.py": "a.x.utils", "b/utils.py": "b.utils", "c/lib.py": "lib"}
    assert homes.shared == {"a.x.utils", "b.utils"}
    assert homes.folders() == {"a", "a.x", "b"}


def test_what_a_package_hides_has_no_name() -> None:
    names = Homes(module_names(["pkg.py", "pkg/__init__.py"])).names
    assert names == {"pkg.py": "", "pkg/__init__.py": "pkg"}


@pytest.mark.parametrize(
    ("path", "stem"), [("a/lib.py", "lib"), ("a/pkg/__init__.py", "pkg"), ("lib.py", "lib")]
)
def test_stems(path: str, stem: str) -> None:
    assert stem_of(path) == stem
