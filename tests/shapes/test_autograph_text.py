"""Lines that AutoGraph would read otherwise than Python does."""

from __future__ import annotations

import textwrap

import pytest

from tape_migrate.module import Module
from tape_migrate.shapes.autograph_text import reads_differently
from tests.migrating import migrate


@pytest.mark.parametrize(
    "line",
    [
        "# C:\\data\\",
        "x = 1  # why \\",
        "s = '''a\\\\\nb'''",
        "s = r'''a\\\nb'''",
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_what_would_be_lost(line: str, end: str) -> None:
    text = f"{line}\ny = 2\n".replace("\n", end)
    assert reads_differently(Module(text.encode()), 1, text.count(end))


@pytest.mark.parametrize(
    "text",
    ["x = 1 + \\\n    2\n", "s = 'a\\\nb'\n", "# a \\ b\ny = 2\n", "s = 'a\\\\'\ny = 2\n"],
)
def test_what_stays_the_same(text: str) -> None:
    assert not reads_differently(Module(text.encode()), 1, text.count("\n"))


def test_only_the_lines_asked_about_count() -> None:
    module = Module(b"# above \\\nx = 1\ny = 2\n")
    assert not reads_differently(module, 2, 3)


def test_such_a_function_is_not_compiled() -> None:
    body = textwrap.dedent("""
        def f(x):
            y = x * x
            if len(x.shape) == 1:
                # {}
                y = y * 3.0
            return tf.gradients(y, x)[0]
        """)
    assert b"@tf.function" in migrate(body.format("in C: or D:")).new
    migration = migrate(body.format("in C:\\"))
    assert b"tf.function" not in migration.new
    assert "backslash" in migration.sites[0].message
