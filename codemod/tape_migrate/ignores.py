"""``# tape-migrate: ignore`` comments."""

from __future__ import annotations

import ast
import re

from tape_migrate.module import Module

_IGNORE = re.compile(rb"#\s*tape-migrate:\s*ignore\b(?:\s*\[([^\]\r\n]*)\])?")


def ignored(module: Module, call: ast.Call) -> frozenset[str] | None:
    """What a comment on a line of the call's statement asks to ignore.

    Returns the codes in its brackets (empty: leave the call alone whatever becomes of it), or None
    if there is no such comment.
    """
    stmt = module.statement_of(call)
    lines = {call.lineno, call.end_lineno or call.lineno}
    if hasattr(stmt, "body"):
        lines.add(stmt.lineno)
    else:
        lines |= {stmt.lineno, stmt.end_lineno or stmt.lineno}
    for line in sorted(lines):
        match = _IGNORE.search(module.line_text(line))
        if match is not None:
            codes = (match.group(1) or b"").decode().replace(",", " ").split()
            return frozenset(code.upper() for code in codes)
    return None
