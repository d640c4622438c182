"""Both ways of searching a buffer, against Python's own search of a copy."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tape_migrate.sources import search
from tape_migrate.sources.search import searcher

GLIBC = "CS_GNU_LIBC_VERSION" in os.confstr_names
TEXT = st.text(alphabet="gh\0", max_size=40).map(str.encode)


@pytest.mark.parametrize("much", [False, True])
@given(data=TEXT, word=TEXT.filter(bool), bounds=st.tuples(st.integers(0, 40), st.integers(0, 40)))
def test_it_finds_what_is_between_the_positions(
    much: bool, data: bytes, word: bytes, bounds: tuple[int, int]
) -> None:
    start, stop = sorted(min(bound, len(data)) for bound in bounds)
    contains = searcher(bytearray(data + b"gh" * 5), much=much)
    assert contains(word, start, stop) == (word in data[start:stop])


@pytest.mark.skipif(not GLIBC, reason="the C library is not glibc")
def test_the_c_library_is_used_for_much_only() -> None:
    buffer = bytearray(b"x" * 100)
    assert search._by_glibc(buffer) is not None
    few, many = searcher(buffer, much=False), searcher(buffer, much=True)
    assert "_by_python" in few.__qualname__
    assert "_by_glibc" in many.__qualname__


def test_without_the_c_library_python_searches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "confstr", lambda name: None)
    assert "_by_python" in searcher(bytearray(10), much=True).__qualname__
    monkeypatch.delattr(os, "confstr")
    assert "_by_python" in searcher(bytearray(10), much=True).__qualname__


def test_the_buffer_may_change_between_searches() -> None:
    buffer = bytearray(64)
    contains = searcher(buffer, much=True)
    assert not contains(b"gradients", 0, 64)
    memoryview(buffer)[55:] = b"gradients"
    assert contains(b"gradients", 0, 64)
    assert not contains(b"gradients", 0, 63)
