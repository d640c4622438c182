"""What functions of other modules read that their module keeps.

After ``lib.keep(x)``, ``lib.scale(x)`` may give what was computed from ``x`` then, though nothing
that is read here holds it: ``CACHE["h"] * v`` stands in the other module.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from tape_migrate.flow.scope import Scope
from tape_migrate.module import Module
from tape_migrate.parsed import walk
from tape_migrate.shapes.attributes_elsewhere import is_leaf, is_plain
from tape_migrate.shapes.dependence import CONTAINER_METHODS
from tape_migrate.shapes.evaluated import all_calls, calls_in, functions_in
from tape_migrate.shapes.functions import Function
from tape_migrate.shapes.libraries import is_library, is_own
from tape_migrate.shapes.made_here import root_of
from tape_migrate.shapes.overridden import OtherTexts
from tape_migrate.shapes.quiet import TENSOR_METHODS, OtherFunctions
from tape_migrate.shapes.summaries import Summaries

_DEFINED = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
"""What is no variable; an object is found by the name of what it is given to."""
_DEPTH = 4


def remembered(module: Module, parts: Sequence[ast.AST]) -> tuple[str, str] | None:
    """What ``parts`` read or run of another module's, and where that module sets what it gives.

    What is set to a number, to data or to a variable does not count. ``parts`` are statements and
    expressions; the functions of this module that they call are gone through as well.
    """
    if not isinstance(module.project, OtherFunctions):
        return None
    summaries = Summaries.of(module)
    run = [(part, functions_in(part)) for part in parts]
    run += [(f, _loads(f)) for f in summaries.called_functions(parts)]
    for _, named in run:
        for expr in named:
            where = _by_expression(module, expr)
            if where is not None:
                return ast.unparse(expr), where
    for part, _ in run:
        for call in all_calls(part) if isinstance(part, _DEFINED) else calls_in(part):
            where = _handed_about(module) if _is_unknown(module, call) else None
            if where is not None:
                return ast.unparse(call.func), where
    return None


def _loads(function: Function) -> Iterator[ast.expr]:
    for node in walk(function):
        if isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Load):
            yield node


def _by_expression(module: Module, expr: ast.expr) -> str | None:
    """Where what a name or an attribute may stand for finds what its module keeps."""
    dotted = module.names.resolve(expr)
    if dotted and not isinstance(module.parent_of(expr), ast.Attribute):
        return _remembered_by(module, dotted, _DEPTH, called=_is_called(module, expr))
    return _by_name(module, expr.attr) if isinstance(expr, ast.Attribute) and not dotted else None


def _is_called(module: Module, expr: ast.expr) -> bool:
    """Whether it is a function that is called, or what holds it: ``TABLE["scale"](v)``."""
    node, parent = expr, module.parent_of(expr)
    while isinstance(parent, (ast.Attribute, ast.Subscript)) and parent.value is node:
        node, parent = parent, module.parent_of(parent)
    return isinstance(parent, ast.Call) and parent.func is node


def _by_name(module: Module, name: str) -> str | None:
    """Where a method of this name of any class of the project finds what its module keeps.

    What the object itself keeps was given to it, and is spoken of where the object is.
    """
    project = module.project
    if not isinstance(project, OtherTexts) or name in TENSOR_METHODS:
        return None
    for path in project.defining(module.path, name):
        home = project.module_at(path)
        kept = _kept(home) if home is not None else {}
        for method in Summaries.of(home).methods_named(name) if home is not None and kept else ():
            for function in Summaries.of(home).reached(method):
                read = sorted(n for n in _read(home, function) if n[0] != "." and n in kept)
                if read:
                    return f"line {kept[read[0]]} of {path}"
    return None


def _is_unknown(module: Module, call: ast.Call) -> bool:
    """Whether a call runs what the module has from somewhere: ``fn(v)``, ``self.fn(v)``."""
    func = call.func
    if module.names.resolve(func) or Summaries.of(module).callee(call) is not None:
        return False
    if isinstance(func, ast.Attribute):
        return any(isinstance(n.ctx, ast.Store) for n in module.attributes(func.attr))
    return not isinstance(func, ast.Name) or module.names.is_local(func.id, module.scope_of(func))


def _handed_about(module: Module) -> str | None:
    """Where a function of another module that this one hands about finds what is kept there."""
    key = "remembered by what is handed about"
    if key not in module.memo:
        called = {id(call.func) for call in module.of_kind(ast.Call)}
        named = (*module.of_kind(ast.Name), *module.of_kind(ast.Attribute))
        found = (
            _remembered_by(module, module.names.resolve(node), _DEPTH, called=False)
            for node in named
            if id(node) not in called and not isinstance(module.parent_of(node), ast.Attribute)
        )
        module.memo[key] = next(filter(None, found), None) or _by_name(module, "__call__")
    where = module.memo[key]
    assert where is None or isinstance(where, str)
    return where


def _remembered_by(module: Module, dotted: str, depth: int, *, called: bool) -> str | None:
    project = module.project
    if not dotted or not is_own(module, dotted) or not isinstance(project, OtherFunctions):
        return None
    path, rest = project.split(dotted)
    home = project.module_at(path) if path and path != module.path else None
    if home is None or depth == 0:
        return None
    meant = home.names.top_level(rest[0]) if rest else ""
    if meant:  # `lib.scale`, which `lib` has from somewhere else
        return _remembered_by(home, ".".join((meant, *rest[1:])), depth - 1, called=called)
    kept = _kept(home)
    for function in _run(home, rest, called=called):
        for name in _read(home, function) if kept else ():
            if name in kept:
                return f"line {kept[name]} of {path}"
        for inner in home.of_kind_inside(ast.Call, function):
            resolved = home.names.resolve(inner.func)
            where = _remembered_by(home, resolved, depth - 1, called=True)
            if where is not None:
                return where
    return None


def _run(home: Module, names: tuple[str, ...], *, called: bool) -> list[Function]:
    """The functions that ``names`` in ``home`` may be, or run when it is ``called``."""
    summaries, top = Summaries.of(home), home.scopes.module
    if not names:
        return [*home.of_kind(ast.FunctionDef)]  # `getattr(lib, kind)`
    bound = home.names.bindings(names[0], top)
    if len(names) > 1:
        found = [*summaries.methods_named(names[-1])]
    elif bound and all(isinstance(node, ast.FunctionDef) for node in bound):
        found = [node for node in bound if isinstance(node, ast.FunctionDef)]
    elif called and not all(isinstance(node, _DEFINED) for node in bound):
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
            case ast.Call(func=ast.Attribute(value=held, attr=attr) as func, args=given):
                if is_library(home, home.names.resolve(func)):
                    continue  # `tf.add(a, b)`
                if attr in CONTAINER_METHODS and not all(is_leaf(home, each) for each in given):
                    yield from _holder(home, scope, held)
                    if isinstance(held, ast.Attribute):
                        yield f".{held.attr}", node.lineno


def _holder(home: Module, scope: Scope, node: ast.expr) -> Iterator[tuple[str, int]]:
    """The variable of outside that holds what is changed."""
    root = root_of(node)
    if root is None or root.id in ("self", "cls"):
        return  # its attributes are found by themselves
    if home.scopes.resolve(root.id, scope) is not scope:
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
