"""Objects that a function has made itself: whatever it puts into them, it keeps nothing by that.

``found = []``, ``with tf.GradientTape() as tape``. A list that holds one from outside is the
function's own, and the one in it is not: ``pair = [KEPT, v]``, or ``pair = []`` and
``pair.append(KEPT)`` later.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from tape_migrate.flow.scope import Scope
from tape_migrate.module import Module
from tape_migrate.shapes.functions import Function
from tape_migrate.shapes.libraries import holds_what_is_given, makes_new

_MAKERS = frozenset({"list", "dict", "set", "tuple", "bytearray", "object"})
_NEW_OBJECTS = (
    *(ast.List, ast.Tuple, ast.Dict, ast.Set, ast.ListComp, ast.SetComp, ast.DictComp),
    *(ast.Constant, ast.BinOp, ast.UnaryOp, ast.JoinedStr),
)
_READ_ONLY = frozenset({"get", "items", "keys", "values", "index", "count", "copy", "format"})


@dataclass(frozen=True)
class Own:
    """The variables of a function that name objects which it has made itself.

    ``deep``: and which hold none from outside.
    """

    names: frozenset[str]
    deep: frozenset[str]

    def holds(self, expr: ast.expr) -> bool:
        """Whether the object that ``expr`` gives is the function's own."""
        if isinstance(expr, ast.Name):
            return expr.id in self.names
        return root_name(expr) in self.deep


def made_in(module: Module, classes: Collection[str], function: Function) -> Own:
    """What ``function`` of ``module``, which has ``classes`` of its own, makes."""
    scope = module.scopes.opened_by(function)
    made = _Made(module, classes, scope)
    local = module.scopes.bindings(scope) - scope.globals - scope.nonlocals
    names = frozenset(name for name in local if made.is_made_here(name, deep=False))
    deep = {name for name in names if made.is_made_here(name, deep=True)}
    size = -1
    while size != len(deep):
        size = len(deep)
        deep -= {name for name in deep if made.is_filled_from_outside(name, function, deep)}
    return Own(names, frozenset(deep))


class _Made:
    """What the statements of one scope give their variables."""

    def __init__(self, module: Module, classes: Collection[str], scope: Scope) -> None:
        self._module = module
        self._classes = classes
        self._scope = scope

    def is_made_here(self, name: str, *, deep: bool) -> bool:
        """Whether a local variable only ever names an object that was made for it.

        A parameter does not, nor does another name of an object from outside (``k = KEPT``).
        ``deep`` asks for more: that it was not made of any from outside (``pair = [KEPT, v]``).
        """
        bound = self._module.names.bindings(name, self._scope)
        return all(
            isinstance(node, ast.AugAssign)
            or (
                isinstance(node, ast.With)
                and all(self._makes_object(item.context_expr, deep=deep) for item in node.items)
            )
            or (
                isinstance(node, (ast.Assign, ast.AnnAssign))
                and node.value is not None
                and not (isinstance(node, ast.Assign) and _unpacks(node))
                and self._makes_object(node.value, deep=deep)
            )
            for node in bound
        )

    def _makes_object(self, value: ast.expr, *, deep: bool) -> bool:
        if not isinstance(value, ast.Call):
            return isinstance(value, _NEW_OBJECTS) and not (deep and self._names_any(value))
        func = value.func
        resolved = self._module.names.resolve(func)
        if resolved:
            if not makes_new(self._module, resolved):
                return False
            return not (deep and holds_what_is_given(resolved) and self._given_any(value))
        if not isinstance(func, ast.Name):
            return False
        if func.id in _MAKERS and not self._module.names.is_local(func.id, self._scope):
            return not (deep and self._given_any(value))
        # What a class holds itself, all its objects share.
        return func.id in self._classes and not deep

    def is_filled_from_outside(self, name: str, function: Function, deep: Collection[str]) -> bool:
        """Whether anything may be put into what ``name`` holds but what was made here, too."""
        return any(
            value is None or self._may_be_outer(value, deep)
            for node in self._module.inside(function)
            if isinstance(node, (ast.Attribute, ast.Subscript, ast.AugAssign))
            for value in self._put_by(node, name)
        )

    def _put_by(
        self, node: ast.Attribute | ast.Subscript | ast.AugAssign, name: str
    ) -> Iterator[ast.expr | None]:
        """What ``node`` puts into the object of ``name``; None is anything."""
        if isinstance(node, ast.AugAssign):
            if root_name(node.target) == name:
                yield node.value
            return
        if root_name(node.value) != name:
            return
        above = self._module.parent_of(node)
        if isinstance(node.ctx, ast.Store):
            if isinstance(above, (ast.Assign, ast.AnnAssign)):
                yield above.value
            elif not isinstance(above, ast.AugAssign):  # looked at by itself
                yield None
        elif isinstance(above, ast.Call) and above.func is node:
            if isinstance(node, ast.Attribute) and node.attr not in _READ_ONLY:
                yield from (*above.args, *(keyword.value for keyword in above.keywords))

    def _may_be_outer(self, value: ast.expr, deep: Collection[str]) -> bool:
        """Whether ``value`` may be, or hold, an object from outside: a tensor is none to fill."""
        match value:
            case ast.Constant() | ast.JoinedStr():
                return False
            case ast.Name(id=name):
                return name not in deep and not self._is_tensor(name)
            case ast.List(elts=members) | ast.Tuple(elts=members) | ast.Set(elts=members):
                return any(self._may_be_outer(member, deep) for member in members)
            case ast.Call(func=func):
                resolved = self._module.names.resolve(func)
                known = bool(resolved) and makes_new(self._module, resolved)
                return not known or holds_what_is_given(resolved)
        return self._names_any(value)

    def _is_tensor(self, name: str) -> bool:
        """Whether all that a variable is given comes of TensorFlow, or of arithmetic."""
        bound = self._module.names.bindings(name, self._scope)
        return bool(bound) and all(
            isinstance(node, ast.Assign)
            and not _unpacks(node)
            and isinstance(node.value, ast.Call)
            and bool(resolved := self._module.names.resolve(node.value.func))
            and makes_new(self._module, resolved)
            and not holds_what_is_given(resolved)
            for node in bound
        )

    def _given_any(self, call: ast.Call) -> bool:
        return any(map(self._names_any, (*call.args, *(k.value for k in call.keywords))))

    def _names_any(self, value: ast.expr) -> bool:
        """Whether an expression reads a variable: ``defaultdict(list)`` reads none."""
        return any(
            isinstance(node, ast.Name)
            and (node.id not in _MAKERS or self._module.names.is_local(node.id, self._scope))
            for node in self._module.inside(value)
        )


def _unpacks(stmt: ast.Assign) -> bool:
    return any(not isinstance(target, (ast.Name, ast.Attribute)) for target in stmt.targets)


def root_name(expr: ast.AST) -> str:
    """The variable that an expression hangs on: ``net`` of ``net.layers[0].run()``."""
    root = root_of(expr)
    return root.id if root is not None else ""


def root_of(expr: ast.AST) -> ast.Name | None:
    """Where that variable is read."""
    while isinstance(expr, (ast.Attribute, ast.Subscript, ast.Call)):
        expr = expr.func if isinstance(expr, ast.Call) else expr.value
    return expr if isinstance(expr, ast.Name) else None
