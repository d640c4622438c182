"""Methods for which other modules of the project have something else: subclasses, other functions.

``self.build()`` is looked up in the classes of its module. An object may be of a class of another
module, ``class Mine(lib.Model)``, whose ``build`` reads what the source was put into before.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tape_migrate.mentions import last_name
from tape_migrate.module import Module
from tape_migrate.shapes.calls_elsewhere import OtherCallers
from tape_migrate.shapes.out_of_sight import is_function, methods_of, sets_attribute
from tape_migrate.shapes.plan import Refusal, Source


@dataclass(frozen=True)
class Override:
    """What another module has for a method."""

    path: str
    line: int


def refuse_overridden(
    module: Module, called: Iterable[str], sources: Iterable[Source]
) -> Refusal | None:
    """A call of a method that other modules override, where an object holds a source."""
    held = [s for s in sources if s.symbol.path or s.symbol.root in ("self", "cls")]
    for name, override in _overridden(module, called) if held else ():
        return Refusal(
            "TM105",
            f"{override.path}, line {override.line}, has something else for the method {name}: "
            f"it may read what was computed from {held[0].symbol} before a tape was opened",
        )
    return None


def assume_overridden(
    module: Module, called: Iterable[str], sources: Iterable[Source]
) -> list[str]:
    """What is taken for granted of methods that other modules override."""
    given = [str(source.symbol) for source in sources if not source.fresh]
    return [
        f"assumes that {name} of {override.path} reads nothing that was computed from "
        f"{', '.join(given)} before"
        for name, override in _overridden(module, called)
        if given
    ]


def _overridden(module: Module, called: Iterable[str]) -> list[tuple[str, Override]]:
    names = sorted({*called} & methods_of(module))
    found = overrides_elsewhere(module) if names else {}
    return [(name, found[name]) for name in names if name in found]


def overrides_elsewhere(module: Module) -> Mapping[str, Override]:
    """Methods of the module's classes for which another module has what reads its object."""
    known = module.memo.get("overrides elsewhere")
    if isinstance(known, dict):
        return known
    found: dict[str, Override] = {}
    module.memo["overrides elsewhere"] = found
    project = module.project
    if not isinstance(project, OtherCallers):
        return found
    methods = methods_of(module)
    queue = [node.name for node in module.of_kind(ast.ClassDef)]
    seen: set[str] = set()
    while queue:
        name = queue.pop()
        if name in seen:
            continue
        seen.add(name)
        for path in project.mentioning(module.path, name):
            user = project.module_at(path)
            if user is None:
                continue
            for node in user.of_kind(ast.ClassDef):
                if any(last_name(base) == name for base in node.bases):
                    queue.append(node.name)
                    for method, line in _members(node, methods):
                        found.setdefault(method, Override(path, line))
            for method, line in _put_in(user, name, methods):
                found.setdefault(method, Override(path, line))
    return found


def _members(node: ast.ClassDef, methods: frozenset[str]) -> Iterable[tuple[str, int]]:
    """Methods in the body of a class that use their object, and whatever else has their names."""
    for stmt in node.body:
        if isinstance(stmt, (ast.FunctionDef, ast.AsyncFunctionDef)):
            if stmt.name in methods and _uses_object(stmt):
                yield stmt.name, stmt.lineno
        elif isinstance(stmt, ast.Assign):
            for target in stmt.targets:
                if isinstance(target, ast.Name) and target.id in methods:
                    yield target.id, stmt.lineno


def _uses_object(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    args = [*function.args.posonlyargs, *function.args.args]
    own = args[0].arg if args else ""
    return any(
        isinstance(node, ast.Name) and node.id == own
        for stmt in function.body
        for node in ast.walk(stmt)
    )


def _put_in(user: Module, name: str, methods: frozenset[str]) -> Iterable[tuple[str, int]]:
    """``lib.Model.build = …``, ``model.build = lambda: …``, ``setattr(model, "build", …)``."""
    for node in user.of_kind(ast.Attribute):
        if node.attr in methods and isinstance(node.ctx, ast.Store):
            stmt = user.statement_of(node)
            value = stmt.value if isinstance(stmt, ast.Assign) else None
            given = [value] if value is not None else []
            if last_name(node.value) == name or is_function(user, given):
                yield node.attr, node.lineno
    for constant in user.of_kind(ast.Constant):
        if isinstance(constant.value, str) and constant.value in methods:
            if sets_attribute(user, constant):
                yield constant.value, constant.lineno
