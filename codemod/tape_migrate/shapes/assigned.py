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

from tape_migrate.flow.scope import Scope
from tape_migrate.flow.symbols import Symbol
from tape_migrate.mentions import last_name
from tape_migrate.module import Module
from tape_migrate.shapes.applied import applied_variables
from tape_migrate.shapes.evaluated import calls_in
from tape_migrate.shapes.hazards import ASSIGNING, assigned_variables
from tape_migrate.shapes.keepers import RUNS_ARGUMENTS
from tape_migrate.shapes.modes import graph_mode
from tape_migrate.shapes.object_names import ObjectNames
from tape_migrate.shapes.summaries import Summaries

_WORDS: Final = (b"assign", b"scatter_", b"update", b"count_up_to", b"apply_gradients")


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
    functions: list[ast.AST] = list(summaries.called_functions(parts := list(parts)))
    for part in parts:
        yield from assigned_variables(module, part)
        yield from applied_variables(module, part)
        for call in calls_in(part):
            yield from _asked_by_text(call.func)
            functions += _may_run(module, summaries, call)
    seen: set[int] = set()
    while functions:
        function = functions.pop()
        if id(function) not in seen:
            seen.add(id(function))
            assigned, run = _inside(module, summaries, function)
            yield from assigned
            functions += run


def _inside(
    module: Module, summaries: Summaries, function: ast.AST
) -> tuple[list[ast.expr], list[ast.AST]]:
    """What a function assigns to itself, and the functions that it may run (looked up once)."""
    memo = module.memo.setdefault("assigned inside", {})
    assert isinstance(memo, dict)
    if function not in memo:
        assigned = [*assigned_variables(module, function), *applied_variables(module, function)]
        run: list[ast.AST] = list(summaries.called_functions([function]))
        for call in module.of_kind_inside(ast.Call, function):
            assigned += _asked_by_text(call.func)
            run += _may_run(module, summaries, call)
        memo[function] = assigned, run
    found: tuple[list[ast.expr], list[ast.AST]] = memo[function]
    return found


def is_same_variable(module: Module, assigned: ast.expr, read: Symbol, scope: Scope) -> bool:
    """Whether ``assigned`` may be, by any name, the variable that is read as ``read``."""
    names = ObjectNames.of(module)
    own = names.of_symbol(read, scope)
    if names.is_named(assigned, own):
        return not read.path
    return bool(names.mentioned(assigned) & names.others([own])) or (
        isinstance(assigned, ast.Attribute)
        and own == f".{assigned.attr}"
        and not _is_own(assigned, read)
    )


def _is_own(assigned: ast.Attribute, read: Symbol) -> bool:
    """``self.target.w`` beside ``self.w``: what hangs on another attribute of one object is apart.

    So is ``other.w`` beside ``net.w``, by their names."""
    base = assigned.value
    return isinstance(base, ast.Attribute) or (
        isinstance(base, ast.Name) and base.id not in ("self", "cls", read.root)
    )


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
        if not bound and func.id in RUNS_ARGUMENTS:
            yield from _given(module, summaries, call)
        if not (bound or module.scopes.is_comprehension_variable(func)):
            return
        if any(isinstance(node, ast.ClassDef) for node in bound):
            return
        values = [node.value for node in bound if isinstance(node, ast.Assign)]
        if values and len(values) == len(bound) and all(isinstance(v, ast.Lambda) for v in values):
            yield from values
            return
    yield from summaries.methods_named("__call__")
    yield from _held(module, summaries)


def _given(module: Module, summaries: Summaries, call: ast.Call) -> Iterator[ast.AST]:
    """Functions that ``map`` and such are given by name."""
    for given in call.args:
        function = summaries.named(given)
        if function is not None:
            yield function
        elif isinstance(given, ast.Name):
            bound = module.names.bindings(given.id, module.scope_of(given))
            values = (node.value for node in bound if isinstance(node, ast.Assign))
            yield from (value for value in values if isinstance(value, ast.Lambda))


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
        known = [
            node
            for node in held
            if any(True for _ in assigned_variables(module, node))
            or any(True for _ in applied_variables(module, node))
        ]
        module.memo["assigning functions that are held"] = known
    return known
