"""The whole text of Keras programs whose graph is made in one function and used in another."""

from __future__ import annotations

import pytest
from pytest_regressions.file_regression import FileRegressionFixture

from .texts import KERAS, check

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
    "loss_from_outside": """
        def run(model, image, loss):
            grads = K.gradients(loss, model.input)
            return K.function([model.input], grads)([image])
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
    "helper_that_returns_nothing": """
        def _keep(model, store):
            store.append(K.gradients(K.mean(model.output), model.input)[0])


        def run(model, image):
            store = []
            x = _keep(model, store)
            return K.function([model.input], store)([image])
        """,
    "helper_with_too_many_arguments": """
        def _gradient(model):
            return K.gradients(K.mean(model.output), model.input)[0]


        def run(model, image):
            grads = _gradient(model, 1)
            return K.function([model.input], [grads])([image])
        """,
    "helper_with_a_strange_keyword": """
        def _gradient(model, unit=0):
            return K.gradients(model.output[:, unit], model.input)[0]


        def run(model, image):
            grads = _gradient(model, units=1)
            return K.function([model.input], [grads])([image])
        """,
    "helper_with_arguments_by_star": """
        def _gradient(model, unit):
            return K.gradients(model.output[:, unit], model.input)[0]


        def run(model, image, args):
            grads = _gradient(model, *args)
            return K.function([model.input], [grads])([image])
        """,
    "helper_with_a_computed_default": """
        def _gradient(model, unit=len("ab")):
            return K.gradients(model.output[:, unit], model.input)[0]


        def run(model, image):
            grads = _gradient(model)
            return K.function([model.input], [grads])([image])
        """,
    "helper_that_calls_itself": """
        def _gradient(model, unit):
            if unit:
                return _gradient(model, 0)
            return K.gradients(model.output[:, unit], model.input)[0]


        def run(model, image):
            grads = _gradient(model, 1)
            return K.function([model.input], [grads])([image])
        """,
    "helper_whose_argument_is_a_property": """
        class Net:
            def __init__(self, model):
                self.model = model

            @property
            def unit(self):
                return self.units.pop()

            def run(self, image):
                grads = _gradient(self.model, self.unit)
                return K.function([self.model.input], [grads])([image])


        def _gradient(model, unit):
            return K.gradients(model.output[:, unit] * unit, model.input)[0]
        """,
    "helper_that_formats_a_name": """
        def _gradient(model, unit):
            out = model.output[:, unit]
            print(f"unit {unit} of {model.name}")
            return K.gradients(out, model.input)[0]


        def run(model, image, number):
            unit = 5
            grads = _gradient(model, number + 1)
            return K.function([model.input], [grads])([image]), unit
        """,
    "results_that_swap_names": """
        def _parts(model):
            a = K.mean(model.output)
            b = K.gradients(a, model.input)[0]
            return b, a


        def run(model, image):
            a, b = _parts(model)
            return K.function([model.input], [a, b])([image])
        """,
    "one_result_for_two_names": """
        def _parts(model):
            a = K.gradients(K.mean(model.output), model.input)[0]
            return a, a


        def run(model, image):
            first, second = _parts(model)
            return K.function([model.input], [first, second])([image])
        """,
    "results_over_each_other": """
        def _parts(model, scale):
            loss = K.mean(model.output) * scale
            grads = K.gradients(loss, model.input)[0]
            return loss + 1.0, grads * loss


        def run(model, image):
            loss, grads = _parts(model, 2.0)
            return K.function([model.input], [loss, grads])([image])
        """,
    "bound_again_on_the_way": """
        def run(model, image, loss):
            loss = loss + K.mean(model.output)
            grads = K.gradients(loss, model.input)
            return K.function([model.input], grads)([image])
        """,
    "started_in_a_branch": """
        def run(model, image, flag):
            loss = 0.0
            if flag:
                loss = 1.0
            loss = loss + K.mean(model.output)
            grads = K.gradients(loss, model.input)
            return K.function([model.input], grads)([image])
        """,
    "started_by_a_call": """
        def run(model, image, start):
            loss = start()
            loss = loss + K.mean(model.output)
            grads = K.gradients(loss, model.input)
            return K.function([model.input], grads)([image])
        """,
    "read_by_an_inner_function": """
        def run(model, image):
            loss = K.mean(model.output)
            grads = K.gradients(loss, model.input)

            def show():
                return loss

            return K.function([model.input], grads)([image]), show
        """,
    "bound_by_an_inner_function": """
        def run(model, image):
            scale = 1.0

            def double():
                nonlocal scale
                scale = scale * 2.0

            loss = K.mean(model.output) * scale
            grads = K.gradients(loss, model.input)
            f = K.function([model.input], grads)
            double()
            return f([image])
        """,
    "helper_with_a_return_annotation": """
        def run(model, image):
            loss, grads = _parts(model, 0)
            return K.function([model.input], [loss, grads])([image])


        def _parts(
            model,
            unit: int,
        ) -> tuple:

            loss = K.mean(model.output[:, unit])

            return (
                loss,
                K.gradients(loss, model.input)[0],
            )
        """,
    "helper_between_others": """
        def first():
            return 1


        # of one unit
        def _gradient(model, unit):
            return K.gradients(model.output[:, unit], model.input)[0]

        def run(model, image):
            grads = _gradient(model, 0)
            return K.function([model.input], [grads])([image])
        """,
    "method_of_the_class": """
        class Net:
            def _gradient(self, unit):
                return K.gradients(self.model.output[:, unit], self.model.input)[0]

            def run(self, image):
                grads = self._gradient(0)
                return K.function([self.model.input], [grads])([image])
        """,
    "private_method_of_another_class": """
        class Maker:
            def gradient(self, model, unit):
                return K.gradients(model.output[:, unit] * self.__scale, model.input)[0]


        class Net(Maker):
            def run(self, model, image):
                grads = self.gradient(model, 0)
                return K.function([model.input], [grads])([image])
        """,
    "method_called_on_another_object": """
        class Net:
            def _gradient(self, unit):
                return K.gradients(self.model.output[:, unit], self.model.input)[0]

            def run(self, other, image):
                grads = Net._gradient(other, 0)
                return K.function([other.model.input], [grads])([image])
        """,
    "helper_that_returns_early": """
        def _gradient(model, unit):
            if unit < 0:
                return None
            return K.gradients(model.output[:, unit], model.input)[0]


        def run(model, image):
            grads = _gradient(model, 0)
            return K.function([model.input], [grads])([image])
        """,
    "helper_in_a_condition": """
        def _gradient(model, unit):
            return K.gradients(model.output[:, unit], model.input)[0]


        def run(model, image, flag):
            grads = _gradient(model, 0) if flag else model.input
            return K.function([model.input], [grads])([image])
        """,
    "helper_for_two": """
        def _gradient(model, unit):
            return K.gradients(model.output[:, unit], model.input)[0]


        def run(model, image):
            both = [_gradient(model, 0), _gradient(model, 1)]
            return K.function([model.input], both)([image])
        """,
    "helper_with_the_names_of_its_caller": """
        def _gradient(model, unit):
            loss = K.mean(model.output[:, unit])
            scale = loss * 2.0
            return K.gradients(scale, model.input)[0]


        def run(model, image):
            loss, scale = 1.0, 2.0
            grads = _gradient(model, 0) * loss * scale
            return K.function([model.input], [grads])([image])
        """,
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_text(name: str, file_regression: FileRegressionFixture) -> None:
    check(name, PROGRAMS[name], file_regression, head=KERAS, closed=False)
