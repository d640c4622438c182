"""Higher orders: a target that is, or is computed from, a gradient.

Before::

    u_x = tf.gradients(u, x)[0]
    u_xx = tf.gradients(u_x, x)[0]

After::

    with tf.GradientTape() as tape2:
        tape2.watch(x)
        with tf.GradientTape() as tape:
            tape.watch(x)
            u = net(x)
        u_x = tape.gradient(u, x)
    u_xx = tape2.gradient(u_x, x)

Exact: the gradient of the lower order is taken inside the tape of the higher one, which records its
backward operations as ``tf.gradients`` finds them in the graph. The engine migrates the lowest
order first and reads the text again, so the lower order is then one more statement between the
source and the target, and the central rule (``region``) encloses it. Hessian-vector products and
forward mode with a dummy ``grad_ys`` come out in the same way; so do chains across methods, when
the method that takes the lower order is called with the source.
"""

from __future__ import annotations

import ast

from tape_migrate.shapes.dependence import Dependence, calls_in
from tape_migrate.shapes.plan import Request
from tape_migrate.shapes.summaries import Summaries


def is_nested(dep: Dependence, nodes: frozenset[int], request: Request) -> bool:
    """Whether a gradient feeds the target; ``nodes`` are those the target depends on."""
    parts: list[ast.AST] = [request.target]
    for node_id in nodes:
        node = dep.cfg.nodes[node_id].node
        if node is not None and not isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            parts.append(node)
    return any(
        isinstance(call.func, ast.Attribute) and call.func.attr in ("gradient", "jacobian")
        for part in parts
        for call in calls_in(part)
    ) or Summaries.of(dep.module).calls_gradient(parts)
