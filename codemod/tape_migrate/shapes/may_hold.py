"""Whether a value from outside a function could be, or hold, a tensor computed from a source.

A number, numpy data, a variable, a function or a module is none. What is plain by the statement
that defines it may be something else by the time it is read: another function may set it, or
whoever has the object may set its attribute.
"""

from __future__ import annotations

import ast

from tape_migrate.flow.scope import Scope, ScopeKind
from tape_migrate.flow.symbols import Symbol, symbol_of
from tape_migrate.names import KNOWN_MODULES
from tape_migrate.shapes.attributes_elsewhere import assigned_elsewhere
from tape_migrate.shapes.context import Context
from tape_migrate.shapes.dependence import CONTAINER_METHODS
from tape_migrate.shapes.kinds import value_given_by
from tape_migrate.shapes.state_elsewhere import may_hold_elsewhere
from tape_migrate.shapes.stored import put_into

_PLAIN = ("int", "float", "str", "bool", "bytes")


def may_hold_tensor(context: Context, scope: Scope, symbol: Symbol) -> bool:
    """Whether a value from outside could be, or hold, a tensor computed from the source."""
    module = context.module
    owner = module.scopes.resolve(symbol.root, scope)
    if owner is None:
        return may_hold_elsewhere(module, scope, symbol)  # not a builtin's, but a star import's
    if symbol.root in ("self", "cls"):
        if not symbol.path:
            return False  # what its methods read is looked at by itself
        klass = context.summaries.class_of(scope)
        name = symbol.path[0].removeprefix(".")
        if klass is not None and _only_leaves(context, klass, symbol):
            return False
        return (
            klass is None
            or context.summaries.method(klass, name) is None
            or context.summaries.is_property(name)
        )
    if owner.kind is ScopeKind.FUNCTION and _is_plain_parameter(owner, symbol.root):
        return context.closure.is_given_more((id(owner), symbol.root))
    for node in module.names.bindings(symbol.root, scope):
        if isinstance(node, (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)):
            if symbol.path and _is_stored(context, symbol.path[0]):
                return True  # an attribute of the module, function or class itself
            if symbol.path and not _is_library(node) and put_into(module, Symbol(symbol.root)):
                return True  # a collection of another module
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                if may_hold_elsewhere(module, scope, symbol):
                    return True
            continue
        if isinstance(node, ast.Assign) and _is_leaf(
            context, value_given_by(node, Symbol(symbol.root))
        ):
            if any(symbol.root in s.globals | s.nonlocals for s in module.scopes):
                return True  # rebound by a function
            continue
        return True
    return False


def _is_library(node: ast.AST) -> bool:
    """``import tensorflow as tf``: `tf.add(x, y)` puts nothing into it."""
    if isinstance(node, ast.ImportFrom):
        return (node.module or "").partition(".")[0] in KNOWN_MODULES
    names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
    return bool(names) and all(name.partition(".")[0] in KNOWN_MODULES for name in names)


def _only_leaves(context: Context, klass: Scope, symbol: Symbol) -> bool:
    """``self.w`` that its class, all in sight, only ever sets to numbers, data or variables."""
    if len(symbol.path) != 1:
        return False
    family = context.summaries.family(klass)
    values: list[ast.expr | None] = []
    for scope in {family, klass}:
        assert isinstance(scope.node, ast.ClassDef)
        if any(not (isinstance(b, ast.Name) and b.id == "object") for b in scope.node.bases):
            if scope is family:
                return False  # a base class out of sight may set it
        for node in context.module.inside(scope.node):
            if isinstance(node, (ast.Attribute, ast.Subscript)) and isinstance(
                node.ctx, (ast.Store, ast.Del)
            ):
                if symbol_of(node) == symbol:
                    parent = context.module.parent_of(node)
                    while parent is not None and not isinstance(parent, ast.stmt):
                        parent = context.module.parent_of(parent)
                    plain = isinstance(parent, (ast.Assign, ast.AnnAssign))
                    values.append(
                        value_given_by(parent, symbol)
                        if plain and isinstance(parent, ast.stmt)
                        else None
                    )
    name = symbol.path[0].removeprefix(".")
    values += _set_from_outside(context, name)
    for scope in {family, klass}:
        assert isinstance(scope.node, ast.ClassDef)
        if assigned_elsewhere(context.module, scope.node, name) is not None:
            return False
    return bool(values) and all(_is_leaf(context, value) for value in values)


def _set_from_outside(context: Context, name: str) -> list[ast.expr | None]:
    """What ``net.w = …`` gives an attribute of this name, whatever the object."""
    module = context.module
    return [
        parent.value if isinstance(parent := module.parent_of(node), ast.Assign) else None
        for node in module.attributes(name)
        if isinstance(node.ctx, (ast.Store, ast.Del))
        and not (isinstance(node.value, ast.Name) and node.value.id in ("self", "cls"))
    ]


def _is_leaf(context: Context, value: ast.expr | None) -> bool:
    """A number, numpy data or a variable: no gradient goes through to it, and nothing into it."""
    match value:
        case ast.Constant():
            return True
        case ast.UnaryOp(operand=operand):
            return _is_leaf(context, operand)
        case ast.Tuple(elts=members):
            return all(_is_leaf(context, member) for member in members)
        case ast.Call(func=func):
            resolved = context.module.names.resolve(func)
            return resolved == "tensorflow.Variable" or resolved.startswith("numpy.")
    return False


def _is_stored(context: Context, element: str) -> bool:
    """Whether the module sets an attribute of this name (written ``.name``), or fills it."""
    module = context.module
    for node in module.attributes(element.removeprefix(".")) if element[:1] == "." else ():
        above = module.parent_of(node)
        fills = isinstance(above, ast.Attribute) and above.attr in CONTAINER_METHODS
        if isinstance(node.ctx, ast.Store) or fills or _is_changed_part(above):
            return True
    return False


def _is_changed_part(node: ast.AST | None) -> bool:
    return isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store)


def _is_plain_parameter(owner: Scope, name: str) -> bool:
    """A parameter annotated as, or with a default that is, a number or string."""
    args = owner.args
    if args is None:
        return False
    positional = [*args.posonlyargs, *args.args]
    defaults: list[ast.expr | None] = [
        *[None] * (len(positional) - len(args.defaults)),
        *args.defaults,
        *args.kw_defaults,
    ]
    for arg, default in zip([*positional, *args.kwonlyargs], defaults, strict=True):
        if arg.arg != name:
            continue
        if isinstance(arg.annotation, ast.Name) and arg.annotation.id in _PLAIN:
            return True
        return isinstance(default, ast.Constant) and default.value is not None
    return False
