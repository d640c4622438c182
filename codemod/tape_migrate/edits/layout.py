"""Give statements lines of their own: ``a = f(x); g = …`` and ``if c: g = …`` are split.

Blocks can only be put around whole lines. Only white space and semicolons change.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from itertools import pairwise

from tape_migrate.edits.draft import Draft
from tape_migrate.module import Module, Place


def split_shared_lines(module: Module, places: Iterable[Place]) -> Draft | None:
    """A draft that gives every statement of the blocks of ``places`` its own lines, or None."""
    draft = Draft(module.text)
    done: set[int] = set()
    apart = module.memo.setdefault("blocks with lines of their own", set[int]())
    assert isinstance(apart, set)
    for place in places:
        if id(place.block) not in done and id(place.block) not in apart:
            done.add(id(place.block))
            before = len(draft.edits)
            _split_block(module, place, draft)
            if len(draft.edits) == before:
                apart.add(id(place.block))
    return draft if draft.edits else None


def _split_block(module: Module, place: Place, draft: Draft) -> None:
    block, owner = place.block, place.owner
    indent = module.indent_of(block[0])
    first = block[0]
    before = module.text[module.line_start(first.lineno) : module.start(first)]
    if before.strip():
        assert isinstance(owner, (ast.stmt, ast.ExceptHandler, ast.match_case))
        header = _header_indent(module, owner)
        indent = header + module.indent_unit
        _break(module, draft, module.start(first), indent)
    for left, right in pairwise(block):
        if module.first_line(right) == module.last_line(left):
            _break(module, draft, module.start(right), indent)


def _header_indent(module: Module, owner: ast.AST) -> bytes:
    line = module.line_text(getattr(owner, "lineno", 1))
    if isinstance(owner, ast.match_case):
        line = module.line_text(owner.pattern.lineno)
    blank = line[: len(line) - len(line.lstrip(b" \t\f"))]
    return blank.rpartition(b"\f")[2]


def _break(module: Module, draft: Draft, offset: int, indent: bytes) -> None:
    """Replace white space and a semicolon before ``offset`` by a newline and ``indent``."""
    start = offset
    while module.text[start - 1 : start] in (b" ", b"\t", b";", b"\f"):
        start -= 1
    draft.replace(start, offset, module.newline + indent)
