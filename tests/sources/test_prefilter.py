"""The first look at bytes, one process or several."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tape_migrate.sources import prefilter
from tape_migrate.sources.prefilter import Hits, find_hits, may_hold_calls, read_file

FILLER = b"# nothing to see here, only gradient and hessian and jacobian\n"


@pytest.mark.parametrize(
    "line",
    [b"tf.gradients(y, x)", b"opt.get_gradients(l, p)", b"tf.hessians(y, x)", b"f.batch_jacobian"],
)
def test_each_word_is_seen(line: bytes) -> None:
    assert may_hold_calls(FILLER + line)
    assert not may_hold_calls(FILLER)


@pytest.mark.parametrize("size", [0, 1, 1 << 18, (1 << 20) - 9, (1 << 20) - 8, 1 << 20, 3 << 20])
def test_a_word_at_the_end_of_a_file_of_any_size_is_seen(tmp_path: Path, size: int) -> None:
    plain, hit = tmp_path / "plain.py", tmp_path / "hit.py"
    plain.write_bytes(b"#" * size)
    hit.write_bytes(b"#" * size + b"gradients")
    files = [str(plain), str(hit), str(plain)]
    assert find_hits(files) == Hits((1,), ())


def test_a_word_spread_over_two_files_is_none(tmp_path: Path) -> None:
    (tmp_path / "1.py").write_bytes(b"grad")
    (tmp_path / "2.py").write_bytes(b"ients")
    assert find_hits([str(tmp_path / "1.py"), str(tmp_path / "2.py")]) == Hits((), ())


def test_unreadable_files_are_reported(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(b"gradients")
    files = [str(tmp_path / "gone.py"), str(tmp_path / "a.py"), str(tmp_path)]
    found = find_hits(files)
    assert found.hits == (1,)
    assert found.failures == ((0, "No such file or directory"), (2, "Is a directory"))


@pytest.fixture
def large_tree(tmp_path: Path) -> list[str]:
    files = []
    for number in range(257):
        path = tmp_path / f"m{number}.py"
        path.write_bytes(FILLER * (number % 7 * 40) + (b"gradients" if number % 16 == 3 else b""))
        files.append(str(path))
    files.insert(100, str(tmp_path / "gone.py"))
    return files


@pytest.mark.parametrize("processes", [2, 3, 4])
def test_shared_out_it_finds_the_same(large_tree: list[str], processes: int) -> None:
    alone = prefilter._scan(large_tree, 0, 1)
    assert len(alone[0]) == 16
    assert alone[1] == [(100, "No such file or directory")]
    hits, failures = prefilter._scan_forked(large_tree, processes)
    assert (sorted(hits), failures) == alone


def test_the_share_of_a_child_that_dies_is_done_by_the_parent(
    large_tree: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    parent, scan = os.getpid(), prefilter._scan

    def dies_in_children(
        files: list[str], first: int, step: int, words: tuple[bytes, ...]
    ) -> object:
        if os.getpid() != parent:
            os._exit(1)
        return scan(files, first, step, words)

    monkeypatch.setattr(prefilter, "_scan", dies_in_children)
    hits, _ = prefilter._scan_forked(large_tree, 3)
    assert sorted(hits) == scan(large_tree, 0, 1)[0]


def test_without_readv_it_finds_the_same(
    large_tree: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = prefilter._scan(large_tree, 0, 1)
    monkeypatch.delattr(os, "readv")
    assert prefilter._scan(large_tree, 0, 1) == expected


def test_files_are_read_whole(tmp_path: Path) -> None:
    data = os.urandom((1 << 20) + 17)
    (tmp_path / "f").write_bytes(data)
    assert read_file(str(tmp_path / "f")) == data
    (tmp_path / "e").write_bytes(b"")
    assert read_file(str(tmp_path / "e")) == b""


SEARCH = """
import sys
from tape_migrate.sources import prefilter
prefilter._usable_cpus = lambda: int(sys.argv[1])
forked = prefilter._scan_forked
def shared_out(*arguments):
    print("shared out")
    return forked(*arguments)
prefilter._scan_forked = shared_out
print(prefilter.find_hits(sys.stdin.read().splitlines()))
"""


def test_a_large_tree_is_shared_out_where_there_are_processors(large_tree: list[str]) -> None:
    """In a program of its own: one with threads does not fork."""
    many = large_tree * (2 * prefilter._FILES_PER_PROCESS // len(large_tree) + 1)
    said = {
        processors: subprocess.run(
            [sys.executable, "-c", SEARCH, processors],
            input="".join(f"{path}\n" for path in many),
            capture_output=True,
            text=True,
            check=True,
        ).stdout.splitlines()
        for processors in ("1", "2")
    }
    assert said == {"1": [found := str(find_hits(many))], "2": ["shared out", found]}
