"""Layers that differentiate one of their inputs by another: what lies between has to be pure."""

from __future__ import annotations

import pytest

from tape_migrate.api import migrate_source
from tape_migrate.model import Options, Outcome
from tests.fixture_cases import FIXTURES

PAIR = (FIXTURES / "gradient-layer/lambda_pair/before.py").read_text(encoding="utf-8")
SCORE = (FIXTURES / "gradient-layer/score_regression/before.py").read_text(encoding="utf-8")
LAYER = (FIXTURES / "refused/keras_gradient_layer/before.py").read_text(encoding="utf-8")
CALLED = (FIXTURES / "local/lambda_layer_calls_model/before.py").read_text(encoding="utf-8")

_LAMBDA = "Lambda(lambda t: K.gradients(t[0], t[1])[0]"


def outcome(source: str) -> tuple[str, str]:
    """What becomes of the only call: its shape or code, and what is said."""
    migration = migrate_source(source.encode(), Options(), path="net.py")
    assert migration.internal_error is None
    (site,) = migration.sites
    if site.outcome is Outcome.MIGRATED:
        assert site.shape is not None
        return site.shape.value, site.message
    assert migration.new == source.encode()
    assert site.code is not None
    return site.code, site.message


@pytest.mark.parametrize(
    ("source", "old", "new", "reason"),
    [
        # Layers that are not the same when they are called again.
        (PAIR, "Dense(1)(h)", "Dropout(0.5)(h)", "Dropout is not known to do the same each time"),
        (PAIR, "Dense(1)(h)", "BatchNormalization()(h)", "BatchNormalization is not known"),
        (PAIR, "Dense(1)(h)", "GaussianNoise(1)(h)", "GaussianNoise is not known"),
        (PAIR, "Dense(1)(h)", "Lambda(noisy)(h)", "Lambda is not known"),
        (PAIR, "Dense(1)(h)", "Dense(1, activity_regularizer='l2')(h)", "activity_regularizer"),
        (PAIR, "Dense(1)(h)", "Dense(1, activation=lambda z: z)(h)", "a function as its activ"),
        (PAIR, "Dense(1)(h)", "Dense(1, **settings)(h)", "is given **"),
        (SCORE, "Activation('sigmoid')", "Activation(lambda z: z)", "a function as its activ"),
        (PAIR, "Dense(1)(h)", "Dense(1)(h, training=True)", "called with more than its inputs"),
        (PAIR, "Dense(1)(h)", "helper(h)", "what helper is, is not seen"),
        (PAIR, "Dense(1)(h)", "h * 2", "how out is computed is not seen"),
        (PAIR, "Dense(1)(h)", "Dense(1)(h * 2)", "h * 2 is no layer's output"),
        (PAIR, "    out = Dense(1)(h)", "    if True:\n        out = Dense(1)(h)", "another block"),
        (PAIR, "    out = Dense(1)(h)", "    out = h\n    out = Dense(1)(h)", "how out is"),
        # What is differentiated by is no input of the model.
        (PAIR, "[out, inp]", "[out, h]", "h is not seen to be an Input"),
        (PAIR, "Input((4,))", "Input(tensor=z)", "made of a tensor"),
        (PAIR, "Dense(5, activation='tanh')(inp)", "Dense(5)(Input((4,)))", "what Input is"),
        # The Lambda layer does more, or is used otherwise.
        (PAIR, _LAMBDA, _LAMBDA[:-3] + "[0] * 2", "does more than take a gradient"),
        (PAIR, _LAMBDA, "Lambda(lambda t: K.abs(K.gradients(t[0], t[1])[0])", "does more than"),
        (PAIR, "output_shape=(4,)", "mask=m", "more than a function, a shape and a name"),
        (PAIR, "([out, inp])", "(pair)", "not called with the two tensors"),
        (PAIR, "([out, inp])", "([out, inp, h])", "not called with the two tensors"),
        (PAIR, "([out, inp])", "", "not called where it is made"),
        (
            LAYER,
            "target, wrt = inputs",
            "target, wrt = inputs",
            "GradNorm may be used from outside",
        ),
        # Keras 3 trains, and eager Keras runs, otherwise.
        (SCORE, "    model.compile", "    merge.trainable = 0\n    model.compile", "sets merge"),
        (
            SCORE,
            "    return model\n",
            "    loss = model.train_on_batch(x, y)\n    return model\n",
            "reads losses of train_on_batch",
        ),
        (SCORE, "    return model\n", "    model.save('m.h5')\n    return model\n", "model.save"),
        (
            SCORE,
            "    return model\n",
            "    model.load_weights('w')\n    return model\n",
            "uses model.load_weights",
        ),
        (SCORE, "import numpy as np", "import numpy as np\nK.get_session()", "needs graph mode"),
    ],
)
def test_what_is_not_the_same_is_left(source: str, old: str, new: str, reason: str) -> None:
    assert old in source
    code, said = outcome(source.replace(old, new))
    assert code == "TM148", said
    assert reason in said, said


def test_a_layer_of_a_name_is_followed() -> None:
    shape, said = outcome(PAIR.replace("out = Dense(1)(h)", "d = Dense(1)\n    out = d(h)"))
    assert shape == "gradient-layer"
    assert "assumes that the model is not saved as a whole" in said


def test_an_activation_that_is_not_seen_is_assumed_to_be_plain() -> None:
    shape, said = outcome(SCORE)
    assert shape == "gradient-layer"
    assert "assumes that activation is a function without randomness or state" in said


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("generator(x)", "generator * x"),
        ("generator(x)", "generator(x) * generator"),
        ("(generator):", "(generator, data):\n    generator.fit(data)"),
    ],
)
def test_a_model_in_a_lambda_layer_is_only_called(old: str, new: str) -> None:
    assert outcome(CALLED)[0] == "local"
    assert outcome(CALLED.replace(old, new))[0] == "TM105"
