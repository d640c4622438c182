"""Give a name to a gradient call that stands inside another one.

``return tf.gradients(tf.gradients(y, x)[0], x)[0]`` becomes::

    gradient = tf.gradients(y, x)[0]
    return tf.gradients(gradient, x)[0]
"""

from __future__ import annotations

import ast
from collections.abc import Collection

from tape_migrate.edits.call import subscript_of_first
from tape_migrate.edits.draft import Draft, Keep
from tape_migrate.edits.names import fresh_name, used_names
from tape_migrate.edits.scan import breaks_line
from tape_migrate.module import Module

_STATEMENTS = (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Expr, ast.Return)
_STOPS = (
    *(ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.IfExp, ast.BoolOp),
    *(ast.NamedExpr, ast.Await, ast.Yield, ast.YieldFrom, ast.Starred),
)


def hoist_call(module: Module, call: ast.Call, quiet: Collection[int] = ()) -> Draft | None:
    """A draft that names ``call`` (with its ``[0]``) before its statement.

    The calls in ``quiet`` (by identity), like those of TensorFlow, only compute. No others may run
    before it.

    None where that could change the order in which things are evaluated, or whether they are.
    """
    stmt = module.statement_of(call)
    if not isinstance(stmt, _STATEMENTS) or any(isinstance(n, _STOPS) for n in ast.walk(stmt)):
        return None
    around = {id(parent) for parent in module.parents(call)}
    for node in ast.walk(stmt):
        if isinstance(node, ast.Call) and id(node) not in around and id(node) not in quiet:
            if module.end(node) <= module.start(call):
                if not module.names.resolve(node.func).startswith("tensorflow."):
                    return None
    if module.text[module.line_start(stmt.lineno) : module.start(stmt)].strip():
        return None
    whole = subscript_of_first(module, call) or call
    name = fresh_name("gradient", used_names(module, module.scope_of(call)))
    kept = Keep(module.start(whole), module.end(whole))
    open_, close = (b"(", b")") if breaks_line(module.segment(whole)) else (b"", b"")
    draft = Draft(module.text)
    line = module.line_start(module.first_line(stmt))
    written = module.indent_of(stmt) + name.encode() + b" = " + open_
    draft.insert(line, written, kept, close, module.newline)
    draft.replace(kept.start, kept.end, name.encode())
    return draft
