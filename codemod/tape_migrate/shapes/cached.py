"""Functions and properties that keep their results: the first caller had them computed.

``@functools.lru_cache``, ``@cached_property``, and the ``@lazy_property`` and ``@define_scope``
that many programs for TensorFlow 1 write themselves. What such a function returns may have been
computed before a tape was opened, by whoever asked first.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable

from tape_migrate.mentions import last_name
from tape_migrate.module import Module

_KEEPS = re.compile(r"cache|memo|lazy|once|singleton|define_scope|persist", re.IGNORECASE)
_STORES = frozenset({"setattr", "setdefault"})


def kept_results(module: Module, parts: Iterable[ast.AST]) -> tuple[str, str] | None:
    """A function that keeps its results and that evaluating ``parts`` may read: its name, and
    that of its decorator."""
    known = _keeping(module)
    if not known:
        return None
    for part in parts:
        for node in module.inside(part):
            name = last_name(node) if isinstance(node, (ast.Name, ast.Attribute)) else ""
            if name in known and not isinstance(getattr(node, "ctx", None), ast.Store):
                return name, known[name]
    return None


def _keeping(module: Module) -> dict[str, str]:
    """Functions and methods of the module that keep their results, by name."""
    known = module.memo.get("functions that keep their results")
    if not isinstance(known, dict):
        known = module.memo["functions that keep their results"] = {
            node.name: name
            for node in module.of_kind(ast.FunctionDef)
            for decorator in node.decorator_list
            if (name := _keeper(module, decorator)) is not None
        }
    return known


def _keeper(module: Module, decorator: ast.expr) -> str | None:
    func = decorator.func if isinstance(decorator, ast.Call) else decorator
    name = last_name(func)
    if _KEEPS.search(ast.unparse(func)):
        return name
    functions = [f for f in module.of_kind(ast.FunctionDef) if f.name == name]
    return name if any(_stores(module, function) for function in functions) else None


def _stores(module: Module, function: ast.FunctionDef) -> bool:
    """Whether a decorator of the module writes something down, be it what it decorates."""
    for node in module.inside(function):
        if isinstance(node, (ast.Attribute, ast.Subscript)) and isinstance(node.ctx, ast.Store):
            return True
        if isinstance(node, ast.Nonlocal | ast.Global):
            return True
        if isinstance(node, ast.Call) and last_name(node.func) in _STORES:
            return True
    return False
