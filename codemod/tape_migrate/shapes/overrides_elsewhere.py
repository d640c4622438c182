"""Gradients that another module of the program overrides: ``graph.gradient_override_map``.

What is built under it has other gradients in a graph; a tape knows nothing of that. A Keras model
may come from there; a function of this module may be called there, or by who uses its contexts.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Protocol, runtime_checkable

from tape_migrate.mentions import last_name
from tape_migrate.module import Module

_OVERRIDE = "gradient_override_map"
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@runtime_checkable
class OtherOverrides(Protocol):
    """What a project can tell of overrides in its other modules."""

    def naming(self, name: str) -> list[str]:
        """Paths of modules whose text may hold ``name`` as a word; no others do."""

    def program(self, path: str) -> list[str]:
        """Paths of the other modules that may run in one program with the one at ``path``."""

    def module_at(self, path: str) -> Module | None:
        """The module at ``path``, or None if it cannot be read."""


def overridden_elsewhere(module: Module) -> str | None:
    """Path of a module that may override the gradients of what this one differentiates."""
    project = module.project
    if not isinstance(project, OtherOverrides):
        return None
    if "gradients overridden" not in module.memo:
        module.memo["gradients overridden"] = next(_find(module, project), "")
    return str(module.memo["gradients overridden"]) or None


def _find(module: Module, project: OtherOverrides) -> Iterator[str]:
    holding = {*project.naming(_OVERRIDE)} - {module.path}
    around = holding.intersection(project.program(module.path)) if holding else set()
    defined = (*_FUNCTIONS, ast.ClassDef)
    own = [node.name for node in module.tree.body if isinstance(node, defined)]
    for path in sorted(around):
        other = project.module_at(path)
        if other is None or not other.attributes(_OVERRIDE):
            continue
        if _differentiates_keras(module):
            yield path  # the model may have been built there
        users = {path}.union(*map(project.naming, _contexts(other))) - {module.path}
        if any(users.intersection(project.naming(name)) for name in own):
            yield path


def _differentiates_keras(module: Module) -> bool:
    """Whether gradients may be taken of a graph that layers have built."""
    return b"eras" in module.text and any(
        module.names.resolve(call.func).startswith("keras.backend.")
        or last_name(call.func) == "get_gradients"
        for call in module.of_kind(ast.Call)
    )


def _contexts(other: Module) -> Iterator[str]:
    """Names of functions and classes that override gradients for whoever uses them as contexts."""
    for override in other.attributes(_OVERRIDE):
        for around in other.parents(override):
            if isinstance(around, ast.ClassDef):
                if any(isinstance(n, _FUNCTIONS) and n.name == "__enter__" for n in around.body):
                    yield around.name
            elif isinstance(around, _FUNCTIONS):
                for node in other.inside(around):
                    given = isinstance(node, ast.Return) and override in other.inside(node)
                    if given or isinstance(node, ast.Yield):
                        yield around.name
