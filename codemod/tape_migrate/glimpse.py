"""What a module's text tells without being parsed: that a name means nothing to others there.

Modules are asked what a name means in them, and mostly it is a function of their own, or none.
Parsing costs a hundred times as much as a look at the places where the name stands. False is
certain; True means that the module has to be parsed to know.
"""

from __future__ import annotations

import ast
import re
import unicodedata
from functools import lru_cache

from tape_migrate.model import SourceError
from tape_migrate.parsed import parse

_WORD = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
_WORDS = re.compile(rb"\w+")
_STAR = re.compile(rb"import(?:\s|\\)*\*")
_IMPORTED = re.compile(
    rb"import\b(?:(?:\s|\\)*\(((?:[^)#]|#[^\r\n]*)*)|((?:[^\r\n(;\\#]|\\(?:\r\n|\r|\n))*))"
)
_ENDS_OF_STATEMENTS = re.compile(rb"[;:\r]")
_FROM = re.compile(rb"[ \t\f]*(?:from\b[\w. \t\f\x80-\xff]*(?<!\w))?")
_NAMES = re.compile(
    rb"import\b(?:[ \t\f]*\(((?:[\w.,\s\x80-\xff]|#[^\r\n]*){0,5000})"
    rb"|[\w.,* \t\f\x80-\xff]{0,5000})"
)
_TARGETS = rb"(?:[\w ,.*\t\[\]]|\\\r?\n|\([\w ,.*\t]{0,300}\))"
_LOOP = re.compile(
    rb"for\b(?:(" + _TARGETS + rb"{0,300})\bin\b"
    rb"(?=(?:\s|\\)*(?:[\[(]|zip\b|[^\n]*[,\\]))|(" + _TARGETS + rb"{300}))"
)
"""A loop over what is written there, or over ``zip``: what others run over is nothing to know.

The last group has matched where there may be more targets than are looked at."""
_ODD_LOOP = re.compile(rb"for(?:\s|\\)*[\[(][^])]*[\n(\[#]")
"""A loop whose targets stand in several lines, or in brackets in brackets."""
_BEHIND = re.compile(rb"(?:[\s\\)]|#[^\r\n]*)*")
_END_OF_BLOCK = re.compile(rb"\n(?=[^\s#)\]}])")
_NOT_ASCII = re.compile(rb"[\x80-\xff]+")
_MANY, _FAR, _LONG = 5_000, 2_000, 5_000


def may_mean(text: bytes, name: str) -> bool:
    """Whether ``name`` may be imported or assigned in a module, or come from a star import.

    What else binds a name (a function, a parameter, a part of an assignment to several) makes it
    a thing of the module's own.
    """
    if not _has_plain_names(text) or not name.isascii():
        return True
    word = name.encode()
    others = _bound_in_lists(text)
    if others is None or word in others:
        return True
    at = text.find(word)
    for _ in range(_MANY):
        if at < 0:
            return False
        end = at + len(word)
        before, behind = text[at - 1 : at], text[end : end + 1]
        if not (before and before[0] in _WORD) and not (behind and behind[0] in _WORD):
            if before != b"." and _may_be_target(text, at, end):
                return True
        at = text.find(word, end)
    return True


def _may_be_target(text: bytes, at: int, end: int) -> bool:
    """Whether an equals sign, or the colon of an annotation, follows the name at ``at``."""
    found = _BEHIND.match(text, end, end + _FAR)
    if found is None or found.end() == end + _FAR:
        return True
    next_ = text[found.end() : found.end() + 2]
    if next_[:1] == b"=":
        return next_ != b"=="
    if next_[:1] != b":":
        return False
    line = text[max(text.rfind(b"\n", 0, at), text.rfind(b"\r", 0, at)) + 1 : at]
    return b")" not in found[0] or not line.strip(b" \t\f(")


@lru_cache(maxsize=8)
def _bound_in_lists(text: bytes) -> frozenset[bytes] | None:
    """Names that imports bind, and loops; None if that is hard to say or anything may be."""
    if _STAR.search(text) is not None or _ODD_LOOP.search(text) is not None:
        return None
    names: set[bytes] = set()
    for brackets, line in _IMPORTED.findall(text):
        names.update(_WORDS.findall(brackets or line))
    for targets, long in _LOOP.findall(text):
        if long:
            return None
        names.update(_WORDS.findall(targets))
    return frozenset(names)


def imports_of(text: bytes) -> list[ast.Import | ast.ImportFrom]:
    """All imports of a module, and what only looks like one.

    Raises:
        SourceError: if that, or else the module, does not parse.
    """
    for end in (b"\r\n", b"\n", b"\r"):
        text = text.replace(b"\\" + end, b" ")
    looking: list[bytes] = []
    begin = last = 0
    while (at := text.find(b"import", last)) >= 0:
        begin = max(begin, text.rfind(b"\n", last, at) + 1)
        found = _NAMES.match(text, at)
        last = at + len(b"import")
        if found is None:
            continue
        if at - begin > _FAR or found.end() - at >= _LONG:
            return _imports_in(text)
        before = _ENDS_OF_STATEMENTS.split(text[begin:at])[-1]
        if _FROM.fullmatch(before):
            closed = b"\n)" if found[1] is not None else b""
            looking.append(before.lstrip() + found[0].rstrip() + closed)
            begin = last = found.end()
    try:
        return _imports_in(b"\n".join(looking))
    except SourceError:
        # What stands in a text may hold the beginning of a true one.
        return _imports_in(text)


def _imports_in(text: bytes) -> list[ast.Import | ast.ImportFrom]:
    nodes = ast.walk(parse(text))
    return [node for node in nodes if isinstance(node, (ast.Import, ast.ImportFrom))]


def may_return_name(text: bytes, name: str) -> bool:
    """Whether a function ``name`` at the top level may have one ``return``, of a plain name."""
    if not _has_plain_names(text) or not name.isascii() or _has_odd_lines(text):
        return True
    header = re.compile(rb"^def(?:[ \t]|\\\n)+" + re.escape(name.encode()) + rb"\b", re.MULTILINE)
    return any(_returns_name(text, found.start()) for found in header.finditer(text))


def _returns_name(text: bytes, start: int) -> bool:
    """Whether the function whose ``def`` stands at ``start`` may have one return, of a name."""
    found = _END_OF_BLOCK.search(text, start)
    try:
        # What ends in the middle of a text or in brackets does not parse.
        function = parse(text[start : found.start() + 1 if found is not None else len(text)])
    except SourceError:
        return True
    values = [n.value for n in ast.walk(function.body[0]) if isinstance(n, ast.Return)]
    return len(values) == 1 and isinstance(values[0], ast.Name)


@lru_cache(maxsize=8)
def _has_plain_names(text: bytes) -> bool:
    """Whether every name is spelled as it is (``ｔｆ`` is another spelling of ``tf``)."""
    if text.isascii():
        return True
    try:
        letters = set(b"".join(_NOT_ASCII.findall(text)).decode("utf-8"))
    except UnicodeDecodeError:
        return False
    return not any(
        part.isascii() and (part.isalnum() or part == "_")
        for letter in letters
        for part in unicodedata.normalize("NFKC", letter)
    )


@lru_cache(maxsize=8)
def _has_odd_lines(text: bytes) -> bool:
    """Lines that Python counts in another way than they look, or that begin before they begin."""
    if b"\r" in text or b"\f" in text:
        return True
    at = text.find(b"\\\n")
    while at >= 0:
        if not text[text.rfind(b"\n", 0, at) + 1 : at].strip(b" \t"):
            return True
        at = text.find(b"\\\n", at + 2)
    return False
