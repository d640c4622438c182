"""What other modules give the parameters of a function: is one computed from another?

``def mixed(y, x)`` may take for granted that ``y`` was not computed from ``x`` only as long as no
caller shows the contrary. Those of its own module are followed by ``closure``; here those of others
are looked at, each as far as its own module goes, and where it hands on its own parameters, what
others give it.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Final, Protocol, runtime_checkable

from tape_migrate.flow.scope import Scope, ScopeKind
from tape_migrate.flow.symbols import Symbol, symbol_of
from tape_migrate.mentions import last_name
from tape_migrate.module import Module
from tape_migrate.shapes.closure import Closure
from tape_migrate.shapes.functions import Function, bind

_DEPTH: Final = 4
"""How many functions may hand on what they are given, each to one in another module."""


@runtime_checkable
class OtherCallers(Protocol):
    """What a project can tell of the modules that use a function."""

    def users(self, path: str, name: str, *, method: bool) -> list[str]:
        """Paths of other modules that use ``name`` of this one (or any method so called)."""

    def module_at(self, path: str) -> Module | None:
        """The module at ``path``, or None if it cannot be read."""


@dataclass(frozen=True)
class Call:
    """A call in another module."""

    path: str
    module: Module
    node: ast.Call


def computed_elsewhere(
    module: Module, scope: Scope, source: Symbol, other: Symbol, depth: int = _DEPTH
) -> str | None:
    """Where another module gives as ``other`` what it may have computed from ``source``.

    Both are read in ``scope``. None if no such call is in sight, or if they are no parameters.
    """
    function = scope.node
    if source.root == other.root or not isinstance(function, ast.FunctionDef):
        return None
    names = {arg.arg for arg in (*function.args.posonlyargs, *function.args.args)}
    names |= {arg.arg for arg in function.args.kwonlyargs}
    if not {source.root, other.root} <= names:
        return None
    for call in _calls(module, scope, function):
        given = dict(bind(function, call.node))
        one, two = given.get(source.root), given.get(other.root)
        if one is None or two is None:
            continue
        starred = any(isinstance(arg, ast.Starred) for arg in call.node.args)
        starred |= any(keyword.arg is None for keyword in call.node.keywords)
        if starred or not depth or _depends(call.module, two, one):
            return f"line {call.node.lineno} of {call.path}"
        around = call.module.scope_of(one)
        for given_on in _symbols(call.module, one):
            for from_it in _symbols(call.module, two):
                found = computed_elsewhere(call.module, around, given_on, from_it, depth - 1)
                if found is not None:
                    return found
    return None


def _calls(module: Module, scope: Scope, function: ast.FunctionDef) -> list[Call]:
    key = f"calls elsewhere {id(function)}"
    known = module.memo.get(key)
    if not isinstance(known, list):
        known = module.memo[key] = _find_calls(module, scope, function)
    return known


def _find_calls(module: Module, scope: Scope, function: Function) -> list[Call]:
    project = module.project
    around = scope.parent
    if not isinstance(project, OtherCallers) or around is None:
        return []
    if around.kind not in (ScopeKind.MODULE, ScopeKind.CLASS):
        return []
    found: list[Call] = []
    method = around.kind is ScopeKind.CLASS
    for path in project.users(module.path, function.name, method=method):
        user = project.module_at(path)
        for node in user.nodes if user is not None else ():
            if isinstance(node, ast.Call) and last_name(node.func) == function.name:
                assert user is not None
                if method == (isinstance(node.func, ast.Attribute) and not _is_module(user, node)):
                    found.append(Call(path, user, node if method else _by_name(node)))
    return found


def _is_module(module: Module, call: ast.Call) -> bool:
    """Whether the function is called by the name of its module, ``ops.mixed(y, x)``."""
    return isinstance(call.func, ast.Attribute) and bool(module.names.resolve(call.func.value))


def _by_name(call: ast.Call) -> ast.Call:
    """The call without the module's name, so that it is not taken for one of a method."""
    name = ast.Name(id=last_name(call.func), ctx=ast.Load())
    plain = ast.Call(func=name, args=call.args, keywords=call.keywords)
    return ast.copy_location(plain, call)


def _depends(module: Module, other: ast.expr, source: ast.expr) -> bool:
    closure = module.memo.get("closure")
    if not isinstance(closure, Closure):
        closure = module.memo["closure"] = Closure(module)
    sources = _symbols(module, source)
    for one in _symbols(module, other):
        for two in sources:
            if one == two:
                return True
            a = closure.node_for(one, module.scope_of(other))
            b = closure.node_for(two, module.scope_of(source))
            if closure.reaches(b, a):
                return True
    return False


def _symbols(module: Module, expr: ast.expr) -> list[Symbol]:
    """What ``expr`` reads, functions that it calls left out."""
    found: dict[Symbol, None] = {}
    stack: list[ast.AST] = [expr]
    while stack:
        node = stack.pop()
        symbol = symbol_of(node) if isinstance(node, (ast.Name, ast.Attribute)) else None
        if symbol is not None and isinstance(node, ast.expr):
            if not module.names.resolve(node):
                found[symbol] = None
            continue
        if isinstance(node, ast.Call):
            stack += [*node.args, *node.keywords]
            if isinstance(node.func, ast.Attribute):
                stack.append(node.func.value)
            continue
        stack.extend(ast.iter_child_nodes(node))
    return list(found)
