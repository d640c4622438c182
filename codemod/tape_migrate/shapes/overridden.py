"""Methods for which other modules of the project have something else: subclasses, other functions.

``self.build()`` is looked up in the classes of its module. An object may be of a class of another
module, ``class Mine(lib.Model)``, whose ``build`` reads what the source was put into before.
"""

from __future__ import annotations

import ast
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from tape_migrate.mentions import last_name
from tape_migrate.module import Module
from tape_migrate.shapes.context import Context
from tape_migrate.shapes.dependence import Dependence
from tape_migrate.shapes.out_of_sight import (
    is_function,
    method_calls,
    methods_of,
    sets_attribute,
)
from tape_migrate.shapes.plan import Refusal, Source


@runtime_checkable
class OtherTexts(Protocol):
    """What a project can tell of the texts of its other modules."""

    def matching(self, path: str, name: str, pattern: str) -> list[str]:
        """Paths of other modules that hold ``name`` and match a pattern of ``re``."""

    def module_at(self, path: str) -> Module | None:
        """The module at ``path``, or None if it cannot be read."""


@dataclass(frozen=True)
class Override:
    """What another module has for a method."""

    path: str
    """Nothing where a class of the same module has it."""
    line: int


def overridden(
    context: Context, dep: Dependence, every_node: frozenset[int], inline_exprs: list[ast.expr]
) -> list[tuple[str, Override]]:
    """Methods that the target may be computed by, and what else an object may have for them.

    Those that the calling class has, where another module overrides them; and those that only
    classes below it have.
    """
    module = context.module
    if not module.of_kind(ast.ClassDef):
        return []
    methods = methods_of(module)
    known: set[str] = set()
    missing: set[str] = set()
    for call in method_calls(context, dep, every_node, inline_exprs):
        assert isinstance(call.func, ast.Attribute)
        if call.func.attr in methods and context.summaries.callee(call) is not None:
            known.add(call.func.attr)
        elif last_name(call.func.value) in ("self", "cls"):
            missing.add(call.func.attr)
    found = [(name, _elsewhere(module, name)) for name in sorted(known | missing)]
    found += [(name, _below(module, name)) for name in sorted(missing & methods)]
    return [(name, override) for name, override in found if override is not None]


def refuse_overridden(
    found: Iterable[tuple[str, Override]], sources: Iterable[Source]
) -> Refusal | None:
    """A call of such a method, where an object holds a source, or where it is of this module."""
    sources = list(sources)
    held = [s for s in sources if s.symbol.path or s.symbol.root in ("self", "cls")]
    given = [source for source in sources if not source.fresh]
    for name, override in found:
        of = held if override.path else given
        if of:
            where = f"{override.path}, line {override.line}," if override.path else ""
            return Refusal(
                "TM105",
                f"{where or f'line {override.line}'} has something else for the method {name}: "
                f"it may read what was computed from {of[0].symbol} before a tape was opened",
            )
    return None


def assume_overridden(
    found: Iterable[tuple[str, Override]], sources: Iterable[Source]
) -> list[str]:
    """What is taken for granted of methods that other modules override."""
    given = [str(source.symbol) for source in sources if not source.fresh]
    return [
        f"assumes that {name} of {override.path} reads nothing that was computed from "
        f"{', '.join(given)} before"
        for name, override in found
        if given and override.path
    ]


def _below(module: Module, method: str) -> Override | None:
    """A class of the module that has the method, which the class that calls it has not."""
    for node in module.of_kind(ast.ClassDef):
        for line in _members(node, method):
            return Override("", line)
    return None


def _elsewhere(module: Module, method: str) -> Override | None:
    """Where another module has what reads its object in the place of ``method``."""
    known = module.memo.setdefault("overridden elsewhere", {})
    assert isinstance(known, dict)
    project = module.project
    if method not in known and isinstance(project, OtherTexts):
        known[method] = next(_find_elsewhere(module, project, method), None)
    override: Override | None = known.get(method)
    return override


def _find_elsewhere(module: Module, project: OtherTexts, method: str) -> Iterator[Override]:
    own = [node.name for node in module.of_kind(ast.ClassDef)]
    put = rf"\.\s*{method}\s*=[^=]|[\"']{method}[\"']"
    queue, seen = [*own], set[str]()
    while queue:
        name = queue.pop()
        if name in seen:
            continue
        seen.add(name)
        for path in project.matching(module.path, name, put):
            user = project.module_at(path)
            for line in _put_in(user, own, method) if user is not None else ():
                yield Override(path, line)
        for path in project.matching(module.path, name, rf"class\s+\w+\s*\([^)]*\b{name}\b"):
            user = project.module_at(path)
            for node in user.of_kind(ast.ClassDef) if user is not None else ():
                if any(last_name(base) == name for base in node.bases):
                    queue.append(node.name)
                    for line in _members(node, method):
                        yield Override(path, line)


def _members(node: ast.ClassDef, method: str) -> Iterator[int]:
    """Lines of a method in the body of a class that uses its object, and of whatever else is it."""
    for stmt in node.body:
        if isinstance(stmt, (ast.FunctionDef, ast.AsyncFunctionDef)):
            if stmt.name == method and _uses_object(stmt):
                yield stmt.lineno
        elif isinstance(stmt, ast.Assign):
            for target in stmt.targets:
                if isinstance(target, ast.Name) and target.id == method:
                    yield stmt.lineno


def _uses_object(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    args = [*function.args.posonlyargs, *function.args.args]
    own = args[0].arg if args else ""
    return any(
        isinstance(node, ast.Name) and node.id == own
        for stmt in function.body
        for node in ast.walk(stmt)
    )


def _put_in(user: Module, classes: Container[str], method: str) -> Iterator[int]:
    """``lib.Model.build = …``, ``model.build = lambda: …``, ``setattr(model, "build", …)``."""
    for node in user.attributes(method):
        if isinstance(node.ctx, ast.Store):
            stmt = user.statement_of(node)
            value = stmt.value if isinstance(stmt, ast.Assign) else None
            given = [value] if value is not None else []
            if last_name(node.value) in classes or is_function(user, given):
                yield node.lineno
    for constant in user.of_kind(ast.Constant):
        if constant.value == method and sets_attribute(user, constant):
            yield constant.lineno
