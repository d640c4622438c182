"""Nothing that others wrote steers a terminal."""

from __future__ import annotations

import os

import pytest

from tape_migrate.reports.escape import printable, printable_path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain.py", "plain.py"),
        ("größe → 1.py", "größe → 1.py"),
        ("a\x1b[31mb", "a\\x1b[31mb"),
        ("a\nb\tc\r", "a\\x0ab\\x09c\\x0d"),
        ("\x7f\x9b2J", "\\x7f\\x9b2J"),
        ("a\u202eyp.b", "a\\u202eyp.b"),
        ("a\u2028b", "a\\u2028b"),
        ("tag\U000e0041", "tag\\U000e0041"),
        (os.fsdecode(b"caf\xe9"), "caf\\xe9"),
    ],
)
def test_control_characters_are_spelled_out(text: str, expected: str) -> None:
    assert printable(text) == expected
    assert printable_path(text) == expected
    assert printable(text).isprintable()


def test_what_is_to_be_kept_is_kept() -> None:
    assert printable("\ta\x1b", keep="\t") == "\ta\\x1b"
