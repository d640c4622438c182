"""The comments of a text, as Python's tokenizer finds them."""

from __future__ import annotations

import io
import tokenize
from collections.abc import Iterator


def comments(text: bytes) -> Iterator[tokenize.TokenInfo]:
    """Comment tokens of UTF-8 bytes without BOM, in their order.

    A coding comment in them is about the file that they were decoded from, so it does not count;
    and line ends are made plain, as from Python 3.12 on tokenize takes no lone carriage return.

    Raises tokenize.TokenError or SyntaxError for what is no Python.
    """
    plain = text.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")
    for token in tokenize.generate_tokens(io.StringIO(plain).readline):
        if token.type == tokenize.COMMENT:
            yield token
