"""What becomes of Keras graphs, as text; that the numbers stay is tested on the fixtures."""

from __future__ import annotations

import textwrap

import pytest

from tape_migrate.api import migrate_source
from tape_migrate.model import Applicability, Outcome, Shape, SiteResult

HEAD = "import numpy as np\nimport tensorflow as tf\nfrom tensorflow.keras import backend as K\n\n"


def run(body: str) -> tuple[str, tuple[SiteResult, ...]]:
    """New text (without the imports) and results."""
    migration = migrate_source((HEAD + textwrap.dedent(body).lstrip("\n")).encode())
    assert migration.internal_error is None, migration.internal_error
    return migration.new.decode().removeprefix(HEAD), migration.sites


def code(body: str) -> tuple[str | None, str]:
    old = HEAD + textwrap.dedent(body).lstrip("\n")
    new, (site, *_) = run(body)
    assert HEAD + new == old, "what is refused stays as it was"
    return site.code, site.message


def test_a_saliency_map_in_a_function() -> None:
    new, (site,) = run("""
        def saliency(model, image, unit):
            # how much one class
            loss = K.sum(model.output[:, unit])
            grads = K.gradients(loss, model.input)[0]
            grads /= K.sqrt(K.mean(K.square(grads))) + 1e-5  # normalised
            f = K.function([model.input], [loss, grads])
            return f([image])
        """)
    assert new == textwrap.dedent("""\
        def saliency(model, image, unit):
            @tf.function(autograph=False)
            def compute(inputs):
                with tf.GradientTape() as tape:
                    tape.watch(inputs)
                    output = model(inputs, training=False)
                    # how much one class
                    loss = K.sum(output[:, unit])
                grads = tape.gradient(loss, inputs)
                grads /= K.sqrt(K.mean(K.square(grads))) + 1e-5  # normalised
                return [loss, grads]

            compute = compute.get_concrete_function(
                tf.TensorSpec(model.inputs[0].shape, model.inputs[0].dtype),
            )

            def f(inputs):
                values = compute(tf.constant(inputs[0], compute.inputs[0].dtype))
                return [value.numpy() for value in values]

            return f([image])
        """)
    assert site.shape is Shape.KERAS_FUNCTION
    assert site.applicability is Applicability.SAFE


def test_a_layer_that_is_differentiated_with_respect_to_is_an_output_of_the_sub_model() -> None:
    new, (site,) = run("""
        def grad_cam(model, image, name):
            conv = model.get_layer(name).output
            grads = K.gradients(model.output[:, 0], conv)[0]
            return K.function([model.input], [conv, grads])([image])
        """)
    assert "features = tf.keras.Model(model.inputs, [model.outputs[0], conv])" in new
    assert "tape.watch(inputs)\n            output, conv = features(inputs, training=False)" in new
    assert "grads = tape.gradient(target, conv)" in new
    assert site.applicability is Applicability.REVIEW
    assert "assumes that conv is one tensor" in site.message


def test_functions_kept_from_a_loop_hold_on_to_their_own_graph() -> None:
    new, _ = run("""
        def all_filters(model, n):
            found = []
            for i in range(n):
                loss = K.mean(model.output[..., i])
                grads = K.gradients(loss, model.input)[0]
                found.append(K.function([model.input], [grads]))
            return found
        """)
    assert "def gradient_function(inputs, compute=compute):" in new
    assert "found.append(gradient_function)" in new


def test_tensors_chosen_in_a_loop_are_collected_before_it() -> None:
    new, _ = run("""
        def dream(model, layers, image):
            settings = {'a': 0.2, 'b': 0.5}
            loss = K.variable(0.)
            for name in settings:
                loss = loss + settings[name] * K.sum(K.square(layers[name].output))
            grads = K.gradients(loss, model.input)[0]
            return K.function([model.input], [grads])([image])
        """)
    assert "{name: layers[name].output for name in settings}" in new
    assert "loss = K.constant(0.)" in new
    assert "K.sum(K.square(layer_outputs[name]))" in new


def test_what_others_read_stays_for_them() -> None:
    new, _ = run("""
        def both(model, image):
            score = K.mean(model.output)
            grads = K.gradients(score, model.input)[0]
            fn = K.function([model.input], [grads])
            model.add_loss(score)
            return fn([image])
        """)
    assert "    score = K.mean(model.output)\n" in new
    assert "        score = K.mean(output)\n" in new


def test_the_learning_phase_is_traced_both_ways_where_it_is_passed_on() -> None:
    new, (site,) = run("""
        def make(model):
            grads = K.gradients(K.sum(model.output), model.input)[0]
            return K.function([model.input, K.learning_phase()], [grads])
        """)
    assert "output = model(inputs, training=training)" in new
    assert "phase) for phase in (False, True)]" in new or "phase,\n" in new
    assert "step = compute[bool(inputs[1])]" in new
    assert "BatchNormalization" in site.message


def test_a_learning_phase_of_zero_needs_no_parameter() -> None:
    new, (site,) = run("""
        def run(model, image):
            grads = K.gradients(K.sum(model.output), model.input)[0]
            f = K.function([model.input, K.learning_phase()], [grads])
            return f([image, 0])
        """)
    assert "training=False" in new
    assert site.applicability is Applicability.SAFE


def test_a_model_built_on_a_tensor_is_built_on_an_input() -> None:
    new, _ = run("""
        from tensorflow.keras.applications import vgg16

        def style(base):
            base = K.variable(base)
            image = K.placeholder((1, 40, 40, 3))
            both = K.concatenate([base, image], axis=0)
            model = vgg16.VGG16(input_tensor=both, weights=None, include_top=False)
            outputs = dict([(layer.name, layer.output) for layer in model.layers])
            loss = K.sum(outputs['block1_conv1'][0] - outputs['block1_conv1'][1])
            grads = K.gradients(loss, image)[0]
            return K.function([image], [loss, grads])
        """)
    assert "VGG16(input_tensor=tf.keras.Input(shape=(40, 40, 3)), weights=None" in new
    assert "both = K.concatenate([base, image], axis=0)\n" in new
    assert "features(both, training=False)" in new
    assert "K.placeholder" not in new


def test_get_gradients_of_a_plain_optimizer() -> None:
    new, (site,) = run("""
        def run(model, image):
            grads = model.optimizer.get_gradients(model.output[:, 0], model.input)
            return K.function([model.input], grads)([image])
        """)
    assert "tape.gradient(target, [inputs])" in new
    assert site.message.endswith("assumes that model.optimizer clips no gradients")


@pytest.mark.parametrize(
    ("expected", "words", "body"),
    [
        (
            "TM145",
            "updates",
            """
            def f(model, w):
                g = K.gradients(K.sum(model.output), model.input)[0]
                return K.function([model.input], [g], updates=[K.update(w, w + 1)])
            """,
        ),
        (
            "TM113",
            "the arguments of the call name what they hold: every",
            """
            def f(model):
                g = K.gradients(K.sum(model.output), model.input)[0]
                return K.function([model.input], (every := [g]))
            """,
        ),
        (
            "TM113",
            "the arguments of the call name what they hold: image",
            """
            def f(model):
                g = K.gradients(K.sum(model.output), model.input)[0]
                return K.function([(image := model.input)], [g]), image
            """,
        ),
        (
            "TM142",
            "np.random.randint() (line 6)",
            """
            def f(model):
                loss = K.sum(model.output[:, np.random.randint(3)])
                g = K.gradients(loss, model.input)[0]
                return K.function([model.input], [g])
            """,
        ),
        (
            "TM144",
            "scale changes",
            """
            def f(model):
                scale = 1.0
                g = K.gradients(K.sum(model.output) * scale, model.input)[0]
                scale = 2.0
                return K.function([model.input], [g])
            """,
        ),
        (
            "TM144",
            "model.layers[-1].activation",
            """
            def f(model, linear):
                model.layers[-1].activation = linear
                g = K.gradients(K.sum(model.output), model.input)[0]
                return K.function([model.input], [g])
            """,
        ),
        (
            "TM146",
            "made default",
            """
            def f(model, graph):
                with graph.as_default():
                    g = K.gradients(K.sum(model.output), model.input)[0]
                    return K.function([model.input], [g])
            """,
        ),
        (
            "TM143",
            "g is also used elsewhere",
            """
            def f(model):
                g = K.gradients(K.sum(model.output), model.input)[0]
                first = K.function([model.input], [g])
                return first, g
            """,
        ),
        (
            "TM141",
            "self.loss keeps",
            """
            class A:
                def f(self, model):
                    self.loss = K.sum(model.output)
                    g = K.gradients(self.loss, model.input)[0]
                    return K.function([model.input], [g])

                def g(self):
                    return self.loss
            """,
        ),
        (
            "TM140",
            "helper() reads the symbolic",
            """
            def helper(model, flag):
                if flag:
                    return K.mean(model.output)
                return K.sum(model.output)

            def f(model):
                g = K.gradients(helper(model, 1), model.input)[0]
                return K.function([model.input], [g])
            """,
        ),
        (
            "TM140",
            "a layer is stateful",
            """
            def f(LSTM, x, model):
                h = LSTM(3, stateful=True)(x)
                g = K.gradients(K.sum(model.output), model.input)[0]
                return K.function([model.input], [g]), h
            """,
        ),
        (
            "TM140",
            "training=True",
            """
            def f(layer, x, model):
                h = layer(x, training=True)
                g = K.gradients(K.sum(model.output), model.input)[0]
                return K.function([model.input], [g]), h
            """,
        ),
    ],
)
def test_refused(expected: str, words: str, body: str) -> None:
    found, message = code(body)
    assert found == expected, message
    assert words in message


def test_a_clipping_optimizer_is_refused() -> None:
    found, message = code("""
        from tensorflow.keras.optimizers import SGD

        def f(model):
            opt = SGD(clipnorm=1.0)
            g = opt.get_gradients(K.sum(model.output), model.input)
            return K.function([model.input], g)
        """)
    assert (found, message) == ("TM108", "opt clips its gradients")


def test_when_one_gradient_of_a_graph_is_refused_all_stay() -> None:
    migration = migrate_source(
        (
            HEAD
            + textwrap.dedent("""
            def f(model, other):
                a = K.gradients(K.sum(model.output), model.input)[0]
                b = K.gradients(K.sum(a), other)
                return K.function([model.input], [a] + b)
            """)
        ).encode()
    )
    assert not migration.changed
    assert {site.outcome for site in migration.sites} == {Outcome.REFUSED}
