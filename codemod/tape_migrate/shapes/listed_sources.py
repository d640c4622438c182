"""Sources in a list that is written down: what is in it, and that nothing else changes it.

``ws = [x]; ws = ws + [z]`` stands for ``[x, z]``: these are watched, wherever they were made. So it
must be seen who else has the list and may put something into it: a nested function, another name
that a display gives it.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from typing import Final

from tape_migrate.flow.reaching import Definition
from tape_migrate.flow.symbols import Symbol, symbol_of
from tape_migrate.mentions import last_name
from tape_migrate.module import Module
from tape_migrate.shapes.copies import value_of
from tape_migrate.shapes.dependence import Dependence
from tape_migrate.shapes.held import is_only_read
from tape_migrate.shapes.in_place import CHANGING, SPECIAL
from tape_migrate.shapes.kinds import kind_of
from tape_migrate.shapes.members import holders_of, other_names
from tape_migrate.shapes.plan import Kind, Refusal

_DISPLAYS: Final = (ast.Tuple, ast.List)
_FUNCTIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef)
_HOLDING: Final = (*_DISPLAYS, ast.Dict, ast.Set)
_SPECIAL: Final = SPECIAL | {"__init__"}
_CHANGING: Final = CHANGING | _SPECIAL
_DEPTH: Final = 3
"""How many names of a list, one after the other, are followed."""


def members_of(
    dep: Dependence, definition: Definition, symbol: Symbol
) -> list[tuple[int, ast.expr]] | None:
    """What a list is visibly put together of, each with the node that reads it; None if unknown.

    ``[x, z]``, ``[x] + ws``, and ``ws += [z]`` after such a statement.
    """
    stmt = definition.stmt
    if isinstance(stmt, ast.AugAssign) and symbol_of(stmt.target) == symbol:
        before = dep.reaching(definition.node_id, symbol)
        more = _written(dep, stmt.value) if isinstance(stmt.op, ast.Add) else None
        if more is None or not _all_named(more) or len(before) != 1 or definition in before:
            return None
        first = members_of(dep, next(iter(before)), symbol)
        return None if first is None else first + [(definition.node_id, each) for each in more]
    value = value_of(definition, symbol)
    written = _written(dep, value) if value is not None else None
    return None if written is None else [(definition.node_id, each) for each in written]


def _written(dep: Dependence, value: ast.expr) -> list[ast.expr] | None:
    match value:
        case ast.List(elts=members) | ast.Tuple(elts=members):
            return members
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            sides = [_written(dep, left), _written(dep, right)]
            members = [each for side in sides for each in side or ()]
            return None if None in sides or not _all_named(members) else members
        case ast.Name() if kind_of(dep.module, value, dep.scope) is Kind.LIST:
            return [ast.Starred(value=value, ctx=ast.Load())]
    return None


def _all_named(members: list[ast.expr]) -> bool:
    return all(isinstance(m, ast.Starred) or symbol_of(m) is not None for m in members)


def refuse_changed_unseen(
    dep: Dependence, reader: int, symbol: Symbol, *, seen: Collection[ast.expr] = ()
) -> Refusal | None:
    """Refuse the list ``symbol``, read by ``reader``, if something may change it unseen: by none of
    the names that are ``seen`` to do that.

    What statements of the function itself do to a variable, or by what holds it, is seen
    (``members``).
    """
    for node in _mentions(dep, symbol):
        if node in seen:
            continue
        if dep.module.scope_of(node) is dep.scope:
            if _is_method_kept(dep.module, node) and dep.reaches(dep.facts.node_id(node), reader):
                return _refusal(node, symbol)
            # What calls do with their arguments here is a change of the name.
            if not symbol.path and not _is_gone_through(dep.module, node):
                continue
            if _is_given(dep.module, node) or not dep.reaches(dep.facts.node_id(node), reader):
                continue
        elif not _is_made_before(dep, node, reader):
            continue
        if not _leaves_list(dep.module, node):
            return _refusal(node, symbol)
    others = {each.root for each in other_names(dep, symbol)}
    for name in () if symbol.path else sorted(others | holders_of(dep, symbol.root)):
        for node in _mentions(dep, Symbol(name)):
            if not dep.module.holds(dep.scope.node, node):
                continue  # a holder of the module, of whose use others are asked
            if dep.module.scope_of(node) is not dep.scope:
                before = _is_made_before(dep, node, reader)
                changed = before and not is_only_read(dep.module, node)
            else:
                changed = name in others and _is_changed_by_call(dep, node, reader)
            if changed:
                return _refusal(node, symbol)
    return None


def _refusal(node: ast.expr, symbol: Symbol) -> Refusal:
    return Refusal("TM104", f"line {node.lineno} may change what {symbol} holds, or hands it on")


def _mentions(dep: Dependence, symbol: Symbol) -> Iterator[ast.Name | ast.Attribute]:
    """Where the variable is read; an attribute, in the function: others look at methods."""
    module = dep.module
    if len(symbol.path) == 1 and symbol.path[0].startswith("."):
        for node in module.attributes(symbol.path[0][1:]):
            if symbol_of(node) == symbol and module.holds(dep.scope.node, node):
                if isinstance(node.ctx, ast.Load):
                    yield node
    owner = module.scopes.resolve(symbol.root, dep.scope)
    for name in () if symbol.path else module.of_kind(ast.Name):
        if name.id == symbol.root and isinstance(name.ctx, ast.Load):
            if module.scopes.resolve(name.id, module.scope_of(name)) is owner:
                yield name


def _is_gone_through(module: Module, node: ast.expr) -> bool:
    """``[v.append(u) for v in [ws]]``, ``for v in [ws]``."""
    inside = [*module.parents_in_statement(node), module.statement_of(node)]
    return any(isinstance(each, (ast.comprehension, ast.For)) for each in inside)


def _is_method_kept(module: Module, node: ast.expr) -> bool:
    """``put = d.__setitem__``, ``{"put": d.update}``: a call of that changes ``d`` by no name."""
    method = module.parent_of(node)
    if not isinstance(method, ast.Attribute) or method.attr not in _CHANGING:
        return False
    above = module.parent_of(method)
    if _is_given(module, node):
        # What else is handed to objects and functions is followed (``escapes``).
        mapped = isinstance(above, ast.Call) and last_name(above.func) == "map"
        return mapped and method.attr in _SPECIAL
    stmt = module.statement_of(node)
    named = isinstance(stmt, ast.Assign) and all(isinstance(t, ast.Name) for t in stmt.targets)
    return named and (method.attr in _SPECIAL or isinstance(above, _HOLDING))


def _is_made_before(dep: Dependence, node: ast.expr, reader: int) -> bool:
    """Whether the nested function that ``node`` stands in may be there when ``reader`` runs."""
    for around in dep.module.parents(node):
        if isinstance(around, (*_FUNCTIONS, ast.ClassDef)):
            if dep.module.scope_of(around) is dep.scope:
                return dep.reaches(dep.cfg.node_of(around), reader)
    return True


def _is_changed_by_call(dep: Dependence, node: ast.expr, reader: int) -> bool:
    calls = [each for each in dep.module.parents_in_statement(node) if isinstance(each, ast.Call)]
    return any(map(dep.callees.changes_something, calls)) and dep.reaches(
        dep.facts.node_id(node), reader
    )


def _leaves_list(module: Module, node: ast.expr, depth: int = _DEPTH) -> bool:
    """Whether the list that ``node`` reads holds the same members after that; of what becomes of
    these the list knows nothing."""
    parent = module.parent_of(node)
    match parent:
        case ast.Subscript(value=value, slice=index, ctx=ast.Load()) if value is node:
            return True if not isinstance(index, ast.Slice) else is_only_read(module, node)
        case ast.Assign(targets=targets) if all(isinstance(t, _DISPLAYS) for t in targets):
            return True  # `w, b = ws`
        case ast.Assign(targets=[ast.Name(id=name) as other]) if depth:
            scope = module.scope_of(other)
            return all(
                _leaves_list(module, each, depth - 1)
                for each in module.of_kind_inside(ast.Name, scope.node)
                if each.id == name and isinstance(each.ctx, ast.Load)
            )
    return is_only_read(module, node)


def _is_given(module: Module, node: ast.expr) -> bool:
    return any(isinstance(each, ast.Call) for each in module.parents_in_statement(node))
