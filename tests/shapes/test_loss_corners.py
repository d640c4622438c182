"""Losses that differentiate: small changes that hardly any other program has.

Each takes one condition of the modules about them to its other side; what is said is what a person
reads. Those that are migrated all the same are told of with what they take for granted.
"""

# ruff: noqa: E501

from __future__ import annotations

import pytest

from tape_migrate.api import migrate_source
from tape_migrate.model import Options, Outcome
from tests.fixture_cases import FIXTURES

_PROGRAMS = {
    "saved": "loss-closure/wgan_gp_saved",
    "class": "loss-closure/wgan_gp_partial",
    "fit": "loss-closure/penalty_fitted",
    "maker": "loss-closure/loss_maker",
}


def check(program: str, old: str, new: str, code: str, said: str) -> None:
    """What is said of the call of a fixture, one change later."""
    source = (FIXTURES / program / "before.py").read_text(encoding="utf-8")
    assert old in source
    changed = source.replace(old, new).encode()
    migration = migrate_source(changed, Options(assume_closed=True), path="gan.py")
    assert migration.internal_error is None
    (site,) = migration.sites
    assert said in site.message
    if site.outcome is Outcome.MIGRATED:
        assert site.shape is not None
        assert site.shape.value == code
        assert ("assumes" in site.message) == ("assumes" in said)
    else:
        assert (site.code, migration.new) == (code, changed)


@pytest.mark.parametrize(
    ("program", "old", "new", "code", "said"),
    [
        (
            "class",
            "self.critic_model = Model(inputs=[real_img, z_disc],",
            "self.critic_model = Model(trainable=True, inputs=[real_img, z_disc],",
            "TM147",
            "Model is given more than inputs and outputs",
        ),
        (
            "class",
            "Model(inputs=[real_img, z_disc],\n                                  outputs=[valid, fake, validity_interpolated])",
            "Model([real_img, z_disc])",
            "TM147",
            "the outputs of self.critic_model are not seen",
        ),
        (
            "class",
            "outputs=[valid, fake, validity_interpolated]",
            "outputs=[valid, fake]",
            "TM147",
            "the outputs of self.critic_model are no list",
        ),
        (
            "class",
            "self.critic_model.compile(loss=",
            "self.models[0].compile(loss=",
            "TM147",
            "self.models[0] is not seen to be made by Mode",
        ),
        (
            "class",
            "        return losses\n",
            "        build().compile('sgd', 'mse')\n        return losses\n",
            "TM147",
            "line 106 compiles build()",
        ),
        (
            "class",
            "        return losses\n",
            "        self.critic_model.compile('sgd', 'mse')\n        return losses\n",
            "TM147",
            "line 106 compiles self.critic_model again",
        ),
        (
            "class",
            "        return losses\n",
            "        self.critic_model.trainable = True\n        return losses\n",
            "loss-closure",
            "",
        ),
        (
            "class",
            "        return losses\n",
            "        show(self.generator_model)\n        return losses\n",
            "TM147",
            "line 106 hands self.generator_model on",
        ),
        (
            "class",
            "        self.generator_model.compile(loss=self.wasserstein_loss, optimizer='sgd')",
            "        self.generator_model.compile(loss=self.wasserstein_loss, optimizer='sgd')\n        other = Model(z_gen, valid)\n        other.compile('sgd', 'mse')",
            "loss-closure",
            "",
        ),
        (
            "class",
            "    def wasserstein_loss",
            "    def gradient_penalty_loss(self, y_true, y_pred):\n        return 0\n\n    def wasserstein_loss",
            "TM147",
            "there are several functions called gradient_p",
        ),
        (
            "class",
            "        return losses\n",
            "        getattr(self, 'gradient_penalty_loss')\n        return losses\n",
            "TM147",
            "line 106 asks for gradient_penalty_loss by it",
        ),
        (
            "class",
            "averaged_samples=interpolated_img)",
            "averaged_samples=self.interpolated)",
            "TM147",
            "the target y_pred is what Keras hands to a lo",
        ),
        (
            "class",
            "partial_gp_loss = partial(self.gradient_penalty_loss,\n                                  averaged_samples=interpolated_img)",
            "partial_gp_loss = lambda t, p: self.gradient_penalty_loss(t, p, *[interpolated_img])",
            "TM147",
            "the target y_pred is what Keras hands to a lo",
        ),
        (
            "class",
            "partial_gp_loss = partial(self.gradient_penalty_loss,\n                                  averaged_samples=interpolated_img)",
            "partial_gp_loss = lambda t, p: self.gradient_penalty_loss(p, t, interpolated_img)",
            "TM147",
            "the target y_pred is what Keras hands to a lo",
        ),
        (
            "class",
            "partial_gp_loss = partial(",
            "self.loss = partial_gp_loss = partial(",
            "TM147",
            "the target y_pred is what Keras hands to a lo",
        ),
        (
            "class",
            "        partial_gp_loss.__name__ =",
            "        partial_gp_loss = partial_gp_loss\n        partial_gp_loss.__name__ =",
            "TM147",
            "the target y_pred is what Keras hands to a lo",
        ),
        (
            "class",
            "        partial_gp_loss.__name__ =",
            "        print(partial_gp_loss)\n        partial_gp_loss.__name__ =",
            "TM147",
            "the target y_pred is what Keras hands to a lo",
        ),
        (
            "class",
            "        img = Input(shape=(3,))\n        return Model(img, model(img))",
            "        img = Input(shape=(3,))\n        if self.latent_dim:\n            return\n        return Model(img, model(img))",
            "loss-closure",
            "",
        ),
        (
            "class",
            "        img = Input(shape=(3,))\n        return Model(img, model(img))",
            "        img = Input(shape=(3,))\n        made = Model(img, model(img))\n        made += 1\n        return made",
            "loss-closure",
            "assumes that self.critic is a Keras model or",
        ),
        (
            "class",
            "        img = Input(shape=(3,))\n        return Model(img, model(img))",
            "        img = Input(shape=(3,))\n        made = Model(img, model(img))\n        def inner():\n            return 1\n        return made",
            "loss-closure",
            "",
        ),
        (
            "class",
            "        self.critic = self.build_critic()\n",
            "        self.critic = keras.models.load_model('c')\n",
            "loss-closure",
            "assumes that self.critic is a Keras model or",
        ),
        (
            "class",
            "        self.critic = self.build_critic()\n",
            "        self.critic = Dense(1)\n",
            "loss-closure",
            "",
        ),
        (
            "class",
            "        validity_interpolated = self.critic(interpolated_img)\n",
            "        validity_interpolated = self.parts.critic(interpolated_img)\n",
            "TM147",
            "self.parts.critic is not seen to be a model o",
        ),
        (
            "class",
            "        validity_interpolated = self.critic(interpolated_img)\n",
            "        validity_interpolated = self.build_critic(interpolated_img)\n",
            "TM147",
            "self.build_critic is not seen to be a model o",
        ),
        (
            "class",
            "        interpolated_img = WeightedAverage()([real_img, fake_img])\n",
            "        interpolated_img = WeightedAverage()([real_img, fake_img])\n        interpolated_img = WeightedAverage()([real_img, interpolated_img])\n",
            "TM147",
            "interpolated_img is bound more than once",
        ),
        (
            "maker",
            "gradient_penalty_loss(averaged_in)]",
            "gradient_penalty_loss]",
            "TM147",
            "the target y_pred is what Keras hands to a lo",
        ),
        (
            "fit",
            "Model(averaged, critic(averaged))",
            "Model(averaged, [critic(averaged)])",
            "loss-closure",
            "",
        ),
        (
            "fit",
            "Model(averaged, critic(averaged))",
            "Model(averaged, [critic(averaged), critic(averaged)])",
            "TM147",
            "one loss is given for several outputs of trai",
        ),
        (
            "fit",
            "shuffle=False",
            "shuffle=True",
            "loss-closure",
            "assumes that train.fit need not shuffle the s",
        ),
        (
            "fit",
            "history = train.fit",
            "history = other = train.fit",
            "TM147",
            "line 21 may read the loss of one output in wh",
        ),
        (
            "fit",
            "K.square(1 - K.sqrt(K.sum(K.square(slopes), axis=1)))",
            "K.pow(1 - K.sqrt(K.sum(K.square(slopes), axis=1)), 2)",
            "loss-closure",
            "",
        ),
        (
            "fit",
            "K.sum(K.square(slopes), axis=1)",
            "K.sum(K.square(-slopes), axis=1)",
            "loss-closure",
            "",
        ),
        (
            "fit",
            "K.sum(K.square(slopes), axis=1)",
            "K.sum(K.square(slopes), axis=1, keepdims=True)",
            "TM147",
            "Keras may drop a last axis of one of it, whic",
        ),
        (
            "fit",
            "K.sum(K.square(slopes), axis=1)",
            "K.sum(K.sum(K.square(slopes), axis=1), axis=0)",
            "TM147",
            "Keras may drop a last axis of one of it, whic",
        ),
        (
            "fit",
            "K.sum(K.square(slopes), axis=1)",
            "K.sum(K.square(slopes), axis=list(range(1, len(K.int_shape(slopes)))))",
            "loss-closure",
            "",
        ),
        (
            "fit",
            "K.sum(K.square(slopes), axis=1)",
            "K.sum(K.clip(slopes, 0, 1), axis=1)",
            "TM147",
            "Keras may drop a last axis of one of it, whic",
        ),
        (
            "saved",
            "            self.generator.save('generator_%d.h5' % epoch)\n",
            "            self.generator.save('generator_%d.h5' % epoch)\n            getattr(self, 'generator')\n",
            "loss-closure",
            "assumes that what self.generator_model.save w",
        ),
        (
            "class",
            "        img = Input(shape=(3,))\n        return Model(img, model(img))",
            "        img = Input(shape=(3,))\n        return",
            "TM147",
            "self.critic is not seen to be a model or a la",
        ),
        (
            "class",
            "        validity_interpolated = self.critic(interpolated_img)\n",
            "        validity_interpolated = other.critic(interpolated_img)\n",
            "loss-closure",
            "assumes that other.critic is a Keras model or",
        ),
        (
            "class",
            "    def build_critic(self):",
            "    def critic(self):\n        return self.build_critic()\n\n    def build_critic(self):",
            "loss-closure",
            "",
        ),
        (
            "class",
            "        self.generator_model = Model(z_gen, valid)",
            "        import keras as kk\n        self.generator_model = kk.Model(z_gen, valid)",
            "TM147",
            "self.generator_model is made by kk.Model",
        ),
        (
            "class",
            "from keras.models import Model, Sequential\n",
            "from keras.models import Sequential\ntry:\n    from keras.models import Model\nexcept ImportError:\n    Model = None\n",
            "TM147",
            "Model is not imported at the top of the modul",
        ),
        (
            "class",
            "import keras.backend as K\n",
            "try:\n    import keras.backend as K\nexcept ImportError:\n    K = None\n",
            "TM147",
            "K.gradients is not imported at the top of the",
        ),
        (
            "class",
            "self.critic_model.compile(loss=",
            "getattr(self, 'generator_model')\n        self.critic_model.compile(loss=",
            "TM147",
            "line 45 asks for generator_model by its name,",
        ),
        (
            "class",
            "                d_loss = self.critic_model.train_on_batch([imgs, noise], [valid, fake, dummy])",
            "                d_loss, *others = self.critic_model.train_on_batch([imgs, noise], [valid, fake, dummy])",
            "loss-closure",
            "assumes that on Keras 3 only the first of the",
        ),
        (
            "class",
            "                d_loss = self.critic_model.train_on_batch([imgs, noise], [valid, fake, dummy])",
            "                d_loss = x = self.critic_model.train_on_batch([imgs, noise], [valid, fake, dummy])",
            "loss-closure",
            "assumes that on Keras 3 only the first of the",
        ),
        (
            "maker",
            "    def loss(y_true, y_pred):",
            "    def loss(y_true, y_pred):\n        averaged_samples = y_true",
            "TM147",
            "the target y_pred is what Keras hands to a lo",
        ),
        (
            "maker",
            "    def loss(y_true, y_pred):\n",
            "    global averaged_samples\n    def loss(y_true, y_pred):\n",
            "TM147",
            "the target y_pred is what Keras hands to a lo",
        ),
        (
            "fit",
            "axis=1)",
            "axis=set([1]))",
            "TM147",
            "Keras may drop a last axis of one of it, whic",
        ),
        (
            "fit",
            "def fitted(samples, targets):",
            "history = None\n\n\ndef show():\n    history = 1\n    return history\n\n\ndef fitted(samples, targets):",
            "loss-closure",
            "",
        ),
        (
            "maker",
            "    train = Model([real_in, averaged_in], [critic(real_in), critic(averaged_in)])\n",
            "    out = critic(averaged_in)\n    train = Model([real_in, averaged_in], [critic(real_in), out])\n    out = None\n    print(out)\n",
            "loss-closure",
            "",
        ),
        (
            "maker",
            "    train = Model([real_in, averaged_in], [critic(real_in), critic(averaged_in)])\n",
            "    out = critic(averaged_in)\n    train = Model([real_in, averaged_in], [critic(real_in), out])\n    f = lambda: out\n",
            "TM147",
            "line 30 uses out, too",
        ),
        (
            "maker",
            "    train.compile('sgd', ['mse', gradient_penalty_loss(averaged_in)], loss_weights=[1, .5])\n",
            "    def compiled(averaged_in):\n        train.compile('sgd', ['mse', gradient_penalty_loss(averaged_in)], loss_weights=[1, .5])\n    compiled(averaged_in)\n",
            "TM147",
            "averaged_in is not the same where the loss is made",
        ),
        (
            "maker",
            "    losses = [train",
            "    with open('x') as file:\n        file.save(train)\n    losses = [train",
            "TM147",
            "line 33 hands train on",
        ),
        (
            "maker",
            "axis=list(range(1, K.ndim(gradients)))",
            "axis=list(range(1, abs(2)))",
            "TM147",
            "Keras may drop a last axis of one of it",
        ),
    ],
)
def test_what_becomes_of_a_small_change(
    program: str, old: str, new: str, code: str, said: str
) -> None:
    check(_PROGRAMS[program], old, new, code, said)
