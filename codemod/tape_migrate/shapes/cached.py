"""Functions and properties that keep their results: the first caller had them computed.

``@functools.lru_cache``, ``@cached_property``, and the ``@lazy_property`` and ``@define_scope``
that many programs for TensorFlow 1 write themselves. What such a function returns may have been
computed before a tape was opened, by whoever asked first.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable

from tape_migrate.mentions import last_name
from tape_migrate.module import Module
from tape_migrate.shapes.quiet import OtherFunctions

_KEEPS = re.compile(r"cache|memo|lazy|once|singleton|define_scope|persist", re.IGNORECASE)
_STORES = frozenset({"setattr", "setdefault"})
_DEPTH = 4


def kept_results(module: Module, parts: Iterable[ast.AST]) -> tuple[str, str] | None:
    """A function that keeps its results and that evaluating ``parts`` may read: its name, and
    where it keeps them."""
    known = _keeping(module)
    if not known:
        return None
    for part in parts:
        for node in module.inside(part):
            name = last_name(node) if isinstance(node, (ast.Name, ast.Attribute)) else ""
            if name in known and not isinstance(getattr(node, "ctx", None), ast.Store):
                return name, known[name]
    return None


def _keeping(module: Module) -> dict[str, str]:
    """Functions and methods of the module that keep their results, by name, and where they do."""
    known = module.memo.get("functions that keep their results")
    if not isinstance(known, dict):
        known = module.memo["functions that keep their results"] = {
            node.name: f"@{name}"
            for node in module.of_kind(ast.FunctionDef)
            for decorator in node.decorator_list
            if (name := _keeper(module, decorator)) is not None
        }
        for node in module.of_kind(ast.FunctionDef):
            own = _kept_by_itself(module, node)
            if own is not None:
                known.setdefault(node.name, own)
    return known


def _kept_by_itself(module: Module, function: ast.FunctionDef) -> str | None:
    """``def hidden(x, cache={})`` that fills ``cache``, or a function that sets ``hidden.last``."""
    args = function.args
    positional = [*args.posonlyargs, *args.args]
    defaults = [
        *zip(reversed(positional), reversed(args.defaults), strict=False),
        *zip(args.kwonlyargs, args.kw_defaults, strict=True),
    ]
    filled = {arg.arg for arg, default in defaults if _is_collection(default)}
    for node in module.inside(function) if filled else ():
        match node:
            case (
                ast.Subscript(value=ast.Name(id=name), ctx=ast.Store())
                | ast.Call(
                    func=ast.Attribute(value=ast.Name(id=name), attr="setdefault" | "update")
                )
                | ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="append" | "extend"))
                | ast.AugAssign(target=ast.Name(id=name))
            ) if name in filled and (
                _is_only_at_first(module, node) or _is_read_back(module, function, name)
            ):
                return f"{name}=…"
    for attribute in module.of_kind_inside(ast.Attribute, function):
        own = last_name(attribute.value) == function.name
        if own and isinstance(attribute.ctx, ast.Store) and _is_only_at_first(module, attribute):
            return f"{function.name}.{attribute.attr}"
    return None


def _is_read_back(module: Module, function: ast.FunctionDef, name: str) -> bool:
    """Whether a function reads of what it fills more than it has put there last: ``seen[0]``."""
    for node in module.of_kind_inside(ast.Name, function):
        parent = module.parent_of(node)
        if node.id != name or not isinstance(node.ctx, ast.Load):
            continue
        match parent:
            case ast.Attribute(attr="append" | "extend" | "update"):
                continue
            case ast.Subscript(ctx=ast.Store()):
                continue
            case ast.Subscript(slice=ast.UnaryOp(op=ast.USub()) | ast.Constant(value=str())):
                continue
            case ast.Call(func=ast.Name(id="len")):
                continue
            case _:
                return True
    return False


def _is_only_at_first(module: Module, node: ast.AST) -> bool:
    """``if "h" not in cache: cache["h"] = …``, and ``cache.setdefault("h", …)``."""
    if isinstance(node, ast.Call) and last_name(node.func) == "setdefault":
        return True
    for parent in module.parents(node):
        if isinstance(parent, (ast.If, ast.Try)):
            return True
        if isinstance(parent, ast.FunctionDef):
            break
    return False


def _is_collection(default: ast.expr | None) -> bool:
    if isinstance(default, ast.Call):
        return last_name(default.func) in ("dict", "list", "set", "OrderedDict", "defaultdict")
    return isinstance(default, (ast.Dict, ast.List, ast.Set))


def _keeper(module: Module, decorator: ast.expr) -> str | None:
    func = decorator.func if isinstance(decorator, ast.Call) else decorator
    name = last_name(func)
    if _KEEPS.search(ast.unparse(func)):
        return name
    return name if any(_stores(home, each) for home, each in _decorators(module, func)) else None


def _decorators(
    module: Module, func: ast.expr
) -> list[tuple[Module, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """The functions that a decorator may be, and the methods of the classes that it may be.

    What a class stores when it is made is what it decorates.
    """
    home, name = _home_of(module, func)
    found: list[tuple[Module, ast.FunctionDef | ast.AsyncFunctionDef]] = [
        (home, f) for f in home.of_kind(ast.FunctionDef) if f.name == name
    ]
    found += [
        (home, stmt)
        for node in home.of_kind(ast.ClassDef)
        for stmt in node.body
        if node.name == name and isinstance(stmt, (ast.FunctionDef, ast.AsyncFunctionDef))
        if stmt.name != "__init__"
    ]
    return found


def _home_of(module: Module, func: ast.expr) -> tuple[Module, str]:
    """The module that a decorator stands in, as far as it is in sight, and its name there."""
    name, home = last_name(func), module
    project = module.project
    if not isinstance(project, OtherFunctions):
        return home, name
    for _ in range(_DEPTH):
        dotted = home.names.resolve(func) if home is module else home.names.top_level(name)
        path, rest = project.split(dotted) if dotted else ("", ())
        other = project.module_at(path) if path and path != home.path else None
        if other is None or not rest:
            break
        home, name = other, rest[-1]
    return home, name


def _stores(module: Module, function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a decorator writes something down, be it what it decorates, or has it kept."""
    for node in module.inside(function):
        if isinstance(node, (ast.Name, ast.Attribute)) and _KEEPS.search(last_name(node)):
            return True
        if isinstance(node, (ast.Attribute, ast.Subscript)) and isinstance(node.ctx, ast.Store):
            return True
        if isinstance(node, ast.Nonlocal | ast.Global):
            return True
        if isinstance(node, ast.Call) and last_name(node.func) in _STORES:
            return True
    return False
