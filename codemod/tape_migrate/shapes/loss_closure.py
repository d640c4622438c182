"""A gradient in a loss function of ``compile`` (WGAN-GP): a layer gives it as the model's output.

Before::

    def gradient_penalty_loss(y_true, y_pred, averaged_samples):
        gradients = K.gradients(y_pred, averaged_samples)[0]
        norms = K.sqrt(K.sum(K.square(gradients), axis=np.arange(1, len(gradients.shape))))
        return K.mean(K.square(1 - norms))


    validity = critic(averaged)
    loss = partial(gradient_penalty_loss, averaged_samples=averaged)
    critic_model = Model([real, noise], [valid, fake, validity])
    critic_model.compile(loss=[wasserstein, wasserstein, loss], optimizer=optimizer)

After::

    class InputGradient(tf.keras.layers.Layer):
        def __init__(self, model, **kwargs):
            super().__init__(**kwargs)
            self.model = model

        def call(self, averaged):
            with tf.GradientTape() as tape:
                tape.watch(averaged)
                validity = self.model(averaged)
            return tape.gradient(validity, averaged)


    def gradient_penalty_loss(y_true, y_pred, averaged_samples):
        gradients = y_pred
        norms = K.sqrt(K.sum(K.square(gradients), axis=list(range(1, len(gradients.shape)))))
        return K.mean(K.square(1 - norms))


    validity = InputGradient(critic)(averaged)
    …
    critic_model = CompiledModel([real, noise], [valid, fake, validity])

Keras runs the model before it calls the loss, so no tape in the loss can see the forward pass; a
layer of the model can. It calls the critic on the same tensor, as often as before, in the same
phase, and the tape around the training step goes through its own. The loss reads the gradient
where it read the output that nothing else may read: the model is compiled in the block that makes
it and trained by ``train_on_batch`` or ``fit`` (``training_calls``), and its metrics are its
losses. Where the loss is a function of another module, all modules change together
(``loss_elsewhere``).

- What Keras does to the output of a model on its way to a loss is to drop a last axis of one where
  the target has one axis less. ``gradient_use`` shows that it makes no difference.
- The weights stay in the order in which they were: the layer stands where the critic's call did,
  and holds no weights but the critic's.
- Keras 2 trains what was trainable when the model was compiled, Keras 3 what is trainable at the
  step; and Keras 3 gives the average of all batches so far. A subclass of the model that the module
  compiles (``CompiledModel``) does as Keras 2 did, on both.
- Layers that are called one after another (``head(convolution(averaged))``) are a ``Sequential`` in
  the place of the critic (``layer_chain``). Its weights may stand elsewhere in the model's: nothing
  may ask for their order.
- Models are saved and loaded as before, as far as they do not hold the layer (``compiled_models``).
- A frozen model that holds BatchNormalization normalizes by the batch in TensorFlow 1.15 and in
  Keras 3, by its averages in TensorFlow 2 with Keras 2. That is refused.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass

from tape_migrate.shapes.context import Context
from tape_migrate.shapes.loss_binding import Bound, bound_loss, scalars_of
from tape_migrate.shapes.loss_forward import Forward, form_of, plan_forward
from tape_migrate.shapes.loss_function import LossFunction, loss_function, refuse_loss
from tape_migrate.shapes.plan import Refusal


@dataclass(frozen=True)
class LossPlan:
    """How the gradient of a loss becomes a layer's."""

    loss: LossFunction
    forwards: tuple[Forward, ...]
    """The critics' calls: several where the loss is compiled with several models."""

    @property
    def assumptions(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(each for f in self.forwards for each in f.assumptions))


def plan_loss(context: Context, site: ast.Call, *, assumed: bool) -> LossPlan | Refusal | None:
    """The plan for ``site``, or None if it stands in no loss that is seen to be compiled.

    ``assumed`` says that nothing but the module uses its functions.
    """
    module = context.module
    loss = loss_function(module, site)
    if loss is None:
        return None
    bound = bound_loss(module, loss.scope, loss.source, assumed=assumed)
    if bound is None:
        return None
    if context.hazards.refuse() is not None:
        return None
    plan = bound if isinstance(bound, str) else _plan(context, loss, bound)
    if not isinstance(bound, str) and isinstance(plan, LossPlan):
        plan = bound[0].may_be_open or plan
    return loss_refusal(loss, plan) if isinstance(plan, str) else plan


def loss_refusal(loss: LossFunction, why: str) -> Refusal:
    """The refusal of a gradient in a loss."""
    return Refusal(
        "TM147", f"the gradient of {loss.y_pred} in a loss cannot become that of a layer: {why}"
    )


def _plan(context: Context, loss: LossFunction, bound: tuple[Bound, ...]) -> LossPlan | str:
    forwards: list[Forward] = []
    for each in bound:
        why = refuse_loss(loss, scalars_of(context.module, each, loss.node))
        if why is not None:
            return why
        forward = plan_forward(context, each)
        if isinstance(forward, str):
            return forward
        forwards.append(forward)
    if len({form_of(forward) for forward in forwards}) > 1:
        return "the critics are called in different ways"
    return LossPlan(loss, tuple(forwards))
