"""Decorate a function with ``tf.function``, or take a statement out into a compiled function."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from tape_migrate.edits.draft import Draft, Keep, Piece
from tape_migrate.edits.tape_block import first_comment_line
from tape_migrate.module import Module


def decorate(module: Module, draft: Draft, node: ast.FunctionDef, tf: str) -> None:
    """Put ``@tf.function`` above ``node``."""
    offset = module.line_start(node.lineno)
    draft.insert(offset, module.indent_of(node) + f"@{tf}.function".encode() + module.newline)


def extract(
    module: Module,
    draft: Draft,
    stmt: ast.stmt,
    tape: ast.With,
    *,
    name: str,
    read: Sequence[str],
    written: Sequence[str],
    tf: str,
) -> None:
    """Move ``stmt`` out of ``tape`` into ``def name(read…): … return written…`` before it."""
    nl, unit = module.newline, module.indent_unit
    first = first_comment_line(module, stmt)
    last = module.last_line(stmt)
    start, end = module.line_start(first), module.line_end(last)
    indent = module.indent_of(tape)
    old = module.indent_of(stmt)
    at_module_level = isinstance(module.parent_of(tape), ast.Module)
    gap = nl * 2 if at_module_level else nl
    above = first_comment_line(module, tape) - 1
    blank = 0
    while above >= 1 and not module.line_text(above).strip():
        above, blank = above - 1, blank + 1
    wanted = 2 if at_module_level else int(not _opens_block(module, tape))
    lead = nl * max(0, wanted - blank) if above else b""
    header = indent + f"@{tf}.function".encode() + nl
    header += indent + f"def {name}({', '.join(read)}):".encode() + nl
    pieces: list[Piece] = [lead, header]
    for line in range(first, last + 1):
        line_start, line_end = module.line_start(line), module.line_end(line)
        margin = module.margin(line)
        text = module.text[margin:line_end]
        if line in module.string_lines or not text.strip() or not text.startswith(old):
            pieces.append(Keep(line_start, line_end))
        else:
            if margin > line_start:
                pieces.append(Keep(line_start, margin))
            pieces += [indent + unit, Keep(margin + len(old), line_end)]
    if not module.text[start:end].endswith((b"\n", b"\r")):
        pieces.append(nl)
    result = ", ".join(written)
    pieces.append(indent + unit + f"return {result}".encode() + nl + gap)
    top = module.line_start(first_comment_line(module, tape))
    draft.insert(top, *pieces)
    call = old + f"{result} = {name}({', '.join(read)})".encode() + nl
    draft.replace(start, end, call)


def _opens_block(module: Module, stmt: ast.stmt) -> bool:
    """Whether ``stmt`` is the first of its block, where no blank line is wanted before a def."""
    return module.place_of(stmt).index == 0
