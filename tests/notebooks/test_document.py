"""Notebooks are kept to the byte wherever no cell was edited."""

from __future__ import annotations

import importlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tape_migrate.model import SourceError
from tape_migrate.notebooks.document import Document, parse
from tests.notebooks.making import code, markdown, notebook

nbformat: Any = importlib.import_module("nbformat")  # it has no types

TEXTS = st.text(st.sampled_from('ab \n\t"\\é€\U0001f600%!?#{}[],:\x0c\u2028\r'), max_size=30)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@st.composite
def documents(draw: st.DrawFn) -> bytes:
    """Notebooks as any program could have written them."""
    cells = []
    for _ in range(draw(st.integers(0, 4))):
        text = draw(TEXTS)
        listed = text.splitlines(keepends=True) if draw(st.booleans()) else text
        cell: dict[str, Any] = {
            "cell_type": draw(st.sampled_from(["code", "markdown", "raw"])),
            "source": listed,
            "metadata": draw(st.dictionaries(TEXTS, VALUES, max_size=2)),
        }
        if draw(st.booleans()):
            cell["outputs"] = [draw(VALUES)]
        items = draw(st.permutations(list(cell.items())))
        cells.append(dict(items))
    content: dict[str, Any] = {"nbformat": 4, "cells": cells}
    content["metadata"] = draw(st.just({}) | st.dictionaries(TEXTS, VALUES))
    data = json.dumps(
        dict(draw(st.permutations(list(content.items())))),
        indent=draw(st.sampled_from([None, 0, 1, 2, "\t"])),
        ensure_ascii=draw(st.booleans()),
        separators=draw(st.sampled_from([None, (",", ":"), (" , ", " : ")])),
    ).encode("utf-8")
    ending = draw(st.sampled_from([b"", b"\n", b"\r\n"]))
    return draw(st.sampled_from([b"", b"\xef\xbb\xbf"])) + data + ending


@given(documents())
def test_putting_back_what_was_there_changes_no_byte(data: bytes) -> None:
    document = parse(data)
    assert document.with_sources({}) == data
    assert document.with_sources({cell.number: cell.source for cell in document.cells}) == data


@given(documents(), st.data())
def test_an_edit_changes_the_source_of_its_cell_and_nothing_else(
    data: bytes, draw: st.DataObject
) -> None:
    document = parse(data)
    if not document.cells:
        return
    cell = draw.draw(st.sampled_from(document.cells))
    new = draw.draw(TEXTS)
    edited = document.with_sources({cell.number: new})
    again = parse(edited)
    assert [c.source for c in again.cells] == [
        new if c.number == cell.number else c.source for c in document.cells
    ]
    assert without_source(again, cell.number) == without_source(document, cell.number)
    assert edited.startswith(b"\xef\xbb\xbf") == data.startswith(b"\xef\xbb\xbf")


def without_source(document: Document, number: int) -> tuple[str, str]:
    start, end = document.cells[number - 1].span
    return document.text[:start], document.text[end:]


@given(documents())
def test_lines_of_cells_are_found_in_the_file(data: bytes) -> None:
    document = parse(data)
    lines = document.text.count("\n") + 1
    for (cell, _), row in document.line_numbers().items():
        start, end = document.cells[cell - 1].span
        first = document.text.count("\n", 0, start) + 1
        assert first <= row <= document.text.count("\n", 0, end) + 1 <= lines


@pytest.mark.parametrize("indent", [1, 2, "\t", None])
@pytest.mark.parametrize("ascii_only", [False, True])
def test_an_edited_cell_keeps_the_style_and_the_lines_that_stay(
    indent: int | str | None, ascii_only: bool
) -> None:
    cell = code("é = 1\nb = 2\n")
    content = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    old = json.dumps(content, indent=indent, ensure_ascii=ascii_only).encode()
    cell["source"] = ["é = 1\n", "c = 'é'\n", "b = 2"]
    new = json.dumps(content, indent=indent, ensure_ascii=ascii_only).encode()
    assert parse(old).with_sources({1: "é = 1\nc = 'é'\nb = 2"}) == new


def test_results_are_valid_notebooks() -> None:
    data = notebook("x = 1\n", markdown("# é"), "y = 2\n")
    for source in ("", "x = 1\ny = 2", "x = '\U0001f600'\n"):
        edited = parse(data).with_sources({1: source})
        nbformat.validate(nbformat.reads(edited.decode("utf-8"), as_version=4))


def test_nbformat_would_not_keep_the_bytes() -> None:
    # The reason why it is not used to write.
    data = notebook("x = 1\n").replace(b"\n ", b"\n  ")
    assert nbformat.writes(nbformat.reads(data.decode(), as_version=4)).encode() != data


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not JSON"),
        (b'{"cells": [', "not JSON"),
        (b"[]", "no JSON object"),
        (b"{}", "it has no cells"),
        (b'{"worksheets": []}', "notebook format 3 or older"),
        (b'{"cells": [{"cell_type": "code"}]}', "cell 1 has no source"),
        (b'{"cells": [{"source": [1]}]}', "cell 1 has no source"),
        (b'{"cells": ["x"]}', "cell 1 has no source"),
        (b'\xff{"cells": []}', "not UTF-8"),
        (b'{"cells": ' + b"[" * 100_000, "nested too deeply"),
    ],
)
def test_what_is_no_notebook(data: bytes, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        parse(data)


def test_an_empty_list_of_lines_takes_lines() -> None:
    data = notebook(code(""), "y = 1\n")
    assert b'"source": []' in data
    assert parse(data).cells[0].source == ""
    edited = parse(data).with_sources({1: "a = 1\nb = 2\n"})
    assert json.loads(edited)["cells"][0]["source"] == ["a = 1\n", "b = 2\n"]
    assert parse(edited).cells[1].source == "y = 1\n"


def test_metadata_of_any_kind_are_no_other_language() -> None:
    for metadata in ("null", "[]", '{"kernelspec": "R"}'):
        data = b'{"cells": [], "metadata": %s, "nbformat": 4}' % metadata.encode()
        assert parse(data).is_python, metadata
