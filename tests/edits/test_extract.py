"""Statements taken out into a compiled function."""

from __future__ import annotations

import ast

import pytest

from tape_migrate.edits.draft import Draft
from tape_migrate.edits.extract import decorate, extract
from tape_migrate.module import Module

from .programs import only


def extracted(text: str, read: tuple[str, ...] = ("x",), written: tuple[str, ...] = ("y",)) -> str:
    """Take the first ``if`` out of the outermost ``with``."""
    source = Module(text.encode())
    stmt, tape = only(source, ast.If), only(source, ast.With)
    assert isinstance(stmt, ast.If)
    assert isinstance(tape, ast.With)
    draft = Draft(source.text)
    extract(source, draft, stmt, tape, name="compute", read=read, written=written, tf="tf")
    result = draft.apply().text.decode()
    ast.parse(result)
    return result


def test_in_a_function() -> None:
    text = """\
def f(x):
    # the tape
    with tape():
        # which?
        if x > 0:
            y = '''
 text'''

        else:
            y = 2  # two
    return y
"""
    assert (
        extracted(text)
        == """\
def f(x):
    @tf.function
    def compute(x):
        # which?
        if x > 0:
            y = '''
 text'''

        else:
            y = 2  # two
        return y

    # the tape
    with tape():
        y = compute(x)
    return y
"""
    )


@pytest.mark.parametrize("blank", ["", "\n", "\n\n", "\n\n\n"])
def test_at_module_level_two_blank_lines_stand_around(blank: str) -> None:
    text = f"x = 1\n{blank}with tape():\n    if x:\n        y = 1\n"
    gap = blank if len(blank) > 2 else "\n\n"
    assert extracted(text) == (
        f"x = 1\n{gap}@tf.function\ndef compute(x):\n    if x:\n        y = 1\n    return y\n\n\n"
        "with tape():\n    y = compute(x)\n"
    )


def test_several_inputs_and_outputs_and_deeper_blocks() -> None:
    text = (
        "def f(a, b):\n  with t():\n    with u():\n      if a:\n        p = q = b\n"
        "    return p, q\n"
    )
    assert extracted(text, ("a", "b"), ("p", "q")) == (
        "def f(a, b):\n  @tf.function\n  def compute(a, b):\n    if a:\n      p = q = b\n"
        "    return p, q\n\n  with t():\n    with u():\n      p, q = compute(a, b)\n"
        "    return p, q\n"
    )


def test_line_ends_are_kept() -> None:
    text = "x = 1\r\nwith tape():\r\n    if x:\r\n        y = 1\r\n"
    assert "\n" not in extracted(text).replace("\r\n", "")


def test_without_a_last_line_end() -> None:
    result = extracted("x = 1\nwith tape():\n    if x:\n        y = 1")
    assert "    if x:\n        y = 1\n    return y\n" in result


def test_decorating() -> None:
    source = Module(b"@a\n# why\n@b\n  # there\ndef f(x):\n    pass\n")
    node = only(source, ast.FunctionDef)
    assert isinstance(node, ast.FunctionDef)
    draft = Draft(source.text)
    decorate(source, draft, node, "tensorflow")
    result = draft.apply().text.decode()
    assert "@tensorflow.function\ndef f(x):\n" in result
    ast.parse(result)


def test_decorating_indented() -> None:
    source = Module(b"if x:\n\tdef f(x):\n\t\tpass\n")
    node = only(source, ast.FunctionDef)
    assert isinstance(node, ast.FunctionDef)
    draft = Draft(source.text)
    decorate(source, draft, node, "tf")
    assert draft.apply().text == b"if x:\n\t@tf.function\n\tdef f(x):\n\t\tpass\n"
