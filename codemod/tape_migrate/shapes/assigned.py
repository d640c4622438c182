"""Variables that are assigned to where nothing says so: by another name, by what is called unnamed.

``Opt().step(g)`` runs a method of the module that sets ``W``, and so may ``table["step"](g)`` or
``change(g)``, where ``change`` is a lambda; ``give().assign_sub(g)`` and ``box.w.assign(g)`` set
``W`` where a function gives it, or a class has it by another name. In a graph nothing happens
until an assignment is run, eagerly it happens at once.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import Final

from tape_migrate.flow.symbols import Symbol
from tape_migrate.mentions import last_name
from tape_migrate.module import Module
from tape_migrate.names import KNOWN_MODULES
from tape_migrate.parsed import walk
from tape_migrate.shapes.evaluated import calls_in
from tape_migrate.shapes.hazards import ASSIGNING, assigned_variables
from tape_migrate.shapes.modes import graph_mode
from tape_migrate.shapes.summaries import Summaries

_WORDS: Final = (b"assign", b"scatter_", b"update", b"count_up_to")
_PATHS = (ast.Name, ast.Attribute)


def may_assign(module: Module) -> bool:
    """Whether the module may assign to a variable at all, and builds no graph for a Session."""
    known = module.memo.get("may assign")
    if not isinstance(known, bool):
        words = any(word in module.text for word in _WORDS)
        known = module.memo["may assign"] = words and graph_mode(module) is None
    return known


def assigned_unnamed(
    module: Module, summaries: Summaries, parts: Iterable[ast.AST]
) -> Iterator[ast.expr]:
    """What ``parts`` may assign to by way of a call that names no function of the module, and
    what they assign to by something else than a plain name."""
    parts = list(parts)
    for part in (*parts, *summaries.called_functions(parts)):
        for variable in assigned_variables(module, part):
            if not isinstance(variable, ast.Name) or _is_of_loop(module, variable):
                yield variable
        for call in calls_in(part) if part in parts else _calls_inside(module, part):
            yield from _asked_by_text(call.func)
            run = list(_may_run(module, summaries, call))
            for inner in (*run, *summaries.called_functions(run)):
                yield from assigned_variables(module, inner)


def is_same_variable(module: Module, assigned: ast.expr, read: Symbol) -> bool:
    """Whether ``assigned`` may be, by any other name, the variable that is read as ``read``."""
    last = _last(read)
    name = last_name(assigned)
    if isinstance(assigned, ast.Name) and name == last:
        return not read.path
    names = _names_of(module, last)
    mentioned = {last_name(node) for node in walk(assigned) if isinstance(node, _PATHS)}
    return bool(mentioned & (names - {last})) or (
        isinstance(assigned, ast.Attribute) and name == last and not _is_own(assigned, read)
    )


def _is_own(assigned: ast.Attribute, read: Symbol) -> bool:
    """``self.target.w`` beside ``self.w``: what hangs on another attribute of one object is apart.

    So is ``other.w`` beside ``net.w``, by their names."""
    base = assigned.value
    return isinstance(base, ast.Attribute) or (
        isinstance(base, ast.Name) and base.id not in ("self", "cls", read.root)
    )


def _last(symbol: Symbol) -> str:
    named = [part.removeprefix(".") for part in symbol.path if part.startswith(".")]
    return named[-1] if named else symbol.root


def _is_of_loop(module: Module, name: ast.Name) -> bool:
    bound = module.names.bindings(name.id, module.scope_of(name))
    return any(isinstance(node, (ast.For, ast.AsyncFor)) for node in bound)


def _calls_inside(module: Module, part: ast.AST) -> list[ast.Call]:
    return list(module.of_kind_inside(ast.Call, part))


def _asked_by_text(func: ast.expr) -> Iterator[ast.expr]:
    """``W`` of ``getattr(W, "assign_sub")(g)``."""
    if isinstance(func, ast.Call) and len(func.args) > 1 and last_name(func.func) == "getattr":
        name = func.args[1]
        if isinstance(name, ast.Constant) and name.value in ASSIGNING:
            yield func.args[0]


def _may_run(module: Module, summaries: Summaries, call: ast.Call) -> Iterator[ast.AST]:
    """What ``call`` may run of the module although it names no function."""
    func = call.func
    if summaries.callee(call) is not None or module.names.resolve(func):
        return
    if isinstance(func, ast.Attribute):
        yield from summaries.methods_named(func.attr)
        return
    if isinstance(func, ast.Name):
        bound = module.names.bindings(func.id, module.scope_of(func))
        if not bound or any(isinstance(node, ast.ClassDef) for node in bound):
            return
        values = [node.value for node in bound if isinstance(node, ast.Assign)]
        if len(values) == len(bound) and all(isinstance(v, ast.Lambda) for v in values):
            yield from values
            return
    yield from summaries.methods_named("__call__")
    yield from _held(module, summaries)


def _held(module: Module, summaries: Summaries) -> list[ast.AST]:
    """Functions, lambdas and methods of variables that are kept and handed about, and assign."""
    known = module.memo.get("assigning functions that are held")
    if not isinstance(known, list):
        called = {id(call.func) for call in module.of_kind(ast.Call)}
        held: list[ast.AST] = [*summaries.handed_about, *module.of_kind(ast.Lambda)]
        held += [
            node for name in sorted(ASSIGNING) for node in module.attributes(name)
            if id(node) not in called
        ]  # fmt: skip
        known = [node for node in held if any(True for _ in assigned_variables(module, node))]
        module.memo["assigning functions that are held"] = known
    return known


def _names_of(module: Module, name: str) -> frozenset[str]:
    """``name``, and the names of all that it is given to: variables, attributes, functions that
    give it back, collections that hold it."""
    memo = module.memo.setdefault("names of variables", {})
    assert isinstance(memo, dict)
    if name not in memo:
        found = {name}
        before = 0
        while before != len(found):
            before = len(found)
            found |= {given for given, held in _handing(module) if held & found}
        memo[name] = frozenset(found)
    names: frozenset[str] = memo[name]
    return names


def _handing(module: Module) -> list[tuple[str, frozenset[str]]]:
    """Each name that is given something, and the names of what that may be or hold."""
    known = module.memo.get("names that are given names")
    if not isinstance(known, list):
        known = module.memo["names that are given names"] = list(_find_handing(module))
    return known


def _find_handing(module: Module) -> Iterator[tuple[str, frozenset[str]]]:
    for node in module.nodes:
        targets: list[ast.expr] = []
        match node:
            case ast.Assign(targets=given, value=value):
                targets = given
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                targets = [target]
            case ast.NamedExpr(target=target, value=value):
                targets = [target]
            case ast.For(target=target, iter=value) | ast.comprehension(target=target, iter=value):
                targets = [target]
            case ast.Return(value=ast.expr() as value):
                owner = module.scope_of(node).node
                if isinstance(owner, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    yield owner.name, frozenset(_held_names(module, value))
                continue
            case _:
                continue
        names = frozenset(_held_names(module, value))
        for target in targets if names else ():
            for inner in walk(target):
                if isinstance(inner, _PATHS):
                    yield last_name(inner), names


def _held_names(module: Module, value: ast.expr) -> Iterator[str]:
    """Names of what ``value`` may be or hold; what it computes is nothing of the kind."""
    match value:
        case ast.Name() | ast.Attribute():
            if not module.names.resolve(value):
                yield last_name(value)
        case ast.Subscript(value=inner) | ast.Starred(value=inner) | ast.Lambda(body=inner):
            yield from _held_names(module, inner)
        case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items):
            for item in items:
                yield from _held_names(module, item)
        case ast.Dict(values=items):
            for item in items:
                yield from _held_names(module, item)
        case ast.IfExp(body=body, orelse=orelse):
            yield from _held_names(module, body)
            yield from _held_names(module, orelse)
        case ast.BoolOp(values=items):
            for item in items:
                yield from _held_names(module, item)
        case ast.Call(func=func, args=args, keywords=keywords):
            if module.names.resolve(func).partition(".")[0] in KNOWN_MODULES:
                return
            yield from _held_names(module, func)
            for item in (*args, *(keyword.value for keyword in keywords)):
                yield from _held_names(module, item)
