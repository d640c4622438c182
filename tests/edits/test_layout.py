"""Statements get lines of their own; nothing but white space and semicolons changes."""

from __future__ import annotations

import ast

import pytest

from tape_migrate.edits.layout import split_shared_lines

from .programs import module


def split(text: str, line: int) -> str | None:
    """Split the block that holds the statement on ``line``."""
    source = module(text)
    statements = [
        node
        for node in ast.walk(source.tree)
        if isinstance(node, ast.stmt) and node.lineno == line and not hasattr(node, "body")
    ]
    draft = split_shared_lines(source, [source.place_of(statements[0])])
    return None if draft is None else draft.apply().text.decode()


@pytest.mark.parametrize(
    ("text", "line", "expected"),
    [
        ("a = 1; b = 2\n", 1, "a = 1\nb = 2\n"),
        ("a = 1 ;b = 2;\n", 1, "a = 1\nb = 2;\n"),
        ("a = 1;  b = 2; c = 3  # why\n", 1, "a = 1\nb = 2\nc = 3  # why\n"),
        ("if x: a = 1\n", 1, "if x:\n    a = 1\n"),
        ("if x: a = 1; b = 2\n", 1, "if x:\n    a = 1\n    b = 2\n"),
        ("if x:\n  y = 1\nif z: a = 1\n", 3, "if x:\n  y = 1\nif z:\n  a = 1\n"),
        ("def f(): return 1\n", 1, "def f():\n    return 1\n"),
        ("class A:\n\tdef f(self): return 1\n", 2, "class A:\n\tdef f(self):\n\t\treturn 1\n"),
        ("try: a = 1\nexcept E: b = 2\n", 2, "try: a = 1\nexcept E:\n    b = 2\n"),
        ("for i in j: a = 1; b = 2", 1, "for i in j:\n    a = 1\n    b = 2"),
        ("if x: a = 1\r\n", 1, "if x:\r\n    a = 1\r\n"),
        ("a = '''\n'''; b = 2\n", 1, "a = '''\n'''\nb = 2\n"),
        ("match x:\n    case 1: a = 1\n", 2, "match x:\n    case 1:\n        a = 1\n"),
    ],
)
def test_shared_lines_are_split(text: str, line: int, expected: str) -> None:
    result = split(text, line)
    assert result == expected
    assert ast.dump(ast.parse(result)) == ast.dump(ast.parse(text))


@pytest.mark.parametrize(
    "text", ["a = 1\nb = 2\n", "if x:\n    a = 1\n", "a = 1;\n", "a = '''\n;'''\n"]
)
def test_statements_on_their_own_lines_are_left(text: str) -> None:
    assert split(text, text[: text.index("a =")].count("\n") + 1) is None


def test_other_blocks_are_left() -> None:
    assert split("a = 1; b = 2\nif x: c = 3; d = 4\n", 1) == "a = 1\nb = 2\nif x: c = 3; d = 4\n"
