"""What a function of a project's module calls, and what those call in turn."""

from __future__ import annotations

import ast
from collections.abc import Callable, Container

from tape_migrate.glimpse import may_mean
from tape_migrate.module import Module
from tape_migrate.names import UNKNOWN


def names_called(
    load: Callable[[str], Module | None],
    known: Container[str],
    dotted: str,
    leaves: frozenset[str],
    *,
    across: bool,
) -> frozenset[str]:
    """Canonical names that the function ``dotted`` calls: all that end in ``leaves``.

    ``load`` gives a module of the project by its name, of which ``known`` holds all. With
    ``across`` calls of functions in other modules are followed, too.
    """
    found: set[str] = set()
    seen: set[tuple[str, str]] = set()
    module, _, name = dotted.rpartition(".")
    stack = [(module, name)] if module in known else []
    while stack:
        module, name = current = stack.pop()
        if current in seen:
            continue
        seen.add(current)
        loaded = load(module)
        function = _function_named(loaded, name) if loaded is not None else None
        if loaded is None or function is None:
            continue
        for node in ast.walk(function):
            if not isinstance(node, ast.Call):
                continue
            if _may_be_called(loaded, node.func, leaves):
                found.add(loaded.names.resolve(node.func))
            if isinstance(node.func, ast.Name):
                stack.append((module, node.func.id))
            if across:
                other, _, called = loaded.names.resolve(node.func).rpartition(".")
                if other in known:
                    stack.append((other, called))
    return frozenset(found - {UNKNOWN})


def _function_named(module: Module, name: str) -> ast.AST | None:
    """The last function of that name at the module's top."""
    found = [
        node
        for node in module.tree.body
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name == name
    ]
    return found[-1] if found else None


def _may_be_called(loaded: Module, func: ast.expr, leaves: frozenset[str]) -> bool:
    """Whether a callee may mean something that ends in one of ``leaves``."""
    if isinstance(func, ast.Name):
        return may_mean(loaded.text, func.id)
    return isinstance(func, ast.Attribute) and func.attr in leaves
