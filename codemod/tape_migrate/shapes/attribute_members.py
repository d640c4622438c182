"""Collections that objects keep: what the module puts into attributes of a name.

::

    self.parts = [x, tf.sin(x)]  # in another method, or behind another name
    ...
    g = tf.gradients(self.parts[0] * self.parts[1], self.parts)

A tape that is opened once they are kept misses the way from one member over the other. Attributes
are told apart by their names alone, for objects go about. What is written out is looked through;
whatever else is done with a collection, but for what is known to read it only, may fill it with
anything.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from tape_migrate.flow.scope import Scope
from tape_migrate.flow.symbols import Symbol
from tape_migrate.module import Module
from tape_migrate.names import KNOWN_MODULES
from tape_migrate.shapes.closure import Closure
from tape_migrate.shapes.dependence import HARMLESS_BUILTINS, OF_LISTS
from tape_migrate.shapes.displays import displays
from tape_migrate.shapes.kinds import kind_of, value_given_by
from tape_migrate.shapes.plan import Kind
from tape_migrate.shapes.set_by_name import set_by_name
from tape_migrate.shapes.summaries import Summaries

_ADD_ALL = frozenset(("extend", "extendleft"))
_ADD = frozenset(("append", "appendleft", "insert", "add")) | _ADD_ALL
_READ = frozenset(("keys", "values", "items", "get", "index", "count", "copy"))
_READERS = (ast.Subscript, ast.Starred, ast.BinOp, ast.Compare, ast.If, ast.FormattedValue)
_COPY = frozenset(("list", "tuple", "sorted", "reversed", "dict", "set"))
_QUIET_METHODS = frozenset(("watch", "gradient", "jacobian", "run", "apply_gradients"))
_QUIET = HARMLESS_BUILTINS | _COPY | {"zip", "enumerate", "len", "isinstance", "sum", "print"}
_CHANGE = frozenset(("update", "setdefault", "sort", "reverse", "pop", "popleft", "remove"))
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
    names = [part[1:] for part in symbol.path if part.startswith(".")][-1:]
    return values + [value for each, value in set_by_name(module) if each in names]


def sets_attribute(module: Module, symbol: Symbol) -> bool:
    """Whether the module assigns to attributes called like ``symbol``'s last one."""
    return any(isinstance(node.ctx, ast.Store) for node in _spelled_like(module, symbol))


def may_be_related(module: Module, closure: Closure, symbol: Symbol) -> bool:
    """Whether a member of what ``symbol`` holds may have been computed from another, as far as
    the module shows how it is filled."""
    nodes = _spelled_like(module, symbol)
    values = values_of_attribute(module, symbol)
    if not sets_attribute(module, symbol):
        return bool(nodes) and _is_written(module, nodes[0].attr)
    if is_related(module, closure, symbol):
        return True
    groups, added = _put_in(module, symbol)
    collects = bool(groups or added) or any(_is_copy(value) for value in values)
    made = {module.scope_of(node) for node in nodes if isinstance(node.ctx, ast.Store)}
    return any(
        _is_filled(module, node) or (collects and not _only_reads(module, node, made))
        for node in nodes
    )


def is_related(module: Module, closure: Closure, symbol: Symbol) -> bool:
    """Whether the module shows that one member of what ``symbol`` holds comes from another."""
    values = values_of_attribute(module, symbol)
    groups, added = _put_in(module, symbol)
    return (
        closure.depend([*groups, added, *([*group, *added] for group in groups)])
        or any(_is_handed_in(module, closure, value) for value in values)
        or any(_is_put_together(module, value, symbol) for value in values)
    )


def _put_in(module: Module, symbol: Symbol) -> tuple[list[list[ast.expr]], list[ast.expr]]:
    """The members of all that is written out, and what methods add."""
    values = values_of_attribute(module, symbol)
    groups = [group for value in values for group in _shown_in(module, value)]
    return groups, [item for node in _spelled_like(module, symbol) for item in _added(module, node)]


def fills(module: Module, node: ast.Attribute) -> bool:
    """Whether something is put into what is read: ``net.parts[1] = …``, ``net.parts.append(…)``."""
    return _is_filled(module, node) or bool(_added(module, node)) or _is_filled_unseen(module, node)


def filled_by_other_name(module: Module, symbol: Symbol) -> bool:
    """``add = self.parts.append``, ``list.append(self.parts, x)``: no tape sees what comes in."""
    return any(_is_filled_unseen(module, node) for node in _spelled_like(module, symbol))


def _is_filled_unseen(module: Module, node: ast.Attribute) -> bool:
    parent = module.parent_of(node)
    if isinstance(parent, ast.Attribute):
        return parent.attr in _ADD | _CHANGE and _method_call(module, node) is None
    func = parent.func if isinstance(parent, ast.Call) else None
    root = func.value if isinstance(func, ast.Attribute) else None
    return node is not func and isinstance(root, ast.Name) and root.id in OF_LISTS


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


def _method_call(module: Module, node: ast.Attribute) -> ast.Call | None:
    """``self.parts.append(…)`` around ``self.parts``."""
    method = module.parent_of(node)
    call = module.parent_of(method) if isinstance(method, ast.Attribute) else None
    return call if isinstance(call, ast.Call) and call.func is method else None


def _added(module: Module, node: ast.Attribute) -> list[ast.expr]:
    """What a method adds to it."""
    call = _method_call(module, node)
    if call is None or not isinstance(call.func, ast.Attribute) or call.func.attr not in _ADD:
        return []
    if call.func.attr in _ADD_ALL:
        return [item for arg in call.args for one in displays(module, arg) for item in one]
    return call.args


def _adds_once(module: Module, call: ast.Call, made: set[Scope]) -> bool:
    """Whether what ``call`` adds is seen, and added once to each object: where it is made."""
    assert isinstance(call.func, ast.Attribute)
    if call.func.attr in _ADD_ALL and not all(displays(module, arg) for arg in call.args):
        return False
    if all(_makes_leaf(module, item) for item in call.args):
        return True
    in_loop = any(isinstance(p, (ast.For, ast.While)) for p in module.parents(call))
    return module.scope_of(call) in made and not in_loop


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
    """``self.parts[k] = …``, ``self.parts.update(…)``, ``for self.parts in …``, and ``+=``."""
    parent = module.parent_of(node)
    if isinstance(parent, (ast.For, ast.AsyncFor, ast.withitem)) and isinstance(
        node.ctx, ast.Store
    ):
        return True
    if isinstance(parent, ast.AugAssign) and parent.target is node:
        return kind_of(module, parent.value, module.scope_of(node)) is not Kind.TENSOR
    if isinstance(parent, ast.Subscript) and parent.value is node:
        return not isinstance(parent.ctx, ast.Load)
    if isinstance(parent, ast.Attribute) and parent.attr in _CHANGE:
        call = module.parent_of(parent)
        return isinstance(call, ast.Call) and call.func is parent
    return False


def _only_reads(module: Module, node: ast.Attribute, made: set[Scope]) -> bool:
    """Whether what is done with a collection shows all that comes into it."""
    parent = module.parent_of(node)
    if isinstance(node.ctx, ast.Store):
        return isinstance(parent, (ast.AnnAssign, ast.Tuple, ast.List, ast.Subscript)) or (
            isinstance(parent, ast.Assign) and len(parent.targets) == 1
        )
    call = _method_call(module, node)
    if call is not None and isinstance(call.func, ast.Attribute):
        if call.func.attr in _ADD:
            return _adds_once(module, call, made)
        return call.func.attr in _READ
    if isinstance(parent, ast.keyword):
        parent = module.parent_of(parent)
    if isinstance(parent, ast.Call):
        return parent.func is not node and _is_quiet(module, parent)
    return isinstance(parent, _READERS) or (
        isinstance(parent, (ast.For, ast.comprehension)) and parent.iter is node
    )


def _is_quiet(module: Module, call: ast.Call) -> bool:
    """Whether a function fills none of the collections that it is given."""
    resolved = module.names.resolve(call.func)
    if resolved.partition(".")[0] in KNOWN_MODULES:
        return True
    if isinstance(call.func, ast.Attribute) and call.func.attr in _QUIET_METHODS:
        return True
    if isinstance(call.func, ast.Name) and call.func.id in _QUIET:
        return not module.names.is_local(call.func.id, module.scope_of(call))
    summaries = Summaries.of(module)
    return summaries.callee(call) is not None and not summaries.changes_something(call)


def _is_copy(value: ast.expr) -> bool:
    """``list()``, ``dict(…)``."""
    return (
        isinstance(value, ast.Call)
        and isinstance(value.func, ast.Name)
        and (value.func.id in _COPY)
    )


def _is_written(module: Module, name: str) -> bool:
    """Whether ``name`` is a text of the module: for ``setattr``, ``__setattr__``, ``__dict__``."""
    texts = (node.value for node in module.of_kind(ast.Constant))
    keywords = (node.arg for node in module.of_kind(ast.keyword))
    return name in texts or name in keywords


def _is_put_together(module: Module, value: ast.expr, symbol: Symbol) -> bool:
    """``more + [x]``, ``[x, y][1:]``, ``[*self.parts, x]``: no display, but of displays."""
    own = {id(node) for node in _spelled_like(module, symbol)}
    if any(id(node) in own for node in ast.walk(value)):
        return True
    inner = _inside(value)
    if isinstance(inner, (*_SHOWN, ast.Name, ast.ListComp, ast.DictComp, ast.SetComp)):
        return False
    if isinstance(inner, ast.Call):
        return inner is not value  # `tuple(make(x))`
    return any(isinstance(node, _SHOWN) for node in ast.walk(inner))


def _spelled_like(module: Module, symbol: Symbol) -> Sequence[ast.Attribute]:
    names = [part[1:] for part in symbol.path if part.startswith(".")]
    return module.attributes(names[-1]) if names else ()
