"""Where other modules make an object of a class, or call one.

``lib.Net(x, h)`` runs the constructor of ``Net`` or of the class that it is made of, and so does
``Mine(x, h)`` of a ``class Mine(lib.Net)`` that has none itself; ``net(x, h)`` runs ``__call__`` of
whatever ``net`` is.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol, runtime_checkable

from tape_migrate.flow.scope import ScopeKind
from tape_migrate.mentions import last_name
from tape_migrate.module import Module
from tape_migrate.names import KNOWN_MODULES
from tape_migrate.other_names import Named
from tape_migrate.shapes.kinds_elsewhere import kinds_of
from tape_migrate.shapes.summaries import Summaries

MAKING: Final = frozenset(("__init__", "__new__"))
_ASKING = frozenset(
    ("isinstance", "issubclass", "super", "type", "assertIsInstance", "assertRaises")
)


@runtime_checkable
class OtherObjects(Protocol):
    """What a project can tell of the classes of its modules."""

    def matching(self, path: str, name: str, pattern: str) -> list[str]:
        """Paths of other modules that hold ``name`` and match a pattern of ``re``."""

    def named(self, path: str, name: str) -> Named:
        """What is called ``name`` in the module at ``path``, by all its names."""

    def program(self, path: str) -> list[str]:
        """Paths of the other modules that may run in one program with the one at ``path``."""

    def split(self, dotted: str) -> tuple[str, tuple[str, ...]]:
        """The path of the module that ``dotted`` begins with, and what is left."""

    def module_at(self, path: str) -> Module | None:
        """The module at ``path``, or None if it cannot be read."""


@dataclass(frozen=True)
class Use:
    """Where another module makes an object or calls one; ``call`` is None if it may do so."""

    module: Module
    line: int
    call: ast.Call | None


def makings(module: Module, owner: ast.ClassDef, method: str) -> Iterator[Use]:
    """Where other modules make an object whose constructor is ``method`` of ``owner``."""
    project = module.project
    if not isinstance(project, OtherObjects):
        return
    seen: set[ast.ClassDef] = set()
    for own in _heirs(module, owner, method):
        for home, kind in kinds_of(module, project, own):
            if kind in seen or (kind is not owner and _has(home, kind, method)):
                continue
            seen.add(kind)
            if home is not module:
                yield from _uses(home, kind, _in_its_module(home, kind))
            if home.scope_of(kind).kind is not ScopeKind.MODULE:
                continue
            named = project.named(home.path, kind.name)
            for path in named.paths():
                user = project.module_at(path) if path != home.path else None
                if user is not None and user is not module:
                    yield from _uses(user, kind, (use.node for use in named.uses(user)))


def _heirs(module: Module, owner: ast.ClassDef, method: str) -> list[ast.ClassDef]:
    """The class, and those of its module that have the method from it."""
    found = [owner]
    for above in found:
        for node in module.of_kind(ast.ClassDef):
            bases = {last_name(base) for base in node.bases}
            if above.name in bases and node not in found and not _has(module, node, method):
                found.append(node)
    return found


def _has(module: Module, node: ast.ClassDef, method: str) -> bool:
    return method in module.scopes.bindings(module.scopes.opened_by(node))


def _in_its_module(home: Module, kind: ast.ClassDef) -> Iterator[ast.Name]:
    owner = home.scope_of(kind)
    for name in home.of_kind(ast.Name):
        if name.id == kind.name and isinstance(name.ctx, ast.Load):
            if home.scopes.resolve(name.id, home.scope_of(name)) is owner:
                yield name


def _uses(user: Module, kind: ast.ClassDef, names: Iterator[ast.expr]) -> Iterator[Use]:
    for name in names:
        parent = user.parent_of(name)
        if isinstance(parent, ast.Call) and parent.func is name:
            yield Use(user, name.lineno, _given_object(parent))
        elif _is_value(user, name, parent):
            yield Use(user, name.lineno, None)


def _is_value(user: Module, name: ast.expr, parent: ast.AST | None) -> bool:
    """Whether a class is handed about: neither called nor asked for, no base, no annotation."""
    if isinstance(parent, ast.Assign) and user.names.is_alias(last_name(parent.targets[0])):
        return False  # followed by its other name
    if isinstance(parent, ast.Tuple):
        parent = user.parent_of(parent)
    if isinstance(parent, ast.Call):
        return last_name(parent.func) not in _ASKING
    if isinstance(parent, (ast.ClassDef, ast.Attribute, ast.Compare, ast.ExceptHandler, ast.arg)):
        return False
    if isinstance(parent, (ast.FunctionDef, ast.AnnAssign)):
        return parent is not None and _is_given(name, parent)
    around = [name, *user.parents_in_statement(name)]
    above = zip(around, [*around[1:], user.statement_of(name)], strict=True)
    return not any(
        (isinstance(each, (ast.arg, ast.AnnAssign)) and each.annotation is inner)
        or (isinstance(each, ast.FunctionDef) and each.returns is inner)
        for inner, each in above
    )


def _is_given(name: ast.expr, stmt: ast.FunctionDef | ast.AnnAssign) -> bool:
    if isinstance(stmt, ast.AnnAssign):
        return stmt.value is name
    return stmt.returns is not name


def callings(module: Module, function: ast.FunctionDef) -> Iterator[Use]:
    """Where other modules call what may be an object with ``function`` as its ``__call__``."""
    project = module.project
    if not isinstance(project, OtherObjects):
        return
    for path in project.program(module.path):
        user = project.module_at(path)
        for call in user.of_kind(ast.Call) if user is not None else ():
            assert user is not None
            if isinstance(call.func, ast.Attribute) and call.func.attr == "__call__":
                # Of an object, or of its class: `layer.__call__(x)`, `Layer.__call__(layer, x)`.
                yield Use(user, call.lineno, _with_args(call, [call.func.value, *call.args]))
                yield Use(user, call.lineno, _with_args(call, call.args))
            elif _fits(function, call) and _may_be_object(user, project, call.func):
                yield Use(user, call.lineno, _given_object(call))


def _fits(function: ast.FunctionDef, call: ast.Call) -> bool:
    """Whether a call gives what the function, called on an object, can take."""
    args = function.args
    positional = len(args.posonlyargs) + len(args.args) - 1
    if any(isinstance(arg, ast.Starred) for arg in call.args):
        return True
    given = len(call.args) + len(call.keywords)
    if any(keyword.arg is None for keyword in call.keywords):
        given = positional
    names = {arg.arg for arg in (*args.args, *args.kwonlyargs)}
    known = all(keyword.arg is None or keyword.arg in names for keyword in call.keywords)
    return (
        (len(call.args) <= positional or args.vararg is not None)
        and (known or args.kwarg is not None)
        and given >= positional - len(args.defaults)
    )


def _may_be_object(user: Module, project: OtherObjects, func: ast.expr) -> bool:
    """Whether what is called may be an object: no function, method or class that is in sight."""
    dotted = user.names.resolve(func)
    if dotted:
        return dotted.partition(".")[0] not in KNOWN_MODULES and _holds_object(project, dotted)
    match func:
        case ast.Name(id=name):
            bound = user.names.bindings(name, user.scope_of(func))
            if not bound:
                return not hasattr(builtins, name)
            return not all(
                isinstance(each, (ast.FunctionDef, ast.ClassDef, ast.Import)) for each in bound
            )
        case ast.Attribute(value=ast.Call(func=ast.Name(id="super"))):
            return False
        case ast.Attribute(attr=attr):
            return not attr.startswith("__") and not Summaries.of(user).methods_named(attr)
        case ast.Call(func=made):
            inner = user.names.resolve(made)
            return inner.partition(".")[0] not in KNOWN_MODULES
    return isinstance(func, ast.Subscript)


def _holds_object(project: OtherObjects, dotted: str) -> bool:
    """Whether ``lib.LAYER`` may hold an object."""
    path, rest = project.split(dotted)
    home = project.module_at(path) if path and len(rest) == 1 else None
    if home is None:
        return bool(path)
    bound = home.names.bindings(rest[0], home.scopes.module)
    return any(isinstance(each, (ast.Assign, ast.AnnAssign)) for each in bound)


def _given_object(call: ast.Call) -> ast.Call:
    """The call with the object, or what makes it, before what it is given."""
    return _with_args(call, [call.func, *call.args])


def _with_args(call: ast.Call, given: list[ast.expr]) -> ast.Call:
    name = ast.Name(id="__init__", ctx=ast.Load())
    return ast.copy_location(ast.Call(func=name, args=given, keywords=call.keywords), call)
