"""A block around a run of statements: indentation, comments, strings, watches, several tapes."""

from __future__ import annotations

import ast
import textwrap

import pytest

from tape_migrate.api import migrate_source
from tape_migrate.edits.draft import Draft
from tape_migrate.edits.tape_block import Block, Tape, first_comment_line, write_block
from tape_migrate.module import Module
from tape_migrate.shapes.plan import Region, Watch

BODY = """\
def f(x):
    a = 1

    # the first
    # of all
    b = a
    c = '''
  text
'''
    if b:
        # inside

        d = 2
    e = 3
    return e
"""


def function(source: Module) -> ast.FunctionDef:
    node = source.tree.body[0]
    assert isinstance(node, ast.FunctionDef)
    return node


def written(
    first: int,
    last: int,
    *tapes: Tape,
    text: str = BODY,
    last_lines: tuple[str, ...] = (),
    outer_lines: tuple[str, ...] = (),
    stop: tuple[int, ...] = (),
) -> str:
    source = Module(text.encode())
    body = function(source).body
    draft = Draft(source.text)
    block = Block(
        region=Region(body, first, last),
        tapes=tapes,
        tf="tf",
        before=body[min(first, len(body) - 1)],
        last_lines=last_lines,
        outer_lines=outer_lines,
        stop_recording=tuple(body[index] for index in stop),
    )
    write_block(source, draft, block)
    result = draft.apply().text.decode()
    ast.parse(result)
    return result


def test_statements_are_indented_and_strings_and_blank_lines_are_not() -> None:
    assert written(1, 3, Tape("tape", (Watch("x"),))) == textwrap.dedent("""\
        def f(x):
            a = 1

            with tf.GradientTape() as tape:
                tape.watch(x)
                # the first
                # of all
                b = a
                c = '''
          text
        '''
                if b:
                    # inside

                    d = 2
            e = 3
            return e
        """)


@pytest.mark.parametrize(
    ("tape", "header"),
    [
        (Tape("t", ()), "    with tf.GradientTape() as t:\n"),
        (Tape("t", (), persistent=True), "    with tf.GradientTape(persistent=True) as t:\n"),
        (Tape("t", (Watch("x"),)), "    with tf.GradientTape() as t:\n        t.watch(x)\n"),
        (
            Tape("t", (Watch("x"), Watch("self.y"), Watch("x"))),
            "    with tf.GradientTape() as t:\n        t.watch([x, self.y])\n",
        ),
    ],
)
def test_headers(tape: Tape, header: str) -> None:
    assert written(0, 0, tape).startswith("def f(x):\n" + header + "        a = 1\n")


def test_a_watch_after_a_definition_stands_in_the_block() -> None:
    source = Module(BODY.encode())
    after = function(source).body[0]
    draft = Draft(source.text)
    region = Region(function(source).body, 0, 1)
    watches = (Watch("x"), Watch("a", after))
    write_block(source, draft, Block(region, (Tape("tape", watches),), "tf", after))
    assert draft.apply().text.decode().startswith(
        "def f(x):\n    with tf.GradientTape() as tape:\n        tape.watch(x)\n        a = 1\n"
        "        tape.watch(a)\n\n        # the first\n"
    )  # fmt: skip


def test_two_tapes_and_lines_at_the_end_of_each() -> None:
    result = written(
        4,
        4,
        Tape("tape2", (Watch("x"),), persistent=True),
        Tape("tape", (Watch("x"),)),
        last_lines=("target = e * 2",),
        outer_lines=("g = tape.gradient(target, x)",),
    )
    assert result.endswith(
        "    with tf.GradientTape(persistent=True) as tape2:\n"
        "        tape2.watch(x)\n"
        "        with tf.GradientTape() as tape:\n"
        "            tape.watch(x)\n"
        "            e = 3\n"
        "            target = e * 2\n"
        "        g = tape.gradient(target, x)\n"
        "    return e\n"
    )


def test_a_block_without_statements_stands_before_its_statement() -> None:
    result = written(5, 4, Tape("tape", (Watch("x"),)), last_lines=("target = x * 2",))
    assert result.endswith(
        "    e = 3\n    with tf.GradientTape() as tape:\n        tape.watch(x)\n"
        "        target = x * 2\n    return e\n"
    )


def test_recording_is_stopped_around_a_definition() -> None:
    result = written(0, 1, Tape("tape", (Watch("x"),)), stop=(1,))
    assert (
        "        # the first\n        # of all\n        with tape.stop_recording():\n"
        "            b = a\n" in result
    )


@pytest.mark.parametrize("newline", ["\r\n", "\r"])
def test_line_ends_are_the_files_own(newline: str) -> None:
    text = BODY.replace("\n", newline)
    result = written(4, 4, Tape("tape", (Watch("x"),)), text=text, last_lines=("t = e",))
    assert result.replace(newline, "\n") == written(
        4, 4, Tape("tape", (Watch("x"),)), last_lines=("t = e",)
    )
    if newline == "\r\n":
        assert "\n" not in result.replace("\r\n", "")


def test_tabs() -> None:
    text = "def f(x):\n\ta = 1\n\tif a:\n\t\tb = 2\n"
    assert written(0, 1, Tape("tape", ()), text=text) == (
        "def f(x):\n\twith tf.GradientTape() as tape:\n\t\ta = 1\n\t\tif a:\n\t\t\tb = 2\n"
    )


def test_the_last_line_may_have_no_end() -> None:
    text = "def f(x):\n    a = 1"
    result = written(0, 0, Tape("tape", (Watch("x"),)), text=text, last_lines=("t = a", "u = t"))
    assert result == (
        "def f(x):\n    with tf.GradientTape() as tape:\n        tape.watch(x)\n        a = 1\n"
        "        t = a\n        u = t"
    )


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("def f():\n    # a\n    x = 1\n", 2),
        ("def f():\n  # less\n    # a\n    x = 1\n", 3),
        ("def f():\n    # a\n\n    x = 1\n", 4),
        ("def f():\n    '''\n    # text'''\n    x = 1\n", 2),
        ("def f():\n    # a\n    @d\n    def x(): pass\n", 2),
        ("# a\ndef f(): pass\n", 1),
    ],
)
def test_comments_directly_above_belong_to_a_statement(text: str, line: int) -> None:
    source = Module(text.encode())
    stmt = function(source).body[0] if text.startswith("def") else source.tree.body[0]
    assert first_comment_line(source, stmt) == line


@pytest.mark.parametrize("feed", ["\f", " \f", "    \f", "\t\f"])
def test_indentation_counts_from_the_last_form_feed(feed: str) -> None:
    body = f"def f(x):\n    y = x * x\n    if x is not None:\n{feed}        y = y * y\n"
    source = f"import tensorflow as tf\n\n\n{body}{feed}    return tf.gradients(y, x)[0]\n"
    migration = migrate_source(source.encode())
    assert migration.internal_error is None
    new = migration.new.decode()
    assert f"{feed}            y = y * y\n" in new
    assert f"{feed}    return tape.gradient(y, x)\n" in new
