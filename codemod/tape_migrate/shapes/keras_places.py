"""Inputs of a compiled function among the moved code, and what goes with the code that moves."""

from __future__ import annotations

import ast
import re
from dataclasses import replace

from tape_migrate.flow.bindings import target_names
from tape_migrate.module import Module
from tape_migrate.shapes.context import Context
from tape_migrate.shapes.dependence import Dependence
from tape_migrate.shapes.keras_compiled import Compiled, Feed
from tape_migrate.shapes.keras_leaves import Leaf
from tape_migrate.shapes.keras_moves import Slice, becomes_constant
from tape_migrate.shapes.plan import Refusal


def places_of_inputs(feeds: list[Feed], leaves: list[Leaf]) -> dict[Leaf, str] | Refusal:
    """The leaves that are inputs of the compiled function, and what they are called in it."""
    known = {feed.canonical: feed.name for feed in feeds}
    models: dict[str, list[Feed]] = {}
    for feed in feeds:
        model = re.fullmatch(r"(.*)\.(?:input|inputs\[\d+\]|inputs)", feed.canonical)
        if model is not None:
            models.setdefault(model.group(1), []).append(feed)
    for model_name, own in models.items():
        names = [feed.name for feed in own]
        if own[0].whole:
            continue
        if len(own) == 1:
            # A model with one input: `model.input` is `model.inputs[0]`.
            for spelled in ("input", "inputs[0]"):
                known.setdefault(f"{model_name}.{spelled}", names[0])
            known.setdefault(f"{model_name}.inputs", f"[{names[0]}]")
        else:
            for spelled in ("input", "inputs"):
                known.setdefault(f"{model_name}.{spelled}", f"[{', '.join(names)}]")
    found = {leaf: known[leaf.canonical] for leaf in leaves if leaf.canonical in known}
    for leaf in leaves:
        for model_name, own in models.items():
            if own[0].whole and leaf not in found:
                if leaf.canonical.startswith(f"{model_name}.input"):
                    return Refusal("TM140", f"whether {leaf.text} is one tensor is not known")
    return found


def named_apart(feeds: list[Feed], parts: list[ast.AST], leaves: list[Leaf]) -> list[Feed]:
    """Parameters whose names mean nothing else in the moved code."""
    aside = {id(n) for leaf in leaves for place, _ in leaf.places for n in ast.walk(place)}
    used = {
        n.id
        for part in parts
        for n in ast.walk(part)
        if isinstance(n, ast.Name) and id(n) not in aside
    }
    # The models behind the leaves are read in the function too, where one is called itself.
    used |= {n.id for leaf in leaves for n in ast.walk(leaf.expr) if isinstance(n, ast.Name)}
    found: list[Feed] = []
    for feed in feeds:
        if isinstance(feed.expr, ast.Name) or feed.name not in used:
            found.append(feed)
        else:
            found.append(replace(feed, name=fresh_word(feed.name, used)))
    return found


def fresh_word(base: str, used: set[str]) -> str:
    """``base``, or with a number what is not among ``used``."""
    number = 2
    while f"{base}{number}" in used:
        number += 1
    return f"{base}{number}"


def direct_model(leaves: list[Leaf], inputs: list[Feed]) -> str | None:
    """The model whose only output is all that is read: it can be called itself."""
    if len(leaves) != 1 or not inputs:
        return None
    model, _, attribute = leaves[0].canonical.rpartition(".")
    own = [feed.canonical for feed in inputs]
    numbered = [f"{model}.inputs[{number}]" for number in range(len(own))]
    if own not in ([f"{model}.input"], [f"{model}.inputs"], numbered):
        return None
    if attribute not in ("output", "outputs[0]") or model.endswith((")", "]")):
        return None
    written, _, attribute = leaves[0].text.rpartition(".")
    return written if attribute in ("output", "outputs[0]") else model


def dropped_with(
    module: Module,
    dep: Dependence,
    found: Slice,
    feeds: list[Feed],
    compiled: Compiled,
    named: list[ast.expr],
) -> list[ast.stmt]:
    """Placeholders, and names of model inputs (or of their list) that nothing else reads.

    ``named`` are reads of outputs that are needed under no name outside the function.
    """
    dropped = [stmt for stmts in found.placeholders.values() for stmt in stmts]
    inside = {n for stmt in found.moved for n in dep.cfg.span(stmt)}
    if compiled.session is not None and any(compiled.session is s for s in found.block):
        dropped.append(compiled.session)
    if compiled.named is not None:
        listed = _only_for(module, dep, found, compiled.named, inside, compiled.call)
        dropped += listed
        inside |= {n for stmt in listed for n in dep.cfg.span(stmt)}
    for feed in feeds:
        # A name that is read as an input of the sub-model is still needed.
        if feed.model_input is not None and feed.model_input != ast.unparse(feed.expr):
            dropped += _only_for(module, dep, found, feed.expr, inside, compiled.call)
    for name in named:
        dropped += _only_for(module, dep, found, name, inside, compiled.call)
    return dropped


def _only_for(
    module: Module,
    dep: Dependence,
    found: Slice,
    name: ast.expr,
    inside: set[int],
    call: ast.Call,
) -> list[ast.stmt]:
    """The statement that names something for ``name``, a read that goes, and nothing else.

    What else it names is read by nothing that stays, either. ``call`` goes, and the nodes
    ``inside``.
    """
    if not isinstance(name, ast.Name):
        return []
    bound = module.names.bindings(name.id, dep.scope)
    if len(bound) != 1 or not any(bound[0] is stmt for stmt in found.block):
        return []
    stmt = bound[0]
    if not isinstance(stmt, ast.Assign) or len(stmt.targets) != 1:
        return []
    target = stmt.targets[0]
    names = target_names(stmt.targets)
    if not isinstance(target, ast.Name):
        plain = isinstance(target, ast.Tuple) and all(isinstance(t, ast.Name) for t in target.elts)
        if not plain or any(isinstance(node, ast.Call) for node in ast.walk(stmt.value)):
            return []  # it does more than to give names
    if any(len(module.names.bindings(other, dep.scope)) != 1 for other in names):
        return []
    going = {id(node) for node in ast.walk(call)}
    for node in module.nodes:
        if not isinstance(node, ast.Name) or node.id not in names or id(node) in going:
            continue
        if not isinstance(node.ctx, ast.Load):
            continue
        scope = module.scope_of(node)
        if scope is not dep.scope:
            if module.scopes.resolve(node.id, scope) is dep.scope:
                return []
        elif dep.facts.node_id(node) not in inside:
            return []
    return [stmt]


def constants_in(context: Context, found: Slice) -> list[ast.expr]:
    """Callees of ``K.variable(0.)`` in moved code and what it calls: no variable is meant."""
    functions = context.summaries.called_functions(found.moved)
    return [
        node.func
        for part in [*found.moved, *functions]
        for node in ast.walk(part)
        if isinstance(node, ast.Call) and becomes_constant(context.module, node)
    ]
