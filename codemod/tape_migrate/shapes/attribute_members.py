"""Collections that objects keep: what the module puts into attributes of a name.

::

    self.parts = [x, tf.sin(x)]  # in another method, or behind another name
    ...
    g = tf.gradients(self.parts[0] * self.parts[1], self.parts)

A tape that is opened once they are kept misses the way from one member over the other. Attributes
are told apart by their names alone, for objects go about. What is written out is looked through;
what fills a collection otherwise may do so with anything.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from tape_migrate.flow.symbols import Symbol
from tape_migrate.module import Module
from tape_migrate.shapes.closure import Closure
from tape_migrate.shapes.displays import displays
from tape_migrate.shapes.kinds import kind_of, value_given_by
from tape_migrate.shapes.plan import Kind
from tape_migrate.shapes.summaries import Summaries

_ADD = frozenset(("append", "appendleft", "extend", "extendleft", "insert", "add"))
_CHANGE = frozenset(("update", "setdefault", "sort", "reverse", "pop", "popleft", "remove"))
_COPY = frozenset(("list", "tuple", "sorted", "reversed", "dict", "set"))
_LEAVES = frozenset(("placeholder", "placeholder_with_default", "Variable", "get_variable"))
_SHOWN = (ast.List, ast.Tuple, ast.Dict)


def values_of_attribute(module: Module, symbol: Symbol) -> list[ast.expr]:
    """What the module assigns to attributes called like ``symbol``'s last one, where that is no
    tensor for certain."""
    values: list[ast.expr] = []
    for node in _spelled_like(module, symbol):
        if not isinstance(node.ctx, ast.Store):
            continue
        stmt = module.statement_of(node)
        given = _given(stmt, node)
        if given is not None and kind_of(module, given, module.scope_of(given)) is not Kind.TENSOR:
            values.append(given)
    return values


def sets_attribute(module: Module, symbol: Symbol) -> bool:
    """Whether the module assigns to attributes called like ``symbol``'s last one."""
    return any(isinstance(node.ctx, ast.Store) for node in _spelled_like(module, symbol))


def may_be_related(module: Module, closure: Closure, symbol: Symbol) -> bool:
    """Whether a member of what ``symbol`` holds may have been computed from another, as far as
    the module shows how it is filled."""
    values = values_of_attribute(module, symbol)
    added = list(_added(module, symbol))
    groups = [group for value in values for group in _shown_in(module, value)]
    if closure.depend([*groups, added, *([*group, *added] for group in groups)]):
        return True
    if any(_in_loop(module, item) and not _makes_leaf(module, item) for item in added):
        return True
    if any(_is_handed_in(module, closure, value) for value in values):
        return True
    collects = bool(groups) or bool(added)
    for node in _spelled_like(module, symbol):
        if _is_filled(module, node) or (collects and _gets_about(module, node)):
            return True
    return any(_is_put_together(module, value, symbol) for value in values)


def _given(stmt: ast.stmt, node: ast.Attribute) -> ast.expr | None:
    if isinstance(stmt, ast.AnnAssign):
        return stmt.value
    if not isinstance(stmt, ast.Assign):
        return None
    if any(target is node for target in stmt.targets):
        return stmt.value
    base = node.value
    if isinstance(base, ast.Name):
        given = value_given_by(stmt, Symbol(base.id, ("." + node.attr,)))
        return given if given is not None else stmt.value
    return stmt.value


def _shown_in(module: Module, value: ast.expr) -> Iterator[list[ast.expr]]:
    """The members of all that is written out in ``value``, or under the name that it is."""
    if isinstance(value, ast.Name):
        yield from displays(module, value)
    for node in ast.walk(value):
        if isinstance(node, _SHOWN):
            yield from displays(module, node)
        elif isinstance(node, ast.Call) and node.keywords:
            yield [keyword.value for keyword in node.keywords]  # `dict(a=…)`


def _inside(value: ast.expr) -> ast.expr:
    """``[…]`` of ``list([…])``."""
    while isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.args:
        if value.func.id not in _COPY:
            break
        value = value.args[0]
    return value


def _added(module: Module, symbol: Symbol) -> Iterator[ast.expr]:
    """What methods add to it."""
    for node in _spelled_like(module, symbol):
        method = module.parent_of(node)
        call = module.parent_of(method) if isinstance(method, ast.Attribute) else None
        if isinstance(method, ast.Attribute) and method.attr in _ADD:
            if isinstance(call, ast.Call) and call.func is method:
                yield from call.args


def _in_loop(module: Module, item: ast.expr) -> bool:
    return any(isinstance(p, (ast.For, ast.While)) for p in module.parents(item))


def _makes_leaf(module: Module, item: ast.expr) -> bool:
    if not isinstance(item, ast.Call):
        return False
    return module.names.resolve(item.func).rpartition(".")[2] in _LEAVES


def _is_handed_in(module: Module, closure: Closure, value: ast.expr) -> bool:
    """A parameter for which a caller in sight gives members computed from one another."""
    if not isinstance(value, ast.Name):
        return False
    return closure.members_depend(closure.node_for(Symbol(value.id), module.scope_of(value)))


def _is_filled(module: Module, node: ast.Attribute) -> bool:
    """``self.parts[k] = …``, ``self.parts += …``, ``self.parts.update(…)``."""
    parent = module.parent_of(node)
    if isinstance(parent, ast.AugAssign) and parent.target is node:
        return kind_of(module, parent.value, module.scope_of(node)) is not Kind.TENSOR
    if isinstance(parent, ast.Subscript) and parent.value is node:
        return not isinstance(parent.ctx, ast.Load)
    if isinstance(parent, ast.Attribute) and parent.attr in _CHANGE:
        call = module.parent_of(parent)
        return isinstance(call, ast.Call) and call.func is parent
    return False


def _gets_about(module: Module, node: ast.Attribute) -> bool:
    """Whether something else may fill the collection: another name, a function it is given to."""
    parent = module.parent_of(node)
    if isinstance(parent, ast.Assign):
        return parent.value is node or len(parent.targets) > 1
    if isinstance(parent, ast.Call) and node in parent.args:
        return Summaries.of(module).changes_something(parent)
    return False


def _is_put_together(module: Module, value: ast.expr, symbol: Symbol) -> bool:
    """``more + [x]``, ``[x, y][1:]``, ``None or [x]``: no display, but of displays."""
    inner = _inside(value)
    if isinstance(inner, (*_SHOWN, ast.Name, ast.ListComp, ast.DictComp, ast.SetComp)):
        return False
    own = {id(node) for node in _spelled_like(module, symbol)}
    if isinstance(inner, ast.Call):
        return inner is not value  # `tuple(make(x))`
    return any(isinstance(n, _SHOWN) or id(n) in own for n in ast.walk(inner))


def _spelled_like(module: Module, symbol: Symbol) -> Sequence[ast.Attribute]:
    names = [part[1:] for part in symbol.path if part.startswith(".")]
    return module.attributes(names[-1]) if names else ()
