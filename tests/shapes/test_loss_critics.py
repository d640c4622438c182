"""What stands for the critic of a loss: one of its outputs, layers one after another, models that
functions train.
"""

from __future__ import annotations

import pytest

from tape_migrate.api import migrate_source
from tape_migrate.model import Options, Shape
from tests.shapes.test_loss_closure import (
    _END,
    _OTHER,
    _STEP,
    CLASS,
    CLASSES,
    LAYERS,
    PENALTIES,
    outcome,
)

_BOTH = "out_src, _ = self.D(x_hat)"
_GIVES = "[out_src_real, out_cls_real, out_src_fake, out_src]"


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (_BOTH, "out_src, more = self.D(x_hat)\n        print(more)", "uses more, which the same"),
        (_BOTH, _BOTH + "\n        print(out_src)", "uses out_src, too"),
        (_BOTH, _BOTH + "\n        show = lambda: _", "uses _, which the same call gives"),
        (_BOTH, "out_src, *_ = self.D(x_hat)", "what out_src is, is not seen"),
        (_BOTH, "out_src = _ = self.D(x_hat)", "what out_src is, is not seen"),
        (_BOTH, "both = self.D(x_hat)\n        out_src = both[0]", "is not what a model gives for"),
        (_BOTH, "out_src = self.D(x_hat)[-2]", "self.D(x_hat)[-2] is not what a model gives"),
        (_BOTH, "out_src = self.D(x_hat)[i]", "self.D(x_hat)[i] is not what a model gives"),
        (_BOTH, "out_src, _ = self.D(Dense(3)(x_hat))", "is one of several that layers give"),
    ],
)
def test_one_output_of_several_is_seen_to_be_alone(old: str, new: str, reason: str) -> None:
    assert old in CLASSES
    code, said = outcome(CLASSES.replace(old, new))
    assert code == "TM147", said
    assert reason in said, said


@pytest.mark.parametrize(
    ("old", "new", "index"),
    [
        (_BOTH, _BOTH, 0),
        (_BOTH, "_, out_src = self.D(x_hat)", 1),
        (_BOTH, "(out_src, _) = self.D(x_hat)", 0),
        (_BOTH, "out_src = self.D(x_hat)[1]", 1),
        (_GIVES, _GIVES.replace("out_src]", "self.D(x_hat)[1]]"), 1),
    ],
)
def test_one_output_of_several_is_differentiated(old: str, new: str, index: int) -> None:
    given = CLASSES.replace(old, new)
    migration = migrate_source(given.encode(), Options(assume_closed=True), path="gan.py")
    text = migration.new.decode()
    assert f"= self.model(x_hat)[{index}]\n" in text
    assert "InputGradient(self.D)(x_hat)[" not in text
    assert "out_src = InputGradient(self.D)(x_hat)\n" in text or "self.D)(x_hat)])\n" in text


_CHAIN = "    x = LeakyReLU(0.2)(x)\n    x = Dropout(0.)(Flatten()(x))\n"
_LAST = "validity = head(hidden(x))"


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (_LAST, "validity = head(hidden(x) * 2)", "hidden(x) * 2 is no layer's output"),
        (_LAST, "validity = head(hidden(x, training=True))", "more than its input"),
        (_LAST, "validity = head(hidden(hidden(x)))", "hidden is called twice"),
        (_LAST, "validity = head(score(x))", "score is not seen to be a model"),
        (_LAST, "validity = head(make()(x))", "make() is not seen to be a layer of Keras"),
        (_LAST, "validity = head(Dense(1,\n units=2)(x))", "is made in several lines"),
        (_LAST, "validity = head(hidden([x, x]))", "[x, x] is no layer's output"),
        (_LAST, _LAST + "\n    print(x)", "uses x, too"),
        (_LAST, _LAST + "\n\n    def later():\n        return x\n", "in another function"),
        (_LAST, "head = Dense(1)\n    " + _LAST, "binds head, which is called there"),
        (_LAST, "more = Dense(2)(real)\n    " + _LAST, "comes between the layers"),
        (_LAST, "self.more = 2\n    " + _LAST, "comes between the layers"),
        (_LAST, "print(steps)\n    " + _LAST, "comes between the layers"),
        (_LAST, "@cached()\n    def more():\n        pass\n    " + _LAST, "between the layers"),
        (
            _CHAIN,
            "    if steps:\n    " + _CHAIN.replace("\n    ", "\n        ", 1),
            "what x is, is",
        ),
        (_CHAIN, "    if True:\n        x = LeakyReLU(0.2)(x)\n", "what x is, is not seen"),
        (_CHAIN, _CHAIN.replace("(x)\n", "(x)  # leaks\n", 1), "a comment stands between"),
        ("    ones =", "    hidden.get_layer('a')\n    ones =", "looks layers up by their names"),
        ("    ones =", "    trainer.get_weights()\n    ones =", "the weights have another order"),
        (
            "    ones =",
            "    trainer.save_weights('w')\n    ones =",
            "the weights have another order",
        ),
    ],
)
def test_layers_that_cannot_be_called_anew_are_left(old: str, new: str, reason: str) -> None:
    assert old in LAYERS
    code, said = outcome(LAYERS.replace(old, new))
    assert code == "TM147", said
    assert reason in said, said


@pytest.mark.parametrize(
    ("new", "model"),
    [
        ("validity = head(x)", "convolution, LeakyReLU(0.2), Flatten(), Dropout(0.), head]"),
        ("count = steps + 1\n    validity = head(x)", "Dropout(0.), head]"),
        ("def more():\n        print(1)\n    validity = head(x)", "Dropout(0.), head]"),
        ("validity = Dense(1)(x)", "Dropout(0.), Dense(1)]"),
    ],
)
def test_layers_one_after_another_are_a_model(new: str, model: str) -> None:
    given = LAYERS.replace(_LAST, new)
    migration = migrate_source(given.encode(), Options(assume_closed=True), path="gan.py")
    text = migration.new.decode()
    assert "InputGradient(\n        tf.keras.Sequential([" in text
    assert model in text
    assert "convolution(averaged)" not in text


def test_one_layer_is_a_model_too() -> None:
    given = CLASS.replace("self.critic(interpolated_img)", "Dense(1)(interpolated_img)")
    migration = migrate_source(given.encode(), Options(assume_closed=True), path="gan.py")
    assert b"= InputGradient(Dense(1))(interpolated_img)\n" in migration.new


_SECOND = "validity_interpolated_z = self.critic_z(interpolated_z)"
_PARTIAL = "loss_z = partial(self._gradient_penalty_loss, averaged_samples=interpolated_z)"


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (_SECOND, _SECOND + "\n        print(validity_interpolated_z)", "uses validity_interpola"),
        (_SECOND, "validity_interpolated_z, _ = self.critic_z(interpolated_z)", "different ways"),
        (_SECOND, "validity_interpolated_z = self.critic_z([interpolated_z, x])", "different ways"),
        (_SECOND, "validity_interpolated_z = f(1)(interpolated_z)", "is not seen to be a layer"),
        (_PARTIAL, _PARTIAL + "\n        print(self._gradient_penalty_loss)", "is used in lines"),
        (_PARTIAL, _PARTIAL + "\n        if x:\n            loss_z = 1", "is used in lines"),
        (
            "    losses += [cx",
            "    self.critic_z_model.save('z')\n            losses += [cx",
            "save, wh",
        ),
    ],
)
def test_every_model_of_a_loss_gives_the_gradient(old: str, new: str, reason: str) -> None:
    assert old in PENALTIES
    code, said = outcome(PENALTIES.replace(old, new))
    assert code == "TM147", said
    assert reason in said, said


def test_models_of_one_loss_share_the_layer() -> None:
    assert outcome(PENALTIES)[0] == Shape.LOSS_CLOSURE.value
    given = PENALTIES.replace(
        _SECOND, "validity_interpolated_z = head(self.critic_z(interpolated_z))"
    )
    migration = migrate_source(given.encode(), Options(assume_closed=True), path="gan.py")
    text = migration.new.decode()
    assert text.count("(tf.keras.layers.Layer):") == 1
    assert "= InputGradient(self.critic_x)(interpolated_x)\n" in text
    assert "tf.keras.Sequential([self.critic_z, head])" in text
    assert text.count("= CompiledModel(") == 3


_STEP_BY = """
    def step(self, model, *, x, y):
        return model.train_on_batch(x, y)
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (_OTHER, "self.step(self.generator_model, x=noise, y=valid)"),
        (_STEP, "self.step(self.critic_model, x=[imgs, noise], y=[valid, fake, dummy])"),
        (_OTHER, "advance(x=noise, model=self.generator_model, y=valid)"),
        (_STEP, "advance(self.critic_model, [imgs, noise], [valid, fake, dummy])"),
        (_END, "        self.scaler = StandardScaler()\n        self.scaler.fit(imgs)\n" + _END),
        (_END, "        keras.utils.plot_model(self.critic_model, 'c.png')\n" + _END),
    ],
)
def test_models_are_followed_into_functions(old: str, new: str) -> None:
    source = "import keras\nfrom sklearn.preprocessing import StandardScaler\n" + CLASS
    source = source.replace(old, new)
    if "self.step(" in new:
        source = source.replace("    def train(self", _STEP_BY + "\n    def train(self")
    if "advance(" in new:
        source += "\n\ndef advance(model, x, y):\n    return model.train_on_batch(x, y)\n"
    migration = migrate_source(source.encode(), Options(assume_closed=True), path="gan.py")
    (site,) = migration.sites
    assert site.shape is Shape.LOSS_CLOSURE, site.message
    text = migration.new.decode()
    assert text.count("= CompiledModel(") == 2
