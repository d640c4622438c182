"""The whole text of Keras programs that keep their graph or their functions for later."""

from __future__ import annotations

import pytest
from pytest_regressions.file_regression import FileRegressionFixture

from .texts import KERAS, check

PROGRAMS = {
    "compiled_by_another_method": """
        class Net:
            def __init__(self, model):
                self.model = model
                self.rate = 1.0

            def build(self):
                self.loss = K.mean(self.model.output)
                self.grads = K.gradients(self.loss, self.model.input)

            def compile(self):
                self.f = K.function([self.model.input], [self.loss] + self.grads)

            def faster(self):
                self.rate = 2.0
        """,
    "model_set_again": """
        class Net:
            def __init__(self, model):
                self.model = model

            def build(self):
                self.loss = K.mean(self.model.output)
                self.grads = K.gradients(self.loss, self.model.input)

            def compile(self):
                self.f = K.function([self.model.input], [self.loss] + self.grads)

            def replace(self, model):
                self.model = model
        """,
    "kept_by_another_class": """
        class Maker:
            def make(self, model):
                self.grads = K.gradients(K.mean(model.output), model.input)


        class User:
            def use(self, model, image):
                return K.function([model.input], self.grads)([image])
        """,
    "kept_in_a_block": """
        class Net:
            def __init__(self, model):
                self.model = model

            def build(self, flag):
                self.grads = []
                if flag:
                    self.grads = K.gradients(K.mean(self.model.output), self.model.input)

            def compile(self):
                self.f = K.function([self.model.input], self.grads)
        """,
    "compiled_once_in_a_module": """
        model = make()
        grads = K.gradients(K.mean(model.output), model.input)


        def run(image):
            return K.function([model.input], grads)([image])
        """,
    "compiled_in_a_module_that_has_the_name": """
        model = make()
        gradient_function = None
        grads = K.gradients(K.mean(model.output), model.input)


        def run(image):
            return K.function([model.input], grads)([image])
        """,
    "compiled_in_a_module_that_sets_the_model": """
        model = make()
        grads = K.gradients(K.mean(model.output), model.input)


        def run(image):
            return K.function([model.input], grads)([image])


        def renew():
            global model
            model = make()
        """,
    "functions_in_a_returned_list": """
        def run(model):
            return [
                K.function([model.input], K.gradients(model.output[:, i], model.input))
                for i in range(3)
            ]
        """,
    "functions_in_a_dict": """
        def run(model, names):
            self.table = table = {}
            table = {n: K.function([model.input], K.gradients(model.output[:, i], model.input))
                     for i, n in enumerate(names)}
            return table
        """,
    "functions_for_a_parameter": """
        def run(model, i):
            found = [
                K.function([model.input], K.gradients(model.output[:, i], model.input))
                for i in range(3)
            ]
            return found, i
        """,
    "statements_apart": """
        def run(model, image):
            # the loss
            loss = K.mean(model.output)
            weight = K.sum(model.output)

            # weighed

            total = loss * weight
            grads = K.gradients(total, model.input)

            f = K.function([model.input], grads)  # compiled

            return f([image])
        """,
    "the_name_of_the_backend_elsewhere": """
        def other(K):
            return K.anything(1)


        def run(model, image):
            loss = tf.reduce_mean(model.output)
            grads = K.gradients(loss, model.input)
            return K.function([model.input], grads)([image])
        """,
    "pairs_of_a_loop": """
        def run(model, image):
            loss = 0.0
            for pair in enumerate(model.outputs):
                loss += pair[0] * K.sum(pair[1])
            grads = K.gradients(loss, model.input)
            return K.function([model.input], grads)([image])
        """,
    "a_model_that_is_compiled_in_between": """
        def run(model, image, path, log):
            loss = K.mean(model.output)
            model.compile("sgd", "mse")
            model.load_weights(path)
            grads = K.gradients(loss, model.input)
            log(model)
            return K.function([model.input], grads)([image])
        """,
    "a_scale_that_changes_in_between": """
        def run(model, image, scale):
            loss = K.mean(model.output) * scale[0]
            scale[0] = 3.0
            grads = K.gradients(loss, model.input)
            return K.function([model.input], grads)([image])
        """,
    "inputs_and_outputs_by_name": """
        def run(model, image):
            given = [model.input]
            out = model.output
            grads = K.gradients(K.mean(out), given[0])
            wanted = [out] + grads
            f = K.function(given, wanted)
            return f([image])
        """,
    "a_model_that_is_not_fed": """
        def run(model, image):
            pixels = K.placeholder((None, 3))
            loss = K.mean(model.output) * K.sum(pixels)
            grads = K.gradients(loss, pixels)
            return K.function([pixels], grads)([image])
        """,
    "outputs_over_lines": """
        def run(model, image):
            loss = K.mean(model.output)
            grads = K.gradients(loss, model.input)
            f = K.function([model.input],
                           [loss] +  # the loss
                           grads)
            return f([image])
        """,
    "a_comprehension_over_two": """
        def run(model, image):
            loss = sum(K.mean(t) for layer in model.layers for t in [layer.output])
            parts = [(n, K.sum(t)) for n, t in enumerate(model.outputs) if n]
            grads = K.gradients(loss + sum(p for n, p in parts), model.input)
            return K.function([model.input], grads)([image])
        """,
    "a_method_of_another_object": """
        class Maker:
            def gradient(self, model):
                return K.gradients(K.mean(model.output), model.input)


        class Net:
            def __init__(self):
                self.maker = Maker()

            def run(self, model, image):
                grads = self.maker.gradient(model)
                return K.function([model.input], grads)([image])
        """,
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_text(name: str, file_regression: FileRegressionFixture) -> None:
    check(name, PROGRAMS[name], file_regression, head=KERAS, closed=False)
