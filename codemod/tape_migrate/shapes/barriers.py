"""Reads that no gradient can pass: arguments of ``tf.stop_gradient`` and the like.

Both a graph's gradients and a tape's stop there, so such a read carries nothing, wherever the value
was computed.
"""

from __future__ import annotations

import ast

from tape_migrate.module import Module
from tape_migrate.shapes.repeats import iterable_of
from tape_migrate.shapes.tensorflow_facts import tensorflow_function

_BLOCKING = frozenset(
    [
        *("stop_gradient", "shape", "size", "rank", "argmax", "argmin", "math.argmax"),
        *("zeros_like", "ones_like", "greater", "greater_equal", "less", "less_equal", "equal"),
        "not_equal",
    ]
)
_PREDICATES = frozenset({"cond", "where", "while_loop"})
"""Functions whose first argument only says which of the others counts."""
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def is_blocked(module: Module, node: ast.AST) -> bool:
    """Whether the value that ``node`` reads reaches the statement through a barrier only."""
    child = node
    for parent in module.parents(node):
        if isinstance(parent, ast.stmt):
            return False
        if isinstance(parent, ast.Call) and module.names.api_of(parent.func) is not None:
            return False  # what is done with a gradient blocks nothing on the way to its target
        if isinstance(parent, ast.Compare) and not _is_identity(parent):
            return True
        if isinstance(parent, ast.Call) and child is not parent.func:
            resolved = module.names.resolve(parent.func)
            name = tensorflow_function(resolved)
            if name in _BLOCKING or resolved == "keras.backend.stop_gradient":
                return True
            if name in _PREDICATES and parent.args and child is parent.args[0]:
                return True
        if isinstance(parent, ast.comprehension) and child is parent.iter:
            owner = module.parent_of(parent)
            return owner is not None and _variable_blocked(module, owner, parent, node)
        child = parent
    return False


def _is_identity(compare: ast.Compare) -> bool:
    """``a is None``, ``a in xs``: asked by Python, at once."""
    return any(isinstance(op, (ast.Is, ast.IsNot, ast.In, ast.NotIn)) for op in compare.ops)


def _variable_blocked(
    module: Module, owner: ast.AST, generator: ast.comprehension, node: ast.AST
) -> bool:
    """``[f(tf.stop_gradient(v)) for v in node]``: every read of ``v`` is blocked."""
    if not isinstance(owner, _COMPREHENSIONS):
        return False
    # Up to its own iterable the name is another variable's: `for v in [f(v)]`.
    earlier = owner.generators[: owner.generators.index(generator) + 1]
    elsewhere = {part for made in earlier for part in ast.walk(made.iter)}
    for name in ast.walk(generator.target):
        if not isinstance(name, ast.Name):
            continue
        over = iterable_of(generator.target, generator.iter, name.id)
        if over is not None and any(part is node for part in ast.walk(over)):
            reads = [
                part
                for part in ast.walk(owner)
                if isinstance(part, ast.Name)
                and part.id == name.id
                and isinstance(part.ctx, ast.Load)
                and part not in elsewhere
            ]
            return all(is_blocked(module, read) for read in reads)
    return False
