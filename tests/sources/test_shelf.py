"""Texts kept to be searched again and again: the same answers as from the files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tape_migrate.sources.lazy import LazySources
from tape_migrate.sources.shelf import Shelf

_TEXTS = {
    "a.py": b"import tensorflow as tf\ngra",
    "b.py": b"dients = tf.gradients\n",
    "c.py": b"",
    "d.py": b"x = 1\ngradients\ngradients",
    "e.py": b"gradients",
}


def _files(folder: Path) -> list[str]:
    for name, text in _TEXTS.items():
        (folder / name).write_bytes(text)
    return [str(folder / name) for name in _TEXTS]


def _names(paths: object) -> str:
    assert isinstance(paths, list | set)
    return "".join(sorted(Path(path).stem for path in paths))


@pytest.mark.parametrize(
    ("words", "holders"),
    [
        ((b"gradients",), "bde"),
        ((b"tensorflow", b"x = "), "ad"),
        ((b"gra",), "abde"),
        ((b"dients = tf",), "b"),
        ((b"none of them",), ""),
        ((), ""),
    ],
)
def test_words_are_found_in_the_files_that_hold_them(
    tmp_path: Path, words: tuple[bytes, ...], holders: str
) -> None:
    shelf = Shelf(_files(tmp_path))
    assert _names(shelf.holding(words)) == holders
    assert shelf.rest == []


@pytest.mark.parametrize("limit", range(90))
def test_what_finds_no_room_is_named(tmp_path: Path, limit: int) -> None:
    files = _files(tmp_path)
    shelf = Shelf(files, limit)
    kept = len(files) - len(shelf.rest)
    assert shelf.rest == files[kept:]
    assert sum(len(_TEXTS[Path(path).name]) for path in files[:kept]) <= limit
    for path in files:
        expected = None if path in shelf.rest else _TEXTS[Path(path).name]
        assert shelf.text(path) == expected
    # One byte stands between two files.
    assert (kept == len(files)) == (limit >= sum(map(len, _TEXTS.values())) + len(files) - 1)


def test_what_cannot_be_read_is_left_to_others(tmp_path: Path) -> None:
    files = _files(tmp_path)
    os.unlink(files[1])
    shelf = Shelf(files)
    assert shelf.rest == [files[1]]
    assert shelf.text(files[1]) is None
    assert _names(shelf.holding([b"gradients"])) == "de"


@pytest.mark.parametrize("limit", [0, 40, 1000])
def test_every_search_gives_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    monkeypatch.setattr("tape_migrate.sources.shelf.Shelf.__init__.__defaults__", (limit,))
    files = [*_files(tmp_path), str(tmp_path / "gone.py")]
    sources = LazySources(files, {files[4]: b"tensorflow"})
    for _ in range(5):
        assert _names(sources.holding([b"gradients"])) == "bd"
        assert _names(sources.holding([b"tensorflow"])) == "ae"
        assert sources[files[3]] == _TEXTS["d.py"]
        assert sources[files[4]] == b"tensorflow"
        with pytest.raises(FileNotFoundError):
            sources[files[5]]
