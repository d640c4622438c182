"""Turn a lambda into a function, so that a block can be put into its body."""

from __future__ import annotations

import ast
import re

from tape_migrate.edits.draft import Draft, Keep
from tape_migrate.edits.names import fresh_name, used_names
from tape_migrate.edits.scan import breaks_line
from tape_migrate.flow.scope import ScopeKind
from tape_migrate.module import Module

_COMMENT = re.compile(rb"#[^\r\n]*")
_STOPS = (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.IfExp)


def lift_lambda(module: Module, node: ast.Lambda) -> Draft | None:
    """``f = lambda x: e`` becomes a ``def``; elsewhere a named function goes before the statement.

    Returns None where that could change what is evaluated, or which variables are captured.
    """
    outer = module.scope_of(node)
    named = name_of_lambda(module, node)
    kinds = (ScopeKind.FUNCTION, ScopeKind.MODULE, *((ScopeKind.CLASS,) if named else ()))
    if outer.kind not in kinds:
        return None
    stmt = module.statement_of(node)
    if not isinstance(stmt, (ast.Assign, ast.Expr, ast.Return, ast.AugAssign, ast.AnnAssign)):
        return None
    if any(isinstance(parent, _STOPS) for parent in module.parents_below(node, stmt)):
        return None
    place = module.place_of(stmt)
    if _shares_line(module, place.block, place.index) or (
        module.text[module.line_start(stmt.lineno) : module.start(stmt)].strip()
    ):
        return None
    draft = Draft(module.text)
    indent = module.indent_of(stmt)
    start, end = module.start(node), module.end(node)
    written = _after_colon(module, node)
    body = Keep(written, end)
    open_, close = (b"(", b")") if _needs_parentheses(module.text[written:end]) else (b"", b"")
    if named is not None:
        draft.replace(
            module.start(stmt), end, *_def(module, node, named.encode(), indent), open_, body, close
        )
        return draft
    name = fresh_name("gradient_fn", used_names(module, outer)).encode()
    line = module.line_start(module.first_line(stmt))
    draft.insert(
        line, indent, *_def(module, node, name, indent), open_, body, close, module.newline
    )
    draft.replace(start, end, name)
    return draft


def name_of_lambda(module: Module, node: ast.Lambda) -> str | None:
    """The name of a lambda that is given one, and nothing else (``f = lambda x: e``)."""
    stmt = module.statement_of(node)
    if not isinstance(stmt, ast.Assign) or stmt.value is not node or len(stmt.targets) != 1:
        return None
    target = stmt.targets[0]
    plain = isinstance(target, ast.Name) and not _parenthesised(module, stmt, node)
    return target.id if plain and isinstance(target, ast.Name) else None


def to_lambda(module: Module, function: ast.FunctionDef) -> Draft | None:
    """``def f(x): return e`` becomes ``f = lambda x: e``; None where it holds more than that.

    The function is one that ``lift_lambda`` has made of a lambda.
    """
    stmt = function.body[0]
    if len(function.body) > 1 or not isinstance(stmt, ast.Return) or stmt.value is None:
        return None
    if function.decorator_list or function.returns is not None:
        return None
    start = module.start(function)
    name = f"def {function.name}(".encode()
    header = module.text[start : module.start(stmt)]
    arguments, colon, _ = header.removeprefix(name).rpartition(b"):")
    if not header.startswith(name) or not colon or b"\n" in arguments:
        return None
    draft = Draft(module.text)
    arguments = b" " + arguments if arguments else b""
    # An expression that goes over several lines is in parentheses, which belong to it.
    kept = module.start(stmt) + len(b"return ")
    written = function.name.encode() + b" = lambda" + arguments + b": "
    draft.replace(start, module.end(stmt), written, Keep(kept, module.end(stmt)))
    return draft


def _def(module: Module, node: ast.Lambda, name: bytes, indent: bytes) -> tuple[bytes, ...]:
    arguments = module.text[module.start(node) + len(b"lambda") : _colon(module, node)].strip()
    return (
        b"def " + name + b"(" + arguments + b"):" + module.newline,
        indent + module.indent_unit + b"return ",
    )


def _colon(module: Module, node: ast.Lambda) -> int:
    """Offset of the colon between the arguments and the body."""
    args = node.args
    parts = [*args.posonlyargs, *args.args, args.vararg, *args.kwonlyargs, args.kwarg]
    ends = [module.end(part) for part in (*parts, *args.defaults, *args.kw_defaults) if part]
    start = max(ends, default=module.start(node))
    between = module.text[start : module.start(node.body)]
    return start + _COMMENT.sub(lambda found: b" " * len(found.group()), between).index(b":")


def _after_colon(module: Module, node: ast.Lambda) -> int:
    """Offset of the body, with the parentheses and comments before it."""
    start = _colon(module, node) + 1
    text = module.text[start : module.end(node)]
    return start + len(text) - len(text.lstrip(b" \t\r\n\\"))


def _needs_parentheses(body: bytes) -> bool:
    """Whether the body has a line end outside all brackets (those of the lambda are left)."""
    return body.startswith(b"#") or breaks_line(body)


def _parenthesised(module: Module, stmt: ast.stmt, node: ast.expr) -> bool:
    return bool(module.text[module.end(node) : module.end(stmt)].strip())


def _shares_line(module: Module, block: list[ast.stmt], index: int) -> bool:
    stmt = block[index]
    before = index > 0 and module.last_line(block[index - 1]) == module.first_line(stmt)
    after = index + 1 < len(block) and module.first_line(block[index + 1]) == module.last_line(stmt)
    return before or after
