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
import re
from collections.abc import Iterable
from typing import Final

from tape_migrate.shapes.dependence import Dependence
from tape_migrate.shapes.evaluated import calls_in
from tape_migrate.shapes.plan import OUTSIDE, Refusal, Request
from tape_migrate.shapes.summaries import Summaries
from tape_migrate.shapes.tensorflow_facts import tensorflow_function

_TAKES: Final = ("gradient", "jacobian", "batch_jacobian")
_TAPE: Final = re.compile(r"tape\d*$")


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


def refuse_tape_from_outside(
    dep: Dependence, nodes: Iterable[int], call_node: int, exprs: Iterable[ast.expr]
) -> Refusal | None:
    """The target is a gradient, taken on a tape that was handed in or is kept by the object.

    That tape has recorded a forward pass which a tape opened here would see nothing of.
    """
    reads = [link for n in sorted(nodes) for link in dep.links_into(n)]
    reads += dep.links_of(call_node, exprs)
    for link in reads:
        node = link.use.node
        parent = dep.module.parent_of(node)
        if link.definition.kind not in OUTSIDE or not isinstance(parent, ast.Call):
            continue
        taken = isinstance(node, ast.Attribute) and node.attr in _TAKES and parent.func is node
        # What TensorFlow takes the sine of is no tape, whatever it is called.
        handed_on = (
            isinstance(node, ast.Name)
            and _TAPE.match(node.id)
            and parent.func is not node
            and tensorflow_function(dep.module.names.resolve(parent.func)) is None
        )
        if taken or handed_on:
            return Refusal(
                "TM101",
                f"the target is computed from a gradient on {link.use.symbol.root}, which was "
                "opened before this function was entered",
            )
    return None
