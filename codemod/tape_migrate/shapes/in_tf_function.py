"""A gradient inside a function that is a ``tf.function`` already.

Before::

    @tf.function
    def slope(x):
        y = f(x)
        return K.gradients(y, x)[0]

After::

    @tf.function
    def slope(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = f(x)
        return tape.gradient(y, x)

Exact: the graph of a ``tf.function`` differentiates as any graph does, and a tape in it records the
same operations. The old call still works there; the new one also works where the function is run
eagerly (``tf.config.run_functions_eagerly``). A source captured from outside has to be watched (a
graph's gradient finds captures by itself); a target computed outside is refused, for the old call
gives None for it.
"""

from __future__ import annotations

import ast

from tape_migrate.flow.scope import Scope
from tape_migrate.module import Module
from tape_migrate.shapes.tensorflow_facts import tensorflow_function


def is_tf_function(module: Module, scope: Scope) -> bool:
    """Whether the scope's function, or one around it, is decorated with ``tf.function``."""
    for current in (scope, *scope.enclosing):
        node = current.node
        if isinstance(node, ast.FunctionDef):
            for decorator in node.decorator_list:
                func = decorator.func if isinstance(decorator, ast.Call) else decorator
                resolved = module.names.resolve(func)
                if tensorflow_function(resolved) in ("function", "contrib.eager.defun"):
                    return True
    return False
