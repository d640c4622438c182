"""A gradient inside the body of ``tf.while_loop``, ``tf.map_fn``, ``tf.scan``, ….

Before::

    def body(i, x):
        loss = f(x)
        return i + 1, x - 0.1 * tf.gradients(loss, x)[0]

    tf.while_loop(cond, body, [0, x0])

After::

    def body(i, x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = f(x)
        return i + 1, x - 0.1 * tape.gradient(loss, x)

Exact: the tape opens and closes within one turn, so it sees the operations of one turn, as the
graph's gradient inside the body does: what came in as a loop variable is a leaf in both. A target
that uses something computed outside the loop is refused, for there graph and eager gradients
differ. Lambdas given to such functions become functions first.
"""

from __future__ import annotations

import ast

from tape_migrate.flow.scope import Scope, ScopeKind
from tape_migrate.module import Module
from tape_migrate.shapes.tensorflow_facts import TENSOR_LOOPS, tensorflow_function


def is_loop_body(module: Module, scope: Scope) -> bool:
    """Whether the scope's function is handed to a TensorFlow function that loops or branches."""
    known = module.memo.get("loop bodies")
    if not isinstance(known, frozenset):
        known = module.memo["loop bodies"] = _loop_bodies(module)
    return id(scope.node) in known


def _loop_bodies(module: Module) -> frozenset[int]:
    by_name: dict[tuple[int, str], int] = {}
    for scope in module.scopes:
        if scope.kind is ScopeKind.FUNCTION and scope.parent is not None:
            by_name[(id(scope.parent), scope.name)] = id(scope.node)
    found: set[int] = set()
    for node in module.nodes:
        if not isinstance(node, ast.Call):
            continue
        if tensorflow_function(module.names.resolve(node.func)) not in TENSOR_LOOPS:
            continue
        for arg in [*node.args, *(k.value for k in node.keywords)]:
            if isinstance(arg, ast.Lambda):
                found.add(id(arg))
            elif isinstance(arg, ast.Name):
                owner = module.scopes.resolve(arg.id, module.scope_of(arg))
                function = by_name.get((id(owner), arg.id))
                if function is not None:
                    found.add(function)
    return frozenset(found)
