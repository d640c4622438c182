"""Which expressions of a Keras program are plain, which Keras tensors, which graph tensors."""

from __future__ import annotations

import ast
import textwrap

import pytest

from tape_migrate.module import Module
from tape_migrate.shapes.keras_levels import Levels
from tape_migrate.shapes.keras_values import Level

HEAD = """\
import numpy as np
import tensorflow as tf
from keras import backend as K
from keras.layers import Add, Dense, Input, add
from keras.models import Model, Sequential

def norm(t):
    return t / K.sqrt(K.mean(t))

def pair(t):
    return [t, t]

def block(t):
    return Dense(3)(Dense(4)(t))

"""


def level(body: str, expr: str) -> tuple[str, bool]:
    """Level of ``expr``, passed to ``probe`` at the end of a function of a model and an image."""
    text = HEAD + "def f(model, image, names, layer_dict):\n"
    text += textwrap.indent(textwrap.dedent(body).strip() + f"\nprobe({expr})\n", "    ")
    module = Module(text.encode())
    call = next(
        n for n in ast.walk(module.tree)
        if isinstance(n, ast.Call) and ast.unparse(n.func) == "probe"
    )  # fmt: skip
    value = Levels.of(module).value(call.args[0])
    return value.level.name, value.holds


@pytest.mark.parametrize(
    "expr",
    [
        "image",
        "model",
        "1 + 2",
        "model.layers",
        "model.get_layer('a')",
        "len(model.outputs)",
        "model.output.shape",
        "K.int_shape(model.output)[1]",
        "K.epsilon()",
        "K.variable(0.0)",
        "'a' in layer_dict",
        "model.output is None",
        "K.function([model.input], [model.output])",
        "K.function([model.input], [model.output])([image])",
        "K.get_session().run(model.output, {model.input: image})",
        "norm(image)",
        "np.mean(image)",
    ],
)
def test_plain(expr: str) -> None:
    assert level("pass", expr)[0] == "PLAIN"


@pytest.mark.parametrize(
    ("expr", "holds"),
    [
        ("model.output", False),
        ("model.input", False),
        ("model.outputs", True),
        ("model.outputs[0]", False),
        ("model.input[1]", False),
        ("layer_dict['a'].output", False),
        ("model.layers[-1].output", False),
        ("Input(shape=(3,))", False),
        ("Dense(3)(model.output)", False),
        ("add([model.output, model.input])", False),
        ("block(model.output)", False),
        ("[layer.output for layer in model.layers]", True),
        ("{l.name: l.output for l in model.layers}", True),
        ("dict([(l.name, l.output) for l in model.layers])", True),
        ("pair(model.output)", True),
    ],
)
def test_keras_tensors(expr: str, holds: bool) -> None:
    assert level("pass", expr) == ("KERAS", holds)


@pytest.mark.parametrize(
    "expr",
    [
        "model.output[:, 0]",
        "model.output * 2",
        "-model.output",
        "K.mean(model.output)",
        "tf.reduce_sum(model.output)",
        "norm(model.output)",
        "pair(model.output)[0] + 1",
        "K.gradients(K.sum(model.output), model.input)",
        "K.placeholder((1, 3))",
        "K.learning_phase()",
        "Dense(3)(K.square(model.output))",
        "[K.mean(o) for o in model.outputs]",
    ],
)
def test_graph_tensors(expr: str) -> None:
    assert level("pass", expr)[0] == "GRAPH"


def test_names_have_the_level_of_what_reaches_them() -> None:
    body = """
        x = model.output
        y = K.sum(x)
        x = image
        """
    assert level(body, "x") == ("PLAIN", False)
    assert level(body, "y") == ("GRAPH", False)


def test_losses_that_grow_in_a_loop() -> None:
    body = """
        loss = K.variable(0.0)
        for name in names:
            loss = loss + K.sum(layer_dict[name].output)
        """
    assert level(body, "loss") == ("GRAPH", False)
    assert level(body, "name") == ("PLAIN", False)


def test_lists_hold_what_is_put_into_them() -> None:
    body = """
        outputs = []
        outputs.append(K.sum(model.output))
        table = {}
        table['a'] = model.output
        """
    assert level(body, "outputs") == ("GRAPH", True)
    assert level(body, "table") == ("KERAS", True)


def test_parameters_have_the_level_of_their_callers() -> None:
    text = HEAD + textwrap.dedent("""
        def gradient(tensor, index):
            probe(tensor, index)

        def g(model):
            gradient(model.get_layer('a').output, 3)
        """)
    module = Module(text.encode())
    call = next(
        n for n in ast.walk(module.tree)
        if isinstance(n, ast.Call) and ast.unparse(n.func) == "probe"
    )  # fmt: skip
    found = [Levels.of(module).value(arg).level for arg in call.args]
    assert found == [Level.KERAS, Level.PLAIN]


def test_attributes_have_the_level_of_what_the_class_assigns() -> None:
    text = HEAD + textwrap.dedent("""
        class Net:
            def __init__(self, model):
                self.model = model
                self.out = model.output
                self.loss = K.mean(self.out)

            def use(self):
                probe(self.model, self.out, self.loss)
        """)
    module = Module(text.encode())
    call = next(
        n for n in ast.walk(module.tree)
        if isinstance(n, ast.Call) and ast.unparse(n.func) == "probe"
    )  # fmt: skip
    found = [Levels.of(module).value(arg).level for arg in call.args]
    assert found == [Level.PLAIN, Level.KERAS, Level.GRAPH]
