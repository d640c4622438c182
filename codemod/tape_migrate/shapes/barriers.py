"""Reads that no gradient can pass: arguments of ``tf.stop_gradient``, sizes, and the like.

Both a graph's gradients and a tape's stop there, so such a read carries nothing, wherever the value
was computed. Unless something on the way to the barrier keeps what is computed from it: in
``tf.stop_gradient(h := tf.sin(x))`` or ``tf.shape(net.forward(x))`` it may be used again.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import partial

from tape_migrate.module import Module
from tape_migrate.names import KNOWN_MODULES
from tape_migrate.shapes.repeats import iterable_of
from tape_migrate.shapes.tensorflow_facts import tensorflow_function
from tape_migrate.shapes.whole_numbers import takes_whole_number

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


_RUN_ARGUMENTS = frozenset(
    [
        *("tensorflow.nest.map_structure", "tensorflow.nest.map_structure_up_to"),
        *("tensorflow.py_func", "tensorflow.py_function", "tensorflow.numpy_function"),
        *("keras.backend.in_train_phase", "keras.backend.in_test_phase", "keras.backend.switch"),
        *("keras.backend.rnn", "numpy.apply_along_axis", "numpy.apply_over_axes"),
        *("numpy.fromfunction", "numpy.piecewise", "numpy.fromiter"),
    ]
)
"""Functions of libraries that run Python code at once, with values that can be kept."""
_BUILTINS = frozenset(
    [
        *("abs", "bool", "dict", "enumerate", "float", "hasattr", "id", "int", "isinstance"),
        *("len", "list", "max", "min", "range", "repr", "reversed", "round", "set", "sorted"),
        *("str", "sum", "tuple", "type", "zip"),
    ]
)
"""Functions that keep nothing of what they are given."""
_OF_TENSORS = frozenset({"get_shape", "as_list", "is_fully_defined", "numpy", "eval", "item"})
"""Methods that keep nothing of what they are called on."""


def is_blocked(module: Module, node: ast.AST) -> bool:
    """Whether the value that ``node`` reads reaches the statement through a barrier only."""
    return _is_blocked(module, node, lambda _between: False)


def runs_arguments(resolved: str) -> bool:
    """Whether a known function runs the Python functions that it is given, with such values."""
    return resolved in _RUN_ARGUMENTS


def carries_nothing(module: Module, node: ast.AST, is_quiet: Callable[[ast.Call], bool]) -> bool:
    """Whether ``node`` is blocked and nothing before the barrier may keep what it computes.

    ``is_quiet`` tells of a call whether it runs a visible function that keeps nothing.
    """
    return _is_blocked(module, node, partial(_may_keep, module, is_quiet))


def _is_blocked(module: Module, node: ast.AST, may_keep: Callable[[ast.AST], bool]) -> bool:
    child = node
    for parent in module.parents_in_statement(node):
        if isinstance(parent, ast.Call) and module.names.api_of(parent.func) is not None:
            return False  # what is done with a gradient blocks nothing on the way to its target
        if is_barrier(module, parent, child):
            return True
        if isinstance(parent, ast.comprehension) and child is parent.iter:
            owner = module.parent_of(parent)
            assert isinstance(owner, _COMPREHENSIONS)
            return _variable_blocked(module, owner, parent, node, may_keep)
        if may_keep(parent):
            return False
        child = parent
    return False


def is_barrier(module: Module, parent: ast.AST, child: ast.AST) -> bool:
    """Whether no gradient goes from ``parent`` to its part ``child``."""
    if isinstance(parent, ast.Compare):
        return not _is_identity(parent)
    if not isinstance(parent, ast.Call) or child is parent.func:
        return False
    resolved = module.names.resolve(parent.func)
    name = tensorflow_function(resolved)
    if name in _BLOCKING or resolved == "keras.backend.stop_gradient":
        return True
    if name in _PREDICATES and parent.args and child is parent.args[0]:
        return True
    return takes_whole_number(name, parent, child)


def _may_keep(module: Module, is_quiet: Callable[[ast.Call], bool], between: ast.AST) -> bool:
    if not isinstance(between, ast.Call):
        return isinstance(between, (ast.NamedExpr, ast.Await, ast.Yield, ast.YieldFrom))
    func = between.func
    resolved = module.names.resolve(func)
    if resolved:
        known = resolved.partition(".")[0] in KNOWN_MODULES
        return not known or runs_arguments(resolved)
    if is_quiet(between):
        return False
    if isinstance(func, ast.Name):
        plain = func.id in _BUILTINS and not between.keywords
        return not plain or module.names.is_local(func.id, module.scope_of(between))
    given = [*between.args, *between.keywords]
    return given != [] or not (isinstance(func, ast.Attribute) and func.attr in _OF_TENSORS)


def _is_identity(compare: ast.Compare) -> bool:
    """``a is None``, ``a in xs``: asked by Python, at once."""
    return any(isinstance(op, (ast.Is, ast.IsNot, ast.In, ast.NotIn)) for op in compare.ops)


def _variable_blocked(
    module: Module,
    owner: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp,
    generator: ast.comprehension,
    node: ast.AST,
    may_keep: Callable[[ast.AST], bool],
) -> bool:
    """``[f(tf.stop_gradient(v)) for v in node]``: every read of ``v`` is blocked."""
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
            return all(_is_blocked(module, read, may_keep) for read in reads)
    return False
