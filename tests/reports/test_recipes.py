"""The code that `explain` gives to start from runs, and trains as the old code did."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest

from tape_migrate.refusals import all_refusals
from tape_migrate.reports.explain import explanation
from tape_migrate.verify import Case, Verdict, Verifier, parse_input
from tests.fixture_cases import FIXTURES

RECIPES = [reason.code for reason in all_refusals() if reason.recipe]

TRAIN = '''
from tensorflow.keras.layers import Dense, Input
from tensorflow.keras.models import Model


def run(x):
    """Real and generated samples alike: what is left of the loss is the gradient penalty."""
    samples = Input((3,))
    critic = Model(samples, Dense(1, use_bias=False)(Dense(4, activation="tanh")(samples)))
    rng = np.random.RandomState(65)
    critic.set_weights([rng.normal(0, .5, w.shape) for w in critic.get_weights()])
    trainer = CriticTrainer(critic)
    trainer.compile(optimizer="sgd")
    losses = trainer.train_on_batch(x, x, return_dict=True)
    return [np.float32(losses["loss"])] + critic.get_weights()
'''


SLOPE = """
from tensorflow.keras.layers import Dense, Input
from tensorflow.keras.models import Model


class Norm(tf.keras.layers.Layer):
    def call(self, grads):
        return tf.sqrt(tf.reduce_sum(tf.square(grads), axis=1, keepdims=True))


def run(x):
    inputs = Input((4,))
    score = Dense(1)(Dense(5, activation="tanh")(inputs))
    _, slope = InputGradient(Model(inputs, score))(inputs)
    model = Model(inputs, Norm()(slope))
    rng = np.random.RandomState(64)
    model.set_weights([rng.normal(0, .5, w.shape) for w in model.get_weights()])
    return model.predict(x)
"""


def printed(code: str) -> str:
    """The recipe as a person reads it, without its indentation."""
    text = explanation(code)
    assert text is not None
    match = re.search(r"^By hand:\n\n(.*)\Z", text, re.DOTALL | re.MULTILINE)
    assert match is not None
    return textwrap.dedent(match.group(1))


@pytest.mark.parametrize("code", RECIPES)
def test_a_recipe_is_python_and_needs_nothing_of_this_tool(code: str) -> None:
    recipe = printed(code)
    compile(recipe, code, "exec")
    assert "tape_migrate" not in recipe
    assert "K.gradients" not in recipe


def test_the_gradient_penalty_trains_the_critic_as_the_old_loss_did() -> None:
    folder = Path(FIXTURES) / "loss-closure" / "penalty_alone"
    case = Case(
        name="gradient penalty",
        before=(folder / "before.py").read_bytes(),
        after="import numpy as np\n" + printed("TM147") + TRAIN,
        entry="run",
        inputs=(("x", parse_input("float32[4,3] numpy")),),
        old_mode="keras-2",
        modes=("eager",),
    )
    with Verifier(devices="cpu") as verifier:
        evidence = verifier.verify(case)
    assert evidence.verdict is Verdict.EQUAL, evidence.sentence


def test_the_layer_gives_the_slope_that_the_old_layer_gave() -> None:
    folder = Path(FIXTURES) / "refused" / "keras_gradient_layer"
    case = Case(
        name="gradient layer",
        before=(folder / "before.py").read_bytes(),
        after="import numpy as np\n" + printed("TM148") + SLOPE,
        entry="run",
        inputs=(("x", parse_input("float32[2,4] numpy")),),
        old_mode="keras-2",
        modes=("eager",),
    )
    with Verifier(devices="cpu") as verifier:
        evidence = verifier.verify(case)
    assert evidence.verdict is Verdict.EQUAL, evidence.sentence
