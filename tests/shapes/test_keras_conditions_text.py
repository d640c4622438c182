"""The whole text of Keras programs on the other side of conditions that nearly all meet."""

from __future__ import annotations

import pytest
from pytest_regressions.file_regression import FileRegressionFixture

from .texts import KERAS, check

PROGRAMS = {
    "inputs_that_may_be_others": """
        def run(model, image, other):
            given = [model.input]
            if other:
                given = [model.inputs[0]]
            out = model.output
            grads = K.gradients(K.mean(out), model.input)
            f = K.function(given, [out] + grads)
            return f([image])
        """,
    "placeholder_made_elsewhere": """
        def make():
            return K.placeholder((None, 3))


        def run(image):
            x = make()
            z = K.square(x)
            return K.function([x], K.gradients(K.sum(z), x))([image])
        """,
    "placeholder_that_is_no_input": """
        def run(image):
            x = K.placeholder((None, 3))
            other = K.placeholder((None, 3))
            z = x * other
            return K.function([x], K.gradients(K.sum(z), x))([image])
        """,
    "an_attribute_that_may_not_be_set": """
        class Net:
            def __init__(self, model):
                self.model = model
                self.scale = 2.0

            def build(self):
                self.loss = K.mean(self.model.output)
                self.grads = K.gradients(self.loss, self.model.input)

            def compile(self):
                self.f = K.function([self.model.input], [self.loss * self.scale] + self.grads)
        """,
    "an_attribute_that_is_taken": """
        class Net:
            def __init__(self, model):
                self.model = model
                self._f = None

            def build(self):
                self.loss = K.mean(self.model.output)
                self.grads = K.gradients(self.loss, self.model.input)

            def compile(self):
                self.f = K.function([self.model.input], [self.loss] + self.grads)
        """,
    "a_function_of_a_function_outside": """
        def compile(other):
            other.g = 1


        class A:
            def make(self, model):
                self.g = K.gradients(K.sum(model.output), model.input)[0]


        def build(self, model):
            self.f = K.function([model.input], [self.g])
        """,
    "a_loop_that_changes_what_is_read": """
        def f(m, images):
            loss = K.sum(m.output)
            g = K.gradients(loss, m.input)[0]
            found = []
            for image in images:
                m.scale = 2.0
                found.append(K.get_session().run([g, loss * m.scale], feed_dict={m.input: image}))
            return found
        """,
    "the_phase_is_not_fed": """
        def run(model, image):
            grads = K.gradients(K.mean(model.output), model.input)
            f = K.function([model.input, K.learning_phase()], grads)
            return f([image])
        """,
    "a_function_among_what_moves": """
        def run(model, image):
            loss = K.mean(model.output)
            look = K.function([model.input], [loss])
            scale = look([image])[0]
            grads = K.gradients(loss * scale, model.input)
            return K.function([model.input], grads)([image])
        """,
    "a_helper_that_calls_itself": """
        def normal(x, n):
            return x if n == 0 else normal(x / (K.sqrt(K.mean(K.square(x))) + 1e-5), n - 1)


        def run(model, image):
            loss = K.mean(model.output)
            grads = normal(K.gradients(loss, model.input)[0], 2)
            return K.function([model.input], [loss, grads])([image])
        """,
    "in_a_class_body": """
        class Net:
            model = make()
            loss = K.mean(model.output)
            grads = K.gradients(loss, model.input)
            f = K.function([model.input], grads)
        """,
    "names_that_are_taken_twice": """
        def run(model, image):
            inputs = model
            inputs2 = 1.0
            compute = K.sum(inputs.output) * inputs2
            compute2 = 2.0
            features = K.gradients(compute * compute2, inputs.input)[0]
            return K.function([inputs.input], [compute, features])([image])
        """,
    "an_input_of_two_names": """
        def run(model, image):
            a = b = model.input
            grads = K.gradients(K.sum(model.output), a)
            return K.function([b], grads)([image])
        """,
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_text(name: str, file_regression: FileRegressionFixture) -> None:
    check(name, PROGRAMS[name], file_regression, head=KERAS, closed=False)
