"""Comments that leave calls alone, on a line and for a file; those without use are reported."""

from __future__ import annotations

import pytest

from tape_migrate.api import migrate_source
from tape_migrate.model import Migration, Outcome

HEAD = "import tensorflow as tf\n\n\n"
PARAMETER = "def grad(y, x):\n    return tf.gradients(y, x)[0]{}\n"
LOCAL = "def slope(x):\n    y = x * x\n    return tf.gradients(y, x)[0]{}\n"


def migrate(text: str) -> Migration:
    return migrate_source((HEAD + text).encode())


def test_a_call_that_a_comment_leaves_alone_takes_those_that_need_it_along() -> None:
    text = (
        "def f(x):\n    y = x * x\n    g = tf.gradients(y, x)[0]  # tape-migrate: ignore\n"
        "    return tf.gradients(g, x)[0]\n"
    )
    migration = migrate(text)
    assert not migration.changed
    assert [site.code for site in migration.sites] == ["TM001", "TM126"]


def test_in_the_head_of_a_block_the_comment_stands_in_its_first_line() -> None:
    head = "def f(y, x):\n    for g in tf.gradients(y, x):{}\n        use(g){}\n"
    codes = [
        [site.code for site in migrate(head.format(first, second)).sites]
        for first, second in (("  # tape-migrate: ignore", ""), ("", "  # tape-migrate: ignore"))
    ]
    assert codes == [["TM001"], ["TM101"]]


@pytest.mark.parametrize(
    ("comment", "outcome"),
    [
        ("# tape-migrate: ignore-file", Outcome.SKIPPED),
        ("#tape-migrate: ignore-file[TM101] targets come from callers", Outcome.MIGRATED),
        ("x = 1  # tape-migrate: ignore-file", Outcome.MIGRATED),
        ('x = "# tape-migrate: ignore-file"', Outcome.MIGRATED),
    ],
)
def test_a_comment_for_the_whole_file(comment: str, outcome: Outcome) -> None:
    migration = migrate(comment + "\n" + LOCAL.format(""))
    assert [site.outcome for site in migration.sites] == [outcome]


def test_codes_for_the_whole_file_silence_refusals() -> None:
    text = "# tape-migrate: ignore-file[target-is-parameter]\n" + PARAMETER.format("")
    migration = migrate(text)
    assert [(site.outcome, site.code) for site in migration.sites] == [(Outcome.SKIPPED, "TM001")]
    assert migration.remarks == ()


def test_comments_with_a_use_are_not_reported() -> None:
    text = PARAMETER.format("  # tape-migrate: ignore[TM101] by hand, later")
    text += LOCAL.format("  # tape-migrate: ignore")
    assert migrate(text).remarks == ()


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("x = 1  # tape-migrate: ignore\n" + LOCAL.format(""), 4, "leaves nothing alone"),
        ("# tape-migrate: ignore-file[TM101]\n" + LOCAL.format(""), 4, "silences nothing"),
        (LOCAL.format("  # tape-migrate: ignore[TM101]"), 6, "`ignore[TM101]` silences nothing"),
        (PARAMETER.format("  # tape-migrate: ignore[TM101, TM104]"), 5, "take TM104 away"),
        (PARAMETER.format("  # tape-migrate: ignore[TM101, TM9]"), 5, "there is no such code"),
    ],
)
def test_comments_without_use_are_reported(text: str, line: int, message: str) -> None:
    (remark,) = migrate(text).remarks
    assert (remark.line, remark.code) == (line, "TM004")
    assert message in remark.message


def test_a_coding_comment_is_no_matter() -> None:
    text = "# coding: shift_jis\n# 日本語\nimport tensorflow as tf\n\n\ndef f(x):\n    y = x * x\n"
    text += "    return tf.gradients(y, x)  # tape-migrate: ignore\n"
    (site,) = migrate_source(text.encode("shift_jis")).sites
    assert site.code == "TM001"
