"""The second look at a file: do the words stand in code that could call a gradient function?

Most files with the words hold them in comments, docstrings and names of their own. What could be
a call needs, outside of strings and comments, an attribute that is one of the words, or an
imported name that holds one and is used (behind a star import: any such name that is read). A name
that is bound in any other way is not TensorFlow's. Finding that out costs a twentieth of parsing.
Each pattern is run in time linear in the text, whatever stands in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_WORDS = (b"gradients", b"hessians", b"batch_jacobian", b"HessiansV2")
_WORD = re.compile(rb"gradients|hessians|batch_jacobian|HessiansV2")
_ATTRIBUTE = re.compile(
    rb"\.(?:\s|\\)*"
    rb"(?:gradients|hessians|batch_jacobian|gradients_v2|HessiansV2|get_gradients|compute_gradients)\b"
)
_NAME = re.compile(
    rb"(?<!def )(?<![\w.])\w*(?:gradients|hessians|batch_jacobian|HessiansV2)\w*\b(?!\s*[.:=])"
)
_STAR = re.compile(rb"\bimport(?:\s|\\)*\*")
_IMPORT = re.compile(rb"\bimport\b(?:(?:\s|\\)*\(([^)]*)|((?:[^\r\n(;\\]|\\(?:\r\n|\r|\n))*))")
_NO_IMPORT = re.compile(rb"[=:\[{\"']")
"""What stands in no list of imported names (but in comments between them)."""

_LIST = re.compile(rb"(?:[^#=:\[{\"']+|#[^\r\n]*)*")
"""As far as there is none of these, but in comments (it never fails, so it never goes back)."""
_BLANK = b" \t\n\r\f\v\\"
_PREFIXES = (b"get_", b"compute_")

_FAR = 20_000
_MANY, _SEVERAL = 2_000, 50

_STRING = re.compile(
    rb"#[^\r\n]*"
    rb'|"""[^"\\]*(?:(?:\\.|"(?!""))[^"\\]*)*(?:"""|(\Z))'
    rb"|'''[^'\\]*(?:(?:\\.|'(?!''))[^'\\]*)*(?:'''|(\Z))"
    rb'|"[^"\\\r\n]*(?:\\(?:\r\n|.)[^"\\\r\n]*)*(?:"|(?=[\r\n])()|(\Z))'
    rb"|'[^'\\\r\n]*(?:\\(?:\r\n|.)[^'\\\r\n]*)*(?:'|(?=[\r\n])()|(\Z))",
    re.DOTALL,
)
"""A comment, or a string without its prefix; a group has matched where it is not closed."""
_STRING_PREFIX = frozenset(b"rRbBuUfFtT")
_FORMATTED = frozenset(b"fFtT")
_HASH = ord("#")
_BEFORE, _BEHIND = rb"(?<![\w.\x80-\xff])", rb"(?![\w\x80-\xff])(?!\s*\.)"
_COOKIE = re.compile(rb"coding[:=][ \t]*([-\w.]+)")
_UTF_8 = (b"utf-8", b"utf8")
_ONE_BYTE = (b"latin-1", b"latin1", b"iso-8859-1", b"iso-8859-15", b"cp1252")


def may_spell_call(data: bytes) -> bool:
    """Whether a Python file (of any encoding) may hold a gradient call, or a comment for us.

    False only where there is certainly none; where it is hard to say, True.
    """
    if b"tape-migrate" in data or b"enable_eager_execution" in data or _is_odd(data):
        return True
    places = sorted(_find_words(data))
    attributes = [dot for at in places if (dot := _dot_before(data, at)) is not None]
    if not attributes and not _has_star_import(data) and not _may_be_imported(data, places):
        return False
    code = _without_strings(data, attributes)
    if code is None or any(_dot_before(code, at) is not None for at in _find_words(code)):
        return True
    if _has_star_import(code) and _NAME.search(_IMPORT.sub(b" ", code)) is not None:
        return True
    names: set[bytes] = set()
    for brackets, line in _IMPORT.findall(code):
        for item in (brackets or line).split(b","):
            words = item.replace(b"\\", b" ").split()
            if words and _WORD.search(words[0]):
                names.add(words[-1])
    if len(names) > _SEVERAL:
        return True
    rest = _IMPORT.sub(b" ", code) if names else b""
    return any(re.search(_BEFORE + re.escape(name) + _BEHIND, rest) is not None for name in names)


def _find_words(data: bytes) -> Iterator[int]:
    """Where each of the words stands (searching for bytes is far faster than a pattern)."""
    for word in _WORDS:
        at = data.find(word)
        while at >= 0:
            yield at
            at = data.find(word, at + len(word))


def _dot_before(data: bytes, at: int) -> int | None:
    """Where the dot stands if the word at ``at`` is an attribute that calls a gradient."""
    start = at
    for prefix in _PREFIXES:
        if data.endswith(prefix, 0, at):
            start -= len(prefix)
    while start and data[start - 1] in _BLANK:
        start -= 1
    return start - 1 if start and _ATTRIBUTE.match(data, start - 1) is not None else None


def _has_star_import(data: bytes) -> bool:
    at = data.find(b"import")
    while at >= 0:
        if _STAR.match(data, at) is not None:
            return True
        at = data.find(b"import", at + 6)
    return False


def _may_be_imported(data: bytes, places: list[int]) -> bool:
    """Whether a word may be an imported name, or stands behind a comment, be it in a string."""
    for count, at in enumerate(places):
        if count > _MANY:
            return True
        far = max(at - _FAR, 0)
        line = max(data.rfind(b"\n", far, at), data.rfind(b"\r", far, at))
        before = data[line + 1 : at]
        near = before[max(before.rfind(b"import"), 0) :]
        if b"#" in near or _NO_IMPORT.search(near) is None:
            start = max(data.rfind(b"import", far, at), far)
            found = _LIST.match(data, start, at)
            if found is not None and found.end() == at:
                return True
        if not before.strip():
            above = data[far : line + 1].rstrip()
            if b"#" in above[max(above.rfind(b"\n"), above.rfind(b"\r")) + 1 :]:
                return True  # a comment may stand between a dot and this
    return False


def _is_odd(data: bytes) -> bool:
    """Whether it cannot be read as text, or a quote may be a part of another character in it."""
    if b"\0" in data:
        return True
    cookie = _COOKIE.search(b"\n".join(data.split(b"\n", 2)[:2]))
    encoding = b"utf-8" if cookie is None else cookie[1].lower().replace(b"_", b"-")
    if encoding not in _UTF_8:
        return encoding not in _ONE_BYTE
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return True
    return False


def _without_strings(data: bytes, attributes: list[int]) -> bytes | None:
    """The code alone; None where strings are not told apart with certainty.

    Formatted strings stay, for code may stand in them. None also where one of ``attributes``
    stands in code: then no more need be known.
    """
    parts: list[bytes] = []
    end = 0
    waiting = iter(attributes)
    attribute = next(waiting, len(data))
    for found in _STRING.finditer(data):
        start, stop = found.span()
        if found.lastindex is not None or attribute < start:
            return None
        comment = data[start] == _HASH
        prefix = start
        if not comment:
            while prefix > max(end, start - 2) and data[prefix - 1] in _STRING_PREFIX:
                prefix -= 1
            if not _FORMATTED.isdisjoint(data[prefix:start]):
                if attribute < stop:
                    return None
                continue
        while attribute < stop:
            attribute = next(waiting, len(data))
        parts += (data[end:prefix], b" " if comment else b" '' ")
        end = stop
    return None if attribute < len(data) else b"".join([*parts, data[end:]])
