"""Does AutoGraph read the same code in these lines as Python does?

AutoGraph joins every line that ends in a backslash with the next one before it parses, also where
the backslash is the end of a comment or stands in a string:

    # unpacked from C:\\data\\
    y = y * 3.0

becomes one long comment, and the second line never runs. Such code must not be put under
``tf.function``.
"""

from __future__ import annotations

import ast

from tape_migrate.model import SourceError
from tape_migrate.module import Module
from tape_migrate.parsed import parse


def reads_differently(module: Module, first: int, last: int) -> bool:
    """Whether joining the 1-based lines ``first`` to ``last`` at backslashes changes the code."""
    start, end = module.line_start(first), module.line_end(last)
    lines = module.text[start:end].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    joined = lines.replace(b"\\\n", b"")
    if joined == lines:
        return False
    try:
        return _tree(module, start, joined, end) != _tree(module, start, lines, end)
    except SourceError:
        return True


def _tree(module: Module, start: int, lines: bytes, end: int) -> str:
    return ast.dump(parse(module.text[:start] + lines + module.text[end:]))
