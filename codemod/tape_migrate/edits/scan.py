"""Scan the inside of a call's parentheses: where its arguments and comments stand.

The tree gives no commas, parentheses or comments; they are needed to take an argument out of a
call without losing anything.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

from tape_migrate.module import Module

_OPENING = b"([{"
_CLOSING = b")]}"
_STRING = re.compile(rb"(?i)[rbfut]{0,2}('''|\"\"\"|'|\")")
_WORD = re.compile(rb"[A-Za-z_0-9]+")


@dataclass(frozen=True)
class Slots:
    """The slots of a call, one an argument: offsets between the commas."""

    spans: tuple[tuple[int, int], ...]
    comments: tuple[tuple[int, int], ...]


def scan_call(module: Module, call: ast.Call) -> Slots:
    """Slots of ``call``'s arguments, in source order (a trailing empty slot left out)."""
    text = module.text
    position = text.index(b"(", module.end(call.func))
    # A parenthesised callee, `(tf.gradients)(y, x)`, has its closing parenthesis in between.
    end = module.end(call)
    start = position + 1
    depth = 0
    spans: list[tuple[int, int]] = []
    comments: list[tuple[int, int]] = []
    position = start
    while position < end:
        char = text[position : position + 1]
        string = _STRING.match(text, position)
        if char == b"#":
            stop = position
            while stop < end and text[stop : stop + 1] not in (b"\n", b"\r"):
                stop += 1
            comments.append((position, stop))
            position = stop
        elif string is not None:
            position = skip_string(text, string)
        elif char in _OPENING and char:
            depth += 1
            position += 1
        elif char in _CLOSING and char:
            if depth == 0:
                if text[start:position].strip():
                    spans.append((start, position))
                break
            depth -= 1
            position += 1
        elif char == b"," and depth == 0:
            spans.append((start, position))
            start = position + 1
            position += 1
        else:
            word = _WORD.match(text, position)
            position = word.end() if word else position + 1
    return Slots(tuple(spans), tuple(comments))


def breaks_line(text: bytes) -> bool:
    """Whether ``text``, an expression, has a newline outside brackets and strings."""
    position = depth = 0
    while position < len(text):
        char = text[position : position + 1]
        string = _STRING.match(text, position)
        if string is not None:
            position = skip_string(text, string)
            continue
        if char == b"#":
            while position < len(text) and text[position : position + 1] not in (b"\n", b"\r"):
                position += 1
            continue
        if char in (b"\n", b"\r") and depth == 0:
            return True
        depth += (char in _OPENING) - (char in _CLOSING)
        word = _WORD.match(text, position)
        position = word.end() if word else position + 1
    return False


def skip_string(text: bytes, match: re.Match[bytes]) -> int:
    """Offset just after the string literal that ``match`` opens.

    From Python 3.12 on a field of an f-string may hold its own quotes again.
    """
    quote = match.group(1)
    has_fields = bool({b"f", b"t"} & {bytes([c]) for c in match.group().lower()})
    position = match.end()
    while position < len(text):
        if text[position : position + 1] == b"\\":
            # A backslash escapes no brace.
            position += 1 if has_fields and text.startswith(b"{", position + 1) else 2
        elif text.startswith(quote, position):
            return position + len(quote)
        elif has_fields and text.startswith(b"{{", position):
            position += 2
        elif has_fields and text.startswith(b"{", position):
            position = _skip_field(text, position + 1)
        else:
            position += 1
    return position


def _skip_field(text: bytes, position: int) -> int:
    """Offset just after the field whose opening brace stands before ``position``."""
    depth = 0
    while position < len(text):
        char = text[position : position + 1]
        string = _STRING.match(text, position)
        if string is not None:
            position = skip_string(text, string)
            continue
        if depth == 0 and char == b"}":
            return position + 1
        if depth == 0 and char == b":":
            # The format: quotes are characters there, braces open fields again.
            while position < len(text) and text[position : position + 1] != b"}":
                opens = text.startswith(b"{", position)
                position = _skip_field(text, position + 1) if opens else position + 1
            return position + 1
        depth += (char in _OPENING) - (char in _CLOSING)
        word = _WORD.match(text, position)
        position = word.end() if word else position + 1
    return position
