"""Lines, offsets, places and white space of one module."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tape_migrate.model import SourceError
from tape_migrate.module import Module, line_number
from tape_migrate.parsed import parse


def statement(module: Module, line: int) -> ast.stmt:
    return next(
        node for node in ast.walk(module.tree) if isinstance(node, ast.stmt) and node.lineno == line
    )


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (b"x = 1\ndef f(:\n", 2),
        (b"print 'two'\n", 1),
        (b"x = 1\n  y = 2\n", 2),
        (b"a = (\n", 1),
        (b"x = 'a\n", 1),
    ],
)
def test_what_does_not_parse_is_said_with_its_line(text: bytes, line: int) -> None:
    with pytest.raises(SourceError) as caught:
        parse(text)
    assert caught.value.line == line


def test_null_bytes_and_deep_nesting_are_source_errors() -> None:
    with pytest.raises(SourceError):
        parse(b"x = 1\x00\n")
    with pytest.raises(SourceError, match="nested"):
        parse(b"x = " + b"-" * 100_000 + b"1\n")


def test_warnings_of_the_users_strings_are_not_shown(
    recwarn: pytest.WarningsRecorder,
) -> None:
    parse(b"x = '\\d'\nif x is 1: pass\n")
    assert not recwarn.list


NEWLINES = st.sampled_from(["\n", "\r\n", "\r"])


@given(st.lists(st.tuples(st.sampled_from(["", "x = 1", "y = 'ä'", "# z"]), NEWLINES)))
def test_line_numbers_are_pythons(lines: list[tuple[str, str]]) -> None:
    text = "".join(line + newline for line, newline in lines).encode()
    module = Module(text)
    for node in module.tree.body:
        start = module.start(node)
        assert module.line_of(start) == line_number(text, start) == node.lineno
        assert module.text[start : module.end(node)] == module.segment(node)
        assert ast.dump(ast.parse(module.segment(node))) == ast.dump(
            ast.Module(body=[node], type_ignores=[])
        )
    spans = [module.line_text(line) for line in range(1, module.line_count + 1)]
    assert b"".join(spans) == text


def test_offsets_count_bytes() -> None:
    module = Module("ä = 'öü'; b = ä\n".encode())
    first, second = module.tree.body
    assert module.segment(first) == "ä = 'öü'".encode()
    assert module.segment(second) == "b = ä".encode()


@pytest.mark.parametrize(
    ("text", "newline"),
    [
        (b"", b"\n"),
        (b"x = 1", b"\n"),
        (b"x = 1\r\ny = 2\n", b"\r\n"),
        (b"x = 1\ry = 2", b"\r"),
        (b"x = 1\n", b"\n"),
    ],
)
def test_newline(text: bytes, newline: bytes) -> None:
    assert Module(text).newline == newline


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        (b"x = 1\n", b"    "),
        (b"if x:\n  y = 1\n", b"  "),
        (b"if x:\n\ty = 1\n", b"\t"),
        (b"if x: y = 1\nif x:\n   y = 1\n", b"   "),
        (b"def f():\n    if x:\n          y = 1\n", b"    "),
    ],
)
def test_indentation(text: bytes, unit: bytes) -> None:
    assert Module(text).indent_unit == unit


def test_decorators_belong_to_the_first_line() -> None:
    module = Module(b"@a\n@b\ndef f():\n    pass\n")
    (function,) = module.tree.body
    assert (module.first_line(function), module.last_line(function)) == (1, 4)


def test_places_lead_from_the_statement_to_the_scope() -> None:
    module = Module(
        b"def f():\n    for a in b:\n        with c:\n            x = 1\n            y = 2\n"
    )
    scope = module.scopes.scope_of(statement(module, 5))
    places = module.places(statement(module, 5), within=scope)
    assert [(type(p.owner).__name__, p.field, p.index) for p in places] == [
        ("With", "body", 1),
        ("For", "body", 0),
        ("FunctionDef", "body", 0),
    ]
    assert [p.stmt.lineno for p in places] == [5, 3, 2]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (b"x = '''a\nb\nc'''\ny = 1\n", {2, 3}),
        (b"x = 'a' \\\n    'b'\n", set()),
        (b"x = ('a'\n     # ' comment\n     'b')\n", set()),
        (b"x = ('''a\n''' 'b'\n     'c')\n", {2}),
        (b"x = f'''{y}\n{z}'''\n", {2}),
        (b"def f():\n    r'''doc\n    more\n    '''\n", {3, 4}),
        (b"x = b'''a\nb'''\n", {2}),
        (b"x = 'a\\\nb'\n", {2}),
    ],
)
def test_lines_inside_strings(text: bytes, lines: set[int]) -> None:
    assert Module(text).string_lines == lines


def test_scope_at_an_offset() -> None:
    text = b"a = 1\n\n@d\ndef f():\n    b = 2\n    def g():\n        c = 3\n    return 4\n"
    module = Module(text)
    names = {
        mark: module.scope_at(text.index(mark)).qualname
        for mark in (b"a = 1", b"@d", b"b = 2", b"c = 3", b"return")
    }
    assert names == {
        b"a = 1": "<module>",
        b"@d": "f",
        b"b = 2": "f",
        b"c = 3": "f.g",
        b"return": "f",
    }


def test_a_body_that_goes_on_in_the_line_of_its_head_tells_no_indentation() -> None:
    module = Module(b"if x: \\\ny = 1\nif z:\n  w = 1\n")
    assert module.indent_unit == b"  "
    assert Module(b"if x: y = 1\n").indent_unit == b"    "


def test_ancestors_end_where_they_are_told_to() -> None:
    module = Module(b"def f(x):\n    while g(h(x)):\n        y = x\n")
    name = next(node for node in module.nodes if isinstance(node, ast.Name) and node.id == "h")
    inside = [type(node).__name__ for node in module.parents_in_statement(name)]
    assert inside == ["Call", "Call"]
    below = module.parents_below(name, module.tree.body[0])
    assert [type(node).__name__ for node in below] == ["Call", "Call", "While"]
