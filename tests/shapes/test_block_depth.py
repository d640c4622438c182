"""Tapes inside one another, as far as Python goes."""

from __future__ import annotations

import pytest

from tape_migrate.api import migrate_source
from tape_migrate.model import Outcome

_HEAD = "import tensorflow as tf\n\n\ndef net(x):\n    h = tf.sin(x)\n"


def _chain(calls: int) -> str:
    """Each forward pass goes on from the last, so that each tape encloses the one before."""
    lines = [f"    h = tf.sin(h * {n}.0)\n    g{n} = tf.gradients(h, x)[0]\n" for n in range(calls)]
    return f"{_HEAD}{''.join(lines)}    return {', '.join(f'g{n}' for n in range(calls))}\n"


def test_no_more_tapes_are_nested_than_python_compiles() -> None:
    migration = migrate_source(_chain(24).encode())
    assert migration.internal_error is None
    compile(migration.new, "net.py", "exec")
    outcomes = [site.outcome for site in migration.sites]
    assert outcomes == [Outcome.MIGRATED] * 20 + [Outcome.REFUSED] * 4
    assert {site.code for site in migration.sites[20:]} == {"TM122"}
    assert migration.new.count(b"tf.GradientTape()") == 20


@pytest.mark.parametrize(
    ("block", "fits", "too_many"),
    [
        ("for _ in range(1):", 19, 20),
        ("while x is not None:", 19, 20),
        ("with tf.name_scope('a'), tf.name_scope('b'):", 9, 10),
        ("if x is not None:", 40, None),
    ],
)
def test_what_counts_as_a_block(block: str, fits: int, too_many: int | None) -> None:
    for depth, code in ((fits, None), (too_many, "TM122")):
        if depth is None:
            continue
        lines = ["    " * (n + 1) + block for n in range(depth)]
        inner = "    " * (depth + 1)
        text = [*lines, f"{inner}y = tf.sin(x)", f"{inner}return tf.gradients(y, x)[0]"]
        source = "import tensorflow as tf\n\n\ndef net(x):\n" + "\n".join(text) + "\n"
        migration = migrate_source(source.encode())
        compile(migration.new, "net.py", "exec")
        assert [site.code for site in migration.sites] == [code]
