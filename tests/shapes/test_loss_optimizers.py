"""An optimizer that several models are compiled with is said: since TensorFlow 2.11 that raises."""

from __future__ import annotations

import pytest

from tests.shapes.test_loss_closure import CLASS, outcome

_SAID = "assumes TensorFlow before 2.11 for optimizer, which is given to several models"
_MADE = "        self.latent_dim = 2\n"


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        ("'sgd'", "'sgd'", False),
        ("optimizer", "'sgd'", False),
        ("optimizer", "SGD(0.01)", False),
        ("SGD(0.01)", "SGD(0.01)", False),
        ("optimizer", "other", False),
        ("optimizer", "optimizer", True),
    ],
)
def test_an_optimizer_of_two_models(first: str, second: str, said: bool) -> None:
    made = _MADE + "        optimizer, other = SGD(0.01), SGD(0.01)\n"
    source = CLASS.replace(_MADE, made)
    source = source.replace("import numpy", "from keras.optimizers import SGD\nimport numpy")
    parts = source.split("optimizer='sgd'")
    assert len(parts) == 3
    source = f"{parts[0]}optimizer={first}{parts[1]}optimizer={second}{parts[2]}"
    shape, message = outcome(source)
    assert shape == "loss-closure"
    assert (_SAID in message) == said
