"""Lists of targets, which are read at the gradient call: what was put in after the forward pass.

``ys = [f(x)]``, then ``count = fill(ys, x)``, and ``tf.gradients(ys, x)``: what ``fill`` has put
into the list is a target too, and no statement says that it is computed there.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable

from tape_migrate.flow.symbols import Symbol, symbol_of
from tape_migrate.shapes.changed import changed_by_calls, changed_in_closure
from tape_migrate.shapes.context import Context
from tape_migrate.shapes.dependence import Dependence
from tape_migrate.shapes.held import is_only_read
from tape_migrate.shapes.kinds import kind_of
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
        if symbol is None or symbol.path or kind is Kind.TENSOR:
            continue
        if (
            changed_by_calls(context, dep, [symbol], call_node)
            or changed_in_closure(context, dep, symbol.root)
            or (kind is Kind.LIST and not _only_read(dep, symbol, call_node))
        ):
            return Refusal("TM104", f"what {symbol} holds may be changed before the gradient call")
    return None


def _only_read(dep: Dependence, symbol: Symbol, call_node: int) -> bool:
    """Whether the statements before ``call_node`` that are no calls only read a list."""
    for node in dep.cfg.nodes:
        if node.id == call_node or isinstance(node.node, ast.Expr):
            continue
        for use in dep.cfg.effects(node.id).uses if dep.reaches(node.id, call_node) else ():
            expr = use.node
            while isinstance(expr, (ast.Attribute, ast.Subscript)):
                expr = expr.value  # `ys` in `ys.insert(0, y)`
            if isinstance(expr, ast.Name) and expr.id == symbol.root:
                if not is_only_read(dep.module, expr):
                    return False
    return True
