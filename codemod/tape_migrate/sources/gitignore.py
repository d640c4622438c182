"""The ignore rules of one ``.gitignore`` file, matched the way a top-down walk needs them.

A general matcher answers for whole paths, so it tries every rule on every path prefix. A walk
asks about one entry at a time and never enters an ignored folder; rules without a slash then
need nothing but the entry's name. This keeps a large tree's walk as fast as without rules.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

_GLOB_CHARACTERS = frozenset("*?[\\")
_POSIX_CLASSES = {
    "alnum": "a-zA-Z0-9",
    "alpha": "a-zA-Z",
    "blank": " \\t",
    "digit": "0-9",
    "lower": "a-z",
    "punct": "!-/:-@\\[-`{-~",
    "space": " \\t\\n\\r\\f\\v",
    "upper": "A-Z",
    "xdigit": "0-9a-fA-F",
}
_FOLDERS = "(?:.*/)?"
_ANYTHING = ".*"
_STAR = "[^/]*"
_WILDCARDS = (_FOLDERS, _ANYTHING, _STAR)
_FEW = 2
"""As many wildcards a regular expression matches fast, whatever the text."""


@dataclass(frozen=True)
class _Rule:
    """One line of a ``.gitignore``."""

    negated: bool
    folders_only: bool
    whole_path: bool
    """Matched against the path below the ``.gitignore``, not against the bare name."""
    literal: str | None
    """The text to equal, for a rule without wildcards."""
    matches: Callable[[str], object] | None
    """Says of a subject whether the rule's wildcards match all of it."""


class IgnoreRules:
    """The rules of one ``.gitignore``, to be asked about entries below its folder."""

    def __init__(self, lines: Iterable[str]) -> None:
        rules = [rule for rule in map(_parse, lines) if rule is not None]
        # The last rule that matches decides.
        self._rules = tuple(reversed(rules))

    def __bool__(self) -> bool:
        return bool(self._rules)

    def decide(self, name: str, path: str, is_folder: bool) -> bool | None:
        """Return True for ignored, False for re-included, None where no rule matches.

        ``path`` is relative to the folder of the ``.gitignore``, with forward slashes, and
        ends in ``name``.
        """
        for rule in self._rules:
            if rule.folders_only and not is_folder:
                continue
            subject = path if rule.whole_path else name
            if subject == rule.literal if rule.matches is None else rule.matches(subject):
                return not rule.negated
        return None


def _parse(line: str) -> _Rule | None:
    """Parse one line; None for blank lines, comments and rules that can match nothing."""
    text = line.rstrip("\r\n")
    while text.endswith(" ") and not text.endswith("\\ "):
        text = text[:-1]
    if not text or text.startswith("#"):
        return None
    negated = text.startswith("!")
    if negated:
        text = text[1:]
    folders_only = text.endswith("/")
    if folders_only:
        text = text[:-1]
    whole_path = "/" in text
    text = text.removeprefix("/")
    if not text:
        return None
    if not _GLOB_CHARACTERS.intersection(text):
        return _Rule(negated, folders_only, whole_path, text, None)
    parts = _translate(text)
    if parts is None:
        return None
    return _Rule(negated, folders_only, whole_path, None, _matcher(parts))


def _matcher(parts: list[str]) -> Callable[[str], object]:
    """A function that says whether ``parts`` match all of a text."""
    if sum(part in _WILDCARDS for part in parts) <= _FEW:
        return re.compile("(?s:" + "".join(parts) + r")\Z").match
    return partial(_match_in_step, [(part, re.compile(part, re.DOTALL)) for part in parts])


def _match_in_step(parts: list[tuple[str, re.Pattern[str]]], text: str) -> bool:
    """Match without going back, so that no rule takes more than parts times characters.

    A regular expression with many wildcards tries exponentially many ways to match a name that it
    does not match: a file from elsewhere could stop a walk.
    """
    # Place 2 n stands before part n; 2 n + 1 inside the folders that part n is taking in.
    end = 2 * len(parts)
    places = _skipping(parts, {0})
    for character in text:
        after: set[int] = set()
        for place in places:
            if place == end:
                continue
            index, inside = divmod(place, 2)
            part, expression = parts[index]
            if part == _FOLDERS:
                after.add(2 * index + 1)
                if character == "/":
                    after.add(2 * index + 2)
            elif inside or expression.fullmatch(character):
                after.add(place if part in _WILDCARDS else place + 2)
        places = _skipping(parts, after)
    return end in places


def _skipping(parts: list[tuple[str, re.Pattern[str]]], places: set[int]) -> set[int]:
    """``places`` and those that are reached by letting wildcards match nothing."""
    found = set(places)
    for place in sorted(places):
        while place % 2 == 0 and place < 2 * len(parts) and parts[place // 2][0] in _WILDCARDS:
            place += 2
            found.add(place)
    return found


def _translate(glob: str) -> list[str] | None:
    """Turn a git glob into regular expressions of one character or wildcard each.

    None if it is malformed.
    """
    out: list[str] = []
    position = 0
    first_wildcard = next(i for i, text in enumerate(glob) if text in _GLOB_CHARACTERS)
    while position < len(glob):
        character = glob[position]
        if character == "*":
            run_end = position
            while run_end < len(glob) and glob[run_end] == "*":
                run_end += 1
            # git compares the text before the first wildcard by itself and matches the rest
            # from there, so that ``a**/b`` is ``a`` and then ``**/b``.
            at_start = position == first_wildcard or glob[position - 1] == "/"
            crosses = run_end - position >= 2 and at_start
            if crosses and glob.startswith("/", run_end):
                out.append(_FOLDERS)
                position = run_end + 1
                continue
            if crosses and (run_end == len(glob) or glob.startswith("\\/", run_end)):
                out.append(_ANYTHING)
            else:
                out.append(_STAR)
            position = run_end
        elif character == "?":
            out.append("[^/]")
            position += 1
        elif character == "[":
            parsed = _translate_class(glob, position)
            if parsed is None:
                return None
            text, position = parsed
            out.append(text)
        elif character == "\\":
            if position + 1 == len(glob):
                return None
            out.append(re.escape(glob[position + 1]))
            position += 2
        else:
            out.append(re.escape(character))
            position += 1
    return out


def _translate_class(glob: str, start: int) -> tuple[str, int] | None:
    """Translate the bracket expression at ``start``; return it and the position after it."""
    position = start + 1
    negated = glob[position : position + 1] in {"!", "^"}
    if negated:
        position += 1
    out: list[str] = []
    first = True
    while position < len(glob):
        character = glob[position]
        if character == "]" and not first:
            # A bracket never matches the separator, whatever it lists.
            body = "".join(out)
            return (f"[^/{body}]" if negated else f"(?!/)[{body}]"), position + 1
        first = False
        if glob.startswith("[:", position):
            end = glob.find(":]", position)
            if end < 0 or glob[position + 2 : end] not in _POSIX_CLASSES:
                return None
            out.append(_POSIX_CLASSES[glob[position + 2 : end]])
            position = end + 2
            continue
        low, position = _class_character(glob, position)
        if not low:
            return None
        if glob[position : position + 1] == "-" and glob[position + 1 : position + 2] != "]":
            high, position = _class_character(glob, position + 1)
            if not high:
                return None
            # git has compared the first character by itself before it sees that it begins a range.
            out.append(f"{re.escape(low)}-{re.escape(max(low, high))}")
        else:
            out.append(re.escape(low))
    return None


def _class_character(glob: str, position: int) -> tuple[str, int]:
    """Read one possibly escaped character; ``""`` at the end of the glob."""
    if glob[position : position + 1] == "\\":
        position += 1
    return glob[position : position + 1], position + 1
