"""The whole text of Keras programs that reach what hardly any other does."""

from __future__ import annotations

import pytest
from pytest_regressions.file_regression import FileRegressionFixture

from .texts import KERAS, check

PROGRAMS = {
    "input_on_a_tensor_last": """
        def f(image, net):
            x = K.placeholder((1, 4))
            inputs = tf.keras.layers.Input(shape=(4,), tensor=x)
            model = tf.keras.Model(inputs, net(inputs))
            g = K.gradients(K.sum(model.output), x)[0]
            return K.function([x], [g])
        """,
    "model_on_a_variable": """
        def f(image, net):
            x = K.variable(image)
            model = net(weights=None, input_tensor=x)
            g = K.gradients(K.sum(model.output), x)[0]
            return K.function([], [g])
        """,
    "model_on_two_placeholders": """
        def f(net, flag):
            if flag:
                x = K.placeholder((1, 4))
            else:
                x = K.placeholder((1, 5))
            model = net(input_tensor=x)
            g = K.gradients(K.sum(model.output), x)[0]
            return K.function([x], [g])
        """,
    "model_on_a_batch_of_names": """
        def f(net, style, parts):
            x = K.placeholder((1, 4))
            both = K.concatenate(parts, axis=0)
            model = net(input_tensor=both)
            g = K.gradients(K.sum(model.output), x)[0]
            return K.function([x], [g])
        """,
    "one_in_a_comprehension": """
        def f(model, names):
            g = K.gradients(K.sum(model.output), model.input)[0]
            fs = {str(n): K.function([model.input], [g]) for n in names}
            return fs
        """,
    "one_in_a_comprehension_of_a_lambda": """
        def f(m, names):
            make = lambda: [
                K.function([m.input], K.gradients(m.output[:, n], m.input)) for n in names]
            return make()
        """,
    "functions_that_share_their_variable": """
        def f(m, n):
            fs = [
                K.function([m.input], K.gradients(m.output[:, n], m.input)) for n in range(n)]
            return fs
        """,
    "functions_handed_on": """
        def f(m, names):
            return list([
                K.function([m.input], K.gradients(m.output[:, n], m.input)) for n in names])
        """,
    "functions_into_two_names": """
        def f(m, names):
            a = b = [
                K.function([m.input], K.gradients(m.output[:, n], m.input)) for n in names]
            return a, b
        """,
    "functions_into_a_part": """
        def f(self, m, names):
            self.kept[0].functions = [
                K.function([m.input], K.gradients(m.output[:, n], m.input)) for n in names]
        """,
    "functions_under_their_own_name": """
        def f(model, fs):
            fs = [
                K.function([model.input], K.gradients(model.output[:, n], model.input)) for n in fs]
            return fs
        """,
    "functions_under_a_global_name": """
        def f(m, names):
            global n
            n = 1
            return [
                K.function([m.input], K.gradients(m.output[:, n], m.input)) for n in names]
        """,
    "functions_twice_in_one": """
        def f(m, names):
            return [(n, K.function([m.input], K.gradients(m.output[:, n], m.input)))
                for n in names]
        """,
    "run_in_a_loop_with_a_changed_attribute": """
        def f(m, images, layers):
            loss = K.sum(m.output)
            g = K.gradients(loss, m.input)[0]
            found = []
            for image in images:
                m.scale = 2.0
                found.append(K.get_session().run([g, loss, m.get_layer("a").output],
                    feed_dict={m.input: image}))
            return found
        """,
    "layer_shape_in_the_loss": """
        def f(model):
            out = model.get_layer("a").output
            loss = K.sum(out) / float(out.shape[1])
            g = K.gradients(loss, model.input)[0]
            return K.function([model.input], [g])
        """,
    "outputs_in_nested_loops": """
        def f(model, outer, inner):
            loss = 0.0
            for i in outer:
                for j in inner:
                    loss = loss + K.sum(model.get_layer(i + j).output)
            g = K.gradients(loss, model.input)[0]
            return K.function([model.input], [g])
        """,
    "outputs_in_an_inner_loop": """
        def f(model, outer, inner):
            loss = 0.0
            for i in outer:
                for j in inner:
                    loss = loss + K.sum(model.get_layer(i).output) * j
            g = K.gradients(loss, model.input)[0]
            return K.function([model.input], [g])
        """,
    "input_of_a_module_list": """
        model = tf.keras.models.load_model("m.h5")
        given = [model.input, *model.inputs]


        def f():
            g = K.gradients(K.sum(model.output), given[0])[0]
            return K.function([given[0]], [g])
        """,
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_text(name: str, file_regression: FileRegressionFixture) -> None:
    check(name, PROGRAMS[name], file_regression, head=KERAS, closed=False)
