"""Constructs in a run of statements that the dataflow does not model, or that end it early."""

from __future__ import annotations

import ast
import enum
from collections.abc import Sequence
from dataclasses import dataclass

from .bindings import FUNCTION_NODES, TRY_STATEMENTS, children, outside_parts
from .scope import Scope
from .symbols import DefKind, effects_of


class FenceKind(enum.Enum):
    """Why a run of statements cannot be reasoned about (or wrapped, or moved) freely."""

    TRY = "try"
    DELETE = "delete"
    GLOBAL = "global"
    NONLOCAL = "nonlocal"
    EXEC = "exec"
    YIELD = "yield"
    AWAIT = "await"
    STAR_IMPORT = "star import"
    RETURN = "return"
    BREAK = "break"
    CONTINUE = "continue"
    CLASS = "class"
    ASYNC = "async"


@dataclass(frozen=True)
class Fence:
    """One such construct. ``escapes`` is False for a break or continue of a loop in the run."""

    kind: FenceKind
    node: ast.AST
    escapes: bool = True


_EXEC_NAMES = frozenset(
    ("exec", "eval", "compile", "globals", "locals", "vars", "setattr", "delattr", "__import__")
)
_KINDS: tuple[tuple[tuple[type[ast.AST], ...], FenceKind], ...] = (
    (TRY_STATEMENTS, FenceKind.TRY),
    ((ast.Delete,), FenceKind.DELETE),
    ((ast.Global,), FenceKind.GLOBAL),
    ((ast.Nonlocal,), FenceKind.NONLOCAL),
    ((ast.Yield, ast.YieldFrom), FenceKind.YIELD),
    ((ast.Await,), FenceKind.AWAIT),
    ((ast.Return,), FenceKind.RETURN),
    ((ast.Break,), FenceKind.BREAK),
    ((ast.Continue,), FenceKind.CONTINUE),
    ((ast.ClassDef,), FenceKind.CLASS),
    ((ast.AsyncFor, ast.AsyncWith, ast.AsyncFunctionDef), FenceKind.ASYNC),
)
_BY_TYPE = {kind: fence for kinds, fence in _KINDS for kind in kinds}
_FENCES = "fences of statements"
_LOOPS = (ast.For, ast.AsyncFor, ast.While)


def fences(stmts: Sequence[ast.stmt], scope: Scope | None = None) -> list[Fence]:
    """The fences of a run of statements, in source order.

    Nested functions and lambdas are entered only for ``global`` and ``nonlocal``; class bodies
    are entered, since they are executed on the way. With ``scope`` (the one that holds the
    statements) rebinding a name declared global or nonlocal further up is reported too.
    """
    return [fence for stmt in stmts for fence in _fences_of(stmt, scope)]


def _fences_of(stmt: ast.stmt, scope: Scope | None) -> list[Fence]:
    """Those of one statement; kept with the scope, for many calls ask about the same ones."""
    if scope is None:
        return _find_fences(stmt, scope)
    kept: dict[ast.stmt, list[Fence]] = vars(scope).setdefault(_FENCES, {})
    if stmt not in kept:
        kept[stmt] = _find_fences(stmt, scope)
    return kept[stmt]


def _find_fences(stmt: ast.stmt, scope: Scope | None) -> list[Fence]:
    found: list[Fence] = []
    stack: list[tuple[ast.AST, bool, bool]] = [(stmt, False, False)]
    while stack:
        node, in_loop, in_function = stack.pop()
        if isinstance(node, (ast.Name, ast.Constant)):
            continue
        kind = _kind_of(node)
        if in_function:
            if kind in (FenceKind.GLOBAL, FenceKind.NONLOCAL):
                found.append(Fence(kind, node))
            stack.extend((child, False, True) for child in reversed(children(node)))
            continue
        if kind is not None:
            jump = kind in (FenceKind.BREAK, FenceKind.CONTINUE)
            found.append(Fence(kind, node, escapes=not (jump and in_loop)))
        if scope is not None and isinstance(node, (ast.stmt, ast.ExceptHandler, ast.match_case)):
            found.extend(_declared_writes(node, scope))
        if isinstance(node, FUNCTION_NODES):
            inside = [node.body] if isinstance(node, ast.Lambda) else list(node.body)
            stack.extend((part, False, True) for part in reversed(inside))
            stack.extend((part, in_loop, False) for part in reversed(outside_parts(node)))
            continue
        if isinstance(node, _LOOPS):
            # The else clause of a loop belongs to the loop around it.
            stack.extend((stmt, in_loop, False) for stmt in reversed(node.orelse))
            stack.extend((stmt, True, False) for stmt in reversed(node.body))
            heads = [node.test] if isinstance(node, ast.While) else [node.target, node.iter]
            stack.extend((head, in_loop, False) for head in heads)
            continue
        stack.extend((child, in_loop, False) for child in reversed(children(node)))
    return found


def _kind_of(node: ast.AST) -> FenceKind | None:
    kind = _BY_TYPE.get(type(node))
    if kind is not None:
        return kind
    if isinstance(node, ast.ImportFrom):
        return FenceKind.STAR_IMPORT if any(a.name == "*" for a in node.names) else None
    if isinstance(node, ast.Attribute):
        modules = node.attr == "modules" and ast.unparse(node.value) == "sys"
        return FenceKind.EXEC if modules or node.attr == "__dict__" else None
    if isinstance(node, ast.comprehension):
        return FenceKind.ASYNC if node.is_async else None
    if isinstance(node, ast.Call):
        func = node.func
        name = func.id if isinstance(func, ast.Name) else None
        if isinstance(func, ast.Attribute) and isinstance(func.value, ast.Name):
            name = func.attr if func.value.id in ("builtins", "__builtins__") else None
        given = node.args[0] if node.args else None
        if isinstance(given, ast.Name) and given.id == "__name__":
            if ast.unparse(func).endswith("import_module"):
                return FenceKind.EXEC  # the module itself
        return FenceKind.EXEC if name in _EXEC_NAMES else None
    return None


def _declared_writes(node: ast.AST, scope: Scope) -> list[Fence]:
    if not scope.globals and not scope.nonlocals:
        return []
    found = []
    for change in effects_of(node).defs:
        if change.kind is DefKind.MUTATION or change.symbol.path:
            continue
        if change.symbol.root in scope.globals:
            found.append(Fence(FenceKind.GLOBAL, change.node))
        elif change.symbol.root in scope.nonlocals:
            found.append(Fence(FenceKind.NONLOCAL, change.node))
    return found
