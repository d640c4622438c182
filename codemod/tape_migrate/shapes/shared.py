"""Whether a value may be one that others can read, too: what was made elsewhere, and is kept there.

A tensor that TensorFlow has just computed is known to whoever computed it alone. What a function
was handed, or what a call out of sight gave, may be a variable of the module.
"""

from __future__ import annotations

import ast
from typing import Final

from tape_migrate.flow.scope import Scope
from tape_migrate.flow.symbols import Symbol, symbol_of
from tape_migrate.names import KNOWN_MODULES
from tape_migrate.shapes.context import Context
from tape_migrate.shapes.kinds import value_given_by

_DEPTH: Final = 6


def may_be_shared(context: Context, expr: ast.expr, depth: int = _DEPTH) -> bool:
    """Whether ``expr`` may be what others can read under a name of their own."""
    match expr:
        case ast.Constant() | ast.BinOp() | ast.UnaryOp() | ast.Compare():
            return False
        case ast.Name():
            return depth == 0 or _name_is_shared(context, expr, depth)
        case ast.Call():
            return depth == 0 or _call_is_shared(context, expr, depth)
        case ast.IfExp(body=first, orelse=second):
            return any(may_be_shared(context, part, depth) for part in (first, second))
        case ast.Subscript(value=value) if symbol_of(expr) is None:
            return may_be_shared(context, value, depth)
        case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.BoolOp(values=parts):
            return any(may_be_shared(context, part, depth) for part in parts)
    return True


def parameter_is_shared(context: Context, scope: Scope, name: str, depth: int = _DEPTH) -> bool:
    """Whether a visible caller hands the parameter ``name`` of a function what others can read."""
    function = scope.node
    if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)) or depth == 0:
        return True
    # By defaults, by callers that name the function, and by those that make an object of its class.
    given = context.closure.given((id(scope), name))
    return any(may_be_shared(context, value, depth - 1) for value in given)


def _name_is_shared(context: Context, expr: ast.Name, depth: int) -> bool:
    module = context.module
    scope = module.scope_of(expr)
    owner = module.scopes.resolve(expr.id, scope)
    if owner is None or module.is_module_scope(owner):
        return True
    symbol = Symbol(expr.id)
    for node in module.names.bindings(expr.id, scope):
        if node is None:
            if parameter_is_shared(context, owner, expr.id, depth):
                return True
            continue
        value = value_given_by(node, symbol) if isinstance(node, ast.Assign) else None
        if isinstance(value, ast.Call) and _is_conversion(context, value):
            # `x = tf.convert_to_tensor(x)` adds nothing to what else `x` may be.
            given = [arg for arg in value.args if symbol_of(arg) != symbol]
            if any(may_be_shared(context, arg, depth - 1) for arg in given):
                return True
            continue
        if value is None or may_be_shared(context, value, depth - 1):
            return True
    return False


def _call_is_shared(context: Context, call: ast.Call, depth: int) -> bool:
    resolved = context.module.names.resolve(call.func)
    if resolved.partition(".")[0] in KNOWN_MODULES:
        if _is_conversion(context, call):
            return any(may_be_shared(context, arg, depth - 1) for arg in call.args)
        # `get_variable`, `trainable_variables`, not `Variable`
        return "variable" in resolved.rpartition(".")[2]
    function = context.summaries.callee(call)
    if function is None or function.decorator_list:
        return True
    return any(
        node.value is not None and may_be_shared(context, node.value, depth - 1)
        for node in context.module.inside(function)
        if isinstance(node, ast.Return)
    )


def _is_conversion(context: Context, call: ast.Call) -> bool:
    """Whether ``call`` gives back what it is given if that is a tensor."""
    resolved = context.module.names.resolve(call.func)
    known = resolved.partition(".")[0] in KNOWN_MODULES
    return known and resolved.rpartition(".")[2] == "convert_to_tensor"
