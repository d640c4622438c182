"""Ctrl-C while a program is being proven."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

SLOW = """import subprocess, sys, time

import tensorflow as tf


def f(x):
    y = x * x
    return tf.gradients(y, x)[0]


child = subprocess.Popen(["sleep", "78.43"])
open(MARK, "w").write("here")
time.sleep(120)
"""


def _interruptible() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_the_program_and_what_it_started_end(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    source = SLOW.replace("MARK", repr(str(mark)))
    (tmp_path / "slow.py").write_text(source, encoding="utf-8")
    with subprocess.Popen(
        [sys.executable, "-m", "tape_migrate", "--write", "--verify", "python slow.py", "slow.py"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=_interruptible,  # noqa: PLW1509
    ) as process:
        deadline = time.monotonic() + 60
        while not mark.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert process.returncode == 130
    listed = subprocess.run(["ps", "-A", "-o", "args"], capture_output=True, text=True, check=True)
    assert "sleep 78.43" not in listed.stdout
    assert (tmp_path / "slow.py").read_text(encoding="utf-8") == source
