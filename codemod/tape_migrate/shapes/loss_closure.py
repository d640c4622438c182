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
where it read the output that nothing else may read: the model is compiled and trained on batches,
in one block, and its metrics are its losses.

- What Keras does to the output of a model on its way to a loss is to drop a last axis of one where
  the target has one axis less. ``gradient_use`` shows that it makes no difference.
- The weights stay in the order in which they were: the layer stands where the critic's call did,
  and holds no weights but the critic's.
- Keras 2 trains what was trainable when the model was compiled, Keras 3 what is trainable at the
  step; and Keras 3 gives the average of all batches so far. A subclass of the model that the module
  compiles (``CompiledModel``) does as Keras 2 did, on both.
- A frozen model that holds BatchNormalization normalizes by the batch in TensorFlow 1.15 and in
  Keras 3, by its averages in TensorFlow 2 with Keras 2. That is refused.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass

from tape_migrate.edits.call import subscript_of_first
from tape_migrate.flow.scope import Scope
from tape_migrate.flow.symbols import Symbol
from tape_migrate.module import Module
from tape_migrate.shapes.compiled_models import (
    CompiledModels,
    compiled_models,
    is_imported,
    made_as,
    refuse_uses,
)
from tape_migrate.shapes.context import Context
from tape_migrate.shapes.gradient_use import LooseAxes, arange_axes, refuse_gradient_use
from tape_migrate.shapes.helper import is_method
from tape_migrate.shapes.keras_graph import eager_off_elsewhere
from tape_migrate.shapes.layer_hazards import gives_model, out_of_sight, refuse_layers
from tape_migrate.shapes.loss_binding import Bound, bound_loss, scalars_of
from tape_migrate.shapes.plan import Refusal

_FIRST_PARAMETERS = 2


@dataclass(frozen=True)
class LossPlan:
    """How the gradient of a loss becomes a layer's."""

    site: ast.Call
    taken: ast.Subscript
    """``site[0]``, in whose place the loss reads ``y_pred``."""
    y_pred: str
    aranges: tuple[ast.Call, ...]
    """Axes that numpy gives, as integers that TensorFlow has no gradient for on numpy 2."""
    forward: ast.Call
    """The critic's call."""
    averaged: ast.Name
    """What it is differentiated by, in that call."""
    output: str
    """A name for what the critic gives."""
    models: CompiledModels
    assumptions: tuple[str, ...]


def plan_loss(context: Context, site: ast.Call, *, assumed: bool) -> LossPlan | Refusal | None:
    """The plan for ``site``, or None if it stands in no loss that is seen to be compiled.

    ``assumed`` says that nothing but the module uses its functions.
    """
    module = context.module
    scope = module.scope_of(site)
    names = _arguments(module, site, scope)
    if names is None:
        return None
    y_true, y_pred, source = names
    bound = bound_loss(module, scope, source, assumed=assumed)
    if bound is None:
        return None
    if context.hazards.refuse() is not None:
        return None
    plan = bound if isinstance(bound, str) else _plan(context, site, y_true, y_pred, source, bound)
    if isinstance(bound, Bound) and isinstance(plan, LossPlan) and bound.may_be_open is not None:
        plan = bound.may_be_open
    if isinstance(plan, str):
        return Refusal(
            "TM147", f"the gradient of {y_pred} in a loss cannot become that of a layer: {plan}"
        )
    return plan


def _arguments(module: Module, site: ast.Call, scope: Scope) -> tuple[str, str, str] | None:
    """The names of ``y_true``, ``y_pred`` and the source, where the call has the form."""
    function = scope.node
    if not isinstance(function, ast.FunctionDef) or len(site.args) != _FIRST_PARAMETERS:
        return None
    names = [arg.arg for arg in (*function.args.posonlyargs, *function.args.args)]
    if is_method(scope):
        names = names[1:]
    target, source = site.args
    if isinstance(source, ast.List) and len(source.elts) == 1:
        source = source.elts[0]
    if len(names) < _FIRST_PARAMETERS or not isinstance(source, ast.Name):
        return None
    if not isinstance(target, ast.Name) or target.id != names[1] or site.keywords:
        return None
    return names[0], names[1], source.id


def _plan(
    context: Context, site: ast.Call, y_true: str, y_pred: str, source: str, bound: Bound
) -> LossPlan | str:
    module = context.module
    taken = subscript_of_first(module, site)
    if taken is None:
        return "it is not taken by [0] at once"
    use = _refuse_reads(module, site, (y_true, y_pred, source))
    if use is not None:
        return use
    if not is_imported(module, site.func):
        return f"{ast.unparse(site.func)} is not imported at the top of the module"
    loose = LooseAxes(module, taken, scalars_of(module, bound))
    why = refuse_gradient_use(loose)
    if why is not None:
        return why
    made = made_as(module, bound)
    if isinstance(made, str):
        return made
    forward = _forward(module, made.output, bound)
    if isinstance(forward, str):
        return forward
    call, averaged, output = forward
    stmts = [module.statement_of(node) for node in (call, bound.loss, made.model, bound.compiled)]
    if any(module.place_of(s).block is not module.place_of(stmts[0]).block for s in stmts):
        return "the critic's call, the loss, the model and compile are not in one block"
    why = refuse_layers(module) or refuse_uses(module, made)
    if why is not None:
        return why
    elsewhere = eager_off_elsewhere(context)
    if elsewhere is not None:
        return elsewhere.message
    model = gives_model(module, call.func)
    if model is False:
        return f"{ast.unparse(call.func)} is not seen to be a model or a layer"
    models = compiled_models(module, made)
    if isinstance(models, str):
        return models
    assumptions = list(models.assumptions)
    if model is None:
        assumptions.append(f"assumes that {ast.unparse(call.func)} is a Keras model or layer")
    unseen = out_of_sight(module, call)
    if unseen:
        assumptions.append(
            "assumes that no model or layer holds BatchNormalization or makes a mask, as far as "
            f"they come from {', '.join(unseen)}"
        )
    return LossPlan(
        site,
        taken,
        y_pred,
        tuple(arange_axes(loose)),
        call,
        averaged,
        output,
        models,
        tuple(assumptions),
    )


def _refuse_reads(module: Module, site: ast.Call, names: tuple[str, str, str]) -> str | None:
    """The loss may read what Keras gives it, and the source, in the gradient call only."""
    scope = module.scope_of(site)
    inside = {id(node) for node in ast.walk(site)}
    for node in module.inside(scope.node):
        if isinstance(node, ast.Name) and node.id in names and id(node) not in inside:
            if isinstance(node.ctx, ast.Load) or module.scope_of(node) is scope:
                return f"the loss uses {node.id} in line {node.lineno}, too"
    return None


def _forward(
    module: Module, output: ast.expr, bound: Bound
) -> tuple[ast.Call, ast.Name, str] | str:
    """The critic's call, the tensor that it is differentiated by, and a name for its result."""
    name = "outputs"
    call = output
    if isinstance(output, ast.Name):
        scope = module.scope_of(output)
        stmts = module.names.bindings(output.id, scope)
        reached = module.facts(scope).reaching_at(output, Symbol(output.id))
        stmt = next(iter(reached)).stmt if len(reached) == 1 else None
        if not isinstance(stmt, ast.Assign) or stmt not in stmts or len(stmt.targets) != 1:
            return f"what {output.id} is, is not seen"
        reads = [
            node
            for node in module.nodes
            if isinstance(node, ast.Name)
            and node.id == output.id
            and isinstance(node.ctx, ast.Load)
            and node is not output
            and module.scopes.resolve(node.id, module.scope_of(node)) is scope
        ]
        if reads:
            return f"line {reads[0].lineno} uses {output.id}, too"
        name, call = output.id, stmt.value
    if not isinstance(call, ast.Call) or not isinstance(call.func, (ast.Name, ast.Attribute)):
        return f"{ast.unparse(output)} is not what a model gives for {bound.source.id}"
    if len(call.args) != 1 or call.keywords:
        return f"{ast.unparse(call)} gives the critic more than its inputs"
    given = call.args[0]
    members = given.elts if isinstance(given, (ast.List, ast.Tuple)) else [given]
    averaged = [m for m in members if isinstance(m, ast.Name) and m.id == bound.source.id]
    if len(averaged) != 1 or not isinstance(averaged[0], ast.Name):
        return f"{ast.unparse(call)} is not a call of a model on {bound.source.id}"
    scope = module.scope_of(call)
    if len(module.names.bindings(bound.source.id, scope)) != 1:
        return f"{bound.source.id} is bound more than once"
    if module.scopes.resolve(bound.source.id, scope) is not module.scopes.resolve(
        bound.source.id, module.scope_of(bound.source)
    ):
        return f"{bound.source.id} is not the same where the loss is made"
    for member in members:
        if member is averaged[0]:
            continue
        if _depends(module, member, bound.source.id, frozenset()):
            return f"{ast.unparse(member)} may have been computed from {bound.source.id}"
    return call, averaged[0], name


def _depends(module: Module, name: ast.expr, source: str, seen: frozenset[str]) -> bool:
    """Whether ``name`` may have been computed from ``source``, both of one scope."""
    if not isinstance(name, ast.Name) or name.id == source:
        return True
    bound = module.names.bindings(name.id, module.scope_of(name))
    if len(bound) != 1 or not isinstance(bound[0], ast.Assign) or name.id in seen:
        return True
    return any(
        _depends(module, node, source, seen | {name.id})
        for node in ast.walk(bound[0].value)
        if isinstance(node, ast.Name) and not _is_object(module, node)
    )


def _is_object(module: Module, node: ast.Name) -> bool:
    """``self`` of ``self.generator(z)``, ``K`` of ``K.mean``, a model that is called: no tensor."""
    parent = module.parent_of(node)
    if module.names.resolve(node):
        return True
    if isinstance(parent, ast.Attribute):
        return node.id == "self"
    return isinstance(parent, ast.Call) and parent.func is node
