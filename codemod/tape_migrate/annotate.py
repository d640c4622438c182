"""``--annotate``: a TODO comment above each refused call, once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tape_migrate.edits.draft import Draft
from tape_migrate.model import Outcome, SiteResult
from tape_migrate.module import Module, line_number
from tape_migrate.sites import find_sites

_MARK = b"# TODO(tape-migrate) "


def annotate(
    text: bytes, results: Sequence[SiteResult], offsets: Sequence[int]
) -> tuple[bytes, list[SiteResult], list[int]]:
    """Insert the comments; ``offsets`` tell where each refused call's callee ends in ``text``.

    Returns the new text, and results and offsets that fit it.
    """
    module = Module(text)
    calls = {module.end(found.call.func): found.call for found in find_sites(module)}
    draft = Draft(text)
    for result, offset in zip(results, offsets, strict=True):
        call = calls.get(offset)
        if result.outcome is not Outcome.REFUSED or call is None:
            continue
        stmt = module.statement_of(call)
        line = module.first_line(stmt)
        before = module.text[module.line_start(line) : module.start(stmt)]
        if before.strip() and line == stmt.lineno:
            continue  # a one-line suite has no line above it
        code = (result.code or "").encode()
        if _has_mark(module, line, code):
            continue
        comment = _MARK + code + b": " + result.message.encode() + module.newline
        draft.insert(module.line_start(line), module.indent_of(stmt) + comment)
    if not draft.edits:
        return text, list(results), list(offsets)
    applied = draft.apply()
    moved: list[SiteResult] = []
    for result in results:
        if result.new_lines is not None:
            first, last = (
                line_number(applied.text, applied.follow(module.line_start(line)))
                for line in result.new_lines
            )
            result = replace(result, new_lines=(first, last))
        moved.append(result)
    followed = [applied.follow(offset) if offset >= 0 else offset for offset in offsets]
    return applied.text, moved, followed


def _has_mark(module: Module, line: int, code: bytes) -> bool:
    above = line - 1
    while above >= 1:
        text = module.line_text(above).strip()
        if not text.startswith(b"#"):
            return False
        if text.startswith(_MARK + code + b":"):
            return True
        above -= 1
    return False
