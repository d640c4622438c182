"""``optimizer.minimize(loss)`` of a tensor, in code that says that it runs eagerly.

Before::

    tf.enable_eager_execution()

    loss = model_loss(x)
    optimizer.minimize(loss, global_step=step)

After::

    with tf.GradientTape() as tape:
        loss = model_loss(x)
    variables = tape.watched_variables()
    optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables), global_step=step)

``minimize`` of TensorFlow 1's optimizers is ``compute_gradients`` and ``apply_gradients``. In a
graph it works, under a Session and in a ``tf.function``, on every release: there it is no gradient
call to be migrated. Eagerly it raises if the loss is a tensor. Where no variables are given, all
trainable ones are meant, of which those without a gradient are left alone: the same as those that
the tape has seen, since eagerly nobody else keeps a list.

A Keras optimizer's ``minimize`` raises for a tensor in a graph as well: no code that ran has it.
"""

from __future__ import annotations

import ast

from tape_migrate.module import Module
from tape_migrate.shapes.in_tf_function import is_tf_function
from tape_migrate.shapes.kinds import kind_of
from tape_migrate.shapes.modes import graph_mode, identifiers
from tape_migrate.shapes.optimizers import is_plain_optimizer
from tape_migrate.shapes.plan import Kind


def is_eager_minimize(module: Module, call: ast.Call) -> bool:
    """Whether ``call``, of a method ``minimize``, raises today because its loss is a tensor."""
    func = call.func
    assert isinstance(func, ast.Attribute)
    if "enable_eager_execution" not in identifiers(module) or graph_mode(module) is not None:
        return False
    scope = module.scope_of(call)
    losses = [*call.args[:1], *(k.value for k in call.keywords if k.arg == "loss")]
    loss = losses[0] if losses else None
    if loss is None or kind_of(module, loss, scope) is not Kind.TENSOR:
        return False
    if any(is_tf_function(module, outer) for outer in (scope, *scope.enclosing)):
        return False
    return is_plain_optimizer(module, func.value)
