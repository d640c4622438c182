"""Where a program uses a model: by its name or attribute, and by parameters of functions.

``train(critic_model, images)`` uses the model as ``train`` does its first parameter. Where a model
goes otherwise (into a list, to a function that is not seen, back to a caller) it is handed on.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass

from tape_migrate.mentions import asked_by_text
from tape_migrate.module import Module
from tape_migrate.shapes.binding import bind
from tape_migrate.shapes.loss_program import notebooks_naming, only_here, users_of

TRAINS = frozenset(("fit", "fit_generator", "train_on_batch", "train_step", "train_function"))
_OTHERS = frozenset(("sklearn", "scipy", "numpy", "pandas", "statsmodels"))
_DRAWS = frozenset(("plot_model", "model_to_dot"))


@dataclass(frozen=True)
class Use:
    """Where a model is named."""

    module: Module
    node: ast.Name | ast.Attribute
    where: str
    """``line 7``, or ``train.py, line 7,``."""

    @property
    def parent(self) -> ast.AST | None:
        return self.module.parent_of(self.node)

    @property
    def asked(self) -> ast.Attribute | None:
        """``critic_model.fit``, where the model is asked for something of its own."""
        parent = self.parent
        return parent if isinstance(parent, ast.Attribute) else None

    @property
    def handed_on(self) -> bool:
        """Whether the model goes where it is not followed."""
        return not isinstance(self.node.ctx, ast.Store) and self.asked is None

    @property
    def drawn(self) -> bool:
        """Whether Keras draws it (``plot_model(critic_model)``)."""
        call = self.parent
        if not isinstance(call, ast.Call) or self.node not in call.args:
            return False
        resolved = self.module.names.resolve(call.func)
        return resolved.startswith("keras.") and resolved.rpartition(".")[2] in _DRAWS


def named_uses(module: Module, receiver: ast.Name | ast.Attribute) -> list[Use]:
    """The name in its scope; the attribute of any object, in all modules of the program."""
    if isinstance(receiver, ast.Attribute):
        return [
            Use(each, n, where_in(module, each, n.lineno))
            for each in (module, *users_of(module))
            for n in each.nodes
            if isinstance(n, ast.Attribute) and n.attr == receiver.attr
        ]
    owner = module.scopes.resolve(receiver.id, module.scope_of(receiver))
    return [
        Use(module, node, f"line {node.lineno}")
        for node in module.nodes
        if isinstance(node, ast.Name)
        and node.id == receiver.id
        and module.scopes.resolve(node.id, module.scope_of(node)) is owner
    ]


def uses_of(module: Module, receiver: ast.Name | ast.Attribute) -> list[Use]:
    """``named_uses``, and in place of arguments what functions of the program do with them."""
    found: list[Use] = []
    pending = named_uses(module, receiver)
    entered: set[tuple[int, str]] = set()
    while pending:
        use = pending.pop(0)
        given = _parameter(use) if use.handed_on else None
        if given is None:
            found.append(use)
            continue
        function, name = given
        if (id(function), name) in entered:
            continue
        entered.add((id(function), name))
        inner = [n for n in use.module.inside(function) if isinstance(n, ast.Name) and n.id == name]
        scope = use.module.scopes.opened_by(function)
        pending += [
            Use(use.module, node, where_in(module, use.module, node.lineno))
            for node in inner
            if use.module.scopes.resolve(name, use.module.scope_of(node)) is scope
        ]
    return found


def _parameter(use: Use) -> tuple[ast.FunctionDef, str] | None:
    """The parameter that the model is given for, of a function in the same module."""
    module = use.module
    call = use.parent
    if isinstance(call, ast.keyword):
        call = module.parent_of(call)
    if not isinstance(call, ast.Call) or call.func is use.node:
        return None
    function = _function(module, call.func)
    if function is None or function.decorator_list:
        return None
    if function.args.vararg or function.args.kwarg:
        return None
    names = [name for name, value in bind(function, call) if value is use.node]
    arguments = function.args
    known = [a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    if len(names) != 1 or names[0] not in known:
        return None
    bound = module.names.bindings(names[0], module.scopes.opened_by(function))
    return (function, names[0]) if bound == [None] else None


def _function(module: Module, func: ast.expr) -> ast.FunctionDef | None:
    """The only function that ``func`` can mean: one of the module, or of ``self``."""
    if isinstance(func, ast.Name):
        bound = module.names.bindings(func.id, module.scope_of(func))
        only = bound[0] if len(bound) == 1 else None
        return only if isinstance(only, ast.FunctionDef) else None
    if isinstance(func, ast.Attribute) and isinstance(func.value, ast.Name):
        if func.value.id != "self":
            return None
        for each in (module, *users_of(module)):
            sets = [
                n
                for n in each.nodes
                if isinstance(n, ast.Attribute)
                and n.attr == func.attr
                and isinstance(n.ctx, ast.Store)
            ]
            if sets or asked_by_text(each, func.attr) is not None:
                return None
        found = [
            (each, n)
            for each in (module, *users_of(module))
            for n in each.nodes
            if isinstance(n, ast.FunctionDef) and n.name == func.attr
        ]
        if len(found) == 1 and found[0][0] is module:
            method = found[0][1]
            return method if isinstance(module.parent_of(method), ast.ClassDef) else None
    return None


def trained_unseen(module: Module, seen: Iterable[ast.Attribute]) -> str | None:
    """Where the program trains what may be a model, other than in ``seen``, or None."""
    known = {id(attribute) for attribute in seen}
    for each in (module, *users_of(module)):
        for name in sorted(TRAINS):
            line = asked_by_text(each, name)
            if line is not None:
                return f"{where_in(module, each, line)} asks for {name} by its name"
        for node in each.nodes:
            if not isinstance(node, ast.Attribute) or node.attr not in TRAINS or id(node) in known:
                continue
            if not _is_no_model(module, each, node):
                return f"{where_in(module, each, node.lineno)} uses {ast.unparse(node)}"
    return None


def _is_no_model(module: Module, home: Module, node: ast.Attribute) -> bool:
    """``gan.fit`` of a class of the program, ``scaler.fit`` of scikit-learn."""
    receiver = node.value
    if isinstance(receiver, ast.Name):
        bound = home.names.bindings(receiver.id, home.scope_of(receiver))
        if bound == [None]:
            return receiver.id == "self" and _has_method(module, node.attr)
        values = [b.value if isinstance(b, ast.Assign) else None for b in bound]
    elif isinstance(receiver, ast.Attribute):
        values = [
            stmt.value if isinstance(stmt, ast.Assign) else None
            for each in (module, *users_of(module))
            for n in each.nodes
            if isinstance(n, ast.Attribute) and n.attr == receiver.attr
            if isinstance(n.ctx, ast.Store)
            for stmt in [each.statement_of(n)]
        ]
    else:
        values = [receiver]
    return bool(values) and all(
        isinstance(value, ast.Call) and _makes_other(module, home, value.func, node.attr)
        for value in values
    )


def _makes_other(module: Module, home: Module, func: ast.expr, method: str) -> bool:
    root = func
    while isinstance(root, ast.Attribute):
        root = root.value
    if not isinstance(root, ast.Name):
        return False
    bound = home.names.bindings(root.id, home.scope_of(root))
    if bound and all(isinstance(b, ast.ClassDef) and not b.bases for b in bound):
        return _has_method(module, method)
    return home.names.resolve(func).partition(".")[0] in _OTHERS


def _has_method(module: Module, name: str) -> bool:
    return any(
        isinstance(node, ast.FunctionDef)
        and node.name == name
        and isinstance(each.parent_of(node), ast.ClassDef)
        for each in (module, *users_of(module))
        for node in each.nodes
    )


def where_in(module: Module, other: Module, line: int) -> str:
    """``line 7``, or ``train.py, line 7,`` of another module."""
    return f"line {line}" if other is module else f"{other.path}, line {line},"


def refuse_asked(module: Module, receiver: ast.Name | ast.Attribute) -> str | None:
    """Where the model is, or may be, named otherwise than ``uses_of`` finds."""
    if isinstance(receiver, ast.Attribute):
        for each in (module, *users_of(module)):
            line = asked_by_text(each, receiver.attr)
            if line is not None:
                return f"{where_in(module, each, line)} asks for {receiver.attr} by its name"
        notebook = next(iter(notebooks_naming(module, receiver.attr)), None)
        return f"{notebook} names {receiver.attr}" if notebook is not None else None
    scope = module.scopes.resolve(receiver.id, module.scope_of(receiver))
    if scope is module.scopes.module and not only_here(module, receiver.id):
        return f"another module names {receiver.id}"
    return None
