"""The whole text of Keras programs: inputs, Sessions, loops, what the outputs are made of."""

from __future__ import annotations

import pytest
from pytest_regressions.file_regression import FileRegressionFixture

from .texts import KERAS, check

PROGRAMS = {
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
    "outputs_on_lines_of_their_own": """
        def run(model_with_a_long_name, image, first_layer_of_interest, second_layer_of_interest):
            loss = K.mean(first_layer_of_interest.output) + K.mean(second_layer_of_interest.output)
            grads = K.gradients(loss, model_with_a_long_name.input)
            return K.function([model_with_a_long_name.input], grads)([image])
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
    "input_tensor_without_a_plain_name": """
        def run(image):
            pixels = K.placeholder((1, 8, 8, 3))
            self.model = tf.keras.applications.VGG16(input_tensor=pixels, include_top=False)
            grads = K.gradients(K.mean(self.model.output), pixels)
            return K.function([pixels], grads)([image])
        """,
    "input_tensor_of_unknown_shape": """
        def run(image, shape):
            pixels = K.placeholder(ndim=4)
            model = tf.keras.applications.VGG16(input_tensor=pixels, include_top=False)
            grads = K.gradients(K.mean(model.output), pixels)
            return K.function([pixels], grads)([image])
        """,
    "input_tensor_of_a_named_shape": """
        def run(image, shape):
            pixels = K.placeholder(shape=shape)
            model = tf.keras.applications.VGG16(input_tensor=pixels, include_top=False)
            grads = K.gradients(K.mean(model.output), pixels)
            return K.function([pixels], grads)([image])
        """,
    "input_tensor_made_of_two": """
        def run(image, style):
            pixels = K.placeholder((1, 8, 8, 3))
            both = K.concatenate([K.variable(style), pixels], axis=0)
            model = tf.keras.applications.VGG16(input_tensor=both, include_top=False)
            grads = K.gradients(K.mean(model.output), pixels)
            return K.function([pixels], grads)([image])
        """,
    "input_tensor_made_along_channels": """
        def run(image, style):
            pixels = K.placeholder((1, 8, 8, 3))
            both = K.concatenate([K.variable(style), pixels], axis=-1)
            model = tf.keras.applications.VGG16(input_tensor=both, include_top=False)
            grads = K.gradients(K.mean(model.output), pixels)
            return K.function([pixels], grads)([image])
        """,
    "input_that_is_a_placeholder": """
        def run(image, weights):
            pixels = K.placeholder(shape=(None, 3), dtype="float64")
            loss = K.mean(K.square(pixels) * weights)
            grads = K.gradients(loss, pixels)
            return K.function([pixels], grads)([image])
        """,
    "placeholder_of_two_branches": """
        def run(image, weights, first):
            if first:
                pixels = K.placeholder((None, 3))
            else:
                pixels = K.placeholder((3, None))
            loss = K.mean(K.square(pixels) * weights)
            grads = K.gradients(loss, pixels)
            return K.function([pixels], grads)([image])
        """,
    "placeholder_of_two_dtypes": """
        def run(image, weights, first):
            if first:
                pixels = K.placeholder((None, 3), dtype="float64")
            else:
                pixels = K.placeholder((None, 3))
            loss = K.mean(K.square(pixels) * weights)
            grads = K.gradients(loss, pixels)
            return K.function([pixels], grads)([image])
        """,
    "input_that_is_computed": """
        def run(model, image):
            pixels = K.placeholder((None, 3))
            twice = pixels * 2.0
            grads = K.gradients(K.mean(K.square(twice)), twice)
            return K.function([twice], grads)([image])
        """,
    "inputs_from_a_list": """
        def run(model, others, image):
            grads = K.gradients(K.mean(model.output), model.input)
            return K.function([model.input, *others], grads)([image])
        """,
    "arguments_by_star": """
        def run(model, image, args):
            grads = K.gradients(K.mean(model.output), model.input)
            return K.function(*args, grads)([image])
        """,
    "arguments_by_two_stars": """
        def run(model, image, options):
            grads = K.gradients(K.mean(model.output), model.input)
            return K.function([model.input], grads, **options)([image])
        """,
    "arguments_of_sessions": """
        def run(model, image, options):
            grads = K.gradients(K.mean(model.output), model.input)
            return K.function([model.input], grads, run_metadata=options)([image])
        """,
    "session_with_a_named_feed": """
        def run(model, image):
            session = K.get_session()
            grads = K.gradients(K.mean(model.output), model.input)[0]
            feed = {model.input: image}
            return session.run(grads, feed_dict=feed)
        """,
    "session_with_a_computed_feed": """
        def run(model, image):
            session = K.get_session()
            grads = K.gradients(K.mean(model.output), model.input)[0]
            feed = {model.input: image / 255.0}
            return session.run(grads, feed_dict=feed)
        """,
    "session_with_an_unknown_feed": """
        def run(model, image, feed):
            session = K.get_session()
            grads = K.gradients(K.mean(model.output), model.input)[0]
            return session.run(grads, feed_dict=feed)
        """,
    "session_with_options": """
        def run(model, image, options):
            session = K.get_session()
            grads = K.gradients(K.mean(model.output), model.input)[0]
            return session.run(grads, {model.input: image}, options=options)
        """,
    "one_of_two_sessions": """
        def run(model, image, other):
            session = K.get_session()
            if other is not None:
                session = other
            grads = K.gradients(K.mean(model.output), model.input)[0]
            return session.run(grads, feed_dict={model.input: image})
        """,
    "tensors_chosen_in_a_loop": """
        def run(model, layers, image, names):
            loss = K.variable(0.0)
            for name in names:
                if name:
                    loss = loss + K.mean(layers[name].output)
            grads = K.gradients(loss, model.input)
            return K.function([model.input], grads)([image])
        """,
    "tensors_of_a_loop_over_keys": """
        def run(model, image):
            layers = {layer.name: layer for layer in model.layers}
            settings = {"a": 1.0, "b": 2.0}
            loss = K.variable(0.0)
            for name in settings:
                loss = loss + settings[name] * K.mean(layers[name].output)
            grads = K.gradients(loss, model.input)
            return K.function([model.input], grads)([image])
        """,
    "tensors_of_a_loop_over_numbers": """
        def run(model, image):
            loss = K.variable(0.0)
            for number in range(3):
                loss = loss + K.mean(model.layers[number].output)
            grads = K.gradients(loss, model.input)
            return K.function([model.input], grads)([image])
        """,
    "tensors_of_a_loop_with_break": """
        def run(model, image, last):
            layers = {layer.name: layer for layer in model.layers}
            loss = K.variable(0.0)
            for name in ["a", "b"]:
                if name == last:
                    break
                loss = loss + K.mean(layers[name].output)
            grads = K.gradients(loss, model.input)
            return K.function([model.input], grads)([image])
        """,
    "tensors_of_a_loop_that_rebinds": """
        def run(model, image, last):
            layers = {layer.name: layer for layer in model.layers}
            loss = K.variable(0.0)
            for name in ["a", "b"]:
                name = name + "_conv"
                loss = loss + K.mean(layers[name].output)
            grads = K.gradients(loss, model.input)
            return K.function([model.input], grads)([image])
        """,
    "a_lambda_over_a_tensor": """
        def run(model, image):
            loss = K.mean(model.output)
            scaled = lambda v: v * loss
            grads = K.gradients(scaled(2.0), model.input)
            return K.function([model.input], grads)([image])
        """,
    "a_tensor_in_a_text": """
        def run(model, image):
            loss = K.mean(model.output)
            title = f"{loss}: {model.output.shape}"
            grads = K.gradients(loss, model.input)
            return K.function([model.input], grads)([image]), title
        """,
    "gradients_of_a_dict": """
        def run(model, image):
            grads = {
                i: K.gradients(K.mean(model.output[:, i]), model.input)[0] for i in range(2)
            }
            f = K.function([model.input], [grads[0], grads[1]])
            return f([image])
        """,
    "layers_by_name_and_layer": """
        def run(model, image):
            loss = K.variable(0.0)
            for name, layer in {layer.name: layer for layer in model.layers}.items():
                loss = loss + K.mean(layer.output)
            grads = K.gradients(loss, model.input)
            return K.function([model.input], grads)([image])
        """,
    "imports_that_go": """
        import keras.backend as KB
        from keras import layers, backend as KK, models
        import keras; import os


        def run(model, image):
            loss = KB.mean(model.output) + KK.mean(layers.Dense(3)(model.output))
            grads = KK.gradients(loss, model.input)
            return KB.function([model.input], grads)([image])
        """,
    "imports_that_stay": """
        from keras import (
            layers,
            backend as KK,
        )


        def run(model, image):
            grads = KK.gradients(KK.mean(model.output), model.input)
            f = KK.function([model.input], grads)
            return f([image]), KK.epsilon()
        """,
    "import_in_a_block": """
        try:
            import keras.backend as KB
        except ImportError:
            import tensorflow.keras.backend as KB


        def run(model, image):
            grads = KB.gradients(model.output, model.input)
            return KB.function([model.input], grads)([image])
        """,
    "phase_that_is_fed": """
        def run(model, image, training):
            grads = K.gradients(K.mean(model.output), model.input)
            f = K.function([model.input, K.learning_phase()], grads)
            return f([image, 0]), f([image, training])
        """,
    "a_sum_over_outputs": """
        def run(model, image):
            loss = sum(K.mean(output) for output in model.outputs)
            for number, output in enumerate(model.outputs):
                loss += number * K.sum(output)
            for left, right in zip(model.outputs, [1.0, 2.0]):
                loss += K.sum(left) * right
            grads = K.gradients(loss, model.inputs)
            return K.function(model.inputs, grads)([image])
        """,
    "a_normalised_gradient": """
        def normalize(x):
            return x / (K.sqrt(K.mean(K.square(x))) + 1e-5)


        def run(model, name, image):
            layers = dict([(layer.name, layer) for layer in model.layers])
            target = layers[name].output
            loss = K.mean(target[:, :, :, 0])
            grads = normalize(K.gradients(loss, model.input)[0])
            iterate = K.function([model.input], [loss, grads])
            for _ in range(20):
                loss_value, grads_value = iterate([image])
                image += grads_value
            return image, loss_value
        """,
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_text(name: str, file_regression: FileRegressionFixture) -> None:
    check(name, PROGRAMS[name], file_regression, head=KERAS, closed=False)
