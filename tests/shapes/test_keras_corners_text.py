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
    "helper_in_a_lambda": """
        def _grads(model):
            return K.gradients(K.sum(model.output), model.input)[0]


        make = lambda model: K.function([model.input], [_grads(model)])
        """,
    "helper_that_calls_itself": """
        def _grads(model):
            g = K.gradients(K.sum(model.output), model.input)[0]
            f = K.function([model.input], [_grads(model)])
            return g
        """,
    "helper_that_binds_self": """
        class A:
            def _grads(self, model):
                self = model
                g = K.gradients(K.sum(self.output), self.input)[0]
                return g

            def make(self, model):
                g = self._grads(model)
                return K.function([model.input], [g])
        """,
    "helper_on_an_attribute_that_changes": """
        class A:
            def _grads(self, model):
                self.model = None
                g = K.gradients(K.sum(model.output), model.input)[0]
                return g

            def make(self):
                g = self._grads(self.model)
                return K.function([self.model.input], [g])
        """,
    "helper_whose_results_go_to_one_name_twice": """
        def _grads(model):
            loss = K.sum(model.output)
            g = K.gradients(loss, model.input)[0]
            return loss, g


        def make(model):
            g, g = _grads(model)
            return K.function([model.input], [g])
        """,
    "helper_of_three_for_two": """
        def _grads(model):
            loss = K.sum(model.output)
            return loss, K.gradients(loss, model.input)[0], 1


        def make(model):
            loss, *rest = _grads(model)
            return K.function([model.input], [loss, rest[0]])
        """,
    "helper_at_the_top": """
        def _grads(m):
            loss = K.sum(m.output)
            g = K.gradients(loss, m.input)[0]
            return loss, g


        model = tf.keras.models.load_model("m.h5")
        loss, g = _grads(model)
        f = K.function([model.input], [loss, g])
        """,
    "input_on_a_placeholder_by_position": """
        def f(net):
            x = K.placeholder((1, 4))
            inputs = tf.keras.layers.Input((4,), tensor=x)
            model = tf.keras.Model(inputs, net(inputs))
            g = K.gradients(K.sum(model.output), x)[0]
            return K.function([x], [g])
        """,
    "model_on_placeholders_of_unknown_shape": """
        def f(net, style):
            x = K.placeholder(ndim=2)
            both = K.concatenate([x, style], axis=0)
            model = net(input_tensor=both)
            g = K.gradients(K.sum(model.output), x)[0]
            return K.function([x], [g])
        """,
    "model_on_an_inline_batch": """
        def f(net, style):
            x = K.placeholder((1, 4))
            model = net(input_tensor=K.concatenate([x, style], axis=0))
            g = K.gradients(K.sum(model.output), x)[0]
            return K.function([x], [g])
        """,
    "gradients_by_name": """
        from tensorflow.keras.backend import gradients


        def f(model):
            g = gradients(K.sum(model.output), model.input)[0]
            return K.function([model.input], [g])
        """,
    "compute_gradients_of_a_graph": """
        def f(model):
            optimizer = tf.compat.v1.train.AdamOptimizer()
            g = optimizer.compute_gradients(K.sum(model.output), model.trainable_weights)
            return K.function([model.input], [g[0][0]])
        """,
    "made_and_compiled_by_two_classes": """
        class A:
            def make(self, model):
                self.g = K.gradients(K.sum(model.output), model.input)[0]


        class B(A):
            def build(self, model):
                self.f = K.function([model.input], [self.g])
        """,
    "input_of_the_module": """
        model = tf.keras.models.load_model("m.h5")
        x = model.input


        def f():
            g = K.gradients(K.sum(model.output), x)[0]
            return K.function([x], [g])
        """,
    "input_by_a_long_way": """
        def f(model):
            a = model.input
            b = a
            c = b
            d = c
            e = d
            h = e
            k = h
            g = K.gradients(K.sum(model.output), k)[0]
            return K.function([k], [g])
        """,
    "input_beyond_the_list": """
        def f(model):
            given = [model.input]
            g = K.gradients(K.sum(model.output), given[1])[0]
            return K.function([given[1]], [g])
        """,
    "model_by_another_name": """
        def f(model):
            other = model
            g = K.gradients(K.sum(other.output), other.input)[0]
            return K.function([model.input], [g])
        """,
    "outputs_over_keys": """
        def f(model):
            weights = {"a": 1.0, "b": 2.0}
            loss = 0.0
            for name in weights.keys():
                loss = loss + weights[name] * K.sum(model.get_layer(name).output)
            g = K.gradients(loss, model.input)[0]
            return K.function([model.input], [g])
        """,
    "outputs_over_settings": """
        settings = {"n": 1, "layers": {"a": 1.0, "b": 2.0}}


        def f(model):
            loss = 0.0
            for name in settings["layers"]:
                loss = loss + settings["layers"][name] * K.sum(model.get_layer(name).output)
            g = K.gradients(loss, model.input)[0]
            return K.function([model.input], [g])
        """,
    "outputs_over_missing_settings": """
        settings = {"n": 1}


        def f(model, other):
            loss = 0.0
            for name in settings["layers"]:
                loss = loss + K.sum(model.get_layer(name).output)
            for name in other["layers"]:
                loss = loss + K.sum(model.get_layer(name).output)
            g = K.gradients(loss, model.input)[0]
            return K.function([model.input], [g])
        """,
    "outputs_of_a_list_of_settings": """
        settings = [1, 2]


        def f(model):
            loss = 0.0
            for name in settings["layers"]:
                loss = loss + K.sum(model.get_layer(name).output)
            g = K.gradients(loss, model.input)[0]
            return K.function([model.input], [g])
        """,
    "function_in_the_head_of_a_loop": """
        def f(model, images):
            g = K.gradients(K.sum(model.output), model.input)[0]
            for value in K.function([model.input], [g])(images):
                print(value)
        """,
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_text(name: str, file_regression: FileRegressionFixture) -> None:
    check(name, PROGRAMS[name], file_regression, head=KERAS, closed=False)
