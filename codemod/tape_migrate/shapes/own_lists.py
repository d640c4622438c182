"""Attributes by the names of a framework's lists that a class of the module gives itself.

::

    class Net:
        @property
        def trainable_variables(self):
            return [self.scale]

What ``net.trainable_variables`` is, is up to this class: it may list tensors, or variables that are
not trainable, which a tape does not watch by itself.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass

from tape_migrate.flow.scope import Scope, ScopeKind
from tape_migrate.flow.symbols import DefKind, Symbol, symbol_of
from tape_migrate.module import Module
from tape_migrate.names import KNOWN_MODULES
from tape_migrate.shapes.functions import Function
from tape_migrate.shapes.kinds import value_given_by
from tape_migrate.shapes.plan import Kind
from tape_migrate.shapes.summaries import Summaries
from tape_migrate.shapes.variable_makers import is_trainable_variable

_SETTERS = frozenset({"setattr", "__setattr__"})
_LOOKS_UP = ("__getattribute__", "__getattr__")


@dataclass(frozen=True)
class OwnList:
    """What classes of the module define an attribute to be."""

    properties: tuple[Function, ...] = ()
    """The properties that give it."""
    otherwise: bool = False
    """It may be set, or looked up, in a way that is not followed."""
    certain: bool = False
    """The object certainly is of such a class."""


def own_list(module: Module, expr: ast.Attribute) -> OwnList:
    """What the classes of the module make of the attribute that ``expr`` reads."""
    name = expr.attr
    if _set_by_name(module, name):
        return OwnList(otherwise=True)
    known = _classes_of(module, expr.value)
    classes = known
    if classes is None:
        classes = [scope for scope in module.scopes if scope.kind is ScopeKind.CLASS]
    properties: list[Function] = []
    for scope in classes:
        if known is not None and any(_looks_up(module, scope, each) for each in _LOOKS_UP):
            return OwnList(otherwise=True)
        if name not in module.scopes.bindings(scope):
            continue
        for bound in module.names.bindings(name, scope):
            if isinstance(bound, (ast.FunctionDef, ast.AsyncFunctionDef)) and _is_property(bound):
                properties.append(bound)
            else:
                return OwnList(otherwise=True)
    return OwnList(tuple(properties), certain=known is not None and bool(properties))


def kind_of_own(module: Module, display: ast.expr) -> Kind | None:
    """``[self.w, self.b]`` of attributes that are only ever set to trainable variables.

    None if it is no such display, else which of the two it is.
    """
    if not isinstance(display, (ast.List, ast.Tuple)) or not display.elts:
        return None
    for item in display.elts:
        if not isinstance(item, ast.Attribute) or not isinstance(item.value, ast.Name):
            return None
        stores = [n for n in module.attributes(item.attr) if not isinstance(n.ctx, ast.Load)]
        for node in stores:
            stmt, symbol = module.statement_of(node), symbol_of(node)
            value = value_given_by(stmt, symbol) if symbol is not None else None
            if not is_trainable_variable(module, value):
                return None
        if not stores or item.value.id != "self":
            return None
    return Kind.LIST if isinstance(display, ast.List) else Kind.TUPLE


def _is_property(function: Function) -> bool:
    names = [ast.unparse(decorator) for decorator in function.decorator_list]
    return names == ["property"]


def _looks_up(module: Module, scope: Scope, method: str) -> bool:
    """Whether the class answers for attributes that it does not have, and not by another object."""
    found = Summaries.of(module).method(scope, method)
    if found is None:
        return method in module.scopes.bindings(scope)
    if method == "__getattr__" and _of_framework(module, scope):
        return False  # asked only for what a framework's class does not have
    match found.body:
        case [*_, ast.Return(value=ast.Call(func=ast.Name(id="getattr"), args=[_, ast.Name()]))]:
            return False
    return True


def _of_framework(module: Module, scope: Scope) -> bool:
    assert isinstance(scope.node, ast.ClassDef)
    resolved = [module.names.resolve(base) for base in scope.node.bases]
    return any(base.partition(".")[0] in KNOWN_MODULES for base in resolved)


def _set_by_name(module: Module, name: str) -> bool:
    """``setattr(net, "trainable_variables", …)``, ``net.__dict__["trainable_variables"] = …``."""
    for call in module.of_kind(ast.Call):
        called = call.func.id if isinstance(call.func, ast.Name) else ""
        called = call.func.attr if isinstance(call.func, ast.Attribute) else called
        if called in _SETTERS and any(_spells(arg, name) for arg in call.args[:2]):
            return True
    return any(
        _spells(node.slice, name)
        and isinstance(node.ctx, ast.Store)
        and ("__dict__" in (text := ast.unparse(node.value)) or text.startswith("vars("))
        for node in module.of_kind(ast.Subscript)
    )


def _spells(expr: ast.expr, name: str) -> bool:
    return isinstance(expr, ast.Constant) and expr.value == name


def _classes_of(module: Module, holder: ast.expr) -> list[Scope] | None:
    """The classes of the module that give ``holder`` its attributes; None if it may be of any."""
    classes = {s.name: s for s in module.scopes if s.kind is ScopeKind.CLASS}
    if isinstance(holder, ast.Call):
        return _made(module, holder, classes)
    if not isinstance(holder, ast.Name):
        return None
    scope = module.scope_of(holder)
    if holder.id == "self":
        owner = Summaries.of(module).class_of(scope)
        if owner is not None:
            # An object of a class that is derived from it has the same method.
            derived = [c for c in classes.values() if owner in _lineage(c, classes)]
            return [*_lineage(owner, classes), *(c for c in derived if c is not owner)]
    symbol = Symbol(holder.id)
    if module.scopes.is_comprehension_variable(holder):
        return None
    reached = module.facts(scope).reaching_at(holder, symbol)
    found: list[Scope] = []
    for definition in reached:
        if definition.kind is DefKind.MUTATION or definition.symbol != symbol:
            continue
        stmt = definition.stmt
        value = value_given_by(stmt, symbol) if stmt is not None else None
        made = _made(module, value, classes) if isinstance(value, ast.Call) else None
        if made is None:
            return None
        found += made
    return found


def _made(module: Module, call: ast.Call, classes: dict[str, Scope]) -> list[Scope] | None:
    """The class whose object ``call`` makes, and its visible bases."""
    if module.names.resolve(call.func).partition(".")[0] in KNOWN_MODULES:
        return []
    if isinstance(call.func, ast.Name) and call.func.id in classes:
        return _lineage(classes[call.func.id], classes)
    if isinstance(call.func, ast.Name) and call.func.id == "super":
        owner = Summaries.of(module).class_of(module.scope_of(call))
        return _lineage(owner, classes)[1:] if owner is not None else None
    return None


def _lineage(owner: Scope, classes: dict[str, Scope]) -> list[Scope]:
    """A class and its visible bases, those nearer first."""
    found = [owner]
    for scope in found:
        assert isinstance(scope.node, ast.ClassDef)
        for base in scope.node.bases:
            name = base.id if isinstance(base, ast.Name) else ""
            if name in classes and classes[name] not in found:
                found.append(classes[name])
    return found
