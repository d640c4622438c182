"""Lists that change among the statements that move into a compiled function.

``outputs = []``, then ``outputs.append(loss)`` or ``outputs += K.gradients(loss, x)``: all of it
moves, and nothing else may have the list. Who got hold of it before it changed would keep
another one: ``held = outputs``, ``self.outputs = outputs``. Its length may be asked, for that is a
number of the moment.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator

from tape_migrate.flow.reaching import Definition
from tape_migrate.flow.symbols import Symbol
from tape_migrate.module import Module
from tape_migrate.shapes.dependence import Dependence
from tape_migrate.shapes.keras_levels import Levels

_GROW = frozenset({"append", "extend", "insert"})
_DISPLAYS = (ast.List, ast.Tuple, ast.Dict, ast.Set, ast.ListComp, ast.SetComp, ast.DictComp)


def grown_names(stmt: ast.stmt) -> Iterator[ast.Name]:
    """The names of lists that ``stmt`` lets grow by a method, and that it does not bind."""
    for node in ast.walk(stmt):
        match node:
            case ast.Expr(
                value=ast.Call(func=ast.Attribute(value=ast.Name() as name, attr=method))
            ) if method in _GROW:
                yield name


def held_elsewhere(
    module: Module, dep: Dependence, moved: Iterable[ast.stmt], own: Collection[int]
) -> tuple[str, int] | None:
    """A list that changes in ``moved``, and a line that has got hold of it; None if there is none.

    ``own`` are the ``id()``s of the nodes that move as well, without being a statement.
    """
    moved = list(moved)
    inside = {node_id for stmt in moved for node_id in dep.cfg.span(stmt)}
    reaching = dep.facts.reaching
    for stmt in moved:
        for name in _changed_names(stmt):
            for definition in _all_of(dep, name):
                for node_id, use in reaching.uses_of(definition):
                    asked = _is_length(module, use.node)
                    if node_id in inside or id(use.node) in own or use.reference or asked:
                        continue
                    return name.id, getattr(use.node, "lineno", 0)
    return None


def _changed_names(stmt: ast.stmt) -> Iterator[ast.Name]:
    yield from grown_names(stmt)
    for node in ast.walk(stmt):
        if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            yield node.target
        if isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load):
            held = node.value
            while isinstance(held, ast.Subscript):
                held = held.value
            if isinstance(held, ast.Name):
                yield held


def _all_of(dep: Dependence, name: ast.Name) -> frozenset[Definition]:
    """What the changed ``name`` has been until then; nothing if that is no list."""
    found = dep.reaching(dep.facts.node_id(name), Symbol(name.id))
    given = [d.stmt for d in found]
    levels = Levels.of(dep.module)
    if not any(isinstance(s, ast.Assign) and _may_be_list(levels, s.value) for s in given):
        return frozenset()
    return found


def _may_be_list(levels: Levels, value: ast.expr) -> bool:
    match value:
        case ast.Constant() | ast.UnaryOp():
            return False
        case ast.BinOp(left=left, right=right):
            return _may_be_list(levels, left) or _may_be_list(levels, right)
        case ast.IfExp(body=left, orelse=right):
            return _may_be_list(levels, left) or _may_be_list(levels, right)
    if isinstance(value, _DISPLAYS):
        return True
    known = levels.value(value)
    return known.holds or not known.symbolic


def _is_length(module: Module, node: ast.AST) -> bool:
    call = module.parent_of(node)
    return isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "len"
