"""The whole text of Keras programs that go together with others less often.

The goldens are beside this module (``--force-regen``); that the recipes give the same numbers is
proven on the fixtures.
"""

from __future__ import annotations

import textwrap

import pytest
from pytest_regressions.file_regression import FileRegressionFixture

from tape_migrate.api import migrate_source

HEAD = "import tensorflow as tf\nfrom tensorflow.keras import backend as K\n\n\n"

PROGRAMS = {
    "constant_of_a_helper": """
        def _gradient(model, unit):
            return K.gradients(model.output[:, unit], model.input)[0]


        def run(model, image):
            grads = _gradient(model, 0)
            return K.function([model.input], [grads])([image])
        """,
    "list_for_a_helper": """
        def _gradient(model, layer, axes):
            loss = K.mean(layer.output, axis=axes)
            return K.gradients(loss, model.input)[0]


        def run(model, layer, image):
            grads = _gradient(model, layer, [1, 2])
            return K.function([model.input], [grads])([image])
        """,
    "helper_whose_parts_are_stored": """
        def _parts(model, unit):
            loss = K.mean(model.output[:, unit])
            grads = K.gradients(loss, model.input)[0]
            return loss, grads


        def run(model, image, store):
            store["loss"], store["grads"] = _parts(model, 0)
            return K.function([model.input], [store["loss"], store["grads"]])([image])
        """,
    "helper_whose_parts_are_indexed": """
        def _parts(model, unit):
            loss = K.mean(model.output[:, unit])
            grads = K.gradients(loss, model.input)[0]
            return loss, grads


        def run(model, image):
            parts = _parts(model, 0)
            return K.function([model.input], [parts[0], parts[1]])([image])
        """,
    "model_in_a_list": """
        def run(models, image):
            loss = K.mean(models[0].output)
            grads = K.gradients(loss, models[0].input)
            return K.function([models[0].input], grads)([image])
        """,
    "loss_in_a_dict": """
        def run(model, image):
            store = {}
            store["loss"] = K.mean(model.output)
            grads = K.gradients(store["loss"], model.input)
            return K.function([model.input], grads)([image])
        """,
    "no_input": """
        def run(model, image):
            loss = K.mean(model.output)
            grads = K.gradients(loss, model.input)
            return K.function([], grads)([])
        """,
    "loss_from_outside": """
        def run(model, image, loss):
            grads = K.gradients(loss, model.input)
            return K.function([model.input], grads)([image])
        """,
    "outputs_on_lines_of_their_own": """
        def run(model_with_a_long_name, image, first_layer_of_interest, second_layer_of_interest):
            loss = K.mean(first_layer_of_interest.output) + K.mean(second_layer_of_interest.output)
            grads = K.gradients(loss, model_with_a_long_name.input)
            return K.function([model_with_a_long_name.input], grads)([image])
        """,
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
    "slice_up_to_a_tensor": """
        def run(model, image, data):
            part = data[: K.argmax(model.output)]
            loss = K.mean(model.output) * K.mean(part)
            grads = K.gradients(loss, model.input)
            return K.function([model.input], grads)([image])
        """,
    "loop_variable_used_by_another_comprehension": """
        def run(model, image):
            grads = [K.gradients(K.mean(model.output[:, i]), model.input)[0] for i in range(3)]
            squares = [i * i for i in range(3)]
            f = K.function([model.input], grads)
            return f([image]), squares
        """,
    "loop_variable_that_is_somebody_elses": """
        def run(model, image):
            i = 7
            grads = [K.gradients(K.mean(model.output[:, i]), model.input)[0] for i in range(3)]
            f = K.function([model.input], grads)
            return f([image]), i
        """,
    "numbers_read_elsewhere": """
        def run(model, image):
            base = 2.0
            scale = base * 3.0
            loss = scale * K.mean(model.output)
            grads = K.gradients(loss, model.input)
            f = K.function([model.input], grads)
            print(scale)
            return f([image])
        """,
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_text(name: str, file_regression: FileRegressionFixture) -> None:
    source = HEAD + textwrap.dedent(PROGRAMS[name]).lstrip("\n")
    migration = migrate_source(source.encode())
    assert migration.internal_error is None
    said = "".join(f"# {site.site.line}: {site.message}\n" for site in migration.sites)
    file_regression.check(said + migration.new.decode(), basename=name, extension=".txt")
