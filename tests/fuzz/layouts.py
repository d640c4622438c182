"""Odd layouts: the same program as someone else would have typed it."""

from __future__ import annotations

import ast
import random
import re

_CALL = re.compile(r"(?P<name>[\w.]*gradients)\((?P<first>[\w.\[\]']+), (?P<rest>[\w.\[\]', ]+)\)")


def lay_out(source: str, rng: random.Random) -> tuple[str, set[str]]:
    """``source`` in one or two odd layouts, and their names. What it does stays the same."""
    used: set[str] = set()
    for name in rng.sample(sorted(_LAYOUTS), rng.randint(1, 2)):
        changed = _LAYOUTS[name](source, rng)
        if changed != source and _same(source, changed):
            source = changed
            used.add(f"layout: {name}")
    return source, used


def _same(one: str, other: str) -> bool:
    try:
        return ast.dump(ast.parse(one)) == ast.dump(ast.parse(other))
    except SyntaxError:
        return False


def _over_lines(source: str, rng: random.Random) -> str:
    """Each gradient call over several lines, with comments inside."""

    def spread(match: re.Match[str]) -> str:
        comment = rng.choice(["", "  # the target", "  # what it is computed from"])
        return f"{match['name']}(\n        {match['first']},{comment}\n    {match['rest']}\n)"

    return _CALL.sub(spread, source)


def _continued(source: str, rng: random.Random) -> str:
    """Assignments continued after a backslash."""
    return re.sub(r"^( *[\w.]+) = (?=[\w(])", r"\1 = \\\n        ", source, flags=re.MULTILINE)


def _tabs(source: str, rng: random.Random) -> str:
    def indent(match: re.Match[str]) -> str:
        return "\t" * (len(match[0]) // 4) + " " * (len(match[0]) % 4)

    return re.sub(r"^ +", indent, source, flags=re.MULTILINE)


def _comments(source: str, rng: random.Random) -> str:
    """A comment at the end of many lines, and lines of comments at odd columns."""
    lines = []
    for number, line in enumerate(source.split("\n")):
        if line.rstrip().endswith(("\\", "(", ",", '"""')) or not line.strip():
            lines.append(line)
            continue
        if rng.random() < 0.2:
            lines.append(" " * rng.randint(0, 8) + f"# line {number}")
        lines.append(line + (f"  # end {number}" if rng.random() < 0.3 else ""))
    return "\n".join(lines)


def _crlf(source: str, rng: random.Random) -> str:
    return source.replace("\n", "\r\n")


def _spaces(source: str, rng: random.Random) -> str:
    """Spaces inside parentheses, blank lines, spaces at the end of lines, no final newline."""
    source = source.replace("(x", "( x").replace(", ", " ,  ")
    lines = [line + ("  " if rng.random() < 0.1 else "") for line in source.split("\n")]
    return "\n".join(lines).rstrip("\n")


def _parentheses(source: str, rng: random.Random) -> str:
    """The whole right side of assignments in parentheses, over two lines."""
    return re.sub(
        r"^( *[\w.]+) = ([\w.]*gradients\(.*\)(?:\[0\])?)$",
        r"\1 = (\n  \2\n)",
        source,
        flags=re.MULTILINE,
    )


def _form_feeds(source: str, rng: random.Random) -> str:
    return source.replace("\n\ndef ", "\n\x0c\ndef ").replace("\nclass ", "\n\x0cclass ")


_LAYOUTS = {
    "calls over lines": _over_lines,
    "continued lines": _continued,
    "tabs": _tabs,
    "comments": _comments,
    "CRLF": _crlf,
    "spaces": _spaces,
    "parentheses": _parentheses,
    "form feeds": _form_feeds,
}
