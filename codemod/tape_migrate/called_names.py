"""What a function of a project's module calls, and what those call in turn."""

from __future__ import annotations

import ast
from collections.abc import Callable, Container
from dataclasses import dataclass

from tape_migrate.glimpse import may_mean
from tape_migrate.mentions import last_name
from tape_migrate.module import Module
from tape_migrate.names import UNKNOWN


def names_called(
    load: Callable[[str], Module | None],
    known: Container[str],
    dotted: str,
    leaves: frozenset[str],
    *,
    across: bool,
    classes: bool,
) -> frozenset[str]:
    """Canonical names that the function ``dotted`` calls: all that end in ``leaves``.

    ``load`` gives a module of the project by its name, of which ``known`` holds all. With
    ``across`` calls of functions in other modules are followed, too; with ``classes`` one counts
    for all of its methods.
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
        if loaded is None:
            continue
        own = _calls_of(loaded, name, leaves, across=across, classes=classes)
        found |= own.names
        stack += [(module, called) for called in own.here]
        for meaning in own.elsewhere:
            other, _, called = meaning.rpartition(".")
            if other in known:
                stack.append((other, called))
    return frozenset(found - {UNKNOWN})


@dataclass(frozen=True)
class _Calls:
    """What one function calls."""

    names: frozenset[str]
    here: tuple[str, ...] = ()
    elsewhere: tuple[str, ...] = ()


def _calls_of(
    loaded: Module, name: str, leaves: frozenset[str], *, across: bool, classes: bool
) -> _Calls:
    """What the function ``name`` of a module calls (looked up once)."""
    key = f"calls of {name} {across} {classes} {sorted(leaves)}"
    known = loaded.memo.get(key)
    if isinstance(known, _Calls):
        return known
    function = _function_named(loaded, name, classes=classes)
    calls = [
        call.func
        for call in (loaded.of_kind_inside(ast.Call, function) if function else ())
        # Of `v in tf.get_collection(key)` only the answer goes on.
        if not isinstance(loaded.parent_of(call), ast.Compare)
    ]
    resolve = loaded.names.resolve
    result = _Calls(
        frozenset(
            # `graph.gradient_override_map(…)`: whatever it is a method of.
            resolve(func) or f".{last_name(func)}" * isinstance(func, ast.Attribute)
            for func in calls
            if _may_be_called(loaded, func, leaves)
        ),
        tuple(dict.fromkeys(func.id for func in calls if isinstance(func, ast.Name))),
        tuple(dict.fromkeys(resolve(func) for func in calls)) if across else (),
    )
    loaded.memo[key] = result
    return result


def _function_named(module: Module, name: str, *, classes: bool) -> ast.AST | None:
    """The last function of that name at the module's top, or class, whose methods may be run."""
    found = [
        node
        for node in module.tree.body
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
        and node.name == name
        and (classes or not isinstance(node, ast.ClassDef))
    ]
    return found[-1] if found else None


def _may_be_called(loaded: Module, func: ast.expr, leaves: frozenset[str]) -> bool:
    """Whether a callee may mean something that ends in one of ``leaves``."""
    if isinstance(func, ast.Name):
        return may_mean(loaded.text, func.id)
    return isinstance(func, ast.Attribute) and func.attr in leaves
