"""Symbolic tensors of Keras models are refused; models that are called are not."""

from __future__ import annotations

import pytest

from tests.migrating import codes, refused


@pytest.mark.parametrize(
    "program",
    [
        "grads = K.gradients(model.output, model.input)",
        "grads = K.gradients(model.outputs[0], model.inputs)",
        "loss = K.mean(model.output[:, 3])\ngrads = K.gradients(loss, model.input)[0]",
        "layer = model.get_layer('conv')\ngrads = K.gradients(model.output, layer.output)[0]",
        "loss = K.mean(model.get_layer('conv').output)\ngrads = K.gradients(loss, model.input)[0]",
        "x = tf.keras.Input([3])\ny = tf.keras.layers.Dense(2)(x)\ngrads = K.gradients(y, x)",
        "x = tf.keras.layers.Input([3])\ny = model(x)\ngrads = K.gradients(y, x)",
        "x = K.placeholder([3])\ny = K.sum(x)\ngrads = K.gradients(y, x)",
        "loss = K.variable(0.0)\nfor n in names:\n    loss = loss + K.sum(layers[n].output)\n"
        "grads = K.gradients(loss, model.input)[0]",
    ],
)
@pytest.mark.parametrize("inside", [False, True])
def test_keras_graphs(program: str, inside: bool) -> None:
    if inside:
        lines = "".join(f"    {line}\n" for line in program.splitlines())
        program = f"def f(model, names, layers):\n{lines}    return grads"
    site = refused(program + "\n")
    assert site.code == "TM107"


def test_a_model_that_is_called_is_a_function() -> None:
    assert codes("def f(model, x):\n    y = model(x)\n    return tf.gradients(y, x)\n") == [None]
