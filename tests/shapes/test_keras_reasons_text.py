"""The whole text of Keras programs in which one detail decides whether the graph can move."""

from __future__ import annotations

import pytest
from pytest_regressions.file_regression import FileRegressionFixture

from .texts import KERAS, check

PROGRAMS = {
    "an_optimizer_that_does_not_clip": """
        def run(model, image):
            opt = tf.keras.optimizers.SGD(0.1, momentum=0.9)
            loss = K.mean(model.output)
            grads = opt.get_gradients(loss, [model.input])
            return K.function([model.input], grads)([image])
        """,
    "an_optimizer_that_clips": """
        def run(model, image):
            opt = tf.keras.optimizers.SGD(0.1, clipnorm=1.0)
            loss = K.mean(model.output)
            grads = opt.get_gradients(loss, [model.input])
            return K.function([model.input], grads)([image])
        """,
    "a_placeholder_that_is_used_elsewhere": """
        def run(model, image, probe):
            weight = K.placeholder((1,))
            loss = K.mean(model.output * weight)
            grads = K.gradients(loss, model.input)
            f = K.function([model.input, weight], grads)
            return f([image, [1.0]]), probe(weight)
        """,
    "a_number_that_is_bound_again": """
        def run(model, image):
            layer = model.layers[-1].output
            scale = 1.0
            loss = K.mean(layer) * scale
            scale = 2.0
            grads = K.gradients(loss, model.input)
            return K.function([model.input], grads)([image]), scale
        """,
    "a_number_that_is_the_same": """
        def run(model, image):
            layer = model.layers[-1].output
            scale = 1.0
            loss = K.mean(layer) * scale
            grads = K.gradients(loss, model.input)
            return K.function([model.input], grads)([image]), scale
        """,
    "an_input_that_is_handed_in": """
        def run(x, y, image):
            loss = K.mean(y)
            grads = K.gradients(loss, x)[0]
            return K.function([x], [grads])([image])
        """,
    "layers_by_names_that_are_seen": """
        def run(model, image):
            layers = {layer.name: layer for layer in model.layers}
            names = ["first", "second"]
            loss = K.variable(0.0)
            for name in names:
                loss = loss + K.mean(layers[name].output)
            grads = K.gradients(loss, model.input)
            return K.function([model.input], grads)([image])
        """,
    "layers_by_names_that_are_handed_in": """
        def run(model, image, names):
            layers = {layer.name: layer for layer in model.layers}
            loss = K.variable(0.0)
            for name in names:
                loss = loss + K.mean(layers[name].output)
            grads = K.gradients(loss, model.input)
            return K.function([model.input], grads)([image])
        """,
    "layers_by_names_made_in_the_graph": """
        def run(model, image, pick):
            layers = {layer.name: layer for layer in model.layers}
            loss = K.mean(model.output)
            for name in pick(loss):
                loss = loss + K.mean(layers[name].output)
            grads = K.gradients(loss, model.input)
            return K.function([model.input], grads)([image])
        """,
    "a_helper_that_gives_what_a_lambda_makes": """
        def _loss_of(model):
            return (lambda v: K.mean(v))(model.output)


        def run(model, image):
            loss = _loss_of(model)
            grads = K.gradients(loss, model.input)
            return K.function([model.input], grads)([image])
        """,
    "a_helper_with_names_of_its_caller": """
        def run(model, image):
            scale = 3.0

            def loss_of(net):
                scale = 2.0
                total = K.mean(net.output) * scale
                return total

            loss = loss_of(model)
            grads = K.gradients(loss, model.input)
            total = K.function([model.input], grads)([image])
            return total, scale
        """,
    "an_output_that_is_an_input": """
        def run(image):
            x = tf.keras.Input((3,))
            h = tf.keras.layers.Dense(2)(x)
            model = tf.keras.Model(x, [x, h])
            first, second = model.outputs
            grads = K.gradients(K.mean(second), model.input)
            return K.function([model.input], [first, *grads])([image])
        """,
    "an_attribute_that_only_the_graph_reads": """
        class Net:
            def build(self, model):
                self.loss = K.mean(model.output)
                grads = K.gradients(self.loss, model.input)
                self.step = K.function([model.input], grads)

            def run(self, image):
                return self.step([image])
        """,
    "an_attribute_that_others_read": """
        class Net:
            def build(self, model):
                self.loss = K.mean(model.output)
                grads = K.gradients(self.loss, model.input)
                self.step = K.function([model.input], grads)

            def run(self, image):
                return self.step([image]), self.loss
        """,
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_text(name: str, file_regression: FileRegressionFixture) -> None:
    check(name, PROGRAMS[name], file_regression, head=KERAS, closed=False)
