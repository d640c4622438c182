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
        values = compute(tf.constant(inputs[0], compute.inputs[0].dtype))
        return [value.numpy() for value in values]

The operations are the same, in the same order, on the same weights: a functional sub-model runs the
very layers whose symbolic outputs the old code read. The code that built the graph runs once, where
``K.function`` stood, for the same symbolic shapes: traced there and then, so that what it reads is
kept as it is at that moment, and as plain Python (``autograph=False``). Weights are read at each
call, as they were. The first step of the rewrite, made here, leaves the gradient call as it is,
inside the function; putting the tape there is the business of the other recipes.

A graph that goes through several functions is brought into one before: ``keras_inline`` writes out
a helper where it is called, ``keras_hoist`` makes a compiled function where its tensors are made,
``keras_unroll`` does so for what a Session runs and for what a comprehension compiles. If the graph
cannot move then, nothing is changed.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tape_migrate.flow.bindings import target_names
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
    refuse_shared,
)
from tape_migrate.shapes.keras_leaves import Collector, Leaf
from tape_migrate.shapes.keras_levels import Levels
from tape_migrate.shapes.keras_moves import Slice
from tape_migrate.shapes.keras_places import (
    constants_in,
    direct_model,
    dropped_with,
    named_apart,
    places_of_inputs,
)
from tape_migrate.shapes.keras_plan import KerasPlan, Result
from tape_migrate.shapes.keras_slice import slice_of
from tape_migrate.shapes.keras_users import users_of
from tape_migrate.shapes.kinds import value_given_by
from tape_migrate.shapes.plan import Refusal


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
    for parent in module.parents_below(call, stmt):
        if isinstance(parent, (ast.Lambda, ast.IfExp, ast.BoolOp, ast.ListComp, ast.GeneratorExp,
                               ast.DictComp, ast.SetComp)):  # fmt: skip
            return Refusal("TM141", "the K.function stands inside an expression of its own scope")
    for parent in module.parents(stmt):
        if isinstance(parent, ast.With) and any(is_graph_context(item) for item in parent.items):
            return Refusal("TM146", "the K.function is made inside a graph or session made default")
    shared = refuse_shared(module, scope)
    if shared is not None:
        return shared
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
    shared = _refuse_shared_lines(module, [*found.moved, stmt])
    if shared is not None:
        return shared
    own = [s for s in sites if _inside(module, s, [*found.moved, stmt])]
    return _assemble(context, dep, compiled, stmt, feeds, found, own, fed)


def _refuse_shared_lines(module: Module, stmts: list[ast.stmt]) -> Refusal | None:
    """Statements are copied into the function, and taken out, by whole lines."""
    for stmt in stmts:
        place = module.place_of(stmt)
        beside = place.block[max(place.index - 1, 0) : place.index + 2]
        if any(
            other is not stmt
            and module.first_line(other) <= module.last_line(stmt)
            and module.first_line(stmt) <= module.last_line(other)
            for other in beside
        ):
            return Refusal("TM141", f"line {stmt.lineno} holds several statements of the graph")
    return None


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
    if users.asked is not None:
        return Refusal(
            "TM143",
            f"{ast.unparse(users.asked)} (line {users.asked.lineno}) asks the K.function for what "
            "a plain function has not",
        )
    hidden = found.locals - {f.expr.id for f in feeds if isinstance(f.expr, ast.Name)}
    collected = Collector(module, scope, hidden, stmt).collect([*found.moved, outputs])
    if isinstance(collected, Refusal):
        return collected
    feeds = named_apart(feeds, [*found.moved, outputs], collected)
    places = places_of_inputs(feeds, collected)
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
    assumptions += [
        f"assumes that {ast.unparse(feed.expr)} is one tensor"
        for feed in (inputs if compiled.values is None else ())
        if isinstance(feed.expr, ast.Attribute) and feed.expr.attr == "input" and not feed.whole
        if not isinstance(module.parent_of(feed.expr), (ast.List, ast.Tuple))
    ]
    for site in own:
        refusal = refuse_optimizer(module, site, assumptions)
        if refusal is not None:
            return refusal
    if found.attributes:
        names = ", ".join(f"self.{name}" for name in sorted(found.attributes))
        assumptions.append(f"assumes that {names} (symbolic) is read nowhere else")
    direct = direct_model(leaves, inputs) if phase is None or len(feeds) == 1 else None
    named = [leaf.places[0][0] for leaf in leaves if direct is not None and leaf.is_name]
    dropped = dropped_with(module, dep, found, feeds, compiled, named)
    gone = target_names(
        [t for stmt in dropped if isinstance(stmt, ast.Assign) for t in stmt.targets]
    )
    if compiled.values is not None and isinstance(compiled.named, ast.Name):
        if compiled.named.id not in gone:
            # Eagerly, a dictionary takes no tensor as a key.
            text = compiled.named.id
            return Refusal("TM146", f"{text}, what the Session is fed, is used elsewhere, too")
    for leaf in leaves if direct is None else ():
        if any(isinstance(n, ast.Name) and n.id in gone for n in ast.walk(leaf.expr)):
            return Refusal(
                "TM140", f"{leaf.text} is read of what only gives the compiled function its inputs"
            )
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
        direct=direct,
        outputs=outputs,
        result=_result(module, levels, compiled),
        flat=not users.always_lists,
        fed=tuple(given),
        phase=phase,
        dropped=tuple(dropped),
        bound=users.stored and _in_loop(dep, stmt),
        constants=tuple(constants_in(context, found)),
        values=compiled.values,
        assumptions=tuple(assumptions),
        sites=tuple(own),
    )


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


def _result(module: Module, levels: Levels, compiled: Compiled) -> Result:
    outputs = compiled.outputs
    value = levels.value(outputs)
    if _holds_several(module, levels, outputs):
        return Result.NESTED
    if isinstance(outputs, (ast.List, ast.Tuple)) or value.holds:
        return Result.LIST
    outputs = _behind_name(module, outputs)
    single = isinstance(outputs, ast.BinOp) or (
        isinstance(outputs, ast.Subscript) and not _is_of_container(module, outputs.value)
    )
    single = single and value.symbolic
    if any(isinstance(node, _LISTS) for node in _added(outputs)):
        single = False
    return Result.SINGLE if single else Result.NESTED


_SAME_MEMBERS = frozenset({"list", "reversed", "sorted", "tuple"})
_LISTS = (ast.List, ast.Tuple, ast.ListComp)


def _added(expr: ast.expr) -> Iterator[ast.expr]:
    """What is put together by ``+``: tensors, or lists of them."""
    if isinstance(expr, ast.BinOp) and isinstance(expr.op, ast.Add):
        yield from _added(expr.left)
        yield from _added(expr.right)
    else:
        yield expr


def _holds_several(module: Module, levels: Levels, outputs: ast.expr) -> bool:
    """Whether lists or dictionaries are among the members of ``outputs``, or it is a dictionary."""
    outputs = _behind_name(module, outputs)
    match outputs:
        case ast.Dict() | ast.DictComp() | ast.Call(func=ast.Name(id="dict")):
            return True
        case ast.List(elts=items) | ast.Tuple(elts=items):
            members = [item for item in items if not isinstance(item, ast.Starred)]
            return any(levels.value(item).holds for item in members)
        case ast.Call(func=ast.Name(id=name), args=[inner, *_]) if name in _SAME_MEMBERS:
            return _holds_several(module, levels, inner)
        case ast.Subscript(value=inner, slice=ast.Slice()):
            return _holds_several(module, levels, inner)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return any(_holds_several(module, levels, side) for side in (left, right))
    return False


def _is_of_container(module: Module, held: ast.expr) -> bool:
    """Whether a member of ``held`` may be a list itself: it is no list of gradients or outputs."""
    match _behind_name(module, held):
        case ast.Call(func=func):
            return module.names.api_of(func) is None
        case ast.Attribute():
            return False
    return True


def _behind_name(module: Module, expr: ast.expr) -> ast.expr:
    """The only value that a name was given, or ``expr`` itself."""
    if not isinstance(expr, ast.Name):
        return expr
    symbol = Symbol(expr.id)
    reached = module.facts(module.scope_of(expr)).reaching_at(expr, symbol)
    stmts = [d.stmt for d in reached]
    if len(stmts) == 1 and stmts[0] is not None:
        return value_given_by(stmts[0], symbol) or expr
    return expr


def _in_loop(dep: Dependence, stmt: ast.stmt) -> bool:
    places = dep.module.places(stmt, within=dep.scope)
    return any(isinstance(place.owner, (ast.For, ast.While, ast.AsyncFor)) for place in places)
