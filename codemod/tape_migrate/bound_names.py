"""What names a statement binds, and which module an import is from: what is written alone says."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

from tape_migrate.flow.bindings import target_names

BINDING_NODES: Final = frozenset(
    {
        ast.Import,
        ast.ImportFrom,
        ast.Assign,
        ast.AnnAssign,
        ast.AugAssign,
        ast.For,
        ast.AsyncFor,
        ast.With,
        ast.AsyncWith,
        ast.FunctionDef,
        ast.AsyncFunctionDef,
        ast.ClassDef,
        ast.ExceptHandler,
        ast.NamedExpr,
        ast.MatchAs,
        ast.MatchStar,
        ast.MatchMapping,
        ast.arguments,
    }
)


def bound_names(node: ast.AST) -> Iterator[tuple[str, ast.AST | None]]:
    """Names that ``node`` itself binds; the second item is set for parameters (their owner)."""
    match node:
        case ast.Import(names=names):
            for alias in names:
                yield (alias.asname or alias.name.split(".")[0]), None
        case ast.ImportFrom(names=names):
            for alias in names:
                if alias.name != "*":
                    yield (alias.asname or alias.name), None
        case ast.Assign(targets=targets):
            for target in targets:
                yield from ((name, None) for name in target_names([target]))
        case ast.AnnAssign(target=ast.Name(id=name), value=value) if value is not None:
            yield name, None
        case ast.AugAssign(target=ast.Name(id=name)):
            yield name, None
        case ast.For(target=target) | ast.AsyncFor(target=target):
            yield from ((name, None) for name in target_names([target]))
        case ast.With(items=items) | ast.AsyncWith(items=items):
            for item in items:
                if item.optional_vars is not None:
                    yield from ((name, None) for name in target_names([item.optional_vars]))
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name, None
        case ast.ExceptHandler(name=str(name)):
            yield name, None
        case ast.NamedExpr(target=ast.Name(id=name)):
            yield name, None
        case (
            ast.MatchAs(name=str(name))
            | ast.MatchStar(name=str(name))
            | ast.MatchMapping(rest=str(name))
        ):
            yield name, None
        case ast.arguments():
            for arg in [*node.posonlyargs, *node.args, *node.kwonlyargs, node.vararg, node.kwarg]:
                if arg is not None:
                    yield arg.arg, arg


def imported_module(node: ast.ImportFrom, package: str) -> str:
    """Dotted name of the module that a module of ``package`` imports from.

    It begins with a dot for a relative import that starts outside of any package, and with two for
    one that leaves them all.
    """
    if not node.level:
        return node.module or ""
    parts = package.split(".") if package else []
    if node.level - 1 > len(parts) or not parts:
        return (".." if node.level > 1 else ".") + (node.module or "")
    base = parts[: len(parts) - (node.level - 1)]
    return ".".join([*base, node.module] if node.module else base)
