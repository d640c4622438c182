"""What TensorFlow and Keras are made of is left alone; folders of the same names are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tape_migrate.model import Options
from tape_migrate.results import FileStatus
from tape_migrate.runner import run
from tape_migrate.sources.frameworks import framework_of

PROGRAM = "import tensorflow as tf\n\n\ndef f(x):\n    return tf.gradients(x * x, x)[0]\n"


def _package(folder: Path, mark: str) -> Path:
    part = folder / "python" / "part.py"
    for path in (part, folder / mark):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(PROGRAM if path == part else "")
    return part


@pytest.mark.parametrize(
    ("package", "mark", "framework"),
    [
        ("tensorflow", "python/framework/ops.py", "TensorFlow"),
        ("tensorflow_core", "python/framework/ops.py", "TensorFlow"),
        ("tensorflow_estimator", "python/estimator/estimator.py", "TensorFlow"),
        ("tf_keras", "src/backend.py", "Keras"),
        ("keras", "src/backend/__init__.py", "Keras"),
        ("tensorflow", "python/ops.py", None),
        ("keras", "backend/__init__.py", None),
        ("mine", "python/framework/ops.py", None),
    ],
)
def test_by_name_and_by_a_file_of_it(
    tmp_path: Path, package: str, mark: str, framework: str | None
) -> None:
    assert framework_of(str(_package(tmp_path / package, mark))) == framework


def test_a_part_of_tensorflow_is_left_alone_and_said_to_be(tmp_path: Path) -> None:
    part = _package(tmp_path / "lib" / "tensorflow", "python/framework/ops.py")
    own = tmp_path / "own.py"
    own.write_text(PROGRAM)
    result = run([str(tmp_path)], Options(), write=True)
    by_path = {entry.path: entry for entry in result.results}
    assert by_path[str(own)].status is FileStatus.CHANGED
    left = by_path[str(part)]
    assert left.status is FileStatus.UNCHANGED
    assert part.read_text() == PROGRAM
    assert left.migration is not None
    (remark,) = left.migration.remarks
    assert (remark.line, remark.code) == (1, "TM005")
    assert "TensorFlow itself" in remark.message
    assert result.summary().sites == result.summary().migrated == 1


def test_a_file_without_a_call_is_not_worth_a_word(tmp_path: Path) -> None:
    part = _package(tmp_path / "tensorflow", "python/framework/ops.py")
    part.write_text("# gradients\n")
    assert [entry.migration for entry in run([str(tmp_path)], Options()).results] == [None]
