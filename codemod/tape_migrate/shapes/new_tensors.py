"""Values that are new, whatever they are made of: no other name has held the very tensor before.

``tf.sin(h)`` is, and so is ``X[:, 0:1]``: a list has no such index, so it is a tensor or an array
that is cut, even where ``tf.convert_to_tensor`` or ``tf.cast`` may hand on what they are given.
"""

from __future__ import annotations

import ast

from tape_migrate.module import Module
from tape_migrate.shapes.summaries import Summaries
from tape_migrate.shapes.tensorflow_facts import always_new_tensor, tensorflow_function


def makes_new(module: Module, func: ast.expr) -> bool:
    """Whether what is called gives a new tensor or array, never what it is given."""
    resolved = module.names.resolve(func)
    return always_new_tensor(resolved) or resolved.startswith("numpy.")


def is_new(module: Module, value: ast.expr) -> bool:
    """Whether ``value`` certainly is nothing that has a name already, or a member of such."""
    match value:
        case ast.BinOp() | ast.UnaryOp() | ast.Constant():
            return True
        case ast.Subscript(slice=ast.Tuple(elts=parts)):
            cuts = any(isinstance(part, ast.Slice) for part in parts)
            return cuts and not Summaries.of(module).methods_named("__getitem__")
        case ast.Call(func=func, args=[given, *_]) if _converts(module, func):
            return is_new(module, given)
        case ast.Call(func=func):
            return makes_new(module, func)
    return False


def _converts(module: Module, func: ast.expr) -> bool:
    resolved = module.names.resolve(func)
    return tensorflow_function(resolved) in ("convert_to_tensor", "cast")
