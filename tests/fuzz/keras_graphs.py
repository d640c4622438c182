"""Keras graphs: gradients of a model's symbolic tensors, compiled by ``K.function``."""

from __future__ import annotations

import random

from tests.fuzz.program import Program

_HEAD = """\
import numpy as np
import tensorflow as tf
from tensorflow.keras import backend as K
from tensorflow.keras.layers import Add, BatchNormalization, Conv2D, Dense, Dropout, Flatten, Input
from tensorflow.keras.models import Model
"""

_POST = (
    ("normalised", "{g} = {g} / (K.sqrt(K.mean(K.square({g}))) + 1e-5)"),
    ("absolute", "{g} = K.abs({g})"),
    ("clipped", "{g} = K.clip({g}, -0.1, 0.1)"),
    ("scaled", "{g} *= 2.0"),
)


def draw_keras(rng: random.Random) -> Program:
    """A program that builds a small model and differentiates its tensors."""
    used = {"Keras graph"}
    build, layers, outputs = _model(rng, used)
    lines = ["model = build()"]
    results: list[str] = []
    for index in range(rng.choice((1, 1, 1, 2))):
        lines += _gradient(rng, used, layers, outputs, index, results)
    form = rng.choice(("plain", "phase", "list", "inline", "method"))
    used.add(f"K.function: {form}")
    inputs = "[model.input, K.learning_phase()]" if form == "phase" else "[model.input]"
    given = "[data, 0]" if form == "phase" else "[data]"
    fetched = ", ".join(results)
    if form == "inline":
        lines.append(f"values = K.function({inputs}, [{fetched}])({given})")
    else:
        lines.append(f"compute = K.function({inputs}, [{fetched}])")
        if rng.random() < 0.3:
            used.add("K.function called in a loop")
            lines += [
                "for _ in range(2):",
                f"    values = compute({given})",
                "    data = data + 0.1 * np.mean(values[-1])",
            ]
        lines.append(f"values = compute({given})")
    lines.append("return [np.asarray(value) for value in values]")
    body = [f"    {line}" for line in lines]
    if rng.random() < 0.3:
        body = [line + (f"  # step {i}" if i % 2 else "") for i, line in enumerate(body)]
        used.add("layout: comments")
    source = "\n".join([_HEAD, "", *build, "", "", "def main(data, flag, n):", *body, ""])
    return Program(source, frozenset(used), flag=rng.random() < 0.7, arrays=True)


def _model(rng: random.Random, used: set[str]) -> tuple[list[str], list[str], int]:
    """Statements that build a model, names of its layers, and the size of its output."""
    lines = ["def build():", "    inputs = Input(shape=(6, 6, 2))"]
    names: list[str] = []
    previous = "inputs"
    for index in range(rng.randint(1, 2)):
        name = f"conv{index}"
        kind = rng.choice(("tanh", "sigmoid", "softplus"))
        lines.append(
            f"    {name} = Conv2D(2, 3, padding='same', activation='{kind}', name='{name}')"
            f"({previous})"
        )
        names.append(name)
        if index and rng.random() < 0.4:
            used.add("skip connection")
            lines.append(f"    {name} = Add(name='sum{index}')([{name}, {previous}])")
        if rng.random() < 0.2:
            used.add("batch normalisation")
            lines.append(f"    {name} = BatchNormalization(name='norm{index}')({name})")
        if rng.random() < 0.2:
            used.add("dropout")
            lines.append(f"    {name} = Dropout(0.5, name='drop{index}')({name})")
        previous = name
    size = rng.choice((1, 3))
    lines += [
        f"    flat = Flatten()({previous})",
        f"    outputs = Dense({size}, activation='{rng.choice(('tanh', 'softmax', 'linear'))}', "
        "name='head')(flat)",
        "    model = Model(inputs, outputs)",
        "    rng = np.random.RandomState(3)",
        "    model.set_weights([rng.uniform(0.1, 0.6, w.shape) for w in model.get_weights()])",
        "    return model",
    ]
    return lines, names, size


def _gradient(
    rng: random.Random,
    used: set[str],
    layers: list[str],
    size: int,
    index: int,
    results: list[str],
) -> list[str]:
    loss, grad = f"loss{index}", f"grad{index}"
    column = rng.randrange(size)
    layer = rng.choice(layers)
    target, what = rng.choice(
        (
            (f"model.output[:, {column}]", "column of the output"),
            (f"model.output[0, {column}]", "entry of the output"),
            ("K.mean(model.output)", "mean of the output"),
            ("K.sum(K.square(model.output))", "sum of squares"),
            (f"K.mean(model.get_layer('{layer}').output[:, :, :, 0])", "activation of a layer"),
        )
    )
    used.add(f"Keras target: {what}")
    lines = [f"{loss} = {target}"]
    if rng.random() < 0.4 and what != "activation of a layer":
        used.add("Keras source: layer")
        source = f"conv_output{index}"
        lines.append(f"{source} = model.get_layer('{layer}').output")
        results.append(source)
    else:
        used.add("Keras source: input")
        source = "model.input"
    spelled = rng.choice(("K.gradients", "K.gradients", "tf.gradients"))
    used.add(f"spelled {spelled}")
    call = f"{spelled}({loss}, {source})"
    lines.append(rng.choice((f"{grad} = {call}[0]", f"{grad}, = {call}")))
    if rng.random() < 0.4:
        name, text = rng.choice(_POST)
        used.add(f"Keras gradient {name}")
        lines.append(text.format(g=grad))
    if rng.random() < 0.5:
        results.append(loss)
    results.append(grad)
    return lines
