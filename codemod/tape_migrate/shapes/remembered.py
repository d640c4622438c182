"""What functions of other modules read that their module keeps.

After ``lib.keep(x)``, ``lib.scale(x)`` may give what was computed from ``x`` then, though nothing
that is read here holds it: ``CACHE["h"] * v`` stands in the other module.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tape_migrate.flow.scope import Scope
from tape_migrate.module import Module
from tape_migrate.shapes.attributes_elsewhere import is_leaf, is_plain
from tape_migrate.shapes.dependence import CONTAINER_METHODS
from tape_migrate.shapes.functions import Function
from tape_migrate.shapes.libraries import is_own
from tape_migrate.shapes.made_here import root_of
from tape_migrate.shapes.quiet import OtherFunctions
from tape_migrate.shapes.summaries import Summaries

_DEFINED = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
"""What is no variable; an object is found by the name of what it is given to."""
_DEPTH = 4


def remembered(module: Module, call: ast.Call, depth: int = _DEPTH) -> str | None:
    """Where another module sets what a function of it reads when ``call`` runs it.

    What is set to a number, to data or to a variable does not count.
    """
    project, resolved = module.project, module.names.resolve(call.func)
    if not resolved or not is_own(module, resolved) or not isinstance(project, OtherFunctions):
        return None
    path, rest = project.split(resolved)
    home = project.module_at(path) if path and path != module.path else None
    if home is None or not rest or depth == 0:
        return None
    kept = _kept(home)
    for function in _run(home, rest):
        for name in _read(home, function) if kept else ():
            if name in kept:
                return f"line {kept[name]} of {path}"
        for inner in home.of_kind_inside(ast.Call, function):
            where = remembered(home, inner, depth - 1)
            if where is not None:
                return where
    return None


def _run(home: Module, names: tuple[str, ...]) -> list[Function]:
    """The functions that a call of ``names`` in ``home`` may run."""
    summaries, top = Summaries.of(home), home.scopes.module
    bound = home.names.bindings(names[0], top)
    if len(names) > 1:
        found = [*summaries.methods_named(names[-1])]
    elif bound and all(isinstance(node, ast.FunctionDef) for node in bound):
        found = [node for node in bound if isinstance(node, ast.FunctionDef)]
    elif not all(isinstance(node, _DEFINED) for node in bound):
        # `scale = BOX.scale`: whatever the module has.
        return [*home.of_kind(ast.FunctionDef)]
    else:
        return []
    reached: dict[int, Function] = {}
    while found:
        for inner in summaries.reached(found.pop()):
            if id(inner) not in reached:
                reached[id(inner)] = inner
                for call in home.of_kind_inside(ast.Call, inner):
                    root = root_of(call.func)
                    if isinstance(call.func, ast.Attribute) and root is not None:
                        if home.scopes.resolve(root.id, home.scope_of(root)) is top:
                            found += summaries.methods_named(call.func.attr)  # `BOX.scale(v)`
    return list(reached.values())


def _kept(home: Module) -> dict[str, int]:
    """Names and attributes that functions of a module set, with the line where they do.

    Attributes begin with a dot.
    """
    known = home.memo.get("kept by functions")
    if isinstance(known, dict):
        return known
    found: dict[str, int] = {}
    for function in home.of_kind(ast.FunctionDef):
        for name, line in _set_by(home, function):
            found.setdefault(name, line)
    home.memo["kept by functions"] = found
    return found


def _set_by(home: Module, function: ast.FunctionDef) -> Iterator[tuple[str, int]]:
    scope = home.scopes.opened_by(function)
    outside = scope.globals | scope.nonlocals
    for node in home.inside(function):
        if home.scope_of(node) is not scope:
            continue
        match node:
            case ast.Name(id=name, ctx=ast.Store()) if name in outside:
                if not is_plain(home, node):
                    yield name, node.lineno
            case ast.Attribute(ctx=ast.Store(), attr=attr) if function.name != "__init__":
                if not is_plain(home, node):
                    yield f".{attr}", node.lineno
                    yield from _holder(home, scope, node)
            case ast.Subscript(ctx=ast.Store()):
                if not is_plain(home, node):
                    yield from _holder(home, scope, node)
            case ast.Call(func=ast.Attribute(value=held, attr=attr), args=given):
                if attr in CONTAINER_METHODS and not all(is_leaf(home, each) for each in given):
                    yield from _holder(home, scope, held)
                    if isinstance(held, ast.Attribute):
                        yield f".{held.attr}", node.lineno


def _holder(home: Module, scope: Scope, node: ast.expr) -> Iterator[tuple[str, int]]:
    """The variable of outside that holds what is changed."""
    root = root_of(node)
    if root is not None and home.scopes.resolve(root.id, scope) is not scope:
        yield root.id, node.lineno


def _read(home: Module, function: Function) -> Iterator[str]:
    """Names of outside, and attributes, that a function reads."""
    scope = home.scopes.opened_by(function)
    own = [arg.arg for arg in function.args.args[:1]]
    for node in home.inside(function):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            if home.scopes.resolve(node.id, home.scope_of(node)) is not scope:
                yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
            root = root_of(node)
            outer = root is not None and home.scopes.resolve(root.id, scope) is not scope
            # What a parameter holds is what it was given with.
            if root is None or outer or (root.id in own and root.id in ("self", "cls")):
                yield f".{node.attr}"
