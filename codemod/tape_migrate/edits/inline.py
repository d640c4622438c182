"""Write the statements of a function where it is called (planned by ``shapes.inlining``)."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterable

from tape_migrate.edits.draft import Draft, Piece
from tape_migrate.edits.moving import Moving
from tape_migrate.edits.tape_block import first_comment_line
from tape_migrate.module import Module
from tape_migrate.shapes.inlining import Binding

_ATOMS = (ast.Name, ast.Attribute, ast.Call, ast.Subscript, ast.Constant, ast.List, ast.Dict)


def write_inline(
    module: Module, function: ast.FunctionDef, call: ast.Call, binding: Binding, *, goes: bool
) -> Draft:
    """A draft that puts the statements of ``function`` before that of ``call``.

    ``goes`` takes the function out.
    """
    draft = Draft(module.text)
    cuts = {(module.start(name), module.end(name)): text.encode() for name, text in binding.texts}
    moving = Moving(module, cuts)
    stmt = module.statement_of(call)
    indent = module.indent_of(stmt)
    lines = _body_lines(module, function, binding)
    comments = _comments(module) if goes else {}
    inside = range(module.first_line(function), module.last_line(function) + 1)
    before = [n for n in inside if not lines or n < lines[0]]
    after = [n for n in inside if lines and n > lines[-1]]
    pieces = _lead(module, moving, function, indent, goes=goes)
    pieces += _docstring(binding, module, indent)
    pieces += _commented(module, comments, before, indent)
    for name, expr in binding.given:
        given = moving.span(module.start(expr), module.end(expr))
        pieces += [indent, name.encode(), b" = ", *given, module.newline]
    if lines:
        pieces += moving.lines(lines, module.indent_of(binding.body[0]), indent)
    pieces += _commented(module, comments, after, indent)
    if binding.results is not None:
        own = range(module.first_line(stmt), module.last_line(stmt) + 1)
        pieces += _commented(module, _comments(module), own, indent)
    start = module.line_start(module.first_line(stmt))
    draft.insert(start, *pieces)
    alone = isinstance(stmt, ast.Expr) and stmt.value is call
    if binding.results is not None:
        for name, expr in binding.results:
            value = _value(module, moving, expr, whole=True)
            draft.insert(start, indent, name.encode(), b" = ", *value, module.newline)
    if binding.results is not None or alone:
        draft.delete(start, module.line_end(module.last_line(stmt)))
    else:
        assert binding.result is not None
        whole = getattr(stmt, "value", None) is call
        value = _value(module, moving, binding.result, whole=whole)
        draft.replace(module.start(call), module.end(call), *value)
    if goes:
        _take_out(module, draft, function)
    return draft


def _lead(
    module: Module, moving: Moving, function: ast.FunctionDef, indent: bytes, *, goes: bool
) -> list[Piece]:
    """The comment above the function, where that goes."""
    if not goes:
        return []
    lines = range(first_comment_line(module, function), module.first_line(function))
    return moving.lines(lines, module.indent_of(function), indent)


def _docstring(binding: Binding, module: Module, indent: bytes) -> list[Piece]:
    if binding.docstring is None:
        return []
    assert isinstance(binding.docstring.value, ast.Constant)
    text = str(binding.docstring.value.value)
    lines = [line.strip() for line in text.strip().splitlines()]
    return [indent + f"# {line}".rstrip().encode() + module.newline for line in lines]


def _comments(module: Module) -> dict[int, str]:
    """The comment of each line that has one."""
    text = module.text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return {
        token.start[0]: token.string.rstrip()
        for token in tokenize.tokenize(io.BytesIO(text).readline)
        if token.type == tokenize.COMMENT
    }


def _commented(
    module: Module, comments: dict[int, str], lines: Iterable[int], indent: bytes
) -> list[Piece]:
    """The comments of ``lines`` that go, on lines of their own."""
    return [indent + comments[line].encode() + module.newline for line in lines if line in comments]


def _body_lines(module: Module, function: ast.FunctionDef, binding: Binding) -> list[int]:
    """The lines of the statements, with all that stands between them."""
    if not binding.body:
        return []
    first = module.line_of(module.start(binding.body[0]))
    above = binding.docstring if binding.docstring is not None else None
    header = above.end_lineno if above is not None else _header_end(module, function)
    assert header is not None
    last = function.body[-1]
    end = module.last_line(last) if binding.body[-1] is last else module.first_line(last) - 1
    lines = list(range(header + 1, end + 1))
    while lines and lines[0] < first and not module.line_text(lines[0]).strip():
        lines.pop(0)
    while lines and not module.line_text(lines[-1]).strip():
        lines.pop()
    return lines


def _header_end(module: Module, function: ast.FunctionDef) -> int:
    """The line of the colon that ends the function's head."""
    text = module.text[module.line_start(function.lineno) : module.start(function.body[0])]
    depth = 0
    for token in tokenize.tokenize(io.BytesIO(text).readline):
        if token.type == tokenize.OP:
            depth += (token.string in "([{") - (token.string in ")]}")
            if token.string == ":" and not depth:
                return function.lineno + token.start[0] - 1
    return function.lineno


def _value(module: Module, moving: Moving, result: ast.expr, *, whole: bool) -> list[Piece]:
    """The text of ``result`` where it is all of a statement's value (``whole``) or a part."""
    start, end = module.start(result), module.end(result)
    pieces = moving.span(start, end)
    broken = b"\n" in module.text[start:end]
    if isinstance(result, _ATOMS) or (whole and not broken):
        return pieces
    if module.text[start : start + 1] == b"(" and isinstance(result, ast.Tuple):
        return pieces
    return [b"(", *pieces, b")"]


def _take_out(module: Module, draft: Draft, function: ast.FunctionDef) -> None:
    first, last = first_comment_line(module, function), module.last_line(function)
    place = module.place_of(function)
    above = below = 0
    while place.index and not module.line_text(first - above - 1).strip():
        above += 1
    while last + below < module.line_count and not module.line_text(last + below + 1).strip():
        below += 1
    ends = last + below >= module.line_count
    if place.index and (below >= above or ends):
        first -= above
    else:
        last += below
    draft.delete(module.line_start(first), module.line_end(last))
