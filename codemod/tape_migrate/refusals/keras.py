"""Reasons for leaving the gradient of a Keras graph alone, and code to start from instead."""

from __future__ import annotations

from tape_migrate.refusals.reason import Reason

KERAS = (
    Reason(
        "TM140",
        "keras-graph-not-seen",
        "Which Keras tensors the gradient is computed from, or which inputs they belong to, is not "
        "all seen here.",
        "Build a sub-model with the tensors as outputs in the function that knows the model, call "
        "it inside a tape that watches its input.",
        "def gradients_of(loss, tensor):\n"
        "    return K.function([anything], K.gradients(loss, tensor))",
    ),
    Reason(
        "TM141",
        "keras-graph-cannot-move",
        "Code on the way to the compiled function cannot move into a function, or what it makes is "
        "kept where other code may read it.",
        "Keep the graph between the model and K.function in plain statements of one block.",
        "self.loss = K.mean(model.output)\n"
        "self.f = K.function([model.input], K.gradients(self.loss, model.input))",
    ),
    Reason(
        "TM142",
        "keras-graph-side-effect",
        "Code on the way to the compiled function does more than build the graph; in a function it "
        "would do so again for each shape of the inputs, or at another time.",
        "Move random numbers, files, clocks and changes of other objects out of that code.",
        "loss = K.mean(model.output[:, np.random.randint(10)])\n"
        "f = K.function([model.input], K.gradients(loss, model.input))",
    ),
    Reason(
        "TM143",
        "keras-tensor-used-elsewhere",
        "A symbolic tensor of the graph is also used by code that does not go into the compiled "
        "function; moved into it, the tensor would be out of reach.",
        "Let that code use the compiled function's results.",
        "loss = K.mean(model.output)\n"
        "f = K.function([model.input], K.gradients(loss, model.input))\n"
        "model.add_loss(loss)",
    ),
    Reason(
        "TM144",
        "changed-after-compiling",
        "A value that the graph was built with is bound again or changed later; a function that is "
        "traced at its first call might see the later value.",
        "Give the later value another name, or make the function in a function of its own.",
        "scale = 1.0\n"
        "f = K.function([x], K.gradients(scale * model(x), x))\n"
        "settings['scale'] = scale = 2.0",
    ),
    Reason(
        "TM145",
        "keras-updates",
        "The compiled function also updates variables (updates=).",
        "Write the updates as assign() calls after the gradient, in the order of the list.",
        "f = K.function([x], [loss], updates=[K.update(w, w - rate * grads)])",
    ),
    Reason(
        "TM146",
        "needs-graph-mode",
        "The program runs in graph mode (a Session, a graph made default, eager execution turned "
        "off) and not all of that can go, but the new function needs eager execution.",
        "Take the Sessions out first.",
        "with graph.as_default():\n"
        "    f = K.function([model.input], K.gradients(loss, model.input))",
    ),
    Reason(
        "TM147",
        "keras-loss",
        "The gradient is taken of what Keras hands to a loss function (y_pred): the model has run "
        "by then, before any tape opened in the loss, and a layer that gives the gradient instead "
        "would not be the same for all that uses the model.",
        "Train with a train_step of your own: call the model inside a tape there, and add what "
        "needs the gradient to its loss. Pass training= to models that hold BatchNormalization.",
        "def gradient_penalty_loss(y_true, y_pred, averaged_samples, weight):\n"
        "    gradients = K.gradients(y_pred, averaged_samples)[0]\n"
        "    norm = K.sqrt(K.sum(K.square(gradients), axis=1))\n"
        "    return K.mean(weight * K.square(1 - norm))\n\n"
        "model.compile(optimizer, loss=[wasserstein, wasserstein, partial_gp_loss])",
        """import tensorflow as tf


def gradient_penalty(critic, averaged_samples, weight):
    with tf.GradientTape() as tape:
        tape.watch(averaged_samples)
        y_pred = critic(averaged_samples, training=True)
    gradients = tape.gradient(y_pred, averaged_samples)
    norm = tf.sqrt(tf.reduce_sum(tf.square(gradients), axis=tf.range(1, tf.rank(gradients))))
    return tf.reduce_mean(weight * tf.square(1 - norm))


class CriticTrainer(tf.keras.Model):
    # compile(optimizer) it; fit(real, fake) trains the critic and gives the losses
    def __init__(self, critic, weight=10.0):
        super().__init__()
        self.critic = critic
        self.weight = weight

    def call(self, samples, training=False):
        return self.critic(samples, training=training)

    def average(self, real, fake):
        ones = tf.ones_like(tf.shape(real)[1:])
        alpha = tf.random.uniform(tf.concat([tf.shape(real)[:1], ones], 0))
        return alpha * real + (1 - alpha) * fake

    def train_step(self, data):
        real, fake = (tf.cast(samples, tf.float32) for samples in data[:2])
        averaged_samples = self.average(real, fake)
        with tf.GradientTape() as tape:
            wasserstein = tf.reduce_mean(self.critic(fake, training=True))
            wasserstein -= tf.reduce_mean(self.critic(real, training=True))
            penalty = gradient_penalty(self.critic, averaged_samples, self.weight)
            loss = wasserstein + penalty
        weights = self.critic.trainable_weights
        self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))
        return {"loss": loss, "wasserstein": wasserstein, "gradient_penalty": penalty}""",
    ),
    Reason(
        "TM148",
        "keras-layer",
        "A Keras layer differentiates one of its inputs by another: the layers between them have "
        "run by then, before any tape opened in the layer.",
        "Give the layer a model of what lies between the two, and call that inside a tape in the "
        "layer's call. Layers that draw random numbers or keep statistics must run there only.",
        "score = Dense(1)(hidden)\n"
        "slope = Lambda(lambda t: K.gradients(t[0], t[1])[0])([score, inputs])",
        """import tensorflow as tf


class InputGradient(tf.keras.layers.Layer):
    # InputGradient(tf.keras.Model(inputs, score))(inputs) gives score and slope
    def __init__(self, model, **kwargs):
        super().__init__(**kwargs)
        self.model = model

    def call(self, inputs):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            score = self.model(inputs)
        return score, tape.gradient(score, inputs)""",
    ),
)
