"""A share of what is installed; ``tests/corpus/installed.py`` looks at everything."""

from __future__ import annotations

import importlib.util
import sysconfig
from pathlib import Path

import pytest

from tests.corpus.installed import check


@pytest.mark.parametrize("package", ["asyncio", "email", "json", "unittest", "xml"])
def test_the_standard_library(package: str) -> None:
    found = check(Path(sysconfig.get_paths()["stdlib"]) / package)
    assert found.files > 0
    assert found.problems == []
    assert not found.calls


@pytest.mark.parametrize(
    "package", ["tensorflow.python.training", "tf_keras", "numpy", "hypothesis"]
)
def test_installed_packages(package: str) -> None:
    spec = importlib.util.find_spec(package.partition(".")[0])
    if spec is None or spec.origin is None:
        pytest.skip(f"not run: {package} is not installed")
    found = check(Path(spec.origin).parent.joinpath(*package.split(".")[1:]))
    assert found.files >= 50
    assert found.problems == []
    assert bool(found.calls) == package.startswith("t")


def test_what_is_wrong_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.py").write_text("import tensorflow as tf\n\ng = tf.gradients(1, 2)\n")
    assert check(tmp_path).problems == []
    monkeypatch.setattr(Path, "read_bytes", lambda path: b"nothing of the kind")
    (problem,) = check(tmp_path).problems
    assert "no call of TensorFlow's" in problem
