"""Programs whose old side runs on the TensorFlow it was written for.

Set TAPE_MIGRATE_PYTHON37 to the path of a Python 3.7 with TensorFlow 1.15 and keras 2.3.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.verify.program.programs import SCRIPT, SESSION, prove

PYTHON = os.environ.get("TAPE_MIGRATE_PYTHON37")

pytestmark = pytest.mark.skipif(
    not PYTHON, reason="not run: no Python 3.7 with TensorFlow 1.15 (TAPE_MIGRATE_PYTHON37)"
)

KERAS = """import keras
import numpy as np
from keras import backend as K
from keras.layers import Conv2D, Dense, Flatten, Input
from keras.models import Model

image = Input(shape=(8, 8, 3))
x = Conv2D(4, (3, 3), activation="relu")(image)
x = Dense(5, activation="softmax")(Flatten()(x))
model = Model(image, x)


def ascend(picture, index):
    loss = K.mean(model.output[:, index])
    grads = K.gradients(loss, model.input)[0]
    grads /= K.sqrt(K.mean(K.square(grads))) + 1e-5
    iterate = K.function([model.input], [loss, grads])
    for _ in range(3):
        loss_value, grads_value = iterate([picture])
        picture = picture + grads_value * 0.1
    return picture


print(ascend(np.random.rand(1, 8, 8, 3).astype("float32"), 2).sum())
"""


@pytest.mark.parametrize(
    ("source", "evaluations"),
    [(SCRIPT, 1), (SESSION, 3), (KERAS, 3)],
    ids=["script", "session", "keras"],
)
def test_a_program_agrees_with_itself_on_todays_tensorflow(
    source: str, evaluations: int, tmp_path: Path
) -> None:
    (tmp_path / "program.py").write_text(source, encoding="utf-8")
    data, code = prove(tmp_path, "program.py", old_python=PYTHON)
    assert code == 0, data
    (device,) = data["devices"]
    assert device["old"]["tensorflow"].startswith("1.15")
    assert device["new"]["tensorflow"].startswith("2.")
    (site,) = device["sites"]
    assert site["evaluations"]["old"] == evaluations


def test_a_wrong_migration_is_caught_across_versions(tmp_path: Path) -> None:
    late = SCRIPT.replace(
        "    y = tf.sin(x) * x\n    g = tf.gradients(y, x)[0]\n",
        "    s = tf.sin(x)\n    with tf.GradientTape() as tape:\n        tape.watch(x)\n"
        "        y = s * x\n    g = tape.gradient(y, x)\n",
    )
    (tmp_path / "old.py").write_text(SCRIPT, encoding="utf-8")
    (tmp_path / "new.py").write_text(late, encoding="utf-8")
    data, code = prove(tmp_path, old_file="old.py", new_file="new.py", old_python=PYTHON)
    assert code == 1
    assert data["devices"][0]["sites"][0]["verdict"] == "different"
