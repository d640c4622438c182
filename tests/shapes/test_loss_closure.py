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
