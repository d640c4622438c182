"""``K.gradients`` with ``K.function``: a sub-model, called in a tape, in a compiled function.

Before::

    loss = K.mean(model.get_layer('conv').output[:, :, :, 0])
    grads = K.gradients(loss, model.input)[0]
    iterate = K.function([model.input], [loss, grads])

After::

    features = tf.keras.Model(model.inputs, model.get_layer('conv').output)

    @tf.function(autograph=False)
    def compute(inputs):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            layer_output = features(inputs, training=False)
            loss = K.mean(layer_output[:, :, :, 0])
        grads = tape.gradient(loss, inputs)
        return [loss, grads]

    compute = compute.get_concrete_function(
        tf.TensorSpec(features.inputs[0].shape, features.inputs[0].dtype),
    )

    def iterate(inputs):
        return [value.numpy() for value in compute(tf.cast(inputs[0], compute.inputs[0].dtype))]

The operations are the same, in the same order, on the same weights: a functional sub-model runs the
very layers whose symbolic outputs the old code read. The code that built the graph runs once, where
``K.function`` stood, for the same symbolic shapes: traced there and then, so that what it reads is
kept as it is at that moment, and as plain Python (``autograph=False``). Weights are read at each
call, as they were. The first step of the rewrite, made here, leaves the gradient call as it is,
inside the function; putting the tape there is the business of the other recipes.
"""

from __future__ import annotations

import ast
import enum
import re
from dataclasses import dataclass, replace

from tape_migrate.flow.scope import ScopeKind
from tape_migrate.flow.symbols import Symbol
from tape_migrate.module import Module
from tape_migrate.shapes.context import Context
from tape_migrate.shapes.dependence import Dependence
from tape_migrate.shapes.keras_calls import BACKEND
from tape_migrate.shapes.keras_compiled import (
    Compiled,
    Feed,
    feeds_of,
    phase_of,
    read_compiled,
)
from tape_migrate.shapes.keras_fed import Fed, fed_inputs
from tape_migrate.shapes.keras_hazards import (
    is_graph_context,
    is_off,
    names_batch_norm,
    refuse_optimizer,
    refuse_phase,
)
from tape_migrate.shapes.keras_leaves import Collector, Leaf
from tape_migrate.shapes.keras_levels import Levels
from tape_migrate.shapes.keras_moves import Slice
from tape_migrate.shapes.keras_slice import slice_of
from tape_migrate.shapes.keras_users import users_of
from tape_migrate.shapes.kinds import value_given_by
from tape_migrate.shapes.plan import Refusal


class Result(enum.Enum):
    """What the compiled function gives back."""

    LIST = "list"
    SINGLE = "single"
    NESTED = "nested"


@dataclass(frozen=True)
class KerasPlan:
    """How one ``K.function`` and the graph behind it become a compiled function."""

    call: ast.Call
    stmt: ast.stmt
    name: str | None
    """The name that the compiled function is assigned to, if it plainly is."""
    slice: Slice
    feeds: tuple[Feed, ...]
    leaves: tuple[Leaf, ...]
    """Outputs of the sub-model."""
    input_places: tuple[tuple[ast.expr, str], ...]
    """Reads of inputs among the moved code, and the text that stands for them there."""
    direct: str | None
    """The model to be called itself, where all that is read of it is its output."""
    outputs: ast.expr
    result: Result
    flat: bool
    """Whether callers may give one array instead of a list."""
    fed: tuple[Fed, ...]
    """Model inputs that are given a tensor computed in the function."""
    phase: int | None
    """Position of the learning phase among the inputs, if it is passed on."""
    dropped: tuple[ast.stmt, ...]
    """Statements that only named what are parameters now."""
    bound: bool
    """Made in a loop and kept: it has to hold on to what is made in this turn."""
    constants: tuple[ast.expr, ...]
    """``K.variable`` callees where a constant is meant."""
    values: tuple[ast.expr, ...] | None
    """What the function is called with at once, in the place of a Session's run."""
    assumptions: tuple[str, ...]
    sites: tuple[ast.Call, ...]


def plan_function(context: Context, call: ast.Call, sites: list[ast.Call]) -> KerasPlan | Refusal:
    """Plan for ``call``, a ``K.function`` on whose way the gradient calls ``sites`` stand.

    ``sites`` are all pending gradient calls of the module; those that do not move stay out of it.
    """
    module = context.module
    scope = module.scope_of(call)
    if scope.kind not in (ScopeKind.FUNCTION, ScopeKind.MODULE):
        return Refusal("TM141", "the K.function stands where no function can be put before it")
    stmt = module.statement_of(call)
    if not isinstance(stmt, (ast.Assign, ast.AnnAssign, ast.Expr, ast.Return)):
        return Refusal("TM141", "the K.function stands where no function can be put before it")
    for parent in module.parents(call):
        if parent is stmt:
            break
        if isinstance(parent, (ast.Lambda, ast.IfExp, ast.BoolOp, ast.ListComp, ast.GeneratorExp,
                               ast.DictComp, ast.SetComp)):  # fmt: skip
            return Refusal("TM141", "the K.function stands inside an expression of its own scope")
    for parent in module.parents(stmt):
        if isinstance(parent, ast.With) and any(is_graph_context(item) for item in parent.items):
            return Refusal("TM146", "the K.function is made inside a graph or session made default")
    compiled = read_compiled(module, call)
    if isinstance(compiled, Refusal):
        return compiled
    dep = context.dependence(scope)
    feeds = feeds_of(module, dep, compiled)
    if isinstance(feeds, Refusal):
        return feeds
    outputs = compiled.outputs
    names = frozenset(f.expr.id for f in feeds if isinstance(f.expr, ast.Name))
    fed: list[Fed] = []
    if all(feed.model_input is None for feed in feeds):
        given = fed_inputs(module, dep, module.place_of(stmt).block, stmt)
        if isinstance(given, Refusal):
            return given
        fed = given
    found = slice_of(module, dep, stmt, outputs, names, [(f.stmt, f.value) for f in fed])
    if isinstance(found, Refusal):
        return found
    own = [s for s in sites if _inside(module, s, [*found.moved, stmt])]
    return _assemble(context, dep, compiled, stmt, feeds, found, own, fed)


def _assemble(
    context: Context,
    dep: Dependence,
    compiled: Compiled,
    stmt: ast.stmt,
    feeds: list[Feed],
    found: Slice,
    own: list[ast.Call],
    given: list[Fed],
) -> KerasPlan | Refusal:
    module, scope = context.module, dep.scope
    levels = Levels.of(module)
    call, outputs = compiled.call, compiled.outputs
    phase = phase_of(module, compiled)
    users = users_of(module, compiled, stmt)
    hidden = found.locals - {f.expr.id for f in feeds if isinstance(f.expr, ast.Name)}
    collected = Collector(module, scope, hidden).collect([*found.moved, outputs])
    if isinstance(collected, Refusal):
        return collected
    feeds = _named_apart(feeds, [*found.moved, outputs], collected)
    places = _places_of_inputs(feeds, collected)
    if isinstance(places, Refusal):
        return places
    leaves = [leaf for leaf in collected if leaf not in places]
    inputs = [feed for feed in feeds if feed.model_input is not None]
    if not leaves:
        given = []
    if leaves and not inputs and not given:
        return Refusal("TM140", f"{leaves[0].text} belongs to no input of the compiled function")
    for site in own:
        target = site.args[0] if site.args else None
        if target is not None and not levels.value(target).symbolic:
            return Refusal(
                "TM140", f"nothing tells that {ast.unparse(target)} is computed from the inputs"
            )
    uses_phase = [
        node
        for part in [*found.moved, outputs]
        for node in ast.walk(part)
        if isinstance(node, ast.Call)
        and module.names.resolve(node.func) == BACKEND + "learning_phase"
    ]
    if uses_phase:
        return Refusal("TM140", "the learning phase is computed with")
    phase_set = refuse_phase(module)
    if phase_set is not None:
        return phase_set
    assumptions: list[str] = []
    if phase is not None:
        values = users.values_at(phase)
        if values is not None and all(is_off(value) for value in values):
            phase = None
        else:
            if any(names_batch_norm(node) for node in module.nodes):
                return Refusal(
                    "TM140", "a call in learning phase 1 would move BatchNormalization's averages"
                )
            assumptions.append(
                "assumes that the model holds no BatchNormalization, whose averages a call with "
                "learning phase 1 would move now"
            )
    assumptions += [
        f"assumes that {leaf.text} is one tensor"
        for leaf in leaves
        if not leaf.holds and any(_is_source(site, leaf) for site in own)
    ]
    for site in own:
        refusal = refuse_optimizer(module, site, assumptions)
        if refusal is not None:
            return refusal
    if found.attributes:
        names = ", ".join(f"self.{name}" for name in sorted(found.attributes))
        assumptions.append(f"assumes that {names} (symbolic) is read nowhere else")
    return KerasPlan(
        call=call,
        stmt=stmt,
        name=_assigned_name(stmt, call) if compiled.values is None else None,
        slice=found,
        feeds=tuple(feeds),
        leaves=tuple(leaves),
        input_places=tuple(
            (place, text) for leaf, text in places.items() for place, _ in leaf.places
        ),
        direct=_direct(leaves, inputs) if phase is None or len(feeds) == 1 else None,
        outputs=outputs,
        result=_result(module, levels, compiled),
        flat=not users.always_lists,
        fed=tuple(given),
        phase=phase,
        dropped=tuple(_dropped(module, dep, found, feeds, compiled)),
        bound=users.stored and _in_loop(dep, stmt),
        constants=tuple(_constants(context, found)),
        values=compiled.values,
        assumptions=tuple(assumptions),
        sites=tuple(own),
    )


def _places_of_inputs(feeds: list[Feed], leaves: list[Leaf]) -> dict[Leaf, str] | Refusal:
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


def _named_apart(feeds: list[Feed], parts: list[ast.AST], leaves: list[Leaf]) -> list[Feed]:
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


def _is_source(site: ast.Call, leaf: Leaf) -> bool:
    sources = site.args[1] if len(site.args) > 1 else None
    return sources is not None and any(
        place is node for place, _ in leaf.places for node in ast.walk(sources)
    )


def _inside(module: Module, node: ast.AST, stmts: list[ast.stmt]) -> bool:
    return any(parent is stmt for parent in module.parents(node) for stmt in stmts)


def _assigned_name(stmt: ast.stmt, call: ast.Call) -> str | None:
    if isinstance(stmt, ast.Assign) and stmt.value is call and len(stmt.targets) == 1:
        target = stmt.targets[0]
        if isinstance(target, ast.Name):
            return target.id
    return None


def _direct(leaves: list[Leaf], inputs: list[Feed]) -> str | None:
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
    return model


def _result(module: Module, levels: Levels, compiled: Compiled) -> Result:
    outputs = compiled.outputs
    value = levels.value(outputs)
    if isinstance(outputs, (ast.List, ast.Tuple)) or value.holds:
        return Result.LIST
    if isinstance(outputs, ast.Name):
        symbol = Symbol(outputs.id)
        reached = module.facts(module.scope_of(outputs)).reaching_at(outputs, symbol)
        stmts = [d.stmt for d in reached]
        if len(stmts) == 1 and stmts[0] is not None:
            outputs = value_given_by(stmts[0], symbol) or outputs
    single = isinstance(outputs, (ast.BinOp, ast.Subscript)) and value.symbolic
    return Result.SINGLE if single else Result.NESTED


def _in_loop(dep: Dependence, stmt: ast.stmt) -> bool:
    places = dep.module.places(stmt, within=dep.scope)
    return any(isinstance(place.owner, (ast.For, ast.While, ast.AsyncFor)) for place in places)


def _dropped(
    module: Module, dep: Dependence, found: Slice, feeds: list[Feed], compiled: Compiled
) -> list[ast.stmt]:
    """Placeholders, and names of model inputs (or of their list) that nothing else reads."""
    dropped = [stmt for stmts in found.placeholders.values() for stmt in stmts]
    inside = {n for stmt in found.moved for n in dep.cfg.span(stmt)}
    if compiled.session is not None and any(compiled.session is s for s in found.block):
        dropped.append(compiled.session)
    if compiled.named is not None:
        listed = _only_for(module, dep, found, compiled.named, inside)
        dropped += listed
        inside |= {n for stmt in listed for n in dep.cfg.span(stmt)}
        inside.add(dep.facts.node_id(compiled.named))
    for feed in feeds:
        # A name that is read as an input of the sub-model is still needed.
        if feed.model_input is not None and feed.model_input != ast.unparse(feed.expr):
            dropped += _only_for(module, dep, found, feed.expr, inside)
    return dropped


def _only_for(
    module: Module, dep: Dependence, found: Slice, name: ast.expr, inside: set[int]
) -> list[ast.stmt]:
    """The statement that names something for ``name``, a read that goes, and nothing else."""
    if not isinstance(name, ast.Name):
        return []
    bound = module.names.bindings(name.id, dep.scope)
    if len(bound) != 1 or not any(bound[0] is stmt for stmt in found.block):
        return []
    stmt = bound[0]
    if not isinstance(stmt, ast.Assign) or len(stmt.targets) != 1:
        return []
    made = dep.facts.node_id(name)
    for node in module.nodes:
        if not isinstance(node, ast.Name) or node.id != name.id:
            continue
        if not isinstance(node.ctx, ast.Load):
            continue
        scope = module.scope_of(node)
        if scope is not dep.scope:
            if module.scopes.resolve(node.id, scope) is dep.scope:
                return []
        elif dep.facts.node_id(node) not in inside | {made}:
            return []
    return [stmt]


def _constants(context: Context, found: Slice) -> list[ast.expr]:
    """Callees of ``K.variable(0.)`` in moved code and what it calls: no variable is meant."""
    module = context.module
    functions = context.summaries.called_functions(found.moved)
    return [
        node.func
        for part in [*found.moved, *functions]
        for node in ast.walk(part)
        if isinstance(node, ast.Call)
        and module.names.resolve(node.func) == BACKEND + "variable"
        and len(node.args) == 1
        and isinstance(node.args[0], ast.Constant)
    ]
