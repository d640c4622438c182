"""The last checks before anything is given out, and what happens when one fails."""

from __future__ import annotations

import pytest

import tape_migrate.api
from tape_migrate.engine import Engine, Result
from tape_migrate.guards import GuardError, check
from tape_migrate.model import Outcome

from .migrating import migrate, program

OLD = b"x = 1  # one\ny = 2\n"


def test_an_unchanged_text_passes() -> None:
    check(OLD, OLD, ())


@pytest.mark.parametrize(
    ("new", "message"),
    [
        (b"x = (1  # one\ny = 2\n", "does not parse"),
        (b"if x:\nx = 1  # one\n", "does not parse"),
        (b"x = 1  # one\ny = 2\nreturn y\n", "does not compile: 'return' outside function"),
        (b"x = 1\ny = 2\n", "a comment would be lost: # one"),
        (b"x = 1  # won\ny = 2\n", "a comment would be lost: # one"),
        (b"x = '# one'\ny = 2\n", "a comment would be lost: # one"),
    ],
)
def test_damage_is_seen(new: bytes, message: str) -> None:
    with pytest.raises(GuardError, match=message):
        check(OLD, new, ())


def test_what_did_not_compile_before_need_not_afterwards() -> None:
    check(OLD + b"return x\n", OLD + b"return y\n", ())


def test_each_of_two_equal_comments_counts() -> None:
    with pytest.raises(GuardError, match="comment"):
        check(b"x = 1  # a\ny = 1  # a\n", b"x = 1  # a\ny = 1\n", ())


def test_new_comments_and_moved_ones_are_fine() -> None:
    check(OLD, b"# new\ny = 2  # one\nx = 1\n", ())


def test_text_that_vanishes_in_bulk_is_seen() -> None:
    old = b"".join(b"name%d = %d\n" % (i, i) for i in range(60))
    with pytest.raises(GuardError, match="more text would be lost"):
        check(old, b"x = 1\n", ())


BODY = """
def f(x, y):
    z = x * x
    return tf.gradients(z, x)[0], tf.gradients(y, x)[0]
"""


@pytest.mark.parametrize("damage", [b"\n)", b"\nmore = 1"])
def test_a_failed_guard_gives_the_file_back_untouched(
    monkeypatch: pytest.MonkeyPatch, damage: bytes
) -> None:
    real = Engine.run

    def broken(self: Engine) -> Result:
        result = real(self)
        return Result(result.text + damage, result.sites)

    monkeypatch.setattr(Engine, "run", broken)
    migration = tape_migrate.api.migrate_source(program(BODY).encode())
    assert migration.internal_error is not None
    assert migration.new == migration.old
    assert not migration.changed
    assert [site.code for site in migration.sites] == ["TM199", "TM101"]
    assert {site.outcome for site in migration.sites} == {Outcome.REFUSED}


def test_the_same_program_is_migrated_by_the_whole_tool() -> None:
    assert [site.code for site in migrate(BODY).sites] == [None, "TM101"]
