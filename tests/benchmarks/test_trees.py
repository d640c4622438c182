"""The trees hold what the benchmarks say they hold."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.benchmarks.trees import WORDS, hit_file, no_hit_tree, word_files


def test_hit_file_has_its_length_and_four_calls(tmp_path: Path) -> None:
    path = tmp_path / "physics.py"
    hit_file(path, 300)
    text = path.read_text(encoding="utf-8")
    assert 260 <= text.count("\n") <= 300
    calls = [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Call)]
    assert sum(ast.unparse(call.func) == "tf.gradients" for call in calls) == 4


def test_no_hit_tree_has_as_many_files_as_asked_and_no_word(tmp_path: Path) -> None:
    size = no_hit_tree(tmp_path, 60)
    found = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert len(found) == 60
    assert sum(map(len, found)) == size > 0
    assert not any(word in data for data in found for word in WORDS)


def test_word_files_hold_words_but_import_no_tensorflow(tmp_path: Path) -> None:
    word_files(tmp_path / "words", 3)
    texts = [path.read_text(encoding="utf-8") for path in (tmp_path / "words").iterdir()]
    assert len(texts) == 3
    assert all("gradients(" in text and "import" not in text for text in texts)
