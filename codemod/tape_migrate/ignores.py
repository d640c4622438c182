"""``# tape-migrate: ignore`` comments: which calls they leave alone, and which of them do nothing.

On a line of a call's statement ``ignore`` leaves the call alone, ``ignore[TM104]`` only takes
refusals with that code as settled. ``ignore-file``, on a line of its own anywhere in the file, says
the same of every call. What follows the brackets is a reason for people.
"""

from __future__ import annotations

import ast
import re
import tokenize
from collections.abc import Iterable
from dataclasses import dataclass, field

from tape_migrate.comments import comments
from tape_migrate.model import Remark
from tape_migrate.module import Module
from tape_migrate.refusals import all_refusals, find

_IGNORE = re.compile(r"#\s*tape-migrate:\s*ignore(-file)?(?![\w-])(?:\s*\[([^\]]*)\])?")
_MARK = b"tape-migrate:"


@dataclass
class Comment:
    """One such comment, and what it was good for."""

    line: int
    column: int
    """Both 1-based; the column in characters."""
    codes: frozenset[str]
    """Empty: leave the call alone whatever becomes of it."""
    whole_file: bool
    used: set[str] = field(default_factory=set)
    """The codes that silenced something; of a comment without codes, the empty code."""


class Ignores:
    """The comments of one module."""

    def __init__(self, module: Module) -> None:
        self._module = module
        self.comments = _comments(module.text) if _MARK in module.text else []

    def for_call(self, call: ast.Call) -> tuple[Comment, ...]:
        """The comments that speak of ``call``."""
        if not self.comments:
            return ()
        stmt = self._module.statement_of(call)
        lines = {call.lineno, call.end_lineno or call.lineno}
        if hasattr(stmt, "body"):
            lines.add(stmt.lineno)
        else:
            lines |= {stmt.lineno, stmt.end_lineno or stmt.lineno}
        return tuple(c for c in self.comments if c.whole_file or c.line in lines)

    def remarks(self) -> tuple[Remark, ...]:
        """What is wrong with the comments: codes there are not, and what silenced nothing."""
        return tuple(remark for comment in self.comments for remark in _remarks(comment))


def leaves_alone(comments: Iterable[Comment]) -> bool:
    """Say whether one of the comments leaves its call alone, and count it as used."""
    blanket = [comment for comment in comments if not comment.codes]
    for comment in blanket:
        comment.used.add("")
    return bool(blanket)


def silences(comments: Iterable[Comment], code: str) -> bool:
    """Say whether one of the comments takes refusals with ``code`` as settled, and count it."""
    naming = [comment for comment in comments if code in comment.codes]
    for comment in naming:
        comment.used.add(code)
    return bool(naming)


def _comments(text: bytes) -> list[Comment]:
    found = []
    try:
        for token in comments(text):
            match = _IGNORE.match(token.string)
            if match is None:
                continue
            whole_file = match[1] is not None
            if whole_file and token.line[: token.start[1]].strip():
                continue  # beside code it could only be misread
            codes = frozenset(
                reason.code if (reason := find(word)) is not None else word.upper()
                for word in (match[2] or "").replace(",", " ").split()
            )
            line, column = token.start
            found.append(Comment(line, column + 1, codes, whole_file))
    except (tokenize.TokenError, SyntaxError):
        return []  # the parser says what is wrong with the file
    return found


def _remarks(comment: Comment) -> Iterable[Remark]:
    known = {reason.code for reason in all_refusals()}
    kind = "ignore-file" if comment.whole_file else "ignore"
    if not comment.codes and not comment.used:
        message = f"`{kind}` leaves nothing alone here; take the comment away"
        yield Remark(comment.line, comment.column, "TM004", message)
    for code in sorted(comment.codes - comment.used):
        if code in known:
            message = f"`{kind}[{code}]` silences nothing here; take {code} away"
        else:
            message = f"`{kind}[{code}]`: there is no such code; `tape-migrate explain` lists them"
        yield Remark(comment.line, comment.column, "TM004", message)
