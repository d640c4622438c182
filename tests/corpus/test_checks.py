"""The corpus check must fail for tools that do harm; each fake tool here does one harm."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.corpus import checks
from tests.corpus.releases import KnownSite, LookAlike, Release
from tests.corpus.tool import Report, ReportedSite, ToolError

OLD = """\
import tensorflow as tf

def f(x):
    y = x * x  # square
    g = tf.gradients(y, x)[0]
    return g

def gradients(a):
    return a
"""
NEW = """\
import tensorflow as tf

def f(x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = x * x  # square
    g = tape.gradient(y, x)
    return g

def gradients(a):
    return a
"""
RELEASE = Release(
    "p",
    "1",
    "p-1.tar.gz",
    "",
    sites=(KnownSite("p/a.py", 5, "tf.compat.v1.gradients", "a", "f"),),
    look_alikes=(LookAlike("p/b.py", 1, "its own function"),),
)
SITE = ReportedSite(
    "p/a.py", 5, "tf.gradients", "migrated", "local", "safe", None, "rewritten", (4, 7)
)

Migrate = Callable[..., Report]


def report(*sites: ReportedSite, failed: dict[str, str] | None = None) -> Report:
    outcomes = [site.outcome for site in sites]
    summary = {name: outcomes.count(name) for name in ("migrated", "refused", "skipped")}
    summary["sites"] = len(sites)
    return Report(sites, failed or {}, frozenset(), summary, 0.1, 0.1, 1)


def fake_tool(found: Report, new: str = NEW) -> Migrate:
    """A tool that reports ``found`` and turns ``p/a.py`` into ``new`` when it writes."""

    def migrate(tree: Path, paths: tuple[str, ...] = (".",), *, write: bool) -> Report:
        del paths
        if write:
            (tree / "p/a.py").write_text(new, encoding="utf-8")
        return found

    return migrate


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "p").mkdir()
    (tmp_path / "p/a.py").write_text(OLD, encoding="utf-8")
    (tmp_path / "p/b.py").write_text("gradients(1)\n", encoding="utf-8")
    return tmp_path


def problems(monkeypatch: pytest.MonkeyPatch, tree: Path, tool: Migrate) -> list[str]:
    monkeypatch.setattr(checks, "migrate_tree", tool)
    return checks.check_release(RELEASE, tree).problems


def test_a_good_tool_passes(monkeypatch: pytest.MonkeyPatch, tree: Path) -> None:
    monkeypatch.setattr(checks, "migrate_tree", fake_tool(report(SITE)))
    verdict = checks.check_release(RELEASE, tree)
    assert (verdict.problems, verdict.found, verdict.expected) == ([], 1, 1)
    assert (verdict.count("migrated", "safe"), verdict.count("refused")) == (1, 0)


@pytest.mark.parametrize(
    ("new", "told"),
    [
        (NEW.replace("  # square", ""), "comments lost"),
        (NEW.replace("return g", "return g  # done"), "comments added"),
        (NEW.replace("return a", "return  a"), "outside the code around a migrated call"),
        (NEW.replace("return a\n", "return a"), "outside the code around a migrated call"),
        (NEW.replace("return g", "return g)"), "does not parse"),
        (OLD, "did not change"),
    ],
)
def test_harm_in_the_text_is_told(
    monkeypatch: pytest.MonkeyPatch, tree: Path, new: str, told: str
) -> None:
    found = problems(monkeypatch, tree, fake_tool(report(SITE), new))
    assert any(told in problem for problem in found), found


def test_a_missed_call_is_told(monkeypatch: pytest.MonkeyPatch, tree: Path) -> None:
    found = problems(monkeypatch, tree, fake_tool(report(), OLD))
    assert found == ["missed tf.gradients at p/a.py:5"]


def test_a_change_without_a_call_is_told(monkeypatch: pytest.MonkeyPatch, tree: Path) -> None:
    assert "p/a.py changed without a migrated call" in problems(
        monkeypatch, tree, fake_tool(report())
    )


def test_a_look_alike_is_told(monkeypatch: pytest.MonkeyPatch, tree: Path) -> None:
    alike = ReportedSite("p/b.py", 1, "tf.gradients", "refused", None, None, "TM101", "no", None)
    (problem,) = problems(monkeypatch, tree, fake_tool(report(SITE, alike)))
    assert "look-alike taken for TensorFlow's at p/b.py:1" in problem


def test_an_internal_error_is_told(monkeypatch: pytest.MonkeyPatch, tree: Path) -> None:
    site = ReportedSite("p/a.py", 5, "tf.gradients", "refused", None, None, "TM199", "oh", None)
    (problem,) = problems(monkeypatch, tree, fake_tool(report(site), OLD))
    assert problem == "internal error at p/a.py:5: oh"


def test_a_good_file_that_fails_is_told(monkeypatch: pytest.MonkeyPatch, tree: Path) -> None:
    found = report(SITE, failed={"p/b.py": "too hard"})
    (problem,) = problems(monkeypatch, tree, fake_tool(found))
    assert problem == "p/b.py failed, though it parses: too hard"


def test_a_second_run_that_changes_is_told(monkeypatch: pytest.MonkeyPatch, tree: Path) -> None:
    def migrate(tree: Path, *, write: bool) -> Report:
        path = tree / "p/a.py"
        text = path.read_text(encoding="utf-8")
        if write:
            path.write_text(NEW if text == OLD else text + "\n", encoding="utf-8")
        return report(SITE)

    assert problems(monkeypatch, tree, migrate) == ["a second run changes p/a.py"]


def test_a_dry_run_that_writes_is_told(monkeypatch: pytest.MonkeyPatch, tree: Path) -> None:
    def migrate(tree: Path, *, write: bool) -> Report:
        del write
        (tree / "p/a.py").write_text(NEW, encoding="utf-8")
        return report(SITE)

    assert problems(monkeypatch, tree, migrate) == ["the dry run wrote files"]


def test_a_summary_that_loses_calls_is_told(monkeypatch: pytest.MonkeyPatch, tree: Path) -> None:
    found = report(SITE)
    found.summary["migrated"] = 0
    assert problems(monkeypatch, tree, fake_tool(found)) == [
        "summary.migrated does not match the list of calls"
    ]


def test_a_tool_that_dies_is_told(monkeypatch: pytest.MonkeyPatch, tree: Path) -> None:
    def migrate(tree: Path, *, write: bool) -> Report:
        raise ToolError("exit code 1")

    monkeypatch.setattr(checks, "migrate_tree", migrate)
    verdict = checks.check_release(RELEASE, tree)
    assert (verdict.problems, verdict.found, verdict.expected) == (["exit code 1"], 0, 1)


TAKEN = NEW.replace("def gradients(a):", "def gradients(a, *, tape=None):")


@pytest.mark.parametrize(
    ("message", "new", "fine"),
    [
        ("rewritten", TAKEN, False),
        ("rewritten; gradients() takes the tape", TAKEN, True),
        (
            "rewritten; gradients() takes the tape",
            TAKEN.replace("return a", "return  a"),
            False,
        ),
    ],
)
def test_only_a_maker_that_is_named_may_have_another_header(
    monkeypatch: pytest.MonkeyPatch, tree: Path, message: str, new: str, fine: bool
) -> None:
    site = ReportedSite(
        "p/a.py", 5, "tf.gradients", "migrated", "makers", "safe", None, message, (4, 7)
    )
    assert (problems(monkeypatch, tree, fake_tool(report(site), new)) == []) is fine
