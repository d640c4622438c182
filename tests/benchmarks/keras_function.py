"""What a call of the generated function costs against the old ``K.function``.

    python tests/benchmarks/keras_function.py [--check]

Grad-CAM as in the fixtures, on MobileNetV2 (96 × 96, random weights) and on a tiny model: the old
code in a graph on Keras 2, its migration eagerly on Keras 2 and on Keras 3. Each side runs in its
own process; the processes take turns, and the figures are CPU seconds a call (median over turns).
Needs TensorFlow and tf_keras. With ``--check`` exit code 1 if a ratio is above its target.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
if __name__ == "__main__":
    sys.path[0] = str(ROOT)
    sys.path.insert(1, str(ROOT / "codemod"))

from tape_migrate.api import migrate_source  # noqa: E402
from tests.benchmarks.table import text_table  # noqa: E402

TARGETS = {
    ("MobileNetV2", "Keras 2"): 1.2,
    ("MobileNetV2", "Keras 3"): 1.3,
    ("tiny", "Keras 2"): 1.5,
    ("tiny", "Keras 3"): 1.5,
}
SIZES = {"MobileNetV2": ("Conv_1", 30), "tiny": ("conv", 400)}
TURNS = 3

_PROGRAM = """
from tensorflow.keras import backend as K


def compile_grad_cam(model, layer_name):
    conv_output = model.get_layer(layer_name).output
    loss = K.sum(model.output[:, 1])
    grads = K.gradients(loss, conv_output)[0]
    return K.function([model.input], [conv_output, grads])
"""

_DRIVER = """
import sys, time
import numpy as np
import tensorflow as tf
side, program, size, layer, calls = sys.argv[1:]
if side == "old":
    tf.compat.v1.disable_eager_execution()
np.random.seed(0)
if size == "tiny":
    L = tf.keras.layers
    image = tf.keras.Input((8, 8, 3))
    h = L.Conv2D(4, 3, activation="relu", name="conv")(image)
    model = tf.keras.Model(image, L.Dense(3)(L.Flatten()(h)))
    x = np.random.rand(1, 8, 8, 3)
else:
    model = tf.keras.applications.MobileNetV2(weights=None, input_shape=(96, 96, 3))
    x = np.random.rand(4, 96, 96, 3)
space = {}
exec(open(program).read(), space)
f = space["compile_grad_cam"](model, layer)
for _ in range(5):
    f([x])
start = time.process_time()
for _ in range(int(calls)):
    f([x])
print((time.process_time() - start) / int(calls))
"""


def main(argv: list[str] | None = None) -> int:
    """Run every side in turns and print the table; see the module's docstring."""
    parser = argparse.ArgumentParser(prog="tests/benchmarks/keras_function.py")
    parser.add_argument("--check", action="store_true", help="exit with 1 above a target")
    options = parser.parse_args(argv)
    migration = migrate_source(_PROGRAM.encode(), path="grad_cam.py")
    assert migration.changed, migration.sites
    rows: list[list[object]] = []
    missed = False
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "old.py").write_text(_PROGRAM, encoding="utf-8")
        (folder / "new.py").write_bytes(migration.new)
        (folder / "driver.py").write_text(_DRIVER, encoding="utf-8")
        for size in SIZES:
            seconds: dict[str, list[float]] = {"old": [], "Keras 2": [], "Keras 3": []}
            for _ in range(TURNS):
                for side, found in seconds.items():
                    found.append(_run(folder, side, size))
            old = statistics.median(seconds["old"])
            for side in ("Keras 2", "Keras 3"):
                ratio = statistics.median(seconds[side]) / old
                target = TARGETS[size, side]
                missed = missed or ratio > target
                new = statistics.median(seconds[side])
                times = [f"{value * 1e3:.2f}" for value in (old, new)]
                rows.append([size, side, *times, f"{ratio:.2f}", f"{target:.2f}", ratio <= target])
    header = ("model", "new side", "old ms", "new ms", "ratio", "target", "reached")
    print(text_table(header, rows))
    return int(options.check and missed)


def _run(folder: Path, side: str, size: str) -> float:
    layer, calls = SIZES[size]
    environment = {
        **os.environ,
        "TF_ENABLE_ONEDNN_OPTS": "0",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "-1",
        "TF_USE_LEGACY_KERAS": "0" if side == "Keras 3" else "1",
    }
    program = "old.py" if side == "old" else "new.py"
    command = [sys.executable, "driver.py", side, program, size, layer, str(calls)]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{size}, {side}: {done.stderr[-2000:]}")
    return float(done.stdout.split()[-1])


if __name__ == "__main__":
    raise SystemExit(main())
