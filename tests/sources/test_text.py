"""Encodings, byte order marks and line ends, there and back."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tape_migrate.model import SourceError
from tape_migrate.sources.text import SourceText, decode, dominant_newline


@pytest.mark.parametrize(
    ("data", "encoding", "bom", "newline"),
    [
        (b"", "utf-8", False, "\n"),
        (b"x = 1", "utf-8", False, "\n"),
        (b"x = 1\r\ny = 2\r\n", "utf-8", False, "\r\n"),
        (b"x = 1\r\ny = 2\nz = 3\n", "utf-8", False, "\n"),
        (b"x = 1\ry = 2\r", "utf-8", False, "\r"),
        (codecs.BOM_UTF8 + "é = 1\r\n".encode(), "utf-8", True, "\r\n"),
        (codecs.BOM_UTF8 + b"# coding: utf-8\n", "utf-8", True, "\n"),
        (b"# -*- coding: latin-1 -*-\ns = '\xe9'\n", "iso-8859-1", False, "\n"),
        (b"#!/usr/bin/python\n# vim: set fileencoding=cp1252 :\ns = '\x80'", "cp1252", False, "\n"),
        (b"# coding: euc-jp\ns = '\xa4\xa2'\n", "euc-jp", False, "\n"),
        (b"x = 1\n\x0c\ndef f():\n\treturn 1\n\n\n", "utf-8", False, "\n"),
        (b"# coding: ascii\nx = 1\n", "ascii", False, "\n"),
    ],
)
def test_what_is_decoded_encodes_to_the_same_bytes(
    data: bytes, encoding: str, bom: bool, newline: str
) -> None:
    source = decode(data)
    assert (source.encoding, source.bom, source.newline) == (encoding, bom, newline)
    assert not source.text.startswith("\ufeff")
    assert source.encode() == data


@given(st.binary())
def test_any_bytes_are_decoded_without_loss_or_refused(data: bytes) -> None:
    try:
        source = decode(data)
    except SourceError as error:
        refusal = error
    else:
        assert source.encode() == data
        return
    assert refusal.message
    assert refusal.line is None or 1 <= refusal.line <= data.count(b"\n") + data.count(b"\r") + 1


@given(st.text(), st.booleans())
def test_text_in_utf8_comes_back(text: str, bom: bool) -> None:
    source = SourceText(text, "utf-8", bom, "\n")
    try:
        data = source.encode()
    except SourceError:
        assert any(0xD800 <= ord(character) <= 0xDFFF for character in text)
        return
    assert data == (codecs.BOM_UTF8 if bom else b"") + text.encode()


@pytest.mark.parametrize(
    ("data", "line", "message"),
    [
        (b"x = 1\ny = '\xe9'\n", 2, "byte 0xe9 is not valid utf-8"),
        (b"# coding: klingon\ny = '\xe9'\n", None, "unknown encoding: klingon"),
        (b"x = 1\n\n\ny = '\xe9'\n", 4, "byte 0xe9 is not valid utf-8"),
        (b"x = 1\r\n\r\n\r\ny = '\xe9'\r\n", 4, "byte 0xe9 is not valid utf-8"),
        (b"# coding: klingon\n", None, "unknown encoding: klingon"),
        (b"# coding: rot13\nk = 1\n", None, "cannot be decoded as rot13"),
        (codecs.BOM_UTF8 + b"# coding: latin-1\n", None, "encoding problem"),
        (b"# coding: utf-7\nx = '+AGE-'\n", None, "does not survive"),
        (b"# coding: ascii\n\nx = '\x80'\n", 3, "byte 0x80 is not valid ascii"),
    ],
)
def test_what_cannot_be_decoded_is_refused_with_its_line(
    data: bytes, line: int | None, message: str
) -> None:
    with pytest.raises(SourceError) as caught:
        decode(data)
    assert message in caught.value.message
    assert caught.value.line == line


def test_text_which_the_encoding_lacks_is_refused_with_its_line() -> None:
    source = decode(b"# coding: latin-1\nx = 1\n")
    with pytest.raises(SourceError, match="does not exist in iso-8859-1") as caught:
        source.encode(source.text + "y = '→'\n")
    assert caught.value.line == 3


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", "\n"), ("a\r\nb\n", "\n"), ("a\r\nb\r\nc\n", "\r\n"), ("a\rb\rc\n", "\r")],
)
def test_the_most_frequent_line_end_wins(text: str, expected: str) -> None:
    assert dominant_newline(text) == expected
