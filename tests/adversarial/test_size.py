"""Large, long, wide and deep files: each is migrated, or fails alone and says why."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tape_migrate.api import migrate_source
from tape_migrate.model import Migration, Options, Outcome
from tape_migrate.results import FileStatus
from tape_migrate.runner import run

HEAD = "import tensorflow as tf\n\n\n"
CALL = "def main(x, z):\n    y = x * x\n    return tf.gradients(y, x)[0]\n"


def migrated(source: str) -> Migration:
    migration = migrate_source(source.encode())
    assert migration.internal_error is None
    assert all(site.outcome is Outcome.MIGRATED for site in migration.sites)
    assert migration.sites
    return migration


def test_five_megabytes(tmp_path: Path) -> None:
    text = "some text that speaks of tf.gradients(y, x)\n" * 120_000
    data = f'{HEAD}TEXT = """\n{text}"""\n\n\n{CALL}'.encode()
    assert len(data) > 5_000_000
    (tmp_path / "m.py").write_bytes(data)
    result = run([str(tmp_path)], Options(), write=True)
    assert result.summary().migrated == 1
    new = (tmp_path / "m.py").read_bytes()
    assert new.startswith(data[: data.index(b"    y = x")])
    assert b"tape.gradient(y, x)" in new


def test_a_function_of_ten_thousand_lines() -> None:
    lines = "".join(f"    a{n} = z + {n}.0\n" for n in range(10_000))
    new = migrated(
        f"{HEAD}def main(x, z):\n    y = x * x\n{lines}    return tf.gradients(y, x)[0]\n"
    )
    assert lines.encode() in new.new


def test_five_hundred_steps_on_the_way() -> None:
    lines = "".join("    y = y * 0.5 + x\n" for _ in range(500))
    new = migrated(f"{HEAD}def main(x, z):\n    y = x\n{lines}    return tf.gradients(y, x)[0]\n")
    assert new.new.count(b"        y = y * 0.5 + x\n") == 500


def test_two_hundred_functions() -> None:
    text = "".join(
        f"def f{n}(x):\n    y = x * {n}.0\n    return tf.gradients(y, x)[0]\n\n\n"
        for n in range(200)
    )
    assert len(migrated(HEAD + text).sites) == 200


def test_ninety_nested_blocks() -> None:
    """Python takes no more than 100 levels of indentation."""
    text = f"{HEAD}def main(x, z):\n y = x * x\n"
    text += "".join(" " * (n + 1) + "if z is not None:\n" for n in range(90))
    text += " " * 91 + "g = tf.gradients(y, x)[0]\n return g\n"
    assert migrated(text).changed


DEEP = {
    "two hundred nested blocks": "".join(" " * n + "if z:\n" for n in range(200)) + " " * 200 + "1",
    "a thousand signs": "k = " + "-" * 5_000 + "1",
    "a thousand brackets": "k = " + "(" * 1_000 + ")" * 1_000,
    "a hundred thousand attributes": "k = a" + ".b" * 100_000,
    "nested calls": "k = " + "f(" * 2_000 + ")" * 2_000,
    "nested lists": "k = " + "[" * 190 + "]" * 190,
    "a long sum": "k = " + " + ".join("a" for _ in range(20_000)),
    "a long elif": "if a == 0:\n    pass\n"
    + "".join(f"elif a == {n}:\n    pass\n" for n in range(3_000)),
    "nested lambdas": "k = " + "lambda: " * 5_000 + "1",
    "nested comparisons": "k = " + "not " * 5_000 + "a",
    "nested f-strings": "k = " + "f'{" * 3 + "1" + "}'" * 3,
    "nested conditions": "k = " + "1 if a else " * 3_000 + "2",
    "a long chain of subscripts": "k = a" + "[0]" * 20_000,
    "a long assignment": " = ".join(f"k{n}" for n in range(20_000)) + " = 1",
}


@pytest.mark.parametrize("deep", DEEP.values(), ids=DEEP.keys())
def test_what_is_too_deep_fails_alone(tmp_path: Path, deep: str) -> None:
    """In a process of its own, as a crash of the interpreter's stack would end this one."""
    bad = f"{HEAD}{deep}\n\n\n{CALL}"
    (tmp_path / "a.py").write_text(bad)
    (tmp_path / "b.py").write_text(HEAD + CALL)
    done = subprocess.run(
        [sys.executable, "-m", "tape_migrate", "--write", "--allow-dirty", "."],
        cwd=tmp_path,
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert done.returncode in (0, 3), done
    assert b"Traceback" not in done.stderr
    assert b"internal error" not in done.stderr, done.stderr
    assert b"GradientTape" in (tmp_path / "b.py").read_bytes()
    now = (tmp_path / "a.py").read_text()
    if done.returncode == 3:
        assert now == bad
        assert done.stderr.startswith(b"a.py: failed: ")
        assert done.stderr.count(b"\n") == 1
    else:
        assert deep in now
        assert "GradientTape" in now


def test_many_files_fail_and_the_rest_goes_on(tmp_path: Path) -> None:
    for number in range(50):
        bad = DEEP["a thousand brackets"] if number % 2 else ""
        (tmp_path / f"m{number:02}.py").write_text(f"{HEAD}{bad}\n\n\n{CALL}")
    result = run([str(tmp_path)], Options(), write=True)
    statuses = [entry.status for entry in result.results]
    assert statuses == [FileStatus.CHANGED, FileStatus.FAILED] * 25
