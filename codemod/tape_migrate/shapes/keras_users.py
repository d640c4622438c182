"""Who calls a compiled Keras function, and with what."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from tape_migrate.module import Module
from tape_migrate.shapes.keras_compiled import Compiled


@dataclass(frozen=True)
class Users:
    """The calls of a compiled function that are in sight."""

    calls: tuple[ast.Call, ...]
    """In the scope that makes it."""
    others: tuple[ast.Call, ...]
    """In other scopes of the module."""
    stored: bool
    """Whether it is also handed on or kept, so that not all callers are in sight."""
    asked: ast.Attribute | None = None
    """A read of an attribute of it: ``f.outputs``."""

    @property
    def escapes(self) -> bool:
        """Whether it may be called from elsewhere, or later."""
        return self.stored or bool(self.others)

    @property
    def always_lists(self) -> bool:
        """Whether every caller is seen to give a list."""
        every = [*self.calls, *self.others]
        return (
            bool(every)
            and not self.stored
            and all(
                len(call.args) == 1 and isinstance(call.args[0], (ast.List, ast.Tuple))
                for call in every
            )
        )

    def values_at(self, position: int) -> list[ast.expr] | None:
        """What every caller gives at a position of the list, or None if that is not all seen.

        The last input may be left out: the learning phase, which is 0 then.
        """
        if not self.always_lists:
            return None
        found: list[ast.expr] = []
        for call in (*self.calls, *self.others):
            given = call.args[0]
            assert isinstance(given, (ast.List, ast.Tuple))
            if any(isinstance(element, ast.Starred) for element in given.elts):
                return None
            left_out = position == len(given.elts)
            if position > len(given.elts):
                return None
            found.append(ast.Constant(0) if left_out else given.elts[position])
        return found


def users_of(module: Module, compiled: Compiled, stmt: ast.stmt) -> Users:
    """The users of the function that ``compiled``, in ``stmt``, makes."""
    call = compiled.call
    if compiled.values is not None:
        given = ast.List(list(compiled.values), ast.Load())
        return Users((ast.Call(call.func, [given], []),), (), stored=False)
    parent = module.parent_of(call)
    if isinstance(parent, ast.Call) and parent.func is call:
        return Users((parent,), (), stored=False)
    if not (isinstance(stmt, ast.Assign) and stmt.value is call and len(stmt.targets) == 1):
        return Users((), (), stored=True)
    target = stmt.targets[0]
    if isinstance(target, ast.Name):
        return _named(module, target.id, stmt)
    if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name):
        return _attribute(module, target)
    return Users((), (), stored=True)


def _named(module: Module, name: str, stmt: ast.stmt) -> Users:
    scope = module.scope_of(stmt)
    owner = module.scopes.resolve(name, scope) or scope
    here: list[ast.Call] = []
    there: list[ast.Call] = []
    stored = False
    asked: ast.Attribute | None = None
    for node in module.nodes:
        if not isinstance(node, ast.Name) or node.id != name or isinstance(node.ctx, ast.Store):
            continue
        inner = module.scope_of(node)
        if module.scopes.resolve(name, inner) is not owner:
            continue
        parent = module.parent_of(node)
        if isinstance(parent, ast.Call) and parent.func is node:
            (here if inner is scope else there).append(parent)
        else:
            stored = True
            asked = parent if isinstance(parent, ast.Attribute) else asked
    return Users(tuple(here), tuple(there), stored, asked)


def _attribute(module: Module, target: ast.Attribute) -> Users:
    """Of ``self.f``: whatever calls or reads an attribute of that name."""
    called: list[ast.Call] = []
    stored = False
    for node in module.nodes:
        if not isinstance(node, ast.Attribute) or node.attr != target.attr:
            continue
        if isinstance(node.ctx, ast.Store):
            continue
        parent = module.parent_of(node)
        if isinstance(parent, ast.Call) and parent.func is node:
            called.append(parent)
        else:
            stored = True
    return Users((), tuple(called), stored)
