"""Bytes to text and back without loss: encodings, byte order marks, line ends."""

from __future__ import annotations

import codecs
import io
import tokenize
from dataclasses import dataclass

from tape_migrate.model import SourceError

_BOM = codecs.BOM_UTF8


@dataclass(frozen=True)
class SourceText:
    """A decoded source, with what is needed to encode it (or an edit of it) again."""

    text: str
    """Without byte order mark; line ends exactly as they are in the file."""
    encoding: str
    """The codec's name, from the coding comment (PEP 263) or ``utf-8``."""
    bom: bool
    newline: str
    r"""The line end most lines have: ``"\n"``, ``"\r\n"`` or ``"\r"``."""

    def encode(self, text: str | None = None) -> bytes:
        """Encode ``text`` (this source's own if None) the way this source was encoded.

        Raises SourceError where ``text`` has a character which the encoding lacks.
        """
        if text is None:
            text = self.text
        try:
            data = text.encode(self.encoding)
        except UnicodeEncodeError as error:
            line = text.count("\n", 0, error.start) + 1
            character = ascii(text[error.start])
            raise SourceError(f"{character} does not exist in {self.encoding}", line) from error
        return _BOM + data if self.bom else data


def decode(data: bytes) -> SourceText:
    """Decode a Python source the way Python itself would.

    Raises SourceError where the encoding is unknown, the bytes are not valid in it, or encoding
    the text again would not give the same bytes.
    """
    bom = data.startswith(_BOM)
    body = data[len(_BOM) :] if bom else data
    encoding = _declared_encoding(data)
    try:
        text = body.decode(encoding)
    except UnicodeDecodeError as error:
        line = _line_of(body, error.start)
        byte = body[error.start]
        raise SourceError(f"byte 0x{byte:02x} is not valid {encoding}", line) from error
    except (LookupError, ValueError) as error:
        raise SourceError(f"cannot be decoded as {encoding}: {error}") from error
    source = SourceText(text, encoding, bom, dominant_newline(text))
    if encoding != "utf-8" and source.encode() != data:
        raise SourceError(f"does not survive decoding and encoding again in {encoding}")
    return source


def dominant_newline(text: str) -> str:
    r"""Return the line end most lines of ``text`` have (``"\n"`` where none has any)."""
    windows = text.count("\r\n")
    unix = text.count("\n") - windows
    mac = text.count("\r") - windows
    if windows > unix and windows >= mac:
        return "\r\n"
    return "\r" if mac > unix else "\n"


def _declared_encoding(data: bytes) -> str:
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    except SyntaxError as error:
        # Its message is about the first two lines only where the coding comment is at fault.
        try:
            data.decode("utf-8")
        except UnicodeDecodeError as invalid:
            line = _line_of(data, invalid.start)
            byte = data[invalid.start]
            if "unknown encoding" not in str(error):
                message = f"byte 0x{byte:02x} is not valid utf-8"
                raise SourceError(message, line) from error
        raise SourceError(str(error)) from error
    return "utf-8" if encoding == "utf-8-sig" else encoding


def _line_of(data: bytes, position: int) -> int:
    before = data[:position]
    windows = before.count(b"\r\n")
    return before.count(b"\n") + before.count(b"\r") - windows + 1
