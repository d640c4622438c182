"""Turn a lambda into a function, so that a block can be put into its body."""

from __future__ import annotations

import ast

from tape_migrate.edits.draft import Draft, Keep
from tape_migrate.edits.names import fresh_name, used_names
from tape_migrate.flow.scope import ScopeKind
from tape_migrate.module import Module

_STOPS = (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.IfExp)


def lift_lambda(module: Module, node: ast.Lambda) -> Draft | None:
    """``f = lambda x: e`` becomes a ``def``; elsewhere a named function goes before the statement.

    Returns None where that could change what is evaluated, or which variables are captured.
    """
    outer = module.scope_of(node)
    if outer.kind not in (ScopeKind.FUNCTION, ScopeKind.MODULE):
        return None
    stmt = module.statement_of(node)
    if not isinstance(stmt, (ast.Assign, ast.Expr, ast.Return, ast.AugAssign, ast.AnnAssign)):
        return None
    for parent in module.parents(node):
        if parent is stmt:
            break
        if isinstance(parent, _STOPS):
            return None
    place = module.place_of(stmt)
    if _shares_line(module, place.block, place.index) or (
        module.text[module.line_start(stmt.lineno) : module.start(stmt)].strip()
    ):
        return None
    draft = Draft(module.text)
    indent = module.indent_of(stmt)
    start, end = module.start(node), module.end(node)
    body = Keep(module.start(node.body), module.end(node.body))
    open_, close = (b"(", b")") if _needs_parentheses(module, node.body) else (b"", b"")
    if isinstance(stmt, ast.Assign) and stmt.value is node and len(stmt.targets) == 1:
        target = stmt.targets[0]
        if isinstance(target, ast.Name) and not _parenthesised(module, stmt, node):
            draft.replace(
                module.start(stmt),
                end,
                *_def(module, node, target.id.encode(), indent),
                open_,
                body,
                close,
            )
            return draft
    name = fresh_name("gradient_fn", used_names(module, outer)).encode()
    line = module.line_start(module.first_line(stmt))
    draft.insert(
        line, indent, *_def(module, node, name, indent), open_, body, close, module.newline
    )
    draft.replace(start, end, name)
    return draft


def _def(module: Module, node: ast.Lambda, name: bytes, indent: bytes) -> tuple[bytes, ...]:
    header = module.text[module.start(node) : module.start(node.body)]
    arguments = header[len(b"lambda") :].rstrip().removesuffix(b"(").rstrip()
    arguments = arguments.removesuffix(b":").strip()
    return (
        b"def " + name + b"(" + arguments + b"):" + module.newline,
        indent + module.indent_unit + b"return ",
    )


def _needs_parentheses(module: Module, body: ast.expr) -> bool:
    """Whether the body has a line end outside all brackets (those of the lambda are left)."""
    try:
        return len(ast.parse(module.segment(body)).body) != 1
    except SyntaxError:
        return True


def _parenthesised(module: Module, stmt: ast.stmt, node: ast.expr) -> bool:
    return bool(module.text[module.end(node) : module.end(stmt)].strip())


def _shares_line(module: Module, block: list[ast.stmt], index: int) -> bool:
    stmt = block[index]
    before = index > 0 and module.last_line(block[index - 1]) == module.first_line(stmt)
    after = index + 1 < len(block) and module.first_line(block[index + 1]) == module.last_line(stmt)
    return before or after
