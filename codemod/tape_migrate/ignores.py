"""``# tape-migrate: ignore`` comments."""

from __future__ import annotations

import ast
import re

from tape_migrate.module import Module

_IGNORE = re.compile(rb"#\s*tape-migrate:\s*ignore\b")


def ignored(module: Module, call: ast.Call) -> bool:
    """Whether a comment on a line of the call's statement asks to leave it alone."""
    stmt = module.statement_of(call)
    lines = {call.lineno, call.end_lineno or call.lineno}
    if hasattr(stmt, "body"):
        lines.add(stmt.lineno)
    else:
        lines |= {stmt.lineno, stmt.end_lineno or stmt.lineno}
    return any(_IGNORE.search(module.line_text(line)) for line in lines)
