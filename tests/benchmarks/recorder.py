"""What the recorder costs a program, and what ``tape-migrate verify`` costs altogether.

    python tests/benchmarks/recorder.py [--rounds N] [--check]

Small training steps, each program once bare and once under the recorder, in turn; the programs
time their own steps. Prints the ratio of the best times, and the CPU seconds of the command beside
those of the two bare programs. With ``--check`` the exit code is 1 if a ratio is above 1.3.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).resolve().parents[2])]
    sys.path[:0] = [str(Path(__file__).resolve().parents[2] / "codemod")]

from tape_migrate.api import migrate_source
from tape_migrate.verify.program.change import FileChange
from tape_migrate.verify.program.plan import Program
from tape_migrate.verify.program.prove import Prover, Request
from tape_migrate.verify.program.side import Setting
from tests.benchmarks.measure import run
from tests.benchmarks.table import text_table

LIMIT = 1.3
STEPS = 1000
BATCH = 10
"""So few that some are never interrupted, on a busy machine too."""

_NET = """
def net(x):
    h = x
    for w in weights:
        h = tf.tanh(tf.matmul(h, w))
    return h
"""

_TIMED = """
import time
for _ in range(20):
    step()
best = float("inf")
for _ in range(STEPS // BATCH):
    began = time.perf_counter()
    for _ in range(BATCH):
        step()
    best = min(best, (time.perf_counter() - began) / BATCH)
open(os.environ["STEP_SECONDS"], "w").write(repr(best))
"""

SESSION = f"""import os
import numpy as np
import tensorflow.compat.v1 as tf

tf.disable_eager_execution()
STEPS, BATCH = {STEPS}, {BATCH}
weights = [tf.Variable(tf.random_normal([64, 64], stddev=0.1)) for _ in range(4)]
x = tf.placeholder(tf.float32, [None, 64])
{_NET}

def penalty(x):
    y = net(x)
    g = tf.gradients(y, x)[0]
    return tf.reduce_mean(g ** 2)


train = tf.train.GradientDescentOptimizer(0.01).minimize(penalty(x))
session = tf.Session()
session.run(tf.global_variables_initializer())
data = np.random.rand(64, 64)


def step():
    session.run(train, {{x: data}})

{_TIMED}"""

FUNCTION = f"""import os
import tensorflow as tf

STEPS, BATCH = {STEPS}, {BATCH}
weights = [tf.Variable(tf.random.normal([64, 64], stddev=0.1)) for _ in range(4)]
{_NET}

@tf.function
def penalty(x):
    y = net(x)
    g = tf.gradients(y, x)[0]
    return tf.reduce_mean(g ** 2)


data = tf.random.uniform([64, 64])


def step():
    penalty(data)

{_TIMED}"""

EAGER = FUNCTION.replace("@tf.function\n", "")

PROGRAMS = (
    ("Session.run", SESSION, "old"),
    ("Session.run, tape in the graph", SESSION, "new"),
    ("tf.function", FUNCTION, "old"),
    ("tf.function, tape", FUNCTION, "new"),
    ("eager, tape", EAGER, "new"),
)


def measure(name: str, source: str, side: str, rounds: int, folder: Path) -> tuple[float, float]:
    """Best seconds a step, bare and recorded."""
    path = folder / "bench.py"
    migration = migrate_source(source.encode())
    assert migration.changed, name
    text = migration.old if side == "old" else migration.new
    path.write_bytes(text)
    change = FileChange("bench.py", migration.old, migration.new, migration.sites)
    request = Request(folder, Program(("bench.py",)), (change,))
    result = folder / "seconds.txt"
    os.environ.update(STEP_SECONDS=str(result), **QUIET)
    bare = recorded = float("inf")
    for number in range(rounds):
        subprocess.run([sys.executable, str(path)], check=True, capture_output=True)
        bare = min(bare, float(result.read_text(encoding="utf-8")))
        prover = Prover(request, folder / f"runs{number}", lambda text: None)
        if side == "old":
            side_run = prover.old_side(Setting(), "as-is")
        else:
            # No random number of an old side is needed to time a step.
            side_run = prover.side("new", Setting(), prover.new_texts(), {}, None)
        assert side_run.ok, side_run.error
        assert sum(len(found) for found in side_run.recorded.evaluations.values()) >= STEPS, name
        recorded = min(recorded, float(result.read_text(encoding="utf-8")))
    return bare, recorded


QUIET = {
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "CUDA_VISIBLE_DEVICES": "-1",
}


def command_cost(folder: Path) -> tuple[float, float]:
    """Processor seconds of two bare runs of a small program, and of ``verify`` of it."""
    path = folder / "small.py"
    path.write_text(
        "import tensorflow as tf\n\n\ndef f(x):\n    y = x * x\n    return tf.gradients(y, x)[0]\n"
        "\n\nwith tf.Graph().as_default():\n    f(tf.constant(2.0))\n",
        encoding="utf-8",
    )
    bare = sum(run([sys.executable, path], env=QUIET).cpu for _ in range(2))
    command = [sys.executable, "-m", "tape_migrate", "verify", "small.py", "--device", "cpu"]
    whole = run(command, cwd=folder, env=QUIET)
    assert whole.exit_code == 0, whole.stdout
    return bare, whole.cpu


def main() -> int:
    """Measure and print; 1 if a ratio is above the limit and that was to be checked."""
    parser = argparse.ArgumentParser(prog="tests/benchmarks/recorder.py")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    rows: list[list[object]] = []
    worst = 0.0
    for name, source, side in PROGRAMS:
        with tempfile.TemporaryDirectory(prefix="tape-migrate-bench-") as folder:
            bare, recorded = measure(name, source, side, options.rounds, Path(folder).resolve())
        worst = max(worst, recorded / bare)
        rows.append([name, f"{bare * 1e3:.2f}", f"{recorded * 1e3:.2f}", f"{recorded / bare:.2f}"])
    print(text_table(("step", "bare, ms", "recorded, ms", "ratio"), rows))
    with tempfile.TemporaryDirectory(prefix="tape-migrate-bench-") as folder:
        bare, whole = command_cost(Path(folder).resolve())
    print(f"verify of a small program: {whole:.1f} s of CPU, two bare runs of it: {bare:.1f} s")
    return int(options.check and worst > LIMIT)


if __name__ == "__main__":
    raise SystemExit(main())
