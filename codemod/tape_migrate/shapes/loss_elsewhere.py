"""A loss function in one module of a project, the model that is compiled with it in another.

``losses.py`` differentiates what ``train.py``'s model gives::

    from losses import gradient_penalty_loss

    loss = partial(gradient_penalty_loss, averaged_samples=averaged)
    critic_model.compile(loss=[wasserstein, wasserstein, loss], optimizer=optimizer)

Both change, or neither: the loss reads what every model that is compiled with it gives. So every
module that names the loss has to be seen to compile it, and in the way of ``loss_closure``.
"""

from __future__ import annotations

import ast
from typing import Protocol, runtime_checkable

from tape_migrate.flow.scope import ScopeKind
from tape_migrate.mentions import asked_by_text
from tape_migrate.model import Loss
from tape_migrate.module import Module
from tape_migrate.shapes.context import Context
from tape_migrate.shapes.helper import is_method
from tape_migrate.shapes.loss_binding import (
    Bound,
    compiled_with,
    given_by_lambda,
    given_by_partial,
    refuse_closed,
    scalars_of,
    uses_of,
)
from tape_migrate.shapes.loss_forward import Forward, plan_forward
from tape_migrate.shapes.loss_function import LossFunction, loss_function, refuse_loss
from tape_migrate.sites import find_sites


@runtime_checkable
class OtherModels(Protocol):
    """What a project can tell of the modules that name a loss."""

    def name_of(self, path: str) -> str:
        """The dotted name of the module at ``path``, "" if others have the same."""

    def mentioning(self, path: str, name: str) -> list[str]:
        """Paths of other modules whose text holds the word ``name``."""

    def may_have(self, dotted: str) -> bool:
        """Whether ``dotted`` may be a module of the project."""

    def module_at(self, path: str) -> Module | None:
        """The module at ``path``, or None if it cannot be read."""


def offered_loss(module: Module, site: ast.Call) -> Loss | None:
    """The loss around ``site``, if nothing of its own module uses it and other modules name it."""
    loss = loss_function(module, site)
    project = module.project
    if loss is None or not isinstance(project, OtherModels) or not project.name_of(module.path):
        return None
    used = used_function(loss)
    if used is None or uses_of(module, used, module.scopes.opened_by(used)):
        return None
    if not project.mentioning(module.path, used.name):
        return None
    dotted = f"{project.name_of(module.path)}.{used.name}"
    return Loss(loss.scope.qualname, module.path, dotted, site.lineno)


def used_function(loss: LossFunction) -> ast.FunctionDef | None:
    """What other modules would name: the loss, or the function of the module that makes it."""
    scope = loss.scope
    if is_method(scope) or scope.parent is None:
        return None
    if scope.parent.kind is ScopeKind.MODULE:
        return loss.node
    maker = scope.parent.node
    outer = scope.parent.parent
    if not isinstance(maker, ast.FunctionDef) or outer is None:
        return None
    return maker if outer.kind is ScopeKind.MODULE and _makes(loss, maker) else None


def _makes(loss: LossFunction, maker: ast.FunctionDef) -> bool:
    """Whether ``maker`` does nothing with the loss but return it, for its own parameter."""
    module, scope = loss.module, loss.scope.parent
    assert scope is not None
    returns = [n for n in module.inside(maker) if isinstance(n, ast.Return)]
    returns = [n for n in returns if module.scope_of(n) is scope]
    uses = uses_of(module, loss.node, loss.scope)
    own = module.scopes.resolve(loss.source, loss.scope) is scope
    if len(returns) != 1 or len(uses) != 1 or returns[0].value is not uses[0] or not own:
        return False
    bound = module.names.bindings(loss.source, scope)
    parameters = {a.arg for a in (*maker.args.posonlyargs, *maker.args.args)}
    return len(bound) == 1 and loss.source in parameters and not loss.node.decorator_list


def loss_of(module: Module, offered: Loss) -> LossFunction | None:
    """The loss function in its own module."""
    for found in find_sites(module):
        if found.site.function == offered.qualname and found.site.line == offered.line:
            return loss_function(module, found.call)
    return None


def refuse_own(loss: LossFunction, *, assumed: bool) -> str | None:
    """Why the loss may have uses that are out of sight."""
    used = used_function(loss)
    if used is None:
        return "it is no function of the module"
    module = loss.module
    why = refuse_closed(module, used, module.scopes.opened_by(used), assumed=assumed, alone=False)
    if why is None and used is not loss.node:
        why = refuse_closed(module, loss.node, loss.scope, assumed=assumed, alone=False)
    return why


def uses_elsewhere(module: Module, offered: Loss) -> list[ast.expr] | str:
    """Where another module names the loss, or why that is not seen."""
    name = offered.dotted.rpartition(".")[2]
    line = asked_by_text(module, name)
    if line is not None:
        return f"line {line} asks for {name} by its name"
    names = {name}
    for node in module.nodes:
        for alias in node.names if isinstance(node, ast.ImportFrom) else ():
            if alias.name != name or alias.asname is None:
                continue
            names.add(alias.asname)
            if not isinstance(module.project, OtherModels) or module.project.mentioning(
                module.path, alias.asname
            ):
                return f"line {alias.lineno} imports it as {alias.asname}"
    found: list[ast.expr] = []
    for node in module.nodes:
        if not isinstance(node, (ast.Name, ast.Attribute)):
            continue
        if (node.id if isinstance(node, ast.Name) else node.attr) not in names:
            continue
        resolved = module.names.resolve(node)
        if resolved == offered.dotted and module.names.is_certain(node):
            found.append(node)
        elif not _is_own(module, node) and not _is_of_another(module, resolved):
            return f"line {node.lineno}: what {ast.unparse(node)} means is not seen"
    return found


def _is_of_another(module: Module, resolved: str) -> bool:
    """Whether it comes from a module that is none of the project's."""
    home = resolved.rpartition(".")[0]
    return (
        bool(home)
        and isinstance(module.project, OtherModels)
        and not (module.project.may_have(home))
    )


def _is_own(module: Module, node: ast.Name | ast.Attribute) -> bool:
    """Whether the module binds the name itself, by no import: it is another loss so called."""
    if isinstance(node, ast.Attribute):
        if not isinstance(node.value, ast.Name) or node.value.id != "self":
            return False
        return any(isinstance(n, ast.FunctionDef) and n.name == node.attr for n in module.nodes)
    bound = module.names.bindings(node.id, module.scope_of(node))
    imports = (ast.Import, ast.ImportFrom)
    return bool(bound) and not any(isinstance(b, imports) for b in bound)


def plan_elsewhere(context: Context, loss: LossFunction, offered: Loss) -> Forward | str | None:
    """How a model of ``context`` gives ``loss`` its gradient, or why it cannot.

    None if the module compiles nothing with it.
    """
    module = context.module
    uses = uses_elsewhere(module, offered)
    if isinstance(uses, str):
        return uses
    bound = [b for use in uses if (b := _bound(module, loss, use)) is not None]
    if not bound:
        return None
    if len(uses) != 1:
        lines = sorted({use.lineno for use in uses})
        name = offered.dotted.rpartition(".")[2]
        return f"{name} is used in lines {', '.join(map(str, lines))}"
    hazard = context.hazards.refuse()
    if hazard is not None:
        return hazard.message
    why = refuse_loss(loss, scalars_of(module, bound[0], used_function(loss) or loss.node))
    return why if why is not None else plan_forward(context, bound[0])


def _bound(module: Module, loss: LossFunction, use: ast.expr) -> Bound | None:
    call = module.parent_of(use)
    if not isinstance(call, ast.Call):
        return None
    used = used_function(loss)
    if used is not loss.node:
        made = _given_to_maker(loss, call) if call.func is use else None
    elif call.func is use:
        made = given_by_lambda(module, loss.node, loss.source, call, method=False)
    else:
        made = given_by_partial(module, loss.source, call, use)
    if made is None:
        return None
    place = compiled_with(module, made[1])
    return Bound(made[0], made[1], *place, None) if place is not None else None


def _given_to_maker(loss: LossFunction, call: ast.Call) -> tuple[ast.Name, ast.expr] | None:
    """What ``make_loss(averaged)`` binds the source to."""
    maker = used_function(loss)
    if maker is None:
        return None
    names = [a.arg for a in (*maker.args.posonlyargs, *maker.args.args)]
    given = dict(zip(names, call.args, strict=False))
    given |= {k.arg: k.value for k in call.keywords if k.arg is not None}
    if any(isinstance(a, ast.Starred) for a in call.args) or len(given) < len(call.keywords):
        return None
    value = given.get(loss.source)
    return (value, call) if isinstance(value, ast.Name) else None
