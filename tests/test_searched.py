"""Texts of a project searched for words: the same answers from an index as from the texts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from tape_migrate.searched import Searched

_TEXTS = {
    "a.py": b"import b\nnet.h = 1\nsetattr(net, 'h', 2)\ndef build ( self ):\n    pass\n",
    "b.py": "gr\u00f6\u00dfe = netto.h\nvars(net)['h'] = 3\n".encode(),
    "c.py": b"from a import *\nclass Net: pass\nasync def\\\n build(): pass\n",
    "e.py": "def gr\u00f6\u00dfe(): pass\n".encode(),
    "d.py": b"variables = net_h\nrebuild = undef_build\n",
}


class _Gone(Mapping[str, bytes]):
    """Texts of which one cannot be read any more."""

    def __getitem__(self, path: str) -> bytes:
        if path == "gone.py":
            raise OSError("gone")
        return _TEXTS[path]

    def __iter__(self) -> Iterator[str]:
        return iter((*_TEXTS, "gone.py"))

    def __len__(self) -> int:
        return len(_TEXTS) + 1


def _searched(*, indexed: bool) -> Searched:
    sources = _Gone()
    searched = Searched(sources, tuple(sources))
    for number in range(60 if indexed else 0):
        assert searched.matching("", f"nowhere{number}", "nowhere") == []
    return searched


@pytest.mark.parametrize("indexed", [False, True])
def test_words_are_found_in_texts_or_in_the_index(indexed: bool) -> None:
    searched = _searched(indexed=indexed)
    found = {
        name: searched.matching("", name, rf"\b{name}\b")
        for name in ("net", "netto", "h", "build", "gr\u00f6\u00dfe", "Net", "absent")
    }
    assert found == {
        "net": ["a.py", "b.py"],
        "netto": ["b.py"],
        "h": ["a.py", "b.py"],
        "build": ["a.py", "c.py"],
        "gr\u00f6\u00dfe": ["b.py", "e.py"],
        "Net": ["c.py"],
        "absent": [],
    }
    assert searched.matching("a.py", "net", r"\bnet\b") == ["b.py"]
    assert searched.matching("", "net", r"\.h = 1") == ["a.py"]


def test_the_index_holds_words_only() -> None:
    assert _searched(indexed=False).naming("build") == ["a.py", "c.py", "d.py"]
    assert _searched(indexed=True).naming("build") == ["a.py", "c.py"]


def test_who_defines_a_name_and_who_sets_attributes_by_text() -> None:
    searched = _searched(indexed=False)
    assert searched.defining("", "build") == ["a.py", "c.py"]
    assert searched.defining("a.py", "build") == ["c.py"]
    assert searched.defining("", "_build") == []
    assert searched.defining("", "gr\u00f6\u00dfe") == ["e.py"]
    assert searched.defining("", "gr") == []
    assert searched.setting_by_name() == {"a.py", "b.py"}


@pytest.mark.parametrize("indexed", [False, True])
def test_letters_that_are_not_ascii_belong_to_words(indexed: bool) -> None:
    texts = {"a.py": "gr\u00e0(x)\n".encode(), "b.py": "gr\u00e0d(x)\n".encode()}
    searched = Searched(texts, tuple(texts))
    for number in range(60 if indexed else 0):
        assert searched.matching("", f"nowhere{number}", "nowhere") == []
    assert searched.matching("", "gr\u00e0", r"\bgr\u00e0\b") == ["a.py"]
    assert searched.matching("", "gr", r"\bgr\b") == []
    assert searched.matching("", "d", r"\bd\b") == []
