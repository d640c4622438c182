"""Loss functions of ``compile`` that differentiate: when a layer can give the gradient instead."""

from __future__ import annotations

import pytest

from tape_migrate.api import migrate_source
from tape_migrate.model import Options, Outcome, Shape
from tests.fixture_cases import FIXTURES

CLASS = (FIXTURES / "loss-closure/wgan_gp_partial/before.py").read_text(encoding="utf-8")
SCRIPT = (FIXTURES / "loss-closure/wgan_gp_images/before.py").read_text(encoding="utf-8")
CONDITION = (FIXTURES / "loss-closure/conditional_critic/before.py").read_text(encoding="utf-8")
MAKER = (FIXTURES / "loss-closure/loss_maker/before.py").read_text(encoding="utf-8")
FIT = (FIXTURES / "loss-closure/penalty_fitted/before.py").read_text(encoding="utf-8")
CLASSES = (FIXTURES / "loss-closure/critic_and_classifier/before.py").read_text(encoding="utf-8")
PENALTIES = (FIXTURES / "loss-closure/two_critics_one_penalty/before.py").read_text("utf-8")
LAYERS = (FIXTURES / "loss-closure/critic_of_layers/before.py").read_text(encoding="utf-8")
ALONE = (FIXTURES / "loss-closure/penalty_alone/before.py").read_text(encoding="utf-8")

_CRITIC = "        validity_interpolated = self.critic(interpolated_img)\n"
_SQUARE = "        gradients_sqr = K.square(gradients)\n"
_SUM = (
    "K.sum(gradients_sqr,\n"
    "                                  axis=list(range(1, len(gradients_sqr.shape))))"
)
_NESTED = "        if True:\n            self.critic_model.compile"
_STEP = "self.critic_model.train_on_batch([imgs, noise], [valid, fake, dummy])"
_END = "        return losses\n"
_OTHER = "self.generator_model.train_on_batch(noise, valid)"
_GEN = "        self.generator_model = Model(z_gen, valid)\n"
_BUILD = "        self.critic = self.build_critic()\n"
_SEQ = "        model.add(Dense(5, activation='tanh'))\n"


def outcome(source: str, *, closed: bool = True) -> tuple[str, str]:
    """What becomes of the only call: its shape or code, and what is said."""
    migration = migrate_source(source.encode(), Options(assume_closed=closed), path="gan.py")
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
        # The model's output is read, or may be.
        (CLASS, _END, "        self.critic_model.save('c.h5')\n" + _END, "save, which may tell"),
        (CLASS, _END, "        print(self.critic_model.outputs)\n" + _END, "outputs, which may"),
        (CLASS, _END, "        self.critic_model.optimizer = adam\n" + _END, "optimizer, which m"),
        (CLASS, _END, "        self.critic_model.load_weights('c', True)\n" + _END, "their order"),
        (CLASS, _END, "        self.critic_model.fit(make())\n" + _END, "other than samples and"),
        (CLASS, _END, "        self.critic_model.fit_generator(g)\n" + _END, "fit_generator"),
        (CLASS, _END, "        show(self.critic_model)\n" + _END, "hands self.critic_model on"),
        (CLASS, _END, "        print(getattr(self, 'critic_model'))\n" + _END, "by its name"),
        (CLASS, _END, "        self.critic_model = None\n" + _END, "is not seen to be made by"),
        (CLASS, _CRITIC, _CRITIC + "        print(validity_interpolated)\n", "uses validity_"),
        (CLASS, "loss_weights=[1, 1, 10]", "metrics=['mae']", "is compiled with metrics"),
        (CLASS, "loss_weights=[1, 1, 10]", "loss_weights={'critic': 1}", "are no list"),
        (CLASS, _STEP, _STEP[:-1] + ", sample_weight=w)", "more than a batch and its targets"),
        (CLASS, _STEP, _STEP[:-1] + ", return_dict=True)", "more than a batch and its targets"),
        # What the loss does otherwise.
        (CLASS, _SQUARE, _SQUARE + "        print(y_pred)\n", "uses y_pred in line"),
        (CLASS, _SQUARE, _SQUARE + "        print(y_true)\n", "uses y_true in line"),
        (CLASS, _SQUARE, _SQUARE + "        n = K.shape(averaged_samples)\n", "uses averaged_sam"),
        (CLASS, "averaged_samples)[0]", "averaged_samples)", "not taken by [0]"),
        (CLASS, _SUM, "K.sum(gradients_sqr, axis=-1)", "may matter in K.sum(gradients_sqr, axis=-"),
        (CLASS, _SUM, "K.sum(gradients_sqr, axis=[1, 2])", "may matter in K.sum"),
        (CLASS, _SUM, "gradients_sqr[:, 0]", "may matter in gradients_sqr[:, 0]"),
        (CLASS, _SUM, "np.linalg.norm(gradients_sqr)", "may matter in np.linalg.norm"),
        (CLASS, _SUM, "K.sum(gradients_sqr * self.mask)", "may matter in gradients_sqr * self.m"),
        (CLASS, _SQUARE, "        if True:\n    " + _SQUARE, "is not plain arithmetic"),
        # The critic is no model, or not the only one that is called.
        (CLASS, "critic = self.build_critic()", "critic = other", "assumes"),
        (CLASS, "self.critic = self.build_critic()", "pass", "assumes"),
        (CONDITION, "critic = Model(", "Model(", "assumes"),
        (CLASS, "self.generator = self.build_generator()", "pass", "self.generator"),
        (CLASS, "import numpy", "import blocks, numpy", "blocks (line 3)"),
        (CLASS, "Model(noise, model(noise))", "keras.models.load_model('g')", "assumes"),
        (CLASS, _CRITIC, _CRITIC.replace("_img)", "_img, training=True)"), "more than its inputs"),
        (CLASS, _CRITIC, _CRITIC.replace("self.critic(i", "f(1)(i"), "is not seen to be a layer"),
        (CONDITION, "[averaged, condition])", "[averaged, averaged])", "is not a call of a model"),
        (
            CONDITION,
            "    validity =",
            "    condition = Dense(1)(averaged)\n    validity =",
            "condition may have been computed from averaged",
        ),
        # What differs between graph and eager Keras, and between releases.
        (CLASS, "LeakyReLU(0.2)", "BatchNormalization()", "names BatchNormalization"),
        (SCRIPT, "Flatten, Input", "BatchNormalization as BN, Input", "names BatchNormalization"),
        (SCRIPT, "GRADIENT_PENALTY_WEIGHT = 10", "KIND = 'BatchNormalization'", "names BatchNorm"),
        (CLASS, "LeakyReLU(0.2)", "Masking(0.)", "may have a mask"),
        (CLASS, "Input(shape=(3,))", "Input(shape=(3,), dtype='float64')", "gives dtype="),
        (CLASS, _END, "        K.set_floatx('float64')\n" + _END, "sets set_floatx"),
        (CLASS, _END, "        print(self.critic.trainable)\n" + _END, "reads self.critic.train"),
        (CLASS, _END, "        K.get_session()\n" + _END, "needs graph mode"),
        # Other models that are trained.
        (CLASS, _OTHER, "make(self.generator_model).train_on_batch(1)", ").train_on_batch,"),
        (CLASS, _OTHER, "(lambda m: m.train_on_batch(1))(self.generator_model)", "uses m.t"),
        (CLASS, _OTHER, "{1: self.generator_model}[1].train_on_batch(1)", "].train_on_batch,"),
        (CLASS, _OTHER, "getattr(self.generator_model, 'train_on_batch')(1)", "asks for tra"),
        (CLASS, _OTHER, "self.other().train_on_batch(1)", "uses self.other().train_on"),
        (CLASS, _GEN, _GEN.replace("self.gen", "self.g = self.gen"), "is not seen to be made by"),
        (CLASS, _BUILD, _BUILD + "        self.critic.compile('sgd')\n", "is compiled itself, and"),
        (CLASS, _SEQ, _SEQ + "        model.compile('sgd', 'mse')\n", "self.critic is compiled"),
        (CLASS, "generator_model = Model(z_gen, valid)", "generator_model = make()", "is trained"),
        (CLASS, _END, "        show(self.generator_model.save)\n" + _END, "uses self.generator"),
        (CLASS, _END, "        self.generator_model.to_json()\n" + _END, "uses self.generator"),
        (CLASS, _END, "        self.generator_model.trainable_weights\n" + _END, "uses self.gene"),
        (CLASS, "def call(self, inputs)", "def call(self, inputs, training=False)", "in the graph"),
        # The loss is used otherwise.
        (CLASS, _END, "        f = self.gradient_penalty_loss\n" + _END, "is used in lines"),
        (CLASS, "    def wass", "    @cached\n    def wass", "loss-closure"),
        (CLASS, "    def gradient_", "    @cached\n    def gradient_", "is decorated"),
        (CLASS, "        self.critic_model.compile", _NESTED, "one block"),
    ],
)  # fmt: skip
def test_what_is_not_the_same_is_left(source: str, old: str, new: str, reason: str) -> None:
    assert old in source
    code, said = outcome(source.replace(old, new))
    if reason in ("loss-closure", "assumes", "self.generator", "blocks (line 3)"):
        assert code == Shape.LOSS_CLOSURE.value
        assert reason in said
        assert ("assumes" in said) == (reason != "loss-closure")
    else:
        assert code == "TM147", said
        assert reason in said, said


_FITTED = "history.history['loss']"


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("epochs=2", "epochs=2, sample_weight=w", "gives fit sample_weight"),
        ("epochs=2", "epochs=2, class_weight={0: 2}", "gives fit class_weight"),
        ("epochs=2", "epochs=2, steps_per_epoch=3", "gives fit steps_per_epoch"),
        ("epochs=2", "epochs=2, callbacks=made", "callbacks that are not seen"),
        ("epochs=2", "epochs=2, callbacks=[made]", "a callback that is not known: made"),
        ("epochs=2", "epochs=2, callbacks=[ModelCheckpoint('m.h5')]", "is not known: ModelCheck"),
        ("epochs=2", "epochs=2, callbacks=[EarlyStopping('critic_loss')]", "loss of one output"),
        ("epochs=2", "epochs=2, callbacks=[EarlyStopping(**how)]", "is not known: EarlyStopping"),
        ("validation_data=(", "validation_data=held or (", "other validation_data than a pair"),
        ("targets[:3])", "targets[:3], w)", "other validation_data than a pair"),
        (_FITTED, "history.history['critic_loss']", "the loss of one output"),
        (_FITTED, "list(history.history)", "the loss of one output"),
        (_FITTED, "show(history)", "the loss of one output"),
        ("history = train.fit", "self.history = train.fit", "the loss of one output"),
        ("history = train.fit", "step = train.fit\n    history = step", "uses train.fit"),
    ],
)
def test_what_fit_may_tell_is_left(old: str, new: str, reason: str) -> None:
    assert old in FIT
    imports = "from keras.callbacks import EarlyStopping, ModelCheckpoint\n"
    code, said = outcome(imports + FIT.replace(old, new))
    assert code == "TM147", said
    assert reason in said, said


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


_FILES = {
    "self.critic_model.save_weights('c.h5')": "no other program shares the files of self.critic_mo",
    "self.critic_model.load_weights('c.h5')": "no other program shares the files of self.critic_mo",
    "self.generator_model.save('g.h5')": "what self.generator_model.save writes is not trained on",
    "self.generator_model.save_weights('g.h5')": None,
    "self.generator_model.load_weights('g.h5', by_name=True)": None,
    "self.generator.save('g.h5')": None,
    "self.critic.load_weights('c.h5')": None,
    "print(self.critic_model.optimizer.lr)": None,
    "self.critic_model.summary()": None,
}


@pytest.mark.parametrize("line", _FILES)
def test_what_files_hold_besides_the_layer_stays(line: str) -> None:
    shape, said = outcome(CLASS.replace(_END, f"        {line}\n{_END}"))
    assert shape == Shape.LOSS_CLOSURE.value, said
    expected = _FILES[line]
    assert ("assumes" in said) == (expected is not None)
    assert expected is None or expected in said


def test_batch_norm_that_is_only_imported_normalizes_nothing() -> None:
    given = SCRIPT.replace("Flatten, Input", "BatchNormalization, Flatten, Input")
    assert outcome(given)[0] == Shape.LOSS_CLOSURE.value


def test_callbacks_that_look_at_the_loss_only() -> None:
    callbacks = "EarlyStopping('loss'), ReduceLROnPlateau(monitor='val_loss'), TerminateOnNaN()"
    imports = "from keras.callbacks import EarlyStopping, ReduceLROnPlateau, TerminateOnNaN\n"
    given = imports + FIT.replace("epochs=2", f"epochs=2, callbacks=[{callbacks}]")
    assert outcome(given)[0] == Shape.LOSS_CLOSURE.value


def test_the_order_of_samples_is_taken_for_free() -> None:
    _, said = outcome(FIT.replace("shuffle=False, ", ""))
    assert "assumes that train.fit need not shuffle the samples" in said
    assert "assumes" not in outcome(FIT)[1]


def test_a_public_loss_is_left_unless_nothing_else_uses_it() -> None:
    code, said = outcome(MAKER, closed=False)
    assert code == "TM147"
    assert "--assume-closed" in said


@pytest.mark.parametrize("source", [CLASS, SCRIPT, CONDITION, MAKER, ALONE])
def test_eager_execution_is_left_on(source: str) -> None:
    switch = "import tensorflow as tf\ntf.compat.v1.disable_eager_execution()\n"
    given = (switch + source).encode()
    migration = migrate_source(given, Options(assume_closed=True), path="gan.py")
    assert b"disable_eager_execution" not in migration.new
    assert migration.new.count(b"import tensorflow as tf") == 1


def test_axes_of_numpy_become_integers() -> None:
    given = CLASS.replace("list(range(1, len(gradients_sqr.shape)))",
                          "np.arange(1, len(gradients_sqr.shape))")  # fmt: skip
    migration = migrate_source(given.encode(), Options(assume_closed=True), path="gan.py")
    text = migration.new.decode()
    assert "axis=list(range(1, len(gradients_sqr.shape))))" in text
    assert "np.arange" not in text


def test_names_that_are_taken_are_not_taken_again() -> None:
    given = CLASS + "\n\nInputGradient = CompiledModel = None\n"
    migration = migrate_source(given.encode(), Options(assume_closed=True), path="gan.py")
    text = migration.new.decode()
    assert "class InputGradient2(tf.keras.layers.Layer):" in text
    assert "self.generator_model = CompiledModel2(z_gen, valid)" in text


def test_a_model_that_is_neither_frozen_nor_reports_stays_a_model() -> None:
    given = ALONE.replace("loss = train.train_on_batch", "train.train_on_batch")
    given = given.replace("[np.float32(loss)] + train", "train")
    migration = migrate_source(given.encode(), Options(assume_closed=True), path="gan.py")
    text = migration.new.decode()
    assert "CompiledModel" not in text
    assert "train = Model(averaged, InputGradient(critic)(averaged))" in text
