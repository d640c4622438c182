"""Slots and comments between a call's parentheses."""

from __future__ import annotations

import ast
import re
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tape_migrate.edits.scan import breaks_line, scan_call, skip_string

from .programs import calls, module


def slots(text: str) -> list[str]:
    source = module(text)
    found = scan_call(source, calls(source)[0])
    return [source.text[a:b].decode() for a, b in found.spans]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("f()", []),
        ("f( )", []),
        ("f(a)", ["a"]),
        ("f(a, b)", ["a", " b"]),
        ("f(a, b,)", ["a", " b"]),
        ("f(a, b , )", ["a", " b "]),
        ("f(g(a, b), [c, d], (i, j))", ["g(a, b)", " [c, d]", " (i, j)"]),
        ("f({e: f, g: h}, i)", ["{e: f, g: h}", " i"]),
        ("f('a, b', \"c)\")", ["'a, b'", ' "c)"']),
        ("f('''a,\n)''', b)", ["'''a,\n)'''", " b"]),
        (r"f('\'', b)", [r"'\''", " b"]),
        (r"f(r'\\', b)", [r"r'\\'", " b"]),
        ("f(a=1, *b, **c)", ["a=1", " *b", " **c"]),
        ("f(lambda a, b: c, d)", ["lambda a", " b: c", " d"]),
        ("f((a, b)[0], c)", ["(a, b)[0]", " c"]),
        ("(f)(a, b)", ["a", " b"]),
        ("f (a, b)", ["a", " b"]),
        ("f(a)(b, c)", ["b", " c"]),
        ("x.y[0](a, b)", ["a", " b"]),
        ("f(\n    a,  # first\n    b\n)", ["\n    a", "  # first\n    b\n"]),
        ("f(a  # ),(\n, b)", ["a  # ),(\n", " b"]),
        ("f(a if b else c, [d for e in g])", ["a if b else c", " [d for e in g]"]),
        ("f(fb, rb'x', bu)", ["fb", " rb'x'", " bu"]),
        ("f(ä, 'ö,')", ["ä", " 'ö,'"]),
        ("f(f'{a[\"b, c\"]}, {{', d)", ["f'{a[\"b, c\"]}, {{'", " d"]),
        ("f(f'{a:{b},>4}', c)", ["f'{a:{b},>4}'", " c"]),
        ('f(f"{a:\'>{b}}", c)', ['f"{a:\'>{b}}"', " c"]),
        ("f(f'{(a, b)}', c)", ["f'{(a, b)}'", " c"]),
        ("f(f'{\"a, b\"}', c)", ["f'{\"a, b\"}'", " c"]),
        ("f(f'{{{a}}}, {b}', c)", ["f'{{{a}}}, {b}'", " c"]),
        ("f(rf'\\{a}', c)", ["rf'\\{a}'", " c"]),
        ("f(f'\\N{EM DASH}{a}', c)", ["f'\\N{EM DASH}{a}'", " c"]),
    ],
)
def test_slots(text: str, expected: list[str]) -> None:
    assert slots(text) == expected


@pytest.mark.skipif(sys.version_info < (3, 12), reason="not run: the syntax is Python 3.12's")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("f(f'{a['b, c']}', d)", ["f'{a['b, c']}'", " d"]),
        ("f(f'{f'{a}, {b}'}', c)", ["f'{f'{a}, {b}'}'", " c"]),
        ("f(f'{(lambda: 1)():{b['x']}}', c)", ["f'{(lambda: 1)():{b['x']}}'", " c"]),
    ],
)
def test_fields_of_f_strings_may_hold_their_own_quotes(text: str, expected: list[str]) -> None:
    assert slots(text) == expected


def test_comments_are_found_and_strings_are_not() -> None:
    source = module("f(a,  # one\n  '# two',\n  b)  # three\n")
    found = scan_call(source, calls(source)[0])
    assert [source.text[a:b] for a, b in found.comments] == [b"# one"]


ARGUMENTS = st.lists(
    st.sampled_from(
        ["a", "b.c", "d[0, 1]", "(e, f)", "'g, )'", "h(i, j)", "k=1", '"""l,\nm"""', "-n", "{o: p}"]
    ),
    max_size=5,
)


@given(ARGUMENTS, st.sampled_from([", ", ",", ",\n    ", " ,  # why, (\n  "]), st.booleans())
def test_every_argument_has_a_slot(arguments: list[str], comma: str, trailing: bool) -> None:
    arguments = sorted(arguments, key=lambda a: a == "k=1")
    if arguments.count("k=1") > 1:
        arguments = [a for a in arguments if a != "k=1"]
    inside = comma.join(arguments) + ("," if trailing and arguments else "")
    source = module(f"f({inside})\n")
    call = calls(source)[0]
    nodes: list[ast.expr | ast.keyword] = [*call.args, *call.keywords]
    found = scan_call(source, call).spans
    assert len(found) == len(nodes)
    for (start, end), node in zip(found, nodes, strict=True):
        assert start <= source.start(node) < source.end(node) <= end


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        (b"'a' b", b" b"),
        (b'"""a"b""" c', b" c"),
        (rb"'\'' d", b" d"),
        (b"'open", b""),
        (b'f"{{" e', b" e"),
        (b'f"{d["k"]}" e', b" e"),
        (b'f"{ {1: "}"}[1] }" e', b" e"),
        (b'f"{a:{"w"}.{p}}" e', b" e"),
        (b'f"{a[1:2]!r:"}" e', b" e"),
        (b'"{d" e', b" e"),
        (rb'f"\{a}" e', b" e"),
        (b'f"{open', b""),
    ],
)
def test_skipping_a_string(text: bytes, rest: bytes) -> None:
    match = re.match(rb"f?('''|\"\"\"|'|\")", text)
    assert match is not None
    assert text[skip_string(text, match) :] == rest


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"a + b", False),
        (b"a +\nb", True),
        (b"(a +\nb)", False),
        (b"f(a)[\n0]", False),
        (b"f(a)\r.b", True),
        (b'"""a\nb"""', False),
        (b'"""a\nb""" +\nc', True),
        (b"f(a,  # (\nb)", False),
        (b"a  # why", False),
        (b"a  # why\n.b", True),
    ],
)
def test_lines_that_end_outside_brackets(text: bytes, expected: bool) -> None:
    assert breaks_line(text) is expected
