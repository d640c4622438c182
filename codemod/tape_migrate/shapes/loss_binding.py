"""How a loss function comes to what it differentiates by, and into ``compile``.

Keras gives a loss ``y_true`` and ``y_pred``. What else it needs is bound to it::

    partial(gradient_penalty_loss, averaged_samples=averaged)
    lambda y_true, y_pred: gradient_penalty_loss(y_true, y_pred, averaged)
    make_loss(averaged)  # def make_loss(samples): def loss(y_true, y_pred): …; return loss
    gradient_penalty_loss  # defined in the function that has `averaged`
"""

from __future__ import annotations

import ast
from dataclasses import dataclass

from tape_migrate.flow.scope import Scope, ScopeKind
from tape_migrate.mentions import asked_by_text
from tape_migrate.model import Helper
from tape_migrate.module import Module
from tape_migrate.shapes.binding import bind
from tape_migrate.shapes.callers import refuse_open, users_elsewhere
from tape_migrate.shapes.helper import is_method


@dataclass(frozen=True)
class Bound:
    """A loss in the arguments of ``compile``."""

    source: ast.Name
    """What the loss differentiates by, where the loss is made."""
    loss: ast.expr
    """The expression that makes the loss."""
    compiled: ast.Call
    """``model.compile(loss=[…, loss])``."""
    index: int | None
    """Its place in the list of losses, None for a loss that is given alone."""
    may_be_open: str | None
    """Why the loss function may have other uses, which are out of sight."""


def bound_loss(
    module: Module, scope: Scope, source: str, *, assumed: bool
) -> tuple[Bound, ...] | str | None:
    """The uses of the loss function of ``scope``, None if none is seen to be compiled.

    Several are calls of ``partial`` or lambdas, one for each model. A text says what other uses it
    has.
    """
    function = scope.node
    assert isinstance(function, ast.FunctionDef)
    uses = uses_of(module, function, scope)
    made = [found for use in uses if (found := _made(module, function, scope, source, use))]
    placed = [(m, place) for m in made if (place := compiled_with(module, m[1])) is not None]
    if not placed:
        return None
    if len(uses) > len(placed) or (len(uses) > 1 and any(loss in uses for (_, loss), _ in placed)):
        others = sorted({use.lineno for use in uses})
        return f"{function.name} is used in lines {', '.join(map(str, others))}"
    why = refuse_closed(module, function, scope, assumed=assumed)
    maker = scope.parent
    if why is None and maker is not None and isinstance(maker.node, ast.FunctionDef):
        if isinstance(module.parent_of(uses[0]), ast.Return):
            why = refuse_closed(module, maker.node, maker, assumed=assumed)
    return tuple(Bound(given, loss, *place, why) for (given, loss), place in placed)


def uses_of(module: Module, function: ast.FunctionDef, scope: Scope) -> list[ast.expr]:
    """Where the module names a function, or an attribute as a method is called."""
    if is_method(scope):
        return [
            node
            for node in module.nodes
            if isinstance(node, ast.Attribute) and node.attr == function.name
        ]
    return [
        node
        for node in module.nodes
        if isinstance(node, ast.Name)
        and node.id == function.name
        and module.scopes.resolve(node.id, module.scope_of(node)) is scope.parent
    ]


def refuse_closed(
    module: Module, function: ast.FunctionDef, scope: Scope, *, assumed: bool, alone: bool = True
) -> str | None:
    """Why the function may be used elsewhere, or None.

    Not ``alone``: its uses in other modules of the project are looked at by themselves.
    """
    plain = [ast.unparse(d) for d in function.decorator_list]
    if [text for text in plain if text != "staticmethod"]:
        return f"{function.name} is decorated"
    line = asked_by_text(module, function.name)
    if line is not None:
        return f"line {line} asks for {function.name} by its name"
    if len(module.names.bindings(function.name, scope.parent or scope)) > 1:
        return f"there are several functions called {function.name}"
    helper = Helper(scope.qualname, function.name, None, False, False, method=is_method(scope))
    elsewhere = users_elsewhere(module, helper) if alone else None
    refusal = elsewhere.refusal if elsewhere is not None else None
    refusal = refusal or refuse_open(module, helper, assumed=assumed)
    return refusal.message.partition(", and ")[2] if refusal is not None else None


def _made(
    module: Module, function: ast.FunctionDef, scope: Scope, source: str, use: ast.expr
) -> tuple[ast.Name, ast.expr] | None:
    """What ``source`` is bound to at a use of the function, and the loss that this makes."""
    parent = module.parent_of(use)
    parameters = [a.arg for a in (*function.args.posonlyargs, *function.args.args)]
    if source in parameters or source in [a.arg for a in function.args.kwonlyargs]:
        if not isinstance(parent, ast.Call):
            return None
        if parent.func is use:
            method = isinstance(use, ast.Attribute)
            return given_by_lambda(module, function, source, parent, method=method)
        return given_by_partial(module, source, parent, use)
    owner = module.scopes.resolve(source, scope)
    if owner is None or owner is scope:
        return None
    if isinstance(parent, ast.Return) and owner.node is (scope.parent and scope.parent.node):
        return _by_maker(module, owner, source)
    # A loss of the scope that has the source: a read of it there stands for that in the loss.
    around = module.scope_of(use)
    if not isinstance(use, ast.Name) or owner is not around:
        return None
    reads = [node for node in _reads(module, source, around) if module.scope_of(node) is around]
    return (reads[0], use) if reads else None


def given_by_partial(
    module: Module, source: str, call: ast.Call, use: ast.expr
) -> tuple[ast.Name, ast.expr] | None:
    """What ``partial(use, source=…)`` gives the loss for ``source``, and the loss it makes."""
    if module.names.resolve(call.func) != "functools.partial" or call.args != [use]:
        return None
    given = [k.value for k in call.keywords if k.arg == source]
    if len(given) == 1 and isinstance(given[0], ast.Name):
        return given[0], call
    return None


def given_by_lambda(
    module: Module, function: ast.FunctionDef, source: str, call: ast.Call, *, method: bool
) -> tuple[ast.Name, ast.expr] | None:
    """What a lambda around ``call`` gives the loss for ``source``, and the lambda."""
    around = module.parent_of(call)
    if not isinstance(around, ast.Lambda) or around.body is not call:
        return None
    own = [a.arg for a in around.args.args]
    names = [a.arg for a in (*function.args.posonlyargs, *function.args.args)][int(method) :]
    if any(isinstance(a, ast.Starred) for a in call.args) or any(
        k.arg is None for k in call.keywords
    ):
        return None
    given = dict(zip(names, call.args, strict=False))
    given |= {k.arg: k.value for k in call.keywords if k.arg is not None}
    first = [given.get(name) for name in names[:2]]
    if [n.id for n in first if isinstance(n, ast.Name)] != own or around.args.defaults:
        return None
    value = given.get(source)
    return (value, around) if isinstance(value, ast.Name) and value.id not in own else None


def _by_maker(module: Module, owner: Scope, source: str) -> tuple[ast.Name, ast.expr] | None:
    maker = owner.node
    if not isinstance(maker, ast.FunctionDef) or owner.kind is not ScopeKind.FUNCTION:
        return None
    returns = [n for n in module.inside(maker) if isinstance(n, ast.Return)]
    returns = [n for n in returns if module.scope_of(n) is owner]
    uses = uses_of(module, maker, owner)
    if len(returns) != 1 or len(uses) != 1 or len(module.names.bindings(source, owner)) != 1:
        return None
    call = module.parent_of(uses[0])
    if not isinstance(call, ast.Call) or call.func is not uses[0]:
        return None
    value = dict(bind(maker, call)).get(source)
    return (value, call) if isinstance(value, ast.Name) else None


def compiled_with(module: Module, loss: ast.expr) -> tuple[ast.Call, int | None] | None:
    """The call of ``compile`` that is given the loss, and its place in the list of losses."""
    stmt = module.statement_of(loss)
    if isinstance(stmt, ast.Assign) and stmt.value is loss:
        target = stmt.targets[0]
        if len(stmt.targets) != 1 or not isinstance(target, ast.Name):
            return None
        scope = module.scope_of(stmt)
        if len(module.names.bindings(target.id, scope)) != 1:
            return None
        reads = [n for n in _reads(module, target.id, scope) if not _names_it(module, n)]
        if len(reads) != 1:
            return None
        loss = reads[0]
    around = module.parent_of(loss)
    index: int | None = None
    if isinstance(around, (ast.List, ast.Tuple)):
        index = around.elts.index(loss)
        loss, around = around, module.parent_of(around)
    if isinstance(around, ast.keyword):
        call = module.parent_of(around)
        named = around.arg == "loss"
    else:
        call = around
        named = isinstance(call, ast.Call) and loss in call.args[1:2]
    if not named or not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
        return None
    return (call, index) if call.func.attr == "compile" else None


def _reads(module: Module, name: str, scope: Scope) -> list[ast.Name]:
    return [
        node
        for node in module.nodes
        if isinstance(node, ast.Name)
        and node.id == name
        and isinstance(node.ctx, ast.Load)
        and module.scopes.resolve(name, module.scope_of(node)) is scope
    ]


def _names_it(module: Module, node: ast.Name) -> bool:
    """``loss.__name__ = 'gradient_penalty'``."""
    parent = module.parent_of(node)
    return (
        isinstance(parent, ast.Attribute)
        and parent.attr == "__name__"
        and isinstance(parent.ctx, ast.Store)
    )


def scalars_of(module: Module, bound: Bound, function: ast.FunctionDef) -> frozenset[str]:
    """The parameters of ``function`` that are given numbers where the loss is made.

    It is the loss, given to ``partial``, or the function that makes it.
    """
    if not isinstance(bound.loss, ast.Call):
        return frozenset()
    args = function.args
    own = [*args.posonlyargs, *args.args]
    default = dict(zip([a.arg for a in own][len(own) - len(args.defaults) :], args.defaults,
                       strict=True))  # fmt: skip
    default |= {a.arg: d for a, d in zip(args.kwonlyargs, args.kw_defaults, strict=True) if d}
    given: dict[str, ast.expr] = {}
    if module.names.resolve(bound.loss.func) != "functools.partial":
        given = dict(zip([a.arg for a in own], bound.loss.args, strict=False))
    given |= {k.arg: k.value for k in bound.loss.keywords if k.arg is not None}
    found = {name for name, value in given.items() if _is_number(module, value)}
    return frozenset(found | {n for n, v in default.items() if n not in given and _is_constant(v)})


def _is_constant(expr: ast.expr) -> bool:
    return isinstance(expr, ast.Constant) and isinstance(expr.value, (int, float))


def _is_number(module: Module, expr: ast.expr) -> bool:
    if isinstance(expr, ast.Name):
        found = module.names.bindings(expr.id, module.scope_of(expr))
        stmt = found[0] if len(found) == 1 else None
        return isinstance(stmt, ast.Assign) and isinstance(stmt.value, ast.Constant)
    return isinstance(expr, ast.Constant) and isinstance(expr.value, (int, float))
