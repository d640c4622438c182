"""The call of the model whose output a loss differentiates, and all that could see it change.

A layer in the place of that call gives the gradient as the output. Nothing but the loss may tell:
the output goes into one model, which is compiled with that loss and trained by batches.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace

from tape_migrate.flow.symbols import Symbol
from tape_migrate.module import Module
from tape_migrate.shapes.compiled_models import (
    CompiledModels,
    compiled_models,
    files_of,
    made_as,
    refuse_order,
    refuse_uses,
)
from tape_migrate.shapes.context import Context
from tape_migrate.shapes.keras_graph import eager_off_elsewhere
from tape_migrate.shapes.keras_layers import updating_layers
from tape_migrate.shapes.layer_chain import Chain, chain_of
from tape_migrate.shapes.layer_hazards import gives_model, out_of_sight, refuse_layers
from tape_migrate.shapes.loss_binding import Bound
from tape_migrate.shapes.loss_program import assume_optimizers, only_here, refuse_program
from tape_migrate.shapes.saved_models import compiled_itself


@dataclass(frozen=True)
class Part:
    """One output of several: ``critic(averaged)[0]``, ``validity, _ = critic(averaged)``."""

    index: int
    written: ast.Subscript | ast.Tuple
    """The subscript, or the names that take all outputs."""


@dataclass(frozen=True)
class Forward:
    """The call that becomes a layer's."""

    call: ast.Call
    """The critic's call."""
    averaged: ast.Name
    """What it is differentiated by, in that call."""
    output: str
    """A name for what the critic gives."""
    models: CompiledModels
    chain: Chain | None
    """The layers that stand for the critic, where there are several."""
    part: Part | None
    """Which of the critic's outputs it is, if it gives several."""

    @property
    def assumptions(self) -> tuple[str, ...]:
        return self.models.assumptions


def form_of(forward: Forward) -> tuple[int, int, int]:
    """What a layer has to know of the call: how many inputs, which it is, which output."""
    given = forward.call.args[0]
    part = forward.part.index if forward.part is not None else -1
    if forward.chain is not None or not isinstance(given, (ast.List, ast.Tuple)):
        return 0, 0, part
    return len(given.elts), given.elts.index(forward.averaged), part


def plan_forward(context: Context, bound: Bound) -> Forward | str:
    """The call whose output the loss ``bound`` differentiates, or why it has to stay."""
    module = context.module
    made = made_as(module, bound)
    if isinstance(made, str):
        return made
    found = _forward(module, made.output, bound)
    if isinstance(found, str):
        return found
    call, averaged, output, chain, part = found
    stmts = [module.statement_of(node) for node in (call, bound.loss, made.model, bound.compiled)]
    if any(module.place_of(s).block is not module.place_of(stmts[0]).block for s in stmts):
        return "the critic's call, the loss, the model and compile are not in one block"
    why = refuse_layers(module) or refuse_program(module) or refuse_uses(module, made)
    if why is not None:
        return why
    elsewhere = eager_off_elsewhere(context) or updating_layers(module)
    if elsewhere is not None:
        return elsewhere.message
    links = chain.links if chain is not None else (call.func,)
    why = refuse_order(module, made) if chain is not None else None
    if why is not None:
        return why
    models = trained_with(module, call, links, made.model.func)
    if isinstance(models, str):
        return models
    assumptions = (*models.assumptions, *files_of(module, made))
    models = replace(models, assumptions=assumptions)
    return Forward(call, averaged, output, models, chain, part)


def trained_with(
    module: Module, call: ast.Call, links: tuple[ast.expr, ...], func: ast.expr | None
) -> CompiledModels | str:
    """The models that are trained in one program with ``links``, which move into a layer.

    ``call`` is that of the last of them, ``func`` that of ``compiled_models``. A text says why the
    call has to stay.
    """
    named = [link for link in links if isinstance(link, (ast.Name, ast.Attribute))]
    told = {ast.unparse(link): gives_model(module, link) for link in named}
    other = next((text for text, model in told.items() if model is False), None)
    if other is not None:
        return f"{other} is not seen to be a model or a layer"
    alone = {ast.unparse(link): compiled_itself(module, link) for link in named}
    other = next((text for text, compiled in alone.items() if compiled), None)
    if other is not None:
        return f"{other} is compiled itself, and Keras 3 gives its loss for that of the model"
    models = compiled_models(module, func)
    if isinstance(models, str):
        return models
    assumptions = [*models.assumptions, *assume_optimizers(module)]
    for text, model in told.items():
        if model is None or alone[text] is None:
            what = "is a Keras model or layer, " if model is None else "is "
            assumptions.append(f"assumes that {text} {what}not compiled itself")
    unseen = out_of_sight(module, call)
    if unseen:
        assumptions.append(
            "assumes that no model or layer holds BatchNormalization or makes a mask, as far as "
            f"they come from {', '.join(unseen)}"
        )
    return replace(models, assumptions=tuple(assumptions))


def _forward(
    module: Module, output: ast.expr, bound: Bound
) -> tuple[ast.Call, ast.Name, str, Chain | None, Part | None] | str:
    """The critic's call, what it is differentiated by, a name for its result, layers, and which
    of its outputs it is."""
    given_by = _given_by(module, output)
    if isinstance(given_by, str):
        return given_by
    name, call, part = given_by
    if not isinstance(call, ast.Call):
        return f"{ast.unparse(output)} is not what a model gives for {bound.source.id}"
    if len(call.args) != 1 or call.keywords:
        return f"{ast.unparse(call)} gives the critic more than its inputs"
    given = call.args[0]
    members = given.elts if isinstance(given, (ast.List, ast.Tuple)) else [given]
    averaged = [m for m in members if isinstance(m, ast.Name) and m.id == bound.source.id]
    chain: Chain | None = None
    if len(averaged) != 1 or not isinstance(call.func, (ast.Name, ast.Attribute)):
        layers = chain_of(module, call, bound.source.id)
        if isinstance(layers, str):
            return f"{ast.unparse(call)} is not a call of a model on {bound.source.id}: {layers}"
        if part is not None:
            return f"{ast.unparse(output)} is one of several that layers give"
        chain, members, averaged = layers, [layers.given], [layers.given]
    scope = module.scope_of(call)
    if len(module.names.bindings(bound.source.id, scope)) != 1:
        return f"{bound.source.id} is bound more than once"
    if module.scopes.resolve(bound.source.id, scope) is not module.scopes.resolve(
        bound.source.id, module.scope_of(bound.source)
    ):
        return f"{bound.source.id} is not the same where the loss is made"
    for member in members:
        if member is averaged[0]:
            continue
        if _depends(module, member, bound.source.id, frozenset()):
            return f"{ast.unparse(member)} may have been computed from {bound.source.id}"
    return call, averaged[0], name, chain, part


def _given_by(module: Module, output: ast.expr) -> tuple[str, ast.expr, Part | None] | str:
    """A name for the output of a model, what is called for it, and which part of that it is."""
    name, value = "outputs", output
    if isinstance(output, ast.Name):
        scope = module.scope_of(output)
        stmts = module.names.bindings(output.id, scope)
        reached = module.facts(scope).reaching_at(output, Symbol(output.id))
        stmt = next(iter(reached)).stmt if len(reached) == 1 else None
        if not isinstance(stmt, ast.Assign) or stmt not in stmts or len(stmt.targets) != 1:
            return f"what {output.id} is, is not seen"
        if scope is module.scopes.module and not only_here(module, output.id):
            return f"another module names {output.id}"
        line = _read_too(module, output.id, stmt, output)
        if line is not None:
            return f"line {line} uses {output.id}, too"
        name, value = output.id, stmt.value
        target = stmt.targets[0]
        if not isinstance(target, ast.Name):
            names = target.elts if isinstance(target, ast.Tuple) else []
            others = [each for each in names if isinstance(each, ast.Name)]
            places = [i for i, each in enumerate(others) if each.id == output.id]
            if len(others) != len(names) or len(places) != 1 or not isinstance(target, ast.Tuple):
                return f"what {output.id} is, is not seen"
            for other in others:
                line = _read_too(module, other.id, stmt, output)
                if line is not None:
                    return f"line {line} uses {other.id}, which the same call gives"
            return name, value, Part(places[0], target)
    if isinstance(value, ast.Subscript):
        if not isinstance(value.slice, ast.Constant) or not isinstance(value.slice.value, int):
            return f"{ast.unparse(value)} is not what a model gives"
        return name, value.value, Part(value.slice.value, value)
    return name, value, None


def _read_too(module: Module, name: str, stmt: ast.stmt, read: ast.expr) -> int | None:
    """The line that reads what ``stmt`` sets, other than ``read``."""
    scope = module.scope_of(stmt)
    for node in module.nodes:
        if not isinstance(node, ast.Name) or node.id != name or node is read:
            continue
        inner = module.scope_of(node)
        if not isinstance(node.ctx, ast.Load) or module.scopes.resolve(name, inner) is not scope:
            continue
        reached = module.facts(scope).reaching_at(node, Symbol(name)) if inner is scope else None
        if reached is None or any(each.stmt is stmt for each in reached):
            return node.lineno
    return None


def _depends(module: Module, name: ast.expr, source: str, seen: frozenset[str]) -> bool:
    """Whether ``name`` may have been computed from ``source``, both of one scope."""
    if not isinstance(name, ast.Name) or name.id == source:
        return True
    bound = module.names.bindings(name.id, module.scope_of(name))
    if len(bound) != 1 or not isinstance(bound[0], ast.Assign) or name.id in seen:
        return True
    return any(
        _depends(module, node, source, seen | {name.id})
        for node in ast.walk(bound[0].value)
        if isinstance(node, ast.Name) and not _is_object(module, node)
    )


def _is_object(module: Module, node: ast.Name) -> bool:
    """``self`` of ``self.generator(z)``, ``K`` of ``K.mean``, a model that is called: no tensor."""
    parent = module.parent_of(node)
    if module.names.resolve(node):
        return True
    if isinstance(parent, ast.Attribute):
        return node.id == "self"
    return isinstance(parent, ast.Call) and parent.func is node
