"""Layouts, line ends and encodings: bytes that are not edited stay, and the numbers are the same.

Each is tried with straight-line code and with a branch, which goes under ``tf.function``: AutoGraph
reads the file again and has to find in it what was written.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tape_migrate.api import migrate_source
from tape_migrate.model import SourceError
from tape_migrate.verify import Case, Verdict, Verifier, parse_input

STRAIGHT = """\
import tensorflow as tf


def main(x, z):
    # the forward pass
    y = x * x
    g = tf.gradients(y, x)[0]

    return g  # the slope
"""
BRANCH = """\
import tensorflow as tf


def main(x, z):
    y = x * x
    # twice or not
    if len(x.shape) == 1:
        y = y * y

    return tf.gradients(y, x)[0]  # the slope
"""


def tabs(text: str) -> str:
    return text.replace("    ", "\t")


def mixed(text: str) -> str:
    """Every line ends in another way than the one before."""
    ends = ["\r\n", "\n", "\r"]
    lines = text.splitlines()
    return "".join(line + ends[number % 3] for number, line in enumerate(lines))


def blanks(text: str) -> str:
    """White space at the ends of lines and on empty ones."""
    return re.sub(r"\n", "  \t\n", text)


def fed(text: str) -> str:
    """A form feed in front of everything that is indented."""
    return re.sub(r"^(?= +\S)", "\f", text, flags=re.MULTILINE)


LAYOUTS: dict[str, Callable[[str], bytes]] = {
    "tabs": lambda text: tabs(text).encode(),
    "two spaces": lambda text: text.replace("    ", "  ").encode(),
    "one space": lambda text: text.replace("    ", " ").encode(),
    "tabs then spaces": lambda text: text.replace("    ", "\t  ").encode(),
    "crlf": lambda text: text.replace("\n", "\r\n").encode(),
    "cr": lambda text: text.replace("\n", "\r").encode(),
    "mixed line ends": lambda text: mixed(text).encode(),
    "bom": lambda text: b"\xef\xbb\xbf" + text.encode(),
    "bom and crlf": lambda text: b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode(),
    "form feeds": lambda text: fed(text).encode(),
    "form feed on a line of its own": lambda text: text.replace("\n\n", "\n\f\n").encode(),
    "no final newline": lambda text: text.rstrip("\n").encode(),
    "only a semicolon at the end": lambda text: text.rstrip("\n").encode() + b";",
    "white space at line ends": lambda text: blanks(text).encode(),
    "latin-1": lambda text: (
        "# -*- coding: latin-1 -*-\n# café\n" + text.replace("slope", "Größe")
    ).encode("latin-1"),
    "cp1252 in the second line": lambda text: (
        "#!/usr/bin/env python\n# vim: set fileencoding=cp1252 :\nPRICE = '5 €'\n" + text
    ).encode("cp1252"),
    "shift_jis": lambda text: ("# coding: shift_jis\n# 日本語\n" + text).encode("shift_jis"),
    "names beyond ascii": lambda text: text.replace("y", "ψ").encode(),
    "beyond the first plane": lambda text: text.replace("slope", "slope 𝛁 \U0001f600").encode(),
    "surrogates spelled out": lambda text: (
        text + "\n\nODD = '\\ud800 \\udfff \\U0010ffff \\x00 \\x1b[2J'\n"
    ).encode(),
    "control characters in comments": lambda text: text.replace(
        "slope", "sl\x1b[31mope \x07\x08 \u202e \u2028 \x85 \x1c"
    ).encode(),
}

each = pytest.mark.parametrize("layout", LAYOUTS)
program = pytest.mark.parametrize("text", [STRAIGHT, BRANCH], ids=["straight", "branch"])


@each
@program
def test_numbers(layout: str, text: str, verifier: Verifier) -> None:
    old = LAYOUTS[layout](text)
    migration = migrate_source(old)
    assert migration.internal_error is None
    assert migration.changed
    assert (b"@tf.function" in migration.new) == (text is BRANCH)
    inputs = tuple((name, parse_input("float32[3]")) for name in "xz")
    evidence = verifier.verify(Case(layout, old, migration.new, "main", inputs=inputs))
    rows = {row.mode: f"{row.verdict.value}: {row.sentence}" for row in evidence.rows}
    assert evidence.verdict is Verdict.EQUAL, rows


@each
@program
def test_bytes(layout: str, text: str) -> None:
    """Every old line is there, to the byte but for indentation, in the old order."""
    old = LAYOUTS[layout](text)
    new = migrate_source(old).new
    assert migrate_source(new).new == new
    assert new.startswith(b"\xef\xbb\xbf") == old.startswith(b"\xef\xbb\xbf")
    rest = iter(lines_of(new))
    for line in lines_of(old):
        if b"gradients" not in line:
            assert line in rest, line
    if layout != "mixed line ends":
        assert ends_of(new) == ends_of(old)


def lines_of(source: bytes) -> list[bytes]:
    """Lines with their ends, without white space in front."""
    found = re.findall(rb"[^\r\n]*(?:\r\n|\r|\n|\Z)", source)
    return [re.sub(rb"\A[ \t]+", b"", re.sub(rb"\f[ \t]+", b"\f", line)) for line in found if line]


def ends_of(source: bytes) -> set[bytes]:
    return set(re.findall(rb"\r\n|\r|\n", source))


@pytest.mark.parametrize(
    ("source", "message", "line"),
    [
        (STRAIGHT.encode("utf-16"), "not valid utf-8", 1),
        (STRAIGHT.encode("utf-32-le"), "null byte", None),
        (STRAIGHT.encode() + b"s = '\xed\xa0\x80'\n", "byte 0xed is not valid utf-8", 10),
        (STRAIGHT.encode() + b"s = '\xc0\x80'\n", "byte 0xc0 is not valid utf-8", 10),
        (STRAIGHT.encode() + b"s = '\x00'\n", "null byte", None),
        (b"# coding: unknown-8\n" + STRAIGHT.encode(), "unknown encoding", None),
        (b"# coding: base64\n" + STRAIGHT.encode(), "cannot be decoded as base64", None),
        (b"# coding: unicode_escape\n" + STRAIGHT.encode() + b"s = '\\x41'\n", "survive", None),
        (STRAIGHT.encode() + b"\x1a", "syntax error", 10),
        (STRAIGHT.replace("    g", "\tg").encode(), "syntax error", 7),
        (b"if True:\n        a = 1\n\tb = 2\n" + STRAIGHT.encode(), "inconsistent", 3),
        ("\u00a0" + STRAIGHT, r"invalid non-printable character U\+00A0", 1),
        (STRAIGHT.replace("x * x", "x × x"), "invalid character", 6),
    ],
)
def test_what_is_no_python_text_is_refused_with_its_line(
    source: bytes | str, message: str, line: int | None
) -> None:
    data = source.encode() if isinstance(source, str) else source
    with pytest.raises(SourceError, match=message) as caught:
        migrate_source(data)
    assert caught.value.line == line
