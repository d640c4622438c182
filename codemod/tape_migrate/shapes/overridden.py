"""Methods for which an object may have something else than the class that calls them shows.

``self.build()`` is looked up in the classes of its module. An object may be of a class of another
module, ``class Mine(lib.Model)``, whose ``build`` reads what the source was put into before; and of
``self.model.build()`` or ``model.build()`` no class is known at all.
"""

from __future__ import annotations

import ast
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from tape_migrate.flow.bindings import free_variables
from tape_migrate.flow.scope import ScopeKind
from tape_migrate.flow.symbols import DefKind
from tape_migrate.homes import stem_of
from tape_migrate.mentions import last_name
from tape_migrate.module import Module
from tape_migrate.shapes.context import Context
from tape_migrate.shapes.dependence import CONTAINER_METHODS, Dependence
from tape_migrate.shapes.other_words import own_names, words_of
from tape_migrate.shapes.out_of_sight import (
    functions_run,
    is_function,
    is_of_object,
    method_calls,
    methods_of,
    sets_attribute,
)
from tape_migrate.shapes.plan import Refusal, Source
from tape_migrate.shapes.quiet import TENSOR_METHODS

_OFTEN = CONTAINER_METHODS | {"copy", "get", "items", "keys", "values"}
"""Methods of collections, which classes of other modules may have, too."""


@runtime_checkable
class OtherTexts(Protocol):
    """What a project can tell of the texts of its other modules."""

    def matching(self, path: str, name: str, pattern: str) -> list[str]:
        """Paths of other modules that hold ``name`` and match a pattern of ``re``."""

    def defining(self, path: str, name: str) -> list[str]:
        """Paths of other modules that define a function or method called ``name``."""

    def setting_by_name(self) -> frozenset[str]:
        """Paths of modules that may set an attribute by a text."""

    def module_at(self, path: str) -> Module | None:
        """The module at ``path``, or None if it cannot be read."""

    def program(self, path: str) -> list[str]:
        """Paths of the other modules that may run in one program with the one at ``path``."""

    def has_module(self, dotted: str) -> bool:
        """Whether a module of the project is so called, or its dotted name ends like that."""


@runtime_checkable
class OtherHomes(Protocol):
    """What a project can tell of dotted names."""

    def split(self, dotted: str) -> tuple[str, tuple[str, ...]]:
        """The path of the module that ``dotted`` begins with, and what is left."""


@dataclass(frozen=True)
class Override:
    """What another module has for a method."""

    path: str
    """Nothing where a class of the same module has it."""
    line: int
    of_any: bool = False
    """Whether it may read what was computed from any source, not only of one that is held."""
    said: bool = True
    """Whether nothing else says that the method is not seen through."""
    of_function: bool = False
    of_property: bool = False


def overridden(
    context: Context, dep: Dependence, every_node: frozenset[int], inline_exprs: list[ast.expr]
) -> list[tuple[str, Override]]:
    """Methods that the target may be computed by, and what else an object may have for them.

    Those that the calling class has, where another module overrides them; and those that are not
    seen to be of any class, where classes of the module or of others have such a method.
    """
    module = context.module
    methods = methods_of(module)
    known: set[str] = set()
    own: set[str] = set()
    bare: set[str] = set()
    missing: set[str] = set()
    for call in method_calls(context, dep, every_node, inline_exprs):
        assert isinstance(call.func, ast.Attribute)
        name = call.func.attr
        if context.summaries.callee(call) is not None:
            known |= {name} & methods
        elif any(isinstance(use.ctx, ast.Store) for use in module.attributes(name)):
            continue  # `self.policy = policy`: no method, but an object that is called
        elif name not in _OFTEN | TENSOR_METHODS and was_there_before(module, call.func.value):
            missing.add(name)
            own |= {name} if last_name(call.func.value) in ("self", "cls") else set()
            bare |= set() if call.args or call.keywords else {name}
    found = [(name, elsewhere(module, name)) for name in sorted(known | own)]
    ran = functions_run(context, dep, every_node, inline_exprs)
    found += [(name, _replaced(module, name)) for name in sorted(ran)]
    found += [(name, _below(module, name, name in own | bare)) for name in sorted(missing)]
    found += [(name, _anywhere(module, name, name in bare)) for name in sorted(missing)]
    return [(name, override) for name, override in found if override is not None]


def was_there_before(module: Module, receiver: ast.expr) -> bool:
    """Whether an object may have held something before the function around was entered."""
    if module.names.resolve(receiver):
        return False
    while isinstance(receiver, (ast.Attribute, ast.Subscript)):
        receiver = receiver.value
    if not isinstance(receiver, ast.Name):
        return False
    scope = module.scope_of(receiver)
    bound = module.names.bindings(receiver.id, scope)
    return None in bound or module.scopes.resolve(receiver.id, scope) is not scope


def refuse_overridden(
    found: Iterable[tuple[str, Override]], sources: Iterable[Source]
) -> Refusal | None:
    """A call of such a method, where an object may hold a source, or what was computed from it."""
    given = [source for source in sources if _was_made_before(source)]
    held = [s for s in given if s.symbol.path or s.symbol.root in ("self", "cls")]
    for name, override in found:
        of = given if override.of_any else held
        if of:
            where = f"{override.path}, line {override.line}," if override.path else ""
            has = "something else for the" if override.said else "a"
            kind = "property" if override.of_property else "method"
            kind = "function" if override.of_function else kind
            return Refusal(
                "TM105",
                f"{where or f'line {override.line}'} has {has} {kind} {name}, which may read what "
                f"was computed from {of[0].symbol} before a tape was opened",
            )
    return None


def _was_made_before(source: Source) -> bool:
    """Whether a source may have been there before the function was entered."""
    kinds = {d.kind for track in source.tracks for d in track.definitions}
    return not source.fresh and bool(kinds & {DefKind.PARAMETER, DefKind.EXTERNAL})


def assume_overridden(
    found: Iterable[tuple[str, Override]], sources: Iterable[Source]
) -> list[str]:
    """What is taken for granted of methods that other modules override."""
    given = [str(source.symbol) for source in sources if _was_made_before(source)]
    return [
        f"assumes that {name} of {override.path} reads nothing that was computed from "
        f"{', '.join(given)} before"
        for name, override in found
        if given and override.said
    ]


def _below(module: Module, method: str, of_any: bool) -> Override | None:
    """A class of the module that has a method which the class that calls it has not."""
    if method not in methods_of(module):
        return None
    for node in module.of_kind(ast.ClassDef):
        for line in _members(node, method):
            return Override("", line, of_any, said=False)
    return None


def _anywhere(module: Module, method: str, of_any: bool) -> Override | None:
    """A class of another module that has such a method."""
    project = module.project
    if not isinstance(project, OtherTexts):
        return None
    for path in project.defining(module.path, method):
        user = project.module_at(path)
        for node in user.of_kind(ast.ClassDef) if user is not None else ():
            for line in _members(node, method):
                return Override(path, line, of_any, said=False)
    for path in project.matching(module.path, method, rf"self\.{method}\s*=[^=]"):
        user = project.module_at(path)
        for attribute in user.attributes(method) if user is not None else ():
            stmt = user.statement_of(attribute) if user is not None else None
            if isinstance(attribute.ctx, ast.Store) and isinstance(stmt, ast.Assign):
                if user is not None and _is_closure(user, stmt.value):
                    return Override(path, stmt.lineno, said=False)
    return None


def _is_closure(user: Module, value: ast.expr) -> bool:
    """Whether ``value`` is a function that reads variables of a function around it."""
    scope = user.scope_of(value)
    made: list[ast.Lambda | ast.FunctionDef] = [value] if isinstance(value, ast.Lambda) else []
    if isinstance(value, ast.Name):
        bound = user.names.bindings(value.id, scope)
        made += [each for each in bound if isinstance(each, ast.FunctionDef)]
    around = {each for each in (scope, *scope.enclosing) if each.kind is ScopeKind.FUNCTION}
    return any(
        user.scopes.resolve(name, scope) in around for each in made for name in free_variables(each)
    )


def elsewhere(module: Module, method: str) -> Override | None:
    """Where another module has what reads its object in the place of ``method``."""
    known = module.memo.setdefault("overridden elsewhere", {})
    assert isinstance(known, dict)
    project = module.project
    if method not in known and isinstance(project, OtherTexts):
        known[method] = next(_find_elsewhere(module, project, method), None)
    override: Override | None = known.get(method)
    return override


def _find_elsewhere(module: Module, project: OtherTexts, method: str) -> Iterator[Override]:
    classes = [node.name for node in module.of_kind(ast.ClassDef)]
    own = [word for name in classes for word in words_of(project, name)]
    put = rf"\.\s*{method}\s*=[^=]|[\"']{method}[\"']|\bdict\s*\([^)]*\b{method}\s*=[^=]"
    queue, seen = [*own], set[str]()
    while queue:
        name = queue.pop()
        if name in seen:
            continue
        seen.add(name)
        for path in project.matching(module.path, name, put):
            user = project.module_at(path)
            for line in _put_in(user, own, method) if user is not None else ():
                yield Override(path, line, of_any=user is not None and _captures(user, line))
        for path in project.matching(module.path, name, rf"class\s+\w+\s*\([^)]*\b{name}\b"):
            user = project.module_at(path)
            for node in user.of_kind(ast.ClassDef) if user is not None else ():
                assert user is not None
                bases = [own_names(user, base) for base in node.bases]
                if any(name in names for names in bases):
                    queue += words_of(project, node.name)
                    for line in _members(node, method):
                        yield Override(path, line, of_any=_reads_kept(user, node, method))
                    more = {word for names in bases if name not in names for word in names}
                    for base in sorted(more - seen - {"object"}):
                        yield from _of_mixin(module, project, base, method)


def _of_mixin(module: Module, project: OtherTexts, name: str, method: str) -> Iterator[Override]:
    """A method of another base of such a class, which stands in some module."""
    defined = rf"class\s+{name}\b"
    for path in (module.path, *project.matching(module.path, name, defined)):
        user = project.module_at(path)
        for node in user.of_kind(ast.ClassDef) if user is not None else ():
            for line in _members(node, method) if node.name == name else ():
                yield Override(path, line, of_any=_reads_kept(user, node, method))


def _captures(user: Module, line: int) -> bool:
    """Whether what is put in there is made in a function, of whose variables it may read any."""
    return any(
        isinstance(stmt, (ast.Assign, ast.Expr))
        and stmt.lineno == line
        and user.scope_of(stmt).kind is ScopeKind.FUNCTION
        for stmt in user.nodes
    )


def _reads_kept(user: Module | None, owner: ast.ClassDef, method: str) -> bool:
    """Whether a method reads what methods keep in its object while it is used."""
    if user is None:
        return False
    read = {
        node.attr
        for stmt in owner.body
        if isinstance(stmt, ast.FunctionDef) and stmt.name == method
        for node in user.of_kind_inside(ast.Attribute, stmt)
        if isinstance(node.ctx, ast.Load) and last_name(node.value) == "self"
    }
    kept = {
        node.attr
        for stmt in user.of_kind(ast.FunctionDef)
        if stmt.name not in ("__init__", "__new__", "setUp", "build")
        for node in user.of_kind_inside(ast.Attribute, stmt)
        if isinstance(node.ctx, ast.Store)
    }
    return bool(read & kept)


def _replaced(module: Module, function: str) -> Override | None:
    """Where another module puts something else in the place of a function of this one."""
    project = module.project
    if not isinstance(project, OtherTexts):
        return None
    put = rf"\.\s*{function}\s*=[^=]|setattr"
    for path in project.matching(module.path, function, put):
        user = project.module_at(path)
        for node in user.attributes(function) if user is not None else ():
            assert user is not None
            if isinstance(node.ctx, ast.Store) and _is_module(user, node.value, module):
                return Override(path, node.lineno, of_any=True, of_function=True)
    return None


def _is_module(user: Module, expr: ast.expr, module: Module) -> bool:
    """Whether an expression of ``user`` means ``module``."""
    project, dotted = user.project, user.names.resolve(expr)
    if dotted and isinstance(project, OtherHomes):
        return project.split(dotted) == (module.path, ())
    return last_name(expr) == stem_of(module.path)


def _members(node: ast.ClassDef, method: str) -> Iterator[int]:
    """Lines of a method in the body of a class that uses its object, and of whatever else is it."""
    for stmt in node.body:
        if isinstance(stmt, (ast.FunctionDef, ast.AsyncFunctionDef)):
            if stmt.name == method and uses_object(stmt) and not stmt.decorator_list:
                yield stmt.lineno
        elif isinstance(stmt, ast.Assign):
            for target in stmt.targets:
                if isinstance(target, ast.Name) and target.id == method:
                    yield stmt.lineno


def uses_object(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a method names its first parameter."""
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
    for keyword in user.of_kind(ast.keyword):
        if keyword.arg == method and is_of_object(user, keyword):
            yield keyword.value.lineno
