"""The judge of a migration's text must itself notice what is wrong."""

from __future__ import annotations

import ast

from tests.corpus import textdiff

OLD = b"""\
import tensorflow as tf

def f(x):
    y = x * x  # square
    g = tf.gradients(y, x)[0]
    return g

def h(a):
    b = a
    return b
"""
NEW = b"""\
import tensorflow as tf

def f(x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = x * x  # square
    g = tape.gradient(y, x)
    return g

def h(a):
    b = a
    return b
"""


def test_line_changes_tell_indentation_from_text() -> None:
    changes = textdiff.line_changes(OLD, NEW)
    assert changes.reindented == (4,)
    assert changes.rewritten == (5,)


def test_line_changes_notice_line_ends_and_the_last_line() -> None:
    assert textdiff.line_changes(b"a\nb\n", b"a\r\nb\n").reindented == (1,)
    assert textdiff.line_changes(b"a\nb", b"a\nb\n").reindented == (2,)
    assert textdiff.line_changes(OLD, OLD) == textdiff.LineChanges((), ())


def test_comments_are_counted() -> None:
    lost = textdiff.comments(OLD) - textdiff.comments(NEW.replace(b"  # square", b""))
    assert dict(lost) == {"# square": 1}
    assert textdiff.comments(OLD) == textdiff.comments(NEW)
    assert not textdiff.comments(b"a = '# no comment'\n")


def test_regions_hold_the_function_of_the_call_only() -> None:
    assert textdiff.regions(ast.parse(OLD), {5}) == [(3, 6)]


def test_regions_of_a_call_at_module_level_leave_functions_out() -> None:
    tree = ast.parse("x = 1\ndef f():\n    pass\ny = x\ng = gradients(y, x)\n")
    assert textdiff.regions(tree, {5}) == [(1, 1), (4, 4), (5, 5)]


def test_regions_include_decorators() -> None:
    assert textdiff.regions(ast.parse("@d\ndef f():\n    g()\n"), {3}) == [(1, 3)]


def test_unrelated_lines_are_found() -> None:
    source = "def f(x):\n    y = x * x\n    other = 3\n    g = gradients(y, x)\n    return g\n"
    tree = ast.parse(source)
    assert textdiff.unrelated(tree, (2, 4, 5), {4}) == []
    assert textdiff.unrelated(tree, (3,), {4}) == [3]


def test_parse_says_no_rather_than_raise() -> None:
    assert textdiff.parse(b"print 'two'\n") is None
    assert textdiff.parse(b"a\0b") is None
