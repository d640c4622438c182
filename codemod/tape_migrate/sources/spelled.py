"""The second look at a file: do the words stand in code that could call a gradient function?

Most files with the words hold them in comments, docstrings and names of their own. What could be
a call needs, outside of strings and comments, an attribute that is one of the words, or an
imported name that holds one and is used (behind a star import: any such name that is read). A name
that is bound in any other way is not TensorFlow's. Finding that out costs a twentieth of parsing.
Each pattern is run in time linear in the text, whatever stands in it.
"""

from __future__ import annotations

import re

_WORD = re.compile(rb"gradients|hessians|batch_jacobian|HessiansV2")
_ATTRIBUTE = re.compile(
    rb"\.(?:\s|\\)*"
    rb"(?:gradients|hessians|batch_jacobian|gradients_v2|HessiansV2|get_gradients|compute_gradients)\b"
)
_NAME = re.compile(
    rb"(?<!def )(?<![\w.])\w*(?:gradients|hessians|batch_jacobian|HessiansV2)\w*\b(?!\s*[.:=])"
)
_STAR = re.compile(rb"\bimport(?:\s|\\)*\*")
_IMPORT = re.compile(rb"\bimport\b(?:\s*\(([^)]*)|((?:[^\r\n(;\\]|\\(?:\r\n|\r|\n))*))")
_NO_IMPORT = re.compile(rb"[=:\[{\"']")
"""What stands in no list of imported names (but in comments between them)."""

_FAR = 20_000
_MANY, _SEVERAL = 2_000, 50

_STRING = re.compile(
    rb"#[^\r\n]*|([rRbBuUfFtT]{0,2})(?:"
    rb'"""[^"\\]*(?:(?:\\.|"(?!""))[^"\\]*)*(?:"""|(\Z))'
    rb"|'''[^'\\]*(?:(?:\\.|'(?!''))[^'\\]*)*(?:'''|(\Z))"
    rb'|"[^"\\\r\n]*(?:\\(?:\r\n|.)[^"\\\r\n]*)*(?:"|(?=[\r\n])()|(\Z))'
    rb"|'[^'\\\r\n]*(?:\\(?:\r\n|.)[^'\\\r\n]*)*(?:'|(?=[\r\n])()|(\Z))"
    rb")",
    re.DOTALL,
)
"""A comment, or a string with its prefix; a further group has matched where it is not closed."""
_COMMENT = re.compile(rb"#[^\r\n]*")
_COOKIE = re.compile(rb"coding[:=][ \t]*([-\w.]+)")
_UTF_8 = (b"utf-8", b"utf8")
_ONE_BYTE = (b"latin-1", b"latin1", b"iso-8859-1", b"iso-8859-15", b"cp1252")


def may_spell_call(data: bytes) -> bool:
    """Whether a Python file (of any encoding) may hold a gradient call, or a comment for us.

    False only where there is certainly none; where it is hard to say, True.
    """
    if b"tape-migrate" in data or b"enable_eager_execution" in data or _is_odd(data):
        return True
    if not _may_be_code(data):
        return False
    code = _without_strings(data)
    if code is None:
        return True
    if _ATTRIBUTE.search(code) is not None:
        return True
    if _STAR.search(code) is not None and _NAME.search(_IMPORT.sub(b" ", code)) is not None:
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
    return any(
        re.search(rb"(?<![\w.])" + re.escape(name) + rb"\b(?!\s*\.)", rest) for name in names
    )


def _may_be_code(data: bytes) -> bool:
    """Whether a word looks like an attribute or an imported name, be it in a string."""
    if _STAR.search(data) is not None or _ATTRIBUTE.search(data) is not None:
        return True
    for count, found in enumerate(_WORD.finditer(data)):
        at = found.start()
        far = max(at - _FAR, 0)
        start = max(data.rfind(b"import", far, at), far)
        if count > _MANY or _NO_IMPORT.search(_COMMENT.sub(b"", data[start:at])) is None:
            return True
        line = max(data.rfind(b"\n", far, at), data.rfind(b"\r", far, at))
        above = data[far : line + 1].rstrip()
        comment = above[max(above.rfind(b"\n"), above.rfind(b"\r")) + 1 :]
        if b"#" in comment and not data[line + 1 : at].strip():
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


def _without_strings(data: bytes) -> bytes | None:
    """The code alone; None where strings are not told apart with certainty.

    Formatted strings stay, for code may stand in them.
    """
    parts: list[bytes] = []
    end = 0
    for found in _STRING.finditer(data):
        if found.lastindex is not None and found.lastindex > 1:
            return None
        if found[1] and set(found[1].lower()) & set(b"ft"):
            continue
        comment = data.startswith(b"#", found.start())
        parts += (data[end : found.start()], b" " if comment else b" '' ")
        end = found.end()
    return b"".join([*parts, data[end:]])
