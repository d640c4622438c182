"""Checks of a finished migration, made before anything is given out.

They are not proofs of the rewrite (that is ``verify``'s work); they make sure that an error of the
tool cannot damage a file: the output compiles, no comment is lost, and what has no business with a
tape is byte-identical.
"""

from __future__ import annotations

import tokenize
import warnings
from collections import Counter

from tape_migrate.comments import comments
from tape_migrate.model import SiteResult, SourceError
from tape_migrate.parsed import parse


class GuardError(Exception):
    """A migration that must not be given out."""


def check(old: bytes, new: bytes, sites: tuple[SiteResult, ...]) -> None:
    """Check ``new`` against ``old`` (both UTF-8).

    Raises:
        GuardError: if the new text does not parse, or does not compile and the old one does, or a
            comment of the old one is missing.
    """
    fault = _fault(new)
    if fault is not None:
        try:
            parse(new)
        except SourceError as error:
            raise GuardError(f"the result does not parse: {error}") from error
        if _fault(old) is None:
            raise GuardError(f"the result does not compile: {fault}")
    lost = _with_hash(old) - _with_hash(new) and _comments(old) - _comments(new)
    if lost:
        raise GuardError(f"a comment would be lost: {next(iter(lost))}")
    lost_lines = _words(old) - _words(new)
    if sum(lost_lines.values()) > 40 * max(1, len(sites)):
        raise GuardError("more text would be lost than the calls hold")


def _fault(text: bytes) -> str | None:
    """Why Python does not compile a text; None if it does. Nothing is executed."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(text.decode("utf-8"), "<module>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        return str(error)
    except (RecursionError, MemoryError):
        return None  # about the depth of the stack here, not about the text
    return None


def _with_hash(text: bytes) -> Counter[bytes]:
    """Lines that may end in a comment: are they all there, none is lost, without tokenizing."""
    return Counter(line.strip() for line in text.splitlines() if b"#" in line)


def _comments(text: bytes) -> Counter[str]:
    found: Counter[str] = Counter()
    try:
        for token in comments(text):
            found[token.string.rstrip()] += 1
    except (tokenize.TokenError, IndentationError, SyntaxError) as error:
        raise GuardError(f"the text cannot be read as tokens: {error}") from error
    return found


def _words(text: bytes) -> Counter[bytes]:
    return Counter(text.split())
