"""Text that others wrote, made safe to print."""

from __future__ import annotations

import os
import unicodedata


def printable(text: str, *, keep: str = "") -> str:
    r"""Return ``text`` with everything that could steer a terminal spelled out (``\x1b``).

    That is: control characters, characters that reorder or hide text, and bytes of file names
    that are no UTF-8. Characters in ``keep`` pass.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        character if character in keep or _harmless(character) else _spelled(character)
        for character in text
    )


def _harmless(character: str) -> bool:
    return unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Zl", "Zp"}


def _spelled(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte of a file name, as os.fsdecode passes it on
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def printable_path(path: str) -> str:
    """Return a path for people, on one line."""
    return printable(os.fspath(path))
