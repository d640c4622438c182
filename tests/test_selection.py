"""``--select`` and ``--ignore``: what is not selected is not touched, and counted as skipped."""

from __future__ import annotations

from pathlib import Path

import pytest

from tape_migrate.api import migrate_source
from tape_migrate.model import Migration, Options, Outcome, SiteResult
from tape_migrate.runner import migrate_bytes
from tape_migrate.selection import Selection, canonical, known_words
from tests.review.test_linked import FILES
from tests.test_cli import run

SOURCE = b"""import tensorflow as tf


def slope(x):
    y = x * x
    return tf.gradients(y, x)[0]


def curve(x):
    y = tf.sin(x)
    g = tf.gradients(y, x)[0]
    return tf.gradients(g, x)[0]


def grad(y, x):
    return tf.gradients(y, x)[0]
"""


def migrate(
    select: tuple[str, ...] = (), ignore: tuple[str, ...] = (), *, annotate: bool = False
) -> Migration:
    options = Options(annotate=annotate)
    return migrate_bytes("m.py", SOURCE, options, None, Selection(select, ignore))


def outcomes(sites: tuple[SiteResult, ...]) -> list[str]:
    return [site.code or (site.shape.value if site.shape else "?") for site in sites]


def test_without_a_selection_all_calls_are_looked_at() -> None:
    assert outcomes(migrate().sites) == ["local", "local", "nested", "TM101"]
    assert migrate().new == migrate_source(SOURCE).new


def test_only_the_selected_shape_is_migrated_and_what_it_needs_is_said() -> None:
    migration = migrate(("local",))
    assert outcomes(migration.sites) == ["local", "local", "TM002", "TM002"]
    assert "could be rewritten as nested" in migration.sites[2].message
    assert "would be refused with TM101" in migration.sites[3].message
    assert migration.sites[3].outcome is Outcome.SKIPPED
    # What stays is still what it was.
    assert b"return tf.gradients(g, x)[0]" in migration.new
    assert migration.internal_error is None


def test_what_depends_on_a_call_that_is_left_out_stays_too() -> None:
    migration = migrate(("nested",))
    assert migration.new == SOURCE
    assert set(outcomes(migration.sites)) == {"TM002"}


def test_ignored_shapes_and_codes() -> None:
    migration = migrate(ignore=("nested", "TM1"))
    assert outcomes(migration.sites) == ["local", "local", "TM002", "TM002"]


def test_selecting_codes_only_migrates_nothing() -> None:
    migration = migrate(("TM101",))
    assert not migration.changed
    assert outcomes(migration.sites) == ["TM002", "TM002", "TM002", "TM101"]


def test_a_call_that_is_not_selected_gets_no_todo() -> None:
    assert b"TODO" in migrate(("TM101",), annotate=True).new
    assert b"TODO" not in migrate(("local",), annotate=True).new


def test_applicability_can_be_selected() -> None:
    assert outcomes(migrate(("safe",)).sites)[0] == "local"
    assert set(outcomes(migrate(ignore=("safe", "review")).sites[:3])) == {"TM002"}


@pytest.mark.parametrize(
    ("word", "kept"),
    [
        ("tm101", "TM101"),
        ("target-is-parameter", "TM101"),
        ("TM1", "TM1"),
        ("Nested", "nested"),
        ("safe", "safe"),
        ("TM9", None),
        ("T", None),
        ("", None),
        ("nestd", None),
    ],
)
def test_words(word: str, kept: str | None) -> None:
    assert canonical(word) == kept
    assert {"TM101", "nested", "review"} <= set(known_words())


@pytest.mark.parametrize(
    ("option", "changed"),
    [
        ("--select=helper", {"a.py", "b.py", "helper.py"}),
        ("--ignore=helper", {"alone.py", "b.py"}),
        ("--ignore=local", {"a.py", "b.py", "helper.py"}),
        ("--select=TM101", set()),
    ],
)
def test_a_helper_is_selected_with_its_callers_in_other_files(
    tmp_path: Path, option: str, changed: set[str]
) -> None:
    for name, data in FILES.items():
        (tmp_path / name).write_bytes(data)
    state = {"TAPE_MIGRATE_STATE": str(tmp_path / "state")}
    done = run("--write", option, ".", cwd=tmp_path, **state)
    assert done.returncode == 0
    found = {name for name, data in FILES.items() if (tmp_path / name).read_bytes() != data}
    assert found == changed
    both = (tmp_path / "b.py").read_bytes()
    assert (b"grad(tape, y, x)" in both) == ("helper.py" in changed)
    assert (b"tf.gradients(y, x)[0]" in both) != ("alone.py" in changed)
    assert run("--check", option, ".", cwd=tmp_path, **state).returncode == 0
