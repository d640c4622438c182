"""Lists of targets, which are read at the gradient call: what was put in after the forward pass.

``ys = [f(x)]``, then ``count = fill(ys, x)``, and ``tf.gradients(ys, x)``: what ``fill`` has put
into the list is a target too, and no statement says that it is computed there.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable

from tape_migrate.flow.symbols import Symbol, symbol_of
from tape_migrate.module import Module
from tape_migrate.shapes.changed import changed_by_calls, changed_in_closure
from tape_migrate.shapes.context import Context
from tape_migrate.shapes.dependence import Dependence
from tape_migrate.shapes.held import is_only_read
from tape_migrate.shapes.kinds import kind_of
from tape_migrate.shapes.members import other_names
from tape_migrate.shapes.plan import Kind, Refusal
from tape_migrate.shapes.targets import Target


def refuse_changed_target(
    context: Context, dep: Dependence, targets: Iterable[Target], call_node: int
) -> Refusal | None:
    """Refuse if a list of targets may have been changed unseen before the gradient call reads it.

    What a call that is a statement may change is followed: ``fill(ys, x)``. What one does that is
    called for its result is not: ``count = fill(ys, x)``.
    """
    for target in targets:
        symbol = None if target.inline else symbol_of(target.expr)
        kind = kind_of(context.module, target.expr, dep.scope)
        if symbol is None or (not symbol.path and kind is Kind.TENSOR):
            continue
        listed = kind is Kind.LIST
        names = [symbol, *(other_names(dep, symbol) if listed or symbol.path else ())]
        lists = [symbol] if listed else []
        # `losses["a"]`: the dictionary may get another.
        lists += [
            Symbol(symbol.root, symbol.path[:length])
            for length, element in enumerate(symbol.path)
            if element.startswith("[")
        ]
        if (
            ((listed or not symbol.path) and changed_by_calls(context, dep, names, call_node))
            or (not symbol.path and changed_in_closure(context, dep, symbol.root))
            or not all(_only_read(dep, name, call_node) for name in lists)
        ):
            return Refusal("TM104", f"what {symbol} holds may be changed before the gradient call")
    return None


def _only_read(dep: Dependence, symbol: Symbol, call_node: int) -> bool:
    """Whether the statements before ``call_node`` that are no calls only read a collection."""
    for node in dep.cfg.nodes:
        if node.id == call_node or isinstance(node.node, ast.Expr):
            continue
        for use in dep.cfg.effects(node.id).uses if dep.reaches(node.id, call_node) else ():
            expr = use.node
            while isinstance(expr, (ast.Attribute, ast.Subscript)) and symbol_of(expr) != symbol:
                expr = expr.value  # `ys` in `ys.insert(0, y)`
            if not isinstance(expr, ast.expr) or symbol_of(expr) != symbol:
                continue
            if not _is_stored_into(dep.module, expr) and not is_only_read(dep.module, expr):
                return False
    return True


def _is_stored_into(module: Module, expr: ast.expr) -> bool:
    """``losses["a"] = y``, which is seen for what it is."""
    parent = module.parent_of(expr)
    return (
        isinstance(parent, ast.Subscript)
        and parent.value is expr
        and isinstance(parent.ctx, ast.Store)
        and not isinstance(parent.slice, ast.Slice)
    )
