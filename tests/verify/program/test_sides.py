"""Programs as processes: copies, time limits, modes, modules, failures."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tape_migrate.api import migrate_source
from tests.verify.program.programs import SCRIPT, SESSION, prove, verdicts


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        path = folder / (name.replace("__", "/") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def test_a_session_is_run_as_tensorflow_1_without_being_asked(tmp_path: Path) -> None:
    write(tmp_path, train=SESSION)
    data, code = prove(tmp_path, "train.py", finite_differences=True)
    (device,) = data["devices"]
    assert code == 0, data
    assert (device["old"]["mode"], device["new"]["mode"]) == ("v1-alias", "v1-alias")
    (site,) = device["sites"]
    assert site["evaluations"] == {"old": 3, "new": 3}
    assert site["tensors"] == 6
    assert site["float64"].startswith("float64: equal")
    assert site["finite_differences"].startswith("finite differences: agrees")


def test_what_a_program_writes_stays_in_the_copy(tmp_path: Path) -> None:
    write(
        tmp_path,
        main="import os, sys, lib\nopen('out.txt', 'w').write('x')\n"
        "assert sys.stdin.read() == ''\nassert open('data.txt').read() == 'seven'\n"
        "lib.slope(lib.tf.constant([1.0, 2.0]))\n",
        lib=SCRIPT,
    )
    (tmp_path / "data.txt").write_text("seven", encoding="utf-8")
    before = (tmp_path / "lib.py").read_bytes()
    data, code = prove(tmp_path, "main.py")
    assert code == 0, data
    assert verdicts(data) == {"lib.py:8": "equal"}
    assert not (tmp_path / "out.txt").exists()
    assert (tmp_path / "lib.py").read_bytes() == before


def test_in_place_runs_where_the_project_is(tmp_path: Path) -> None:
    write(tmp_path, main="import lib\nopen('out.txt', 'a').write('x')\n" + CALL, lib=SCRIPT)
    before = (tmp_path / "lib.py").read_bytes()
    data, code = prove(tmp_path, "main.py", in_place=True, old_mode="graph")
    assert code == 0, data
    assert verdicts(data) == {"lib.py:8": "equal"}
    assert (tmp_path / "out.txt").read_text(encoding="utf-8") == "xx"
    assert (tmp_path / "lib.py").read_bytes() == before


CALL = "print(lib.slope(lib.tf.constant([1.0, 2.0])))\n"


def test_a_test_run_of_a_package(tmp_path: Path) -> None:
    write(
        tmp_path,
        pkg____init__="",
        pkg__lib=SCRIPT,
        tests__test_lib="import tensorflow as tf\nfrom pkg import lib\n\n\n"
        "def test_slope():\n    y = tf.constant([1.0]) ** 3\n    assert lib.slope(y) is not None\n"
        "\n\ndef test_own():\n    x = tf.constant([2.0])\n    y = x * x\n"
        "    assert tf.gradients(y, x)[0] is not None\n",
    )
    data, code = prove(
        tmp_path, "pkg", "tests", tail=("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests")
    )
    assert code == 0, data
    assert verdicts(data) == {"pkg/lib.py:8": "equal", "tests/test_lib.py:13": "equal"}
    assert data["devices"][0]["old"]["mode"] == "graph"


def test_a_program_that_does_not_end_is_stopped_with_its_children(tmp_path: Path) -> None:
    write(
        tmp_path,
        slow=SCRIPT
        + "\nimport subprocess, time\nchild = subprocess.Popen(['sleep', '77.31'])\n"
        + "time.sleep(60)\n",
    )
    began = time.monotonic()
    data, code = prove(tmp_path, "slow.py", timeout_s=8.0, old_mode="graph")
    assert time.monotonic() - began < 40
    assert code == 3
    (device,) = data["devices"]
    assert "still running after 8 s" in device["old"]["error"]
    listed = subprocess.run(["ps", "-A", "-o", "args"], capture_output=True, text=True, check=True)
    assert "sleep 77.31" not in listed.stdout


def test_a_program_that_raises_is_shown(tmp_path: Path) -> None:
    write(tmp_path, bad=SCRIPT.replace("float(sys.argv[1])", "float('seven')"))
    data, code = prove(tmp_path, "bad.py", tail=("--", "3"), old_mode="graph")
    assert code == 3
    assert "ValueError: could not convert string to float" in data["devices"][0]["old"]["error"]
    assert verdicts(data) == {"bad.py:8": "side failed"}


def test_an_interpreter_without_tensorflow_is_said(tmp_path: Path) -> None:
    write(tmp_path, main=SCRIPT)
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(bare)], check=True)
    python = bare / ("Scripts" if os.name == "nt" else "bin") / "python"
    data, code = prove(tmp_path, "main.py", old_python=str(python))
    assert code == 3
    assert "no TensorFlow" in data["devices"][0]["sites"][0]["message"]
    data, code = prove(tmp_path, "main.py", old_python=str(tmp_path / "nowhere"))
    assert code == 3
    assert "cannot be started" in data["text"]


def test_files_written_already_are_proven_against_a_revision(tmp_path: Path) -> None:
    write(tmp_path, main=SCRIPT)
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b.c"]
    for arguments in (["init", "-q"], ["add", "main.py"], ["commit", "-q", "-m", "old"]):
        subprocess.run([*git, *arguments], check=True)
    (tmp_path / "main.py").write_bytes(migrate_source(SCRIPT.encode()).new)
    data, code = prove(tmp_path, "main.py", against="HEAD")
    assert code == 0, data
    assert verdicts(data) == {"main.py:8": "equal"}
    wrong = (tmp_path / "main.py").read_text(encoding="utf-8").replace("tf.sin(x)", "tf.cos(x)")
    (tmp_path / "main.py").write_text(wrong, encoding="utf-8")
    data, code = prove(tmp_path, "main.py", against="HEAD")
    assert code == 1
    assert verdicts(data) == {"main.py:8": "different"}


def test_calls_that_are_not_reached_fail_if_asked(tmp_path: Path) -> None:
    more = "\n\ndef unused(x):\n    y = x * x\n    return tf.gradients(y, x)[0]\n"
    write(tmp_path, main=SCRIPT.replace("\n\nif __name__", more + "\n\nif __name__"))
    for require, expected in ((False, 0), (True, 1)):
        data, code = prove(tmp_path, "main.py", require_reached=require)
        assert code == expected
        assert verdicts(data) == {"main.py:8": "equal", "main.py:14": "not reached"}


def test_where_there_is_no_gpu_that_is_said(tmp_path: Path) -> None:
    write(tmp_path, main=SCRIPT)
    data, code = prove(tmp_path, "main.py", device="gpu")
    (device,) = data["devices"]
    if device["not_run"] is None:
        pytest.skip("there is a GPU")
    assert (device["not_run"], code, data["proven"]) == ("no GPU", 1, False)
    data, code = prove(tmp_path, "main.py", device="all")
    rows = [(row["device"], row["not_run"], row["counts"]) for row in data["devices"]]
    assert rows == [
        ("CPU:0", None, True),
        ("GPU", "no GPU", True),
        ("CPU:0 against GPU:0", "no GPU", False),
    ]
    assert (code, data["proven"]) == (0, True)


def test_what_cannot_be_planned_is_said(tmp_path: Path) -> None:
    write(tmp_path, main=SCRIPT)
    for words, sentence in (
        (((), {"tail": ("-m",)}), "-m needs a module"),
        (((), {}), "say what to run"),
        ((("main.py",), {"old_file": "main.py"}), "--old and --new go together"),
        ((("gone.py",), {}), "gone.py: no such file"),
        ((("main.py",), {"against": "nowhere"}), "git: "),
    ):
        data, code = prove(tmp_path, *words[0], **words[1])
        assert code == 2
        assert sentence in data["text"]
