"""Calls of a functional Keras model: what comes out of one call is connected inside the tape.

Before::

    features = tf.keras.Model(model.inputs, [layer.output, model.outputs[0]])
    hidden, predictions = features(images, training=False)
    g = tf.gradients(predictions[:, 0], hidden)[0]

After::

    with tf.GradientTape() as tape:
        tape.watch(images)
        hidden, predictions = features(images, training=False)
        target = predictions[:, 0]
    g = tape.gradient(target, hidden)

Elsewhere a source and a target that come out of one call are out of a tape's reach, since what the
call does inside is not seen. A functional model runs its layers one by one, in the open: with its
inputs watched before the call, the tape holds every operation between the inputs and any of its
outputs, and the tensor that it gives for a layer's output is the one that the later layers read.
So the call's inputs are what has to be watched, and the call what has to be inside; the gradient is
still taken with respect to the output. (A model wrapped in a ``tf.function`` of its own would be
one operation; a model that is made and called by name is not.)
"""

from __future__ import annotations

import ast

from tape_migrate.flow.scope import Scope
from tape_migrate.module import Module

_MODELS = frozenset(("keras.Model", "keras.models.Model"))
_INPUTS_AND_OUTPUTS = 2


def made_model(module: Module, func: ast.expr, scope: Scope) -> ast.Call | None:
    """The ``tf.keras.Model(inputs, outputs)`` call that gave ``func`` its only value."""
    if not isinstance(func, ast.Name):
        return None
    bound = module.names.bindings(func.id, scope)
    if len(bound) != 1 or not isinstance(bound[0], ast.Assign):
        return None
    stmt = bound[0]
    plain = len(stmt.targets) == 1 and isinstance(stmt.targets[0], ast.Name)
    value = stmt.value
    if not plain or not isinstance(value, ast.Call) or len(value.args) != _INPUTS_AND_OUTPUTS:
        return None
    return value if module.names.resolve(value.func) in _MODELS else None


def is_model_call(module: Module, call: ast.expr | None) -> bool:
    """Whether ``call`` is a call of a functional model that the module makes."""
    return (
        isinstance(call, ast.Call)
        and len(call.args) == 1
        and made_model(module, call.func, module.scope_of(call)) is not None
    )


def makes_model(module: Module, call: ast.Call) -> bool:
    """Whether ``call`` makes a model, which computes its outputs anew when it is called."""
    return module.names.resolve(call.func) in _MODELS


def output_of(module: Module, call: ast.expr, index: int) -> ast.expr | None:
    """What the model of ``call`` was made to give as its output ``index``, if that is written."""
    if not isinstance(call, ast.Call):
        return None
    made = made_model(module, call.func, module.scope_of(call))
    if made is None or not isinstance(made.args[1], ast.List):
        return None
    outputs = made.args[1].elts
    return outputs[index] if len(outputs) > 1 and index < len(outputs) else None


def is_one_tensor(module: Module, expr: ast.expr, scope: Scope) -> bool:
    """Whether an output of a model is written as a layer's output: one tensor, in all but a few."""
    if isinstance(expr, ast.Attribute):
        return expr.attr == "output"
    if isinstance(expr, ast.Call):
        return module.names.resolve(expr.func) in ("keras.Input", "keras.layers.Input")
    if isinstance(expr, ast.Subscript):
        return isinstance(expr.value, ast.Attribute) and expr.value.attr == "outputs"
    if isinstance(expr, ast.Name):
        bound = module.names.bindings(expr.id, scope)
        return len(bound) == 1 and (
            isinstance(bound[0], ast.Assign)
            and not isinstance(bound[0].value, ast.Name)
            and is_one_tensor(module, bound[0].value, scope)
        )
    return False
