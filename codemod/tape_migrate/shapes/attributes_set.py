"""What the statements of a module set an attribute of some object to.

``net.w = h``, ``setattr(net, "w", h)``, ``net.__dict__["w"] = h``, ``vars(net).update(w=h)``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tape_migrate.flow.symbols import Symbol, symbol_of
from tape_migrate.module import Module
from tape_migrate.shapes.kinds import value_given_by

_WORDS = (b"setattr", b"__dict__", b"vars", b"__globals__")


def attributes_set(user: Module, name: str) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Of what it is set, and what to; of a function's globals it is the place in them."""
    for node in user.attributes(name):
        if isinstance(node.ctx, ast.Store):
            yield from _of_target(user, node.value, node)
    if not user.speaks_of(_WORDS):
        return
    for call in user.of_kind(ast.Call):
        match call:
            case ast.Call(
                func=ast.Name(id="setattr") | ast.Attribute(attr="__setattr__"),
                args=[*_, holder, ast.Constant(value=text), value],
            ) if text == name:
                yield holder, value
    for holder, update in namespaces_updated(user):
        yield from ((holder, k.value) for k in update.keywords if k.arg == name)
    for part in user.of_kind(ast.Subscript):
        match part:
            case ast.Subscript(
                value=ast.Attribute(value=holder, attr="__dict__")
                | ast.Call(func=ast.Name(id="vars"), args=[holder]),
                slice=ast.Constant(value=text),
                ctx=ast.Store(),
            ) if text == name:
                yield from _of_target(user, holder, part)
            case ast.Subscript(slice=ast.Constant(value=text), ctx=ast.Store()) if (
                text == name and b"__globals__" in user.text
            ):
                yield from _of_target(user, part, part)


def namespaces_updated(user: Module) -> Iterator[tuple[ast.expr, ast.Call]]:
    """``net.__dict__.update(w=h)``, ``vars(net).update(…)``: of what, and the call that does it."""
    for call in user.of_kind(ast.Call):
        match call.func:
            case ast.Attribute(
                value=ast.Attribute(value=holder, attr="__dict__")
                | ast.Call(func=ast.Name(id="vars"), args=[holder]),
                attr="update",
            ):
                yield holder, call


def _of_target(
    user: Module, holder: ast.expr, target: ast.expr
) -> Iterator[tuple[ast.expr, ast.expr]]:
    symbol, stmt = symbol_of(target), user.statement_of(target)
    value = given_by(stmt, symbol) if symbol is not None else getattr(stmt, "value", None)
    if isinstance(value, ast.expr):
        yield holder, value


def given_by(node: ast.stmt | ast.NamedExpr, symbol: Symbol) -> ast.expr | None:
    """What a statement gives a symbol; all that it gives where that is not told apart."""
    match node:
        case ast.AugAssign(target=target, op=op, value=value):
            return ast.copy_location(ast.BinOp(left=target, op=op, right=value), value)
        case ast.For(iter=value) | ast.NamedExpr(value=value):
            return value
        case ast.Assign() | ast.AnnAssign():
            return value_given_by(node, symbol) or node.value
    return None
