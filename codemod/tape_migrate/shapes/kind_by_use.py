"""Whether a name must be one tensor by what is done with it: no list or tuple could be used so."""

from __future__ import annotations

import ast
from collections.abc import Callable

from tape_migrate.flow.reaching import Definition
from tape_migrate.flow.scope import Scope
from tape_migrate.flow.symbols import DefKind, Symbol, symbol_of
from tape_migrate.module import Module
from tape_migrate.shapes.counts import is_no_count
from tape_migrate.shapes.tensorflow_facts import makes_one_tensor, tensorflow_function

NOT_FOR_LISTS = (ast.Sub, ast.Div, ast.Pow, ast.MatMult, ast.FloorDiv)
"""Operators that no list or tuple has."""
_ONLY_TENSORS_HAVE = frozenset({"shape", "dtype", "get_shape", "set_shape", "numpy", "eval", "op"})


def used_as_tensor(
    module: Module, symbol: Symbol, scope: Scope, definitions: frozenset[Definition] | None
) -> bool:
    """Whether the scope uses ``symbol`` in a way that no list or tuple could be used.

    Only uses of the value that ``definitions`` gave it count (None: the value of a parameter);
    the name may mean a list in one place and a tensor in another.
    """

    def same(expr: ast.expr) -> bool:
        return symbol_of(expr) == symbol and _same_value(module, expr, symbol, scope, definitions)

    return any(_tells(module, node, scope, same) for node in _telling(module, scope.node))


def cuts_tensor(index: ast.expr) -> bool:
    """``[:, 0]``, ``[..., None]``: only tensors and arrays are read so.

    ``[0, 1]`` may be the key of a dictionary.
    """
    return isinstance(index, ast.Tuple) and any(
        isinstance(part, ast.Slice)
        or (isinstance(part, ast.Constant) and part.value is Ellipsis)
        or (isinstance(part, ast.Attribute) and part.attr == "newaxis")
        for part in index.elts
    )


def _telling(module: Module, root: ast.AST) -> list[ast.AST]:
    """The nodes below ``root`` that may tell: few, and asked about for each name of the scope."""
    known = module.memo.setdefault("telling uses", {})
    assert isinstance(known, dict)
    if root not in known:
        known[root] = [node for node in module.inside(root) if _may_tell(module, node)]
    found: list[ast.AST] = known[root]
    return found


def _may_tell(module: Module, node: ast.AST) -> bool:
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, (*NOT_FOR_LISTS, ast.Add, ast.Mult))
    if isinstance(node, ast.UnaryOp):
        return isinstance(node.op, ast.USub)
    if isinstance(node, ast.Attribute):
        return node.attr in _ONLY_TENSORS_HAVE
    if isinstance(node, ast.Subscript):
        return cuts_tensor(node.slice)
    return isinstance(node, ast.Call) and bool(_tensor_arguments(module, node))


def _tells(module: Module, node: ast.AST, scope: Scope, same: Callable[[ast.expr], bool]) -> bool:
    """Whether one of ``_telling`` uses what is the ``same``."""
    if isinstance(node, ast.BinOp):
        if isinstance(node.op, NOT_FOR_LISTS):
            # `[a] - x`: a tensor may still have a list beside it, a list never has an operator.
            return same(node.left) or same(node.right)
        return any(
            same(side)
            and (
                (isinstance(other, ast.Constant) and isinstance(other.value, float))
                or (
                    isinstance(other, ast.Call)
                    and makes_one_tensor(module.names.resolve(other.func))
                )
                # A list can be multiplied by a whole number only, never by itself.
                or (
                    isinstance(node.op, ast.Mult)
                    and (same(other) or is_no_count(module, other, scope))
                )
                or (isinstance(other, ast.BinOp) and isinstance(other.op, NOT_FOR_LISTS))
            )
            for side, other in ((node.left, node.right), (node.right, node.left))
        )
    if isinstance(node, ast.UnaryOp):
        return same(node.operand)
    if isinstance(node, (ast.Attribute, ast.Subscript)):
        return same(node.value)
    return isinstance(node, ast.Call) and any(map(same, _tensor_arguments(module, node)))


def _same_value(
    module: Module,
    expr: ast.expr,
    symbol: Symbol,
    scope: Scope,
    definitions: frozenset[Definition] | None,
) -> bool:
    """Whether ``expr``, which spells ``symbol``, may have the value in question there."""
    root = expr
    while isinstance(root, (ast.Attribute, ast.Subscript)):
        root = root.value
    if isinstance(root, ast.Name) and module.scopes.is_comprehension_variable(root):
        return False
    inner = module.scope_of(expr)
    if inner is not scope:
        owner = module.scopes.resolve(symbol.root, inner)
        bound = len(module.names.bindings(symbol.root, scope))
        return owner is module.scopes.resolve(symbol.root, scope) and bound == 1
    reached = module.facts(scope).reaching_at(expr, symbol)
    if definitions is None:
        return any(d.kind is DefKind.PARAMETER for d in reached)
    return definitions <= reached


_TENSOR_ARGUMENT = frozenset(
    {"matmul", "concat", "layers.dense", "nn.softmax", "nn.conv2d", "sin", "cos", "tan", "tanh"}
    | {"exp", "sigmoid", "log", "math.log", "math.sin", "math.cos", "math.tanh", "math.exp"}
    | {"nn.relu", "nn.softplus", "nn.sigmoid", "nn.tanh", "sinh", "cosh", "math.sigmoid"}
)
"""Functions whose first argument is no list in real code (``square`` and sums do get lists)."""


def _tensor_arguments(module: Module, call: ast.Call) -> list[ast.expr]:
    """First argument of an element-wise function, or the members of the list for tf.concat."""
    name = tensorflow_function(module.names.resolve(call.func))
    if name not in _TENSOR_ARGUMENT or not call.args:
        return []
    first = call.args[0]
    if name == "concat":
        return first.elts if isinstance(first, (ast.List, ast.Tuple)) else []
    return [first]
