"""``--write --verify``: only what a run proves is written."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tape_migrate.verify.program.command import ProgramOptions
from tape_migrate.verify.program.plan import Asked
from tape_migrate.verify.ways import run_verify
from tests.verify.program.programs import SCRIPT

UNUSED = "import tensorflow as tf\n\n\ndef f(x):\n    y = x * x\n    return tf.gradients(y, x)[0]\n"
ZERO = "import tensorflow as tf\n\n\ndef f(x):\n    y = x * 0.0\n    return tf.gradients(y, x)[0]\n"
MAIN = "import good, unused, zero\nt = good.tf.constant([1.0, 2.0])\ngood.slope(t)\nzero.f(t)\n"


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tape_migrate", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_only_files_whose_calls_were_proven_are_written(tmp_path: Path) -> None:
    for name, text in (("good", SCRIPT), ("unused", UNUSED), ("zero", ZERO), ("main", MAIN)):
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    done = run(tmp_path, "--write", "--verify", "python main.py", ".")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "tape.gradient(y, x)" in (tmp_path / "good.py").read_text(encoding="utf-8")
    assert (tmp_path / "unused.py").read_text(encoding="utf-8") == UNUSED
    assert (tmp_path / "zero.py").read_text(encoding="utf-8") == ZERO
    assert "unused.py: left as it was: no run of the program reached its calls" in done.stdout
    assert "zero.py: left as it was: line 6 is both zero" in done.stdout
    assert "1 file changed" in done.stdout
    again = run(tmp_path, "--write", "--verify", "python main.py", "good.py")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "0 calls" in again.stdout


def test_a_command_that_cannot_be_run_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "good.py").write_text(SCRIPT, encoding="utf-8")
    done = run(tmp_path, "--write", "--verify", "python gone.py", "good.py")
    assert done.returncode == 2
    assert "gone.py: no such file" in done.stdout
    assert (tmp_path / "good.py").read_text(encoding="utf-8") == SCRIPT


HELPER = "import tensorflow as tf\n\n\ndef grad(y, x):\n    return tf.gradients(y, x)[0]\n"
NET = """import tensorflow as tf

from helper import grad


def slope(x):
    y = tf.sin(x) * x
    return grad(y, x)


def nothing(x):
    y = x * 0.0
    return tf.gradients(y, x)[0]
"""
NET_MAIN = "import good, net\nt = good.tf.constant([1.0, 2.0])\ngood.slope(t)\nnet.slope(t)\n"


def test_files_that_change_together_are_written_together_or_not_at_all(tmp_path: Path) -> None:
    texts = {"good": SCRIPT, "helper": HELPER, "net": NET, "main": NET_MAIN + "net.nothing(t)\n"}
    for name, text in texts.items():
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    done = run(tmp_path, "--write", "--verify", "python main.py", ".")
    assert done.returncode == 1, done.stdout + done.stderr
    rows = [re.split(r"  +", line) for line in done.stdout.splitlines() if "  CPU:0  " in line]
    verdicts = {call: verdict for call, _, _, verdict, *_ in rows}
    # The helper's own call is proven; what is not stands in the file that changes with it.
    assert verdicts == {"good.py:8": "equal", "helper.py:5": "equal", "net.py:13": "both zero"}
    for name in ("helper", "net"):
        assert (tmp_path / f"{name}.py").read_text(encoding="utf-8") == texts[name]
        assert f"{name}.py: left as it was: net.py:13 is both zero" in done.stdout
    assert "tape.gradient(y, x)" in (tmp_path / "good.py").read_text(encoding="utf-8")
    assert "1 file changed" in done.stdout


def test_a_program_that_fails_proves_nothing_and_without_write_nothing_is_written(
    tmp_path: Path,
) -> None:
    main = "import good, unused\ngood.slope(good.tf.constant([1.0]))\nraise ValueError('no data')\n"
    texts = {"good": SCRIPT, "unused": UNUSED, "helper": HELPER, "main": main}
    for name, text in texts.items():
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    done = run(tmp_path, "--verify", "python main.py", ".")
    assert done.returncode == 3, done.stdout + done.stderr
    assert "ValueError: no data" in done.stdout
    for name in ("good", "unused"):
        assert f"{name}.py: left as it was: a side was not run" in done.stdout
    for name, text in texts.items():
        assert (tmp_path / f"{name}.py").read_text(encoding="utf-8") == text


def test_the_evidence_is_written_where_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.py").write_text(SCRIPT, encoding="utf-8")
    options = ProgramOptions(json_path="e.json", html_path="e.html", command="as it was asked")
    said, code = run_verify(Asked(("good.py",)), (), options)
    assert code == 0, said
    data = json.loads((tmp_path / "e.json").read_text(encoding="utf-8"))
    assert (data["proven"], data["summary"]["equal"]) == (True, 1)
    assert "as it was asked" in (tmp_path / "e.html").read_text(encoding="utf-8")
    assert "good.py:8" in said
