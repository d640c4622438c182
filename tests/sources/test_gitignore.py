"""The ignore rules, against git itself."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tape_migrate.sources import gitignore
from tape_migrate.sources.discover import discover
from tape_migrate.sources.gitignore import IgnoreRules

TREE = (
    "a.py",
    "b.py",
    "#a.py",
    "!a.py",
    "sp .py",
    "x/a.py",
    "x/b.py",
    "x/y/a.py",
    "x/y/z/a.py",
    "x/y/z/c1.py",
    "ab/a.py",
    "ab/c2.py",
    "q[1].py",
    "gen/keep/a.py",
    "gen/drop/a.py",
)


def _git(folder: Path, *arguments: str) -> bytes:
    command = ["git", "-c", "core.excludesFile=/dev/null", *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True).stdout


def _make_tree(folder: Path, rules: dict[str, str]) -> None:
    for name in TREE:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    for name, text in rules.items():
        (folder / name).write_text(text)
    _git(folder, "init", "-q")


def _as_git_sees_it(folder: Path) -> set[str]:
    listed = _git(folder, "ls-files", "-z", "--others", "--exclude-standard", "--", "*.py")
    return {name.decode() for name in listed.split(b"\0") if name}


def _as_we_see_it(folder: Path) -> set[str]:
    return {Path(found).relative_to(folder).as_posix() for found in discover([str(folder)]).files}


CASES = {
    "name": "a.py\n",
    "anchored": "/a.py\n",
    "folder only": "x/\n",
    "path": "x/y\n",
    "middle slash is anchored": "y/z\n",
    "leading stars": "**/z\n",
    "middle stars": "x/**/a.py\n",
    "trailing stars": "x/**\n",
    "trailing stars keep the folder": "gen/**\n!gen/keep/\n!gen/keep/**\n",
    "one level": "/gen/*\n!/gen/keep/\n",
    "last match wins": "*.py\n!a.py\n",
    "a re-included file in an ignored folder stays ignored": "x/\n!x/a.py\n",
    "class": "[a-b].py\n",
    "class with a range that ends before it begins": "[x-[ab]\n[b-a].py\n",
    "negated class with such a range": "[!b-a].py\n",
    "negated class": "[!a].py\n",
    "negated class with a caret": "[^a].py\n",
    "bracket first in class": "q[[]1].py\n",
    "posix class": "c[[:digit:]].py\n",
    "unknown posix class": "[[:letter:]].py\n",
    "posix class without an end": "[[:digit].py\n",
    "broken class": "q[1\n",
    "class that ends in a backslash": "[a\\",
    "range without an end": "[a-",
    "escaped character in a class": "[\\a].py\n",
    "escaped bracket": "q\\[1].py\n",
    "escaped hash": "\\#a.py\n",
    "escaped bang": "\\!a.py\n",
    "comment": "#a.py\n",
    "trailing spaces": "a.py   \n",
    "escaped space": "sp\\ .py\n",
    "question mark": "?.py\n",
    "stars inside a name": "a**\n",
    "stars after text": "a**/**/\n",
    "stars after text cross folders": "x**/a.py\n",
    "stars after a class do not": "[x]**/a.py\n",
    "three stars": "***/z\nx/***/a.py\n",
    "stars before an escaped slash": "**\\/z\n",
    "star does not cross folders": "x/*.py\n",
    "blank lines and windows ends": "\r\na.py\r\n",
    "only a slash": "/\n",
    "no newline at the end": "b.py",
}


@pytest.mark.parametrize("rules", CASES.values(), ids=CASES.keys())
def test_rules_ignore_what_git_ignores(tmp_path: Path, rules: str) -> None:
    _make_tree(tmp_path, {".gitignore": rules})
    assert _as_we_see_it(tmp_path) == _as_git_sees_it(tmp_path)


@pytest.mark.parametrize("rules", CASES.values(), ids=CASES.keys())
def test_rules_matched_in_step_ignore_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rules: str
) -> None:
    monkeypatch.setattr(gitignore, "_FEW", -1)
    _make_tree(tmp_path, {".gitignore": rules})
    assert _as_we_see_it(tmp_path) == _as_git_sees_it(tmp_path)


@settings(max_examples=500, deadline=None)
@given(
    rule=st.lists(
        st.sampled_from(["a", "b", "/", "*", "**", "**/", "?", "[ab]", "[!a]"]), max_size=7
    ),
    path=st.text("ab/", min_size=1, max_size=9),
)
def test_both_ways_to_match_agree(rule: list[str], path: str) -> None:
    parts = gitignore._translate("*" + "".join(rule))
    assert parts is not None
    steps = [(part, re.compile(part, re.DOTALL)) for part in parts]
    at_once = re.fullmatch("".join(parts), path, re.DOTALL) is not None
    assert gitignore._match_in_step(steps, path) == at_once


@pytest.mark.parametrize(
    "rule",
    ["*a" * 40 + "b", "a*" * 40 + "b", "**/" * 40 + "b", "[a-z]*" * 40 + "!", "?*" * 40 + "b",
     "/**/a" * 20 + "/b", "*" * 1000 + "b"],
)  # fmt: skip
def test_no_rule_takes_forever(rule: str) -> None:
    """As a regular expression each would take longer than the universe is old."""
    path = "a/" * 300 + "a" * 250
    assert IgnoreRules([rule + "\n"]).decide("a" * 250, path, False) is None


def test_nested_files_and_info_exclude_count(tmp_path: Path) -> None:
    rules = {".gitignore": "a.py\nab/\n", "x/.gitignore": "!a.py\n/b.py\n", "x/y/.gitignore": "z\n"}
    _make_tree(tmp_path, rules)
    (tmp_path / ".git/info").mkdir(exist_ok=True)
    (tmp_path / ".git/info/exclude").write_text("q*\n")
    expected = _as_git_sees_it(tmp_path)
    assert expected == {"b.py", "#a.py", "!a.py", "sp .py", "x/a.py", "x/y/a.py"}
    assert _as_we_see_it(tmp_path) == expected


def test_rules_above_the_given_folder_count_in_a_work_tree(tmp_path: Path) -> None:
    _make_tree(tmp_path, {".gitignore": "/x/y/a.py\nb.py\n", "x/.gitignore": "/y/z\n"})
    found = {
        Path(name).relative_to(tmp_path).as_posix() for name in discover([f"{tmp_path}/x"]).files
    }
    assert found == {"x/a.py"}
    below = discover([str(tmp_path / "x" / "y")]).files
    assert below == ()


def test_rules_above_the_given_folder_do_not_count_outside_a_work_tree(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("*.py\n")
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "a.py").write_text("")
    assert discover([str(tmp_path / "x")]).files == (str(tmp_path / "x" / "a.py"),)
    assert discover([str(tmp_path)]).files == ()


PIECES = st.sampled_from(
    [
        "a",
        "b",
        "x",
        "y",
        "z",
        "c",
        "1",
        "gen",
        "keep",
        "*",
        "**",
        "?",
        "/",
        "/**/",
        "**/",
        "/**",
        ".py",
        "[ab]",
        "[!a]",
        "[a-z]",
        "[]]",
        "[",
        "]",
        "-",
        "\\",
        "\\a",
        "!",
        "#",
    ]
)
LINES = st.lists(st.lists(PIECES, min_size=1, max_size=5).map("".join), min_size=1, max_size=4)


@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(lines=LINES)
def test_random_rules_ignore_what_git_ignores(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("tree")
    _make_tree(folder, {".gitignore": "\n".join(lines) + "\n"})
    assert _as_we_see_it(folder) == _as_git_sees_it(folder), lines


def test_rules_without_content_are_false() -> None:
    assert not IgnoreRules(["# nothing\n", "\n"])
    assert IgnoreRules(["a\n"])
