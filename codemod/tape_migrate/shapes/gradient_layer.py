"""A layer that differentiates one of its inputs by another: it calls the layers between itself.

Before::

    out = Dense(1)(Dense(5, activation='tanh')(inp))
    slope = Lambda(lambda t: K.gradients(t[0], t[1])[0], output_shape=(4,))([out, inp])

After::

    class InputGradient(tf.keras.layers.Layer):
        def __init__(self, model, **kwargs):
            super().__init__(**kwargs)
            self.model = model

        def call(self, inputs):
            inp = inputs[1]
            with tf.GradientTape() as tape:
                tape.watch(inp)
                out = self.model(inp)
            return tape.gradient(out, inp)


    out = Dense(1)(Dense(5, activation='tanh')(inp))
    slope = InputGradient(tf.keras.Model(inp, out))([out, inp])

What comes into a layer was computed before it is called, so the layer computes it again, in a tape:
with the same layers, on the same input. That is the same only if those layers do the same each time
and nothing else: no dropout, no statistics, no losses of their own. Which layers do so is known for
those of Keras that are made in plain sight between the input of the model and the tensor. The layer
still stands behind them, so the model has the same layers and weights, in the same order.

A class whose ``call`` does this for what a model gives is given the model::

    norm = GradNorm()([critic(mixed), mixed])  # before
    norm = GradNorm(critic)(mixed)  # after: ``target = self.model(wrt)``, in a tape

Layers that are called one after another are a ``Sequential`` in the model's place. Models that hold
such a layer cannot be saved as before; all others can (``saved_models``).
"""

from __future__ import annotations

import ast
from dataclasses import dataclass

from tape_migrate.edits.call import subscript_of_first
from tape_migrate.flow.scope import ScopeKind
from tape_migrate.module import Module
from tape_migrate.shapes.compiled_models import is_imported
from tape_migrate.shapes.context import Context
from tape_migrate.shapes.keras_calls import INPUTS
from tape_migrate.shapes.keras_given_names import asks_for_lambda, asks_for_model
from tape_migrate.shapes.keras_graph import eager_off_elsewhere
from tape_migrate.shapes.keras_layers import layers_differ
from tape_migrate.shapes.lambda_layers import is_lambda_layer
from tape_migrate.shapes.layer_class import LayerClassPlan, plan_class
from tape_migrate.shapes.layer_hazards import refuse_layers
from tape_migrate.shapes.plan import Refusal
from tape_migrate.shapes.saved_models import refuse_saved

_PAIR = 2
_NOT_SAVED = (
    "assumes that the model is not saved as a whole, and that no file of its weights from before "
    "is loaded"
)
_ARGUMENTS = frozenset(("output_shape", "name"))
_LAYERS = frozenset(
    {"Dense", "Activation", "LeakyReLU", "ELU", "ReLU", "PReLU", "Softmax", "Flatten", "Reshape"}
    | {"Permute", "RepeatVector", "Concatenate", "Add", "Subtract", "Multiply", "Average"}
    | {"Maximum", "Minimum", "Dot", "LayerNormalization"}
    | {f"Conv{n}D" for n in (1, 2, 3)}
    | {"Conv2DTranspose", "SeparableConv2D", "DepthwiseConv2D"}
    | {
        f"{kind}{n}D"
        for kind in ("MaxPooling", "AveragePooling", "UpSampling", "ZeroPadding", "Cropping")
        for n in (1, 2, 3)
    }
    | {f"Global{kind}Pooling{n}D" for kind in ("Max", "Average") for n in (1, 2, 3)}
)
"""Layers that do the same each time they are called."""


@dataclass(frozen=True)
class LayerPlan:
    """How a ``Lambda`` layer becomes one that calls a model in a tape."""

    site: ast.Call
    made: ast.Call
    """``Lambda(…)``."""
    source: str
    target: str
    place: int
    """Where the source stands among the layer's inputs."""
    listed: bool
    """Whether the layer gives the list that the gradient call gives."""
    name: ast.expr | None
    assumptions: tuple[str, ...]


def plan_layer(
    context: Context,
    site: ast.Call,
    *,
    assumed: bool,
    given: tuple[str, ...] | None = None,
) -> LayerPlan | LayerClassPlan | Refusal | None:
    """The plan for ``site``, or None if it is in no layer that differentiates one of its inputs by
    another.

    ``assumed`` says that nothing but the module uses its classes, ``given`` that other modules give
    the class its model, and what that takes for granted.
    """
    module = context.module
    scope = module.scope_of(site)
    function = scope.node
    pair = given_pair(module, site)
    if pair is None:
        return None
    if context.hazards.refuse() is not None:
        return None
    plan: LayerPlan | LayerClassPlan | str
    asked = asks_for_lambda(module) or asks_for_model(module)
    if asked is not None:
        return layer_refusal(f"line {asked} may ask for a layer by the name that Keras gives it")
    if isinstance(function, ast.Lambda):
        plan = _plan(context, site, function, pair)
    else:
        plan = plan_class(context, site, pair, assumed=assumed, given=given)
    return layer_refusal(plan) if isinstance(plan, str) else plan


def given_pair(module: Module, site: ast.Call) -> tuple[int, int] | None:
    """The places of target and source among the inputs of the layer whose function has ``site``."""
    scope = module.scope_of(site)
    if len(site.args) != _PAIR or site.keywords:
        return None
    if isinstance(scope.node, ast.Lambda):
        made = module.parent_of(scope.node)
        if not is_lambda_layer(module, made):
            return None
        parameters = [a.arg for a in scope.node.args.args]
    elif isinstance(scope.node, ast.FunctionDef) and scope.node.name == "call" and _of_layer(
        module, scope.node
    ):  # fmt: skip
        parameters = [a.arg for a in scope.node.args.args][1:2]
    else:
        return None
    if len(parameters) != 1:
        return None
    places = [_place(module, arg, parameters[0]) for arg in site.args]
    target, source = places
    return (target, source) if target is not None and source is not None else None


def _of_layer(module: Module, function: ast.FunctionDef) -> bool:
    scope = module.scopes.opened_by(function)
    owner = scope.parent.node if scope.parent is not None else None
    return isinstance(owner, ast.ClassDef) and any(
        module.names.resolve(base).rpartition(".")[2] == "Layer" for base in owner.bases
    )


def _place(module: Module, expr: ast.expr, parameter: str) -> int | None:
    """``0`` of ``t[0]``, or of ``a`` where ``a, b = t``."""
    match expr:
        case ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value=int(place))):
            return place if name == parameter else None
        case ast.Name(id=name):
            bound = module.names.bindings(name, module.scope_of(expr))
            stmt = bound[0] if len(bound) == 1 else None
            match stmt:
                case ast.Assign(targets=[ast.Name()], value=ast.Subscript() as part):
                    return _place(module, part, parameter)
                case ast.Assign(targets=[ast.Tuple(elts=parts)], value=ast.Name(id=given)):
                    names = [p.id for p in parts if isinstance(p, ast.Name)]
                    return names.index(name) if given == parameter and name in names else None
    return None


def layer_refusal(why: str) -> Refusal:
    """The refusal of a gradient in a layer."""
    return Refusal(
        "TM148",
        "the layer differentiates one of its inputs by another, which the layers between them "
        f"computed before it is called: {why}",
    )


def _plan(
    context: Context, site: ast.Call, function: ast.Lambda, pair: tuple[int, int]
) -> LayerPlan | str:
    module = context.module
    taken = subscript_of_first(module, site)
    if function.body is not (taken or site):
        return "its function does more than take a gradient"
    made = module.parent_of(function)
    assert isinstance(made, ast.Call)
    if made.args != [function] or any(k.arg not in _ARGUMENTS for k in made.keywords):
        return "the Lambda layer is given more than a function, a shape and a name"
    call = module.parent_of(made)
    if not isinstance(call, ast.Call) or call.func is not made or len(call.args) != 1:
        return "it is not called where it is made"
    given = call.args[0]
    names = given.elts if isinstance(given, (ast.List, ast.Tuple)) else []
    if call.keywords or len(names) != _PAIR or sorted(pair) != [0, 1]:
        return "it is not called with the two tensors"
    target, source = (names[place] for place in pair)
    if not isinstance(target, ast.Name) or not isinstance(source, ast.Name):
        return "the two tensors have no names"
    if module.scope_of(call).kind not in (ScopeKind.FUNCTION, ScopeKind.MODULE):
        return "it stands in a class or a lambda"
    if not is_imported(module, site.func):
        return f"{ast.unparse(site.func)} is not imported at the top of the module"
    value = _value(module, source)
    if value is None or module.names.resolve(value.func) not in INPUTS:
        return f"{source.id} is not seen to be an Input of the model"
    if any(k.arg in (None, "tensor", "sparse", "ragged") for k in value.keywords):
        return f"{source.id} is an Input that is made of a tensor, or not dense"
    activations: dict[str, None] = {}
    why = _refuse_way(module, target, source.id, module.statement_of(call), activations)
    if why is None:
        why = refuse_layers(module) or _refuse_training(module, made)
    if why is None:
        other = eager_off_elsewhere(context) or layers_differ(module, [made])
        why = other.message if other is not None else None
    if why is not None:
        return why
    named = [k.value for k in made.keywords if k.arg == "name"]
    name = named[0] if named else None
    listed = taken is None
    assumptions = [_NOT_SAVED]
    if activations:
        what = ", ".join(activations)
        assumptions.append(f"assumes that {what} is a function without randomness or state")
    return LayerPlan(site, made, source.id, target.id, pair[1], listed, name, tuple(assumptions))


def _value(module: Module, name: ast.Name) -> ast.Call | None:
    """The call that gives a name its only value."""
    bound = module.names.bindings(name.id, module.scope_of(name))
    stmt = bound[0] if len(bound) == 1 else None
    if not isinstance(stmt, ast.Assign) or len(stmt.targets) != 1:
        return None
    plain = isinstance(stmt.targets[0], ast.Name) and isinstance(stmt.value, ast.Call)
    return stmt.value if plain and isinstance(stmt.value, ast.Call) else None


def _refuse_way(
    module: Module, target: ast.expr, source: str, user: ast.stmt, activations: dict[str, None]
) -> str | None:
    """Why the way from the input to ``target`` is not all made of layers known to be pure.

    ``activations`` takes the names of functions that layers are given.
    """
    if isinstance(target, ast.Name):
        if target.id == source:
            return None
        value = _value(module, target)
        if value is None:
            return f"how {target.id} is computed is not seen"
        stmt = module.statement_of(value)
        if module.place_of(stmt).block is not module.place_of(user).block:
            return f"{target.id} is computed in another block"
        return _refuse_way(module, value, source, user, activations)
    if isinstance(target, (ast.List, ast.Tuple)):
        found = [_refuse_way(module, member, source, user, activations) for member in target.elts]
        return next((why for why in found if why is not None), None)
    if not isinstance(target, ast.Call):
        return f"{ast.unparse(target)} is no layer's output"
    layer = target.func
    if isinstance(layer, ast.Name):
        made = _value(module, layer)
        if made is None:
            return f"what {layer.id} is, is not seen"
        layer = made
    if not isinstance(layer, ast.Call):
        return f"{ast.unparse(layer)} is not seen to be a layer of Keras"
    resolved = module.names.resolve(layer.func)
    if not resolved.startswith("keras.layers.") or resolved.rpartition(".")[2] not in _LAYERS:
        return f"{ast.unparse(layer.func)} is not known to do the same each time it is called"
    for keyword in layer.keywords:
        if keyword.arg in (None, "activity_regularizer", "dtype", "dynamic"):
            return f"{ast.unparse(layer.func)} is given {keyword.arg or '**'}"
    given = [k.value for k in layer.keywords if k.arg == "activation"]
    given += layer.args if resolved.endswith(".Activation") else []
    for activation in given:
        if isinstance(activation, ast.Lambda):
            return f"{ast.unparse(layer.func)} is given a function as its activation"
        if not isinstance(activation, ast.Constant):
            activations[ast.unparse(activation)] = None
    if len(target.args) != 1 or target.keywords:
        return f"{ast.unparse(layer.func)} is called with more than its inputs"
    return _refuse_way(module, target.args[0], source, user, activations)


def _refuse_training(module: Module, made: ast.Call) -> str | None:
    """What Keras 3 does otherwise than Keras 2 to the models of the module."""
    saved = refuse_saved(module, [made])
    if saved is not None:
        return saved
    for node in module.nodes:
        if not isinstance(node, ast.Attribute):
            continue
        if node.attr == "trainable" and isinstance(node.ctx, ast.Store):
            return (
                f"line {node.lineno} sets {ast.unparse(node)}, which Keras 3 looks at in each step"
            )
        if node.attr == "train_on_batch":
            call = module.parent_of(node)
            if not isinstance(module.parent_of(call) if call else None, ast.Expr):
                return f"line {node.lineno} reads losses of train_on_batch, which Keras 3 averages"
    return None
