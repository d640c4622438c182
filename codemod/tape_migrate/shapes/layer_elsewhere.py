"""A layer class in one module of a project, used in others: all of them change, or none does.

``layers.py`` has a class whose ``call`` differentiates one of its inputs by the other, as
``layer_class`` says, and ``train.py``::

    from layers import GradNorm

    norm = GradNorm()([critic(mixed), mixed])
"""

from __future__ import annotations

import ast

from tape_migrate.flow.scope import ScopeKind
from tape_migrate.mentions import asked_by_text
from tape_migrate.model import Helper, Loss
from tape_migrate.module import Module
from tape_migrate.shapes.callers import refuse_open
from tape_migrate.shapes.compiled_models import CompiledModels
from tape_migrate.shapes.context import Context
from tape_migrate.shapes.gradient_layer import given_pair
from tape_migrate.shapes.layer_class import models_of
from tape_migrate.shapes.layer_uses import LayerUse, names_class, use_of
from tape_migrate.shapes.loss_elsewhere import OtherModels, uses_elsewhere
from tape_migrate.sites import find_sites

Uses = tuple[tuple[LayerUse, ...], CompiledModels]


def offered_layer(module: Module, site: ast.Call) -> Loss | None:
    """The class around ``site``, if nothing of its own module uses it and other modules name it."""
    project = module.project
    node = _class_around(module, site)
    if node is None or not isinstance(project, OtherModels) or not project.name_of(module.path):
        return None
    scope = module.scopes.opened_by(node)
    if scope.parent is None or scope.parent.kind is not ScopeKind.MODULE:
        return None
    if names_class(module, node) or not project.mentioning(module.path, node.name):
        return None
    dotted = f"{project.name_of(module.path)}.{node.name}"
    qualname = module.scope_of(site).qualname
    return Loss(qualname, module.path, dotted, site.lineno, layer=True)


def _class_around(module: Module, site: ast.Call) -> ast.ClassDef | None:
    function = module.scope_of(site).node
    if not isinstance(function, ast.FunctionDef) or given_pair(module, site) is None:
        return None
    node = module.parent_of(function)
    return node if isinstance(node, ast.ClassDef) else None


def pair_in(module: Module, offered: Loss) -> tuple[int, int] | None:
    """The places of target and source among the inputs of the class, in its own module."""
    for found in find_sites(module):
        if found.site.function == offered.qualname and found.site.line == offered.line:
            return given_pair(module, found.call)
    return None


def refuse_own_class(module: Module, offered: Loss, *, assumed: bool) -> str | None:
    """Why the class may have uses that are out of sight."""
    name = offered.dotted.rpartition(".")[2]
    line = asked_by_text(module, name)
    if line is not None:
        return f"line {line} asks for {name} by its name"
    helper = Helper(offered.qualname, "call", None, False, False, method=True)
    if refuse_open(module, helper, assumed=assumed) is not None:
        return f"{name} may be used from outside (--assume-closed says that nothing else uses it)"
    return None


def plan_layer_elsewhere(context: Context, offered: Loss, pair: tuple[int, int]) -> Uses | str:
    """How a module uses the class, and what it trains, or why the class has to stay as it is."""
    module = context.module
    named = uses_elsewhere(module, offered)
    if isinstance(named, str):
        return named
    uses: list[LayerUse] = []
    for name in named:
        use = use_of(module, name, pair)
        if isinstance(use, str):
            return use
        if use.suffix is not None:
            return f"line {name.lineno}: the model gives several outputs"
        uses.append(use)
    hazard = context.hazards.refuse()
    if hazard is not None:
        return hazard.message
    models = models_of(context, tuple(uses))
    return models if isinstance(models, str) else (tuple(uses), models)
