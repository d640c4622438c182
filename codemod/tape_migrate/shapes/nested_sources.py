"""Whether a list of variables may hold lists itself.

``compute_gradients`` flattens what it is given and returns one list of pairs; a tape mirrors the
structure of its sources. A list that may be nested is flattened before it is zipped.
"""

from __future__ import annotations

import ast
from typing import Final

from tape_migrate.flow.reaching import Definition
from tape_migrate.flow.scope import Scope
from tape_migrate.flow.symbols import Symbol, symbol_of
from tape_migrate.module import Module
from tape_migrate.shapes.kinds import kind_of, outer_value, value_given_by
from tape_migrate.shapes.plan import Kind
from tape_migrate.shapes.tensorflow_facts import tensorflow_function

_COLLECTED: Final = frozenset(
    {"trainable_variables", "global_variables", "local_variables", "get_collection"}
)
_FLAT: Final = _COLLECTED | {"gradients", "nest.flatten", "split", "unstack", "meshgrid"}
_OF_VARIABLES: Final = frozenset({"name", "op", "shape", "dtype", "get_shape", "trainable"})
_DEPTH: Final = 6


def may_be_nested(module: Module, expr: ast.expr, scope: Scope, depth: int = _DEPTH) -> bool:
    """Whether a member of the collection ``expr`` may be a collection."""
    if depth == 0:
        return True
    match expr:
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return any(_is_collection(module, item, scope, depth) for item in items)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return any(may_be_nested(module, side, scope, depth - 1) for side in (left, right))
        case ast.ListComp(elt=element, generators=[loop, *others]):
            return bool(others) or not _gives_variables(module, element, loop, scope, depth)
        case ast.Call(args=args):
            if tensorflow_function(module.names.resolve(expr.func)) in _FLAT:
                return False
            # list(vs), sorted(vs)
            own = isinstance(expr.func, ast.Name) and expr.func.id in ("list", "sorted", "tuple")
            return not own or not args or may_be_nested(module, args[0], scope, depth - 1)
        case ast.Subscript(value=whole, slice=ast.Slice()):
            return may_be_nested(module, whole, scope, depth - 1)
    symbol = symbol_of(expr)
    return symbol is None or _is_made_nested(module, expr, symbol, depth)


def _is_collection(module: Module, item: ast.expr, scope: Scope, depth: int) -> bool:
    if isinstance(item, ast.Starred):
        return may_be_nested(module, item.value, scope, depth - 1)
    return kind_of(module, item, scope) is not Kind.TENSOR


def _gives_variables(
    module: Module, element: ast.expr, loop: ast.comprehension, scope: Scope, depth: int
) -> bool:
    """``[v for v in tf.trainable_variables() if "gen" in v.name]``"""
    if not isinstance(loop.target, ast.Name):
        return False
    if not isinstance(element, ast.Name) or element.id != loop.target.id:
        return kind_of(module, element, scope) is Kind.TENSOR
    asked = any(
        isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == element.id
        and node.attr in _OF_VARIABLES
        for test in loop.ifs
        for node in ast.walk(test)
    )
    return asked or not may_be_nested(module, loop.iter, scope, depth - 1)


def _is_made_nested(module: Module, expr: ast.expr, symbol: Symbol, depth: int) -> bool:
    scope = module.scope_of(expr)
    definitions = module.facts(scope).reaching_at(expr, symbol)
    outer = outer_value(module, symbol, scope, definitions)
    if outer is not None:
        return may_be_nested(module, outer, module.scopes.module, depth - 1)
    return not definitions or any(
        _defines_nested(module, d, symbol, scope, depth) for d in definitions
    )


def _defines_nested(
    module: Module, definition: Definition, symbol: Symbol, scope: Scope, depth: int
) -> bool:
    stmt = definition.stmt
    if definition.symbol != symbol:
        return True
    if isinstance(stmt, ast.AugAssign):
        return may_be_nested(module, stmt.value, scope, depth - 1)
    # Of what a method puts into the list (`vs.append(w)`) the watch was refused by now.
    value = value_given_by(stmt, symbol) if isinstance(stmt, ast.stmt) else None
    return value is None or may_be_nested(module, value, scope, depth - 1)
