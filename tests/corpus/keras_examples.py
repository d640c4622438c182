"""Run a step of published Keras programs, before and after, and compare the numbers.

    python tests/corpus/keras_examples.py [--cache DIR]

Downloads two releases (once), migrates deep_dream, neural_style_transfer, neural_doodle and
conv_filter_visualization of Keras 2.3.1's examples and eli5 0.10.1's Grad-CAM (whose graph goes
through three functions) in memory, and runs each with random weights on a small random image:
the old program in a graph on Keras 2, the new one eagerly on Keras 3 and on Keras 2. What is
compared are the loss and the gradients of one evaluation (for the filters: the images after two
steps of gradient ascent). Needs TensorFlow, tf_keras, scipy and pillow. Exit code 1 if a program
is not migrated, or a number differs by more than 2e-5 of the largest.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
if __name__ == "__main__":
    sys.path[0] = str(ROOT)
    sys.path.insert(1, str(ROOT / "codemod"))

from tape_migrate.api import migrate_source  # noqa: E402
from tests.benchmarks.table import text_table  # noqa: E402
from tests.corpus.fetch import default_cache, fetch, unpack  # noqa: E402
from tests.corpus.releases import load_releases  # noqa: E402

_RTOL = 2e-5


@dataclass(frozen=True)
class Example:
    """One program, where it is cut off, and what is evaluated then."""

    name: str
    argv: tuple[str, ...]
    until: str
    """The line before which it is cut off; all of it is run where that is empty."""
    then: str
    """Code that leaves the arrays to compare in ``results``."""
    release: str = "Keras"
    folder: str = "examples"


_EVALUATE = "results = eval_loss_and_grads(x.flatten())"
EXAMPLES = (
    Example(
        "deep_dream",
        ("image.png", "out"),
        "for shape in successive_shapes:",
        "results = fetch_loss_and_grads([img]) + [eval_loss_and_grads(img)[1]]",
    ),
    Example(
        "neural_style_transfer", ("image.png", "image.png", "out"),
        "for i in range(iterations):", _EVALUATE,
    ),
    Example(
        "neural_doodle",
        (
            *("--nlabels", "2", "--style-image", "image.png", "--style-mask", "mask.png"),
            *("--target-mask", "mask.png", "--content-image", "image.png"),
            *("--target-image-prefix", "out"),
        ),
        "for i in range(num_iterations):",
        _EVALUATE,
    ),
    Example(
        "conv_filter_visualization",
        (),
        "if __name__ == '__main__':",
        """results = []
_deprocess = deprocess_image
def deprocess_image(x):
    results.append(np.copy(x))
    return _deprocess(x)
visualize_layer(vgg16.VGG16(weights='imagenet', include_top=False), 'block2_conv1', epochs=2,
                upscaling_steps=1, output_dim=(16, 16), filter_range=(0, 4))""",
    ),
    Example(
        "gradcam",
        (),
        "",
        """from keras.layers import Conv2D, Dense, Flatten, Input
image = Input((8, 8, 3))
maps = Conv2D(4, 3, activation='tanh', name='conv')(image)
model = Model(image, Dense(3, activation='softmax')(Flatten()(maps)))
rng = np.random.RandomState(0)
model.set_weights([rng.normal(0, 0.3, w.shape) for w in model.get_weights()])
doc = rng.normal(size=(1, 8, 8, 3))
results = []
for targets in (None, [1]):
    results += gradcam_backend(model, doc, targets, model.get_layer('conv'))
""",
        release="eli5",
        folder="eli5/keras",
    ),
)  # fmt: skip

_DRIVER = """
import sys
import numpy as np
side, path, cut, then, out, *sys.argv = sys.argv[1:]
import tensorflow as tf
if side != "new3":
    sys.path.insert(0, {worker!r})
    import worker_world
    worker_world.tf = tf
    assert worker_world.use_keras_2() is None
if side == "old":
    tf.compat.v1.disable_eager_execution()
np.random.seed(1)
import importlib
for name, maker in (("vgg16", "VGG16"), ("vgg19", "VGG19"), ("inception_v3", "InceptionV3")):
    module = importlib.import_module("keras.applications." + name)
    def build(*args, _maker=getattr(module, maker), maker=maker, **kwargs):
        model = _maker(*args, **dict(kwargs, weights=None))
        rng = np.random.RandomState(0)
        scale = lambda w: np.sqrt(2.0 / np.prod(w.shape[:-1])) if w.ndim > 1 else 0.01
        model.set_weights([
            np.abs(rng.normal(1, 0.1, w.shape)) if w.ndim == 1 and "V3" in maker
            else rng.normal(0, scale(w), w.shape) for w in model.get_weights()
        ])
        return model
    setattr(module, maker, build)
with open(path) as file:
    text = file.read()
at = text.index("\\n" + cut) + 1 if cut else len(text)
text = text[:at].replace("img_nrows = 400", "img_nrows = 40")
space = {{"__name__": "program"}}
exec(compile(text, path, "exec"), space)
exec(then, space)
np.savez(out, *[np.asarray(value) for value in space["results"]])
"""


def main(argv: list[str] | None = None) -> int:
    """Run everything; see the module's docstring."""
    parser = argparse.ArgumentParser(prog="tests/corpus/keras_examples.py")
    parser.add_argument("--cache", type=Path, default=default_cache())
    options = parser.parse_args(argv)
    releases = {r.name: r for r in load_releases()}
    rows: list[list[object]] = []
    problems: list[str] = []
    with tempfile.TemporaryDirectory() as folder_name:
        folder = Path(folder_name)
        for name in sorted({example.release for example in EXAMPLES}):
            unpack(fetch(releases[name], options.cache), folder / name)
        (folder / "driver.py").write_text(
            _DRIVER.format(worker=str(ROOT / "codemod/tape_migrate/verify")), encoding="utf-8"
        )
        _images(folder)
        for example in EXAMPLES:
            found = next((folder / example.release).rglob(f"{example.folder}/{example.name}.py"))
            old = found.read_bytes()
            migration = migrate_source(old, path=found.name)
            if not all(site.outcome.value == "migrated" for site in migration.sites):
                problems.append(f"{example.name}: not migrated: {migration.sites}")
                continue
            (folder / "old.py").write_bytes(old)
            (folder / "new.py").write_bytes(migration.new)
            sides = {side: _run(example, side, folder) for side in ("old", "new3", "new2")}
            for side in ("new3", "new2"):
                pairs = zip(sides["old"], sides[side], strict=True)
                worst = max(_distance(old_value, new_value) for old_value, new_value in pairs)
                equal = worst <= _RTOL
                rows.append([example.name, side, len(sides[side]), f"{worst:.1e}", equal])
                if not equal:
                    problems.append(f"{example.name}: {side} differs by {worst:.1e}")
    print(text_table(("program", "new side", "arrays", "worst error", "equal"), rows))
    for problem in problems:
        print(problem)
    return int(bool(problems))


def _images(folder: Path) -> None:
    from PIL import Image  # noqa: PLC0415

    rng = np.random.RandomState(0)
    noise = rng.randint(0, 255, (90, 90, 3)).astype("uint8")
    Image.fromarray(noise).save(folder / "image.png")
    mask = rng.randint(0, 60, (40, 40, 3)).astype("uint8")
    mask[:, 20:] += 180
    Image.fromarray(mask).save(folder / "mask.png")


def _run(example: Example, side: str, folder: Path) -> list[np.ndarray]:
    out = folder / "out.npz"
    out.unlink(missing_ok=True)
    environment = {
        **os.environ,
        "TF_ENABLE_ONEDNN_OPTS": "0",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "-1",
    }
    if side != "new3":
        environment["TF_USE_LEGACY_KERAS"] = "1"
    program = "old.py" if side == "old" else "new.py"
    done = subprocess.run(
        [
            sys.executable,
            "driver.py",
            side,
            program,
            example.until,
            example.then,
            str(out),
            "program",
            *example.argv,
        ],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode or not out.exists():
        raise SystemExit(f"{example.name}, {side}: {done.stderr[-3000:]}")
    with np.load(out) as arrays:
        return [arrays[name] for name in arrays.files]


def _distance(old: np.ndarray, new: np.ndarray) -> float:
    if old.shape != new.shape or not np.any(old):
        return float("inf")
    return float(np.max(np.abs(old - new)) / np.max(np.abs(old)))


if __name__ == "__main__":
    raise SystemExit(main())
