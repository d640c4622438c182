"""Searching a reused buffer for words, as fast as the platform can."""

from __future__ import annotations

import os
from collections.abc import Callable

Contains = Callable[[bytes, int, int], bool]
"""Says whether a word occurs between two positions of the buffer."""


def searcher(buffer: bytearray, *, much: bool) -> Contains:
    """Return a search in ``buffer``, whose size must not change any more.

    glibc's ``memmem`` is two to three times as fast as Python's own search, but reaching it
    costs some ten milliseconds first: it is taken where there is ``much`` to search.
    """
    return (much and _by_glibc(buffer)) or _by_python(buffer)


def _by_python(buffer: bytearray) -> Contains:
    find = buffer.find

    def contains(word: bytes, start: int, stop: int) -> bool:
        return find(word, start, stop) >= 0

    return contains


def _by_glibc(buffer: bytearray) -> Contains | None:
    """Search with ``memmem``; None without glibc (other C libraries' ones are slow)."""
    try:
        if not (os.confstr("CS_GNU_LIBC_VERSION") or "").startswith("glibc"):
            return None
        import ctypes  # noqa: PLC0415

        memmem = ctypes.CDLL(None).memmem
        address = ctypes.addressof((ctypes.c_char * len(buffer)).from_buffer(buffer))
    except (AttributeError, ImportError, OSError, ValueError):
        return None
    memmem.restype = ctypes.c_void_p
    memmem.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t)

    def contains(word: bytes, start: int, stop: int) -> bool:
        # ``buffer`` is named here to keep its memory alive as long as this function.
        size = min(stop, len(buffer)) - start
        return memmem(address + start, size, word, len(word)) is not None

    return contains
