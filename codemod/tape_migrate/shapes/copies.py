"""What a definition hands on without computing anything: other names, members, arguments."""

from __future__ import annotations

import ast
from typing import Final

from tape_migrate.flow.reaching import Definition
from tape_migrate.flow.symbols import DefKind, Symbol, is_prefix, symbol_of
from tape_migrate.shapes.dependence import Dependence
from tape_migrate.shapes.given_unasked import GIVE_MEMBERS, links_by_function
from tape_migrate.shapes.kinds import value_given_by
from tape_migrate.shapes.plan import Link, Track
from tape_migrate.shapes.repeats import iterable_of

RELISTING: Final = frozenset(
    ("six.itervalues", "six.viewvalues", "tensorflow.nest.flatten", "tree.flatten")
)
"""Functions that give the members of a collection, and nothing else."""


def value_of(definition: Definition, symbol: Symbol) -> ast.expr | None:
    """The expression that a plain assignment gives ``symbol``, if it is one.

    For ``xs[0]`` after ``xs = [a, b]`` that is ``a``.
    """
    if definition.stmt is None or not is_prefix(definition.symbol, symbol):
        return None
    value = value_given_by(definition.stmt, definition.symbol)
    for element in symbol.path[len(definition.symbol.path) :]:
        value = member_of(value, element)
    return value


_NEW_ARRAYS: Final = frozenset(
    f"numpy.{name}" for name in ("arange", "empty", "eye", "linspace", "ones", "zeros")
)


def member_of(value: ast.expr | None, element: str) -> ast.expr | None:
    """The member of a list or dictionary display at a path element (``[0]``, ``['key']``)."""
    if isinstance(value, (ast.List, ast.Tuple)):
        starred = any(isinstance(item, ast.Starred) for item in value.elts)
        inside = [item for i, item in enumerate(value.elts)
                  if element in (f"[{i}]", f"[{i - len(value.elts)}]")]  # fmt: skip
        return inside[0] if inside and not starred else None
    if isinstance(value, ast.Dict):
        found = [
            item
            for key, item in zip(value.keys, value.values, strict=True)
            if isinstance(key, ast.Constant) and element == f"[{key.value!r}]"
        ]
        constant = all(isinstance(key, ast.Constant) for key in value.keys)
        return found[-1] if found and constant else None
    return None


def is_data(dep: Dependence, definition: Definition, symbol: Symbol) -> bool:
    """``x = np.ones(3)``: no tensor yet, whatever is made of it is a new one.

    An array of objects could hold tensors: what is put into one must be in sight.
    """
    value = value_of(definition, symbol)
    if not isinstance(value, ast.Call):
        return False
    resolved = dep.module.names.resolve(value.func)
    if resolved.startswith("numpy.random.") or resolved in _NEW_ARRAYS:
        return True
    parts = [value, *value.args, *(k.value for k in value.keywords)]
    names = [n for part in parts for n in dep.module.inside(part) if isinstance(n, ast.Name)]
    return resolved.startswith("numpy.") and all(
        dep.module.names.resolve(name) == "numpy" for name in names
    )


def held_by(dep: Dependence, definition: Definition, symbol: Symbol) -> Track | None:
    """``net = other``: ``net.x`` is ``other.x``."""
    if definition.symbol == symbol or not is_prefix(definition.symbol, symbol):
        return None
    value = value_given_by(definition.stmt, definition.symbol) if definition.stmt else None
    other = symbol_of(value) if value is not None else None
    if other is None:
        return None
    other = Symbol(other.root, other.path + symbol.path[len(definition.symbol.path) :])
    reached = dep.reaching(definition.node_id, other)
    return Track(other, frozenset(d for d in reached if d.kind is not DefKind.MUTATION))


def member_of_changed(dep: Dependence, definition: Definition, symbol: Symbol) -> bool:
    """``w = parts[-1]`` after ``parts.append(…)``: it may be none of those that were there."""
    value = value_of(definition, symbol)
    holder = symbol_of(value.value) if isinstance(value, ast.Subscript) else None
    reached = dep.reaching(definition.node_id, holder) if holder is not None else ()
    return any(d.kind is DefKind.MUTATION for d in reached)


def is_copy(definition: Definition, symbol: Symbol) -> bool:
    """``x = z``, ``x = z[i]``, ``for x in z``: no call in between."""
    return _copied(definition, symbol) is not None


def _copied(definition: Definition, symbol: Symbol) -> list[ast.expr] | None:
    """What ``symbol`` is given without any computation: names, or what holds it by name."""
    value, stmt = value_of(definition, symbol), definition.stmt
    if value is None and isinstance(stmt, ast.For):
        value = iterable_of(stmt.target, stmt.iter, symbol.root) if not symbol.path else None
    elif value is None and isinstance(stmt, ast.Assign) and symbol_of(stmt.value) is not None:
        value = stmt.value  # `a, b = pair`
    return _copies(value) if value is not None else None


def _copies(value: ast.expr) -> list[ast.expr] | None:
    match value:
        case ast.IfExp(body=first, orelse=second):
            parts = [_copies(first), _copies(second)]
        case ast.List(elts=items) | ast.Tuple(elts=items):
            parts = [_copies(item) for item in items]
        case ast.Subscript(value=inner) if symbol_of(value) is None:
            return _copies(inner)  # the index is no tensor of interest
        case _:
            return [value] if symbol_of(value) is not None else None
    if not parts or any(part is None for part in parts):
        return None
    return [expr for part in parts for expr in part or ()]


def is_whole(definition: Definition, symbol: Symbol) -> bool:
    """``x = z``: nothing but another name."""
    value = value_of(definition, symbol)
    return value is not None and symbol_of(value) is not None


def given_by(dep: Dependence, definition: Definition, symbol: Symbol) -> list[Link]:
    """Reads whose value the definition may hand on unchanged."""
    copied = _copied(definition, symbol)
    if copied is not None:
        return dep.links_of(definition.node_id, copied)
    stmt = definition.stmt
    value = value_of(definition, symbol)
    if isinstance(stmt, ast.For):
        over = iterable_of(stmt.target, stmt.iter, symbol.root)
        header = dep.cfg.node_of(stmt)
        if over is not None:
            return dep.links_of(header, [over])
        if isinstance(stmt.iter, ast.Call):
            return _arguments(dep, header, stmt.iter)
        return dep.links_of(header, [stmt.iter])
    if value is None:
        links = list(dep.links_into(definition.node_id))
        if isinstance(stmt, ast.Assign) and isinstance(stmt.value, ast.Call):
            return _arguments(dep, definition.node_id, stmt.value)
        return links
    if isinstance(value, ast.Call):
        return _arguments(dep, definition.node_id, value)
    return dep.links_of(definition.node_id, [value])


def is_setting(dep: Dependence, link: Link) -> bool:
    """``tf.float32`` in ``tf.cast(x, tf.float32)``: no tensor that could be handed on."""
    node = link.use.node
    if not isinstance(node, ast.expr):
        return False
    return dep.module.names.resolve(node).partition(".")[0] in ("tensorflow", "numpy")


def _arguments(dep: Dependence, node_id: int, call: ast.Call) -> list[Link]:
    """Reads whose value a call may give back: of its arguments, and of what it has by itself."""
    given = [*call.args, *(k.value for k in call.keywords)]
    if isinstance(call.func, ast.Attribute) and call.func.attr in GIVE_MEMBERS:
        given.append(call.func)
    links = dep.links_of(node_id, given)
    return links + [link for link in links_by_function(dep, node_id, call) if link not in links]
