"""Who calls a helper: all callers have to be in sight, here and in the project's other modules."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from tape_migrate.flow.scope import Scope, ScopeKind, build_scopes
from tape_migrate.mentions import asked_by_text
from tape_migrate.model import Api, Helper, Site
from tape_migrate.module import Module
from tape_migrate.other_names import Named
from tape_migrate.shapes.helper import function_of, handed_request, in_the_way
from tape_migrate.shapes.method_callers import method_callers
from tape_migrate.shapes.plan import Refusal
from tape_migrate.shapes.summaries import Summaries
from tape_migrate.sites import Found


def callers_of(module: Module, helper: Helper) -> list[ast.Call] | Refusal:
    """Every call of the helper in ``module``, if it is only ever called, and plainly."""
    name = helper.qualname.rpartition(".")[2]
    line = asked_by_text(module, name)
    if line is not None:
        return in_the_way(helper, f"line {line} asks for {name} by its name")
    if not helper.dotted:
        calls = own_callers(module, helper)
    else:
        calls = method_callers(module, helper) if helper.method else _imported(module, helper)
    for call in calls if isinstance(calls, list) else ():
        if any(isinstance(a, ast.Starred) for a in call.args) or any(
            k.arg is None for k in call.keywords
        ):
            return in_the_way(helper, f"line {call.lineno} hands over its arguments by * or **")
        request = handed_request(helper, _plain(call), room=False)
        if isinstance(request, Refusal):
            return in_the_way(
                helper, f"line {call.lineno} does not give the target and the sources"
            )
    return calls


def _plain(call: ast.Call) -> Found:
    return Found(Site(call.lineno, 1, Api.TF_GRADIENTS, ""), call, _NOWHERE)


_NOWHERE = build_scopes(ast.Module(body=[], type_ignores=[])).module


def _imported(module: Module, helper: Helper) -> list[ast.Call] | Refusal:
    """Calls of another module's function."""
    home, _, name = helper.dotted.rpartition(".")
    project = module.project
    path = project.split(home)[0] if isinstance(project, OtherNames) else ""
    if not isinstance(project, OtherNames) or not path:
        return in_the_way(helper, f"what {name} means is not seen")
    named = project.named(path, name)
    if named.spilled is not None:
        where, line = named.spilled
        return in_the_way(helper, f"line {line} of {where} takes all that its module has")
    calls: list[ast.Call] = []
    asked = named.asked_in(module)
    if asked is not None:
        return in_the_way(helper, f"line {asked} asks for {name} by its name")
    for use in named.uses(module):
        parent = module.parent_of(use.node)
        if not use.certain:
            return in_the_way(helper, f"line {use.node.lineno}: what {name} means is not seen")
        if not (isinstance(parent, ast.Call) and parent.func is use.node):
            return in_the_way(
                helper, f"line {use.node.lineno} uses {name} otherwise than by a plain call"
            )
        calls.append(parent)
    for node in module.of_kind(ast.ImportFrom):
        for alias in node.names:
            if alias.name == name and (alias.asname or name) not in named.words:
                return in_the_way(helper, f"line {node.lineno} imports it by another name")
    return calls


def own_callers(module: Module, helper: Helper) -> list[ast.Call] | Refusal:
    """Every call of one of the module's own functions, if it is only ever called."""
    node = function_of(module, helper)
    if node is None:
        return in_the_way(helper, f"there are several functions called {helper.qualname}")
    if node.decorator_list:
        return in_the_way(helper, f"{node.name} is decorated")
    scope = module.scopes.opened_by(node)
    calls: list[ast.Call] | Refusal = Summaries.of(module).callers(node)
    if helper.method:
        calls = method_callers(module, helper)
    if isinstance(calls, Refusal):
        return calls
    callees = {id(call.func) for call in calls}
    for other in module.nodes:
        if isinstance(other, ast.Constant):
            if other.value == node.name and _in_all(module, other):
                return in_the_way(helper, f"__all__ exports {node.name}")
            continue
        if _names(module, other, node, scope) and id(other) not in callees:
            assert isinstance(other, ast.expr)
            return in_the_way(
                helper, f"line {other.lineno} uses {node.name} otherwise than by a plain call"
            )
    return calls


@runtime_checkable
class OtherNames(Protocol):
    """What a project can tell of the names that its modules give a function."""

    def named(self, path: str, name: str) -> Named:
        """The function ``name`` of the module at ``path`` by all its names."""

    def split(self, dotted: str) -> tuple[str, tuple[str, ...]]:
        """The path of the module that ``dotted`` begins with, and what is left."""


def no_caller(helper: Helper) -> Refusal:
    """The refusal of a helper that nobody calls."""
    return in_the_way(helper, f"no caller of {helper.qualname} is in sight")


@runtime_checkable
class OtherUsers(Protocol):
    """What a project can tell of the uses of one module's functions in the others."""

    def packaged(self) -> bool:
        """Whether the project is made to be installed, and imported by others."""

    def package_of(self, path: str) -> str:
        """Dotted package of the module at ``path``, ``""`` for a script."""

    def name_of(self, path: str) -> str:
        """Dotted name of the module at ``path``, ``""`` if others have the same."""

    def users(self, path: str, name: str, *, method: bool) -> list[str]:
        """Paths of other modules that use ``name`` of this one (or any method so called)."""


@dataclass(frozen=True)
class Users:
    """Other modules that use a helper."""

    paths: tuple[str, ...]
    """Where they only call it, so that they could hand in a tape."""
    refusal: Refusal


def users_elsewhere(module: Module, helper: Helper) -> Users | None:
    """Uses of the helper in other modules of the project, or None if there are none."""
    node = function_of(module, helper)
    if node is None or not isinstance(module.project, OtherUsers):
        return None
    scope = module.scopes.opened_by(node)
    if any(s.kind is ScopeKind.FUNCTION for s in scope.enclosing):
        return None
    paths = module.project.users(module.path, node.name, method=helper.method)
    if not paths:
        return None
    refusal = in_the_way(helper, f"{paths[0]} uses {node.name}")
    nested = helper.method and helper.qualname.count(".") != 1
    # What a method of one object computes is not to be had in another module.
    given = not helper.target.startswith("self.")
    movable = given and not nested and bool(module.project.name_of(module.path))
    plain = tuple(paths) if movable else ()
    return Users(plain, refusal)


def _names(module: Module, other: ast.AST, node: ast.FunctionDef, scope: Scope) -> bool:
    """Whether ``other`` reads the name that ``node`` binds."""
    if not isinstance(other, ast.Name) or other.id != node.name:
        return False
    return module.scopes.resolve(other.id, module.scope_of(other)) is scope.parent


def _in_all(module: Module, constant: ast.Constant) -> bool:
    return any(
        isinstance(parent, ast.Assign)
        and any(isinstance(t, ast.Name) and t.id == "__all__" for t in parent.targets)
        for parent in module.parents(constant)
    )


def refuse_open(module: Module, helper: Helper, *, assumed: bool = False) -> Refusal | None:
    """A helper that code out of sight may call."""
    node = function_of(module, helper)
    if node is None or assumed:
        return None
    scope = module.scopes.opened_by(node)
    inside = [s for s in scope.enclosing if s.kind is ScopeKind.FUNCTION]
    private = any(
        s.name.startswith("_") and not s.name.startswith("__")
        for s in (scope, *scope.enclosing)
        if s.kind is not ScopeKind.MODULE
    )
    project = module.project
    if isinstance(project, OtherUsers) and not project.packaged():
        if not project.package_of(module.path):
            return None  # a folder of scripts: who else could call it is looked at by itself
    if inside or private or is_program(module):
        return None
    return in_the_way(
        helper,
        f"{node.name} may be called from outside (--assume-closed says that nothing else calls it)",
    )


def is_program(module: Module) -> bool:
    """Whether the module is run, not imported: it calls its own functions when it is executed."""
    project = module.project
    if isinstance(project, OtherUsers) and project.package_of(module.path):
        return False  # a module of a package may be run and imported
    summaries = Summaries.of(module)
    for stmt in module.tree.body:
        if isinstance(stmt, (ast.FunctionDef, ast.ClassDef)):
            continue
        if isinstance(stmt, ast.If) and "__name__" in ast.dump(stmt.test):
            return True
        calls = [node for node in ast.walk(stmt) if isinstance(node, ast.Call)]
        if any(summaries.callee(call) or summaries.made_by(call) for call in calls):
            return True
    return False
