"""What keeps a Keras graph from moving: graph mode, learning phases, clipping optimizers."""

from __future__ import annotations

import ast

from tape_migrate.flow.scope import Scope
from tape_migrate.module import Module
from tape_migrate.shapes.keras_calls import BACKEND
from tape_migrate.shapes.keras_levels import Levels
from tape_migrate.shapes.plan import Refusal
from tape_migrate.shapes.program import named_others_of

_TRAINS = ("fit", "fit_generator", "train_on_batch")
_UPDATES = frozenset({"update", "update_add", "update_sub", "moving_average_update"})
_ASSIGNS = frozenset(f"tensorflow.{name}" for name in ("assign", "assign_add", "assign_sub"))
_OF_GRAPHS = ("op", "graph", "consumers")
_OF_MODELS = ("input", "output", "layers", "get_layer", "predict")
_OF_CALLS = frozenset(
    {"get_output_at", "get_input_at", "get_input_shape_at", "get_output_shape_at"}
)


def is_graph_context(item: ast.withitem) -> bool:
    text = ast.unparse(item.context_expr)
    return any(word in text for word in ("as_default", "Session", "Graph", "session", "override"))


def refuse_optimizer(module: Module, site: ast.Call, assumptions: list[str]) -> Refusal | None:
    """``optimizer.get_gradients(loss, sources)`` is ``K.gradients``, but for clipping."""
    func = site.func
    if not isinstance(func, ast.Attribute):
        return None
    if func.attr == "compute_gradients":
        return Refusal("TM108", "compute_gradients of a Keras graph")
    if func.attr != "get_gradients":
        return None
    made = func.value
    if isinstance(made, ast.Name):
        bound = module.names.bindings(made.id, module.scope_of(made))
        if len(bound) == 1 and isinstance(bound[0], ast.Assign):
            made = bound[0].value
    if isinstance(made, ast.Call) and module.names.resolve(made.func).startswith("keras."):
        if any(k.arg is None or k.arg.startswith("clip") for k in made.keywords):
            return Refusal("TM108", f"{ast.unparse(func.value)} clips its gradients")
        return None
    assumptions.append(f"assumes that {ast.unparse(func.value)} clips no gradients")
    return None


def refuse_phase(module: Module) -> Refusal | None:
    """The learning phase that is set for the whole program, if that is not one of use alone."""
    for call in _phases(module):
        given = call.args[0] if call.args else None
        if given is None or not is_off(given):
            return Refusal("TM140", "the learning phase is set to something else than 0")
    setting = [module, *named_others_of(module, ("set_learning_phase",))]
    sets = next(((other, call) for other in setting for call in _phases(other)), None)
    if sets is None:
        return None
    training = [module, *named_others_of(module, _TRAINS)]
    trains = next(
        ((other, n) for other in training for name in _TRAINS for n in other.attributes(name)), None
    )
    if trains is None:
        return None
    return Refusal(
        "TM140",
        f"{ast.unparse(sets[1])} ({_place(module, *sets)}) holds for training, too "
        f"({_place(module, *trains)}), which eagerly runs in phase 1",
    )


def refuse_symbol_asked(module: Module) -> Refusal | None:
    """``model.output.op.inputs``, ``model.outputs = [x]``: what a graph has, and models had."""
    for name in _OF_GRAPHS:
        for node in module.attributes(name):
            if Levels.of(module).value(node.value).symbolic:
                return Refusal(
                    "TM146",
                    f"{ast.unparse(node)} (line {node.lineno}) asks a symbolic tensor for what "
                    "only a graph has",
                )
    for name in ("outputs", "inputs"):
        for node in module.attributes(name):
            if isinstance(node.ctx, ast.Store) and _is_model(module, node.value):
                return Refusal(
                    "TM140",
                    f"{ast.unparse(node)} (line {node.lineno}) is set by hand: what the model "
                    "computes, and what it says it does, are not the same",
                )
    return None


def _is_model(module: Module, value: ast.expr) -> bool:
    text = ast.unparse(value)
    asked = (node for name in _OF_MODELS for node in module.attributes(name))
    return text != "self" and any(ast.unparse(node.value) == text for node in asked)


def refuse_updates(module: Module, compiled: list[ast.Call]) -> Refusal | None:
    """``K.update_add(count, 1.0)``: a graph does it when it is asked to, eager code at once.

    ``compiled`` are the calls that compile graphs; what these are given to update is refused there.
    """
    if any(k.arg == "updates" for call in compiled for k in call.keywords):
        return None
    for call in module.of_kind(ast.Call):
        resolved = module.names.resolve(call.func)
        updates = resolved.removeprefix(BACKEND) in _UPDATES or resolved in _ASSIGNS
        if updates and not any(_does_later(module, p) for p in module.parents(call)):
            return Refusal(
                "TM146",
                f"{ast.unparse(call)} (line {call.lineno}) is done when a graph is asked for it, "
                "but eagerly at once",
            )
    return None


def refuse_needed(module: Module, compiled: list[ast.Call]) -> Refusal | None:
    """``K.function(…, updates=…)``: it needs a graph, and what moves needs eager execution."""
    for call in compiled:
        given = [k.value for k in call.keywords if k.arg == "updates"]
        given += call.args[2:3] if module.names.resolve(call.func) == BACKEND + "function" else []
        if any(not _is_nothing(value) for value in given):
            return Refusal(
                "TM145",
                f"the K.function of line {call.lineno} has updates=, which only a graph does, and "
                "what is migrated needs eager execution",
            )
    return None


def _is_nothing(value: ast.expr) -> bool:
    empty = isinstance(value, (ast.List, ast.Tuple)) and not value.elts
    return empty or (isinstance(value, ast.Constant) and value.value is None)


def refuse_assertions(module: Module) -> Refusal | None:
    """``tf.debugging.assert_positive(y)`` alone: no graph runs it, eager code does."""
    for stmt in module.of_kind(ast.Expr):
        call = stmt.value
        if not isinstance(call, ast.Call):
            continue
        func = call.func
        leaf = func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")
        if leaf.lower().startswith("assert"):
            if module.names.resolve(func).startswith("tensorflow."):
                return Refusal(
                    "TM146",
                    f"{ast.unparse(func)} (line {call.lineno}) is held by the graph and never run, "
                    "but eagerly at once",
                )
    return None


def refuse_attempt(module: Module, call: ast.Call) -> Refusal | None:
    """``try: f = K.function(…)``: where there is no gradient that raised, the new ``f`` does."""
    stmt = module.statement_of(call)
    for around in module.parents(call):
        if isinstance(around, (ast.FunctionDef, ast.Lambda, ast.ClassDef)):
            return None
        if not isinstance(around, ast.Try) or not around.handlers:
            continue
        body = [node for part in around.body for node in module.inside(part)]
        if not any(node is call for node in body):
            continue
        targets = stmt.targets if isinstance(stmt, ast.Assign) else []
        names = {ast.unparse(target) for target in targets}
        called = (n for n in body if isinstance(n, ast.Call) and ast.unparse(n.func) in names)
        if not any(called):
            return Refusal(
                "TM115",
                "the K.function is made in a try statement: where there is no gradient it raised "
                "there, and the new function raises where it is called",
            )
    return None


def _does_later(module: Module, around: ast.AST) -> bool:
    """A class, whose methods a graph calls, or what a ``K.function`` is given."""
    compiled = isinstance(around, ast.Call) and (
        module.names.resolve(around.func) == BACKEND + "function"
    )
    return compiled or isinstance(around, ast.ClassDef)


def _phases(module: Module) -> list[ast.Call]:
    if b"set_learning_phase" not in module.text:
        return []
    return [
        call
        for call in module.of_kind(ast.Call)
        if module.names.resolve(call.func) == BACKEND + "set_learning_phase"
    ]


def _place(module: Module, other: Module, node: ast.expr) -> str:
    return f"line {node.lineno}" if other is module else f"{other.path}, line {node.lineno}"


def refuse_shared(module: Module, scope: Scope) -> Refusal | None:
    """``layer.get_output_at(1)``: one of the calls of a layer, which Keras 3 cannot look up."""
    for node in module.inside(scope.node):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr in _OF_CALLS and module.scope_of(node) is scope:
                return Refusal(
                    "TM140",
                    f"{ast.unparse(node)} (line {node.lineno}) looks up one of the calls of a "
                    "shared layer, which Keras 3 cannot: name its output where it is called",
                )
    return None


def is_off(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value in (0, False)


def names_batch_norm(node: ast.AST) -> bool:
    name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
    return "batchnorm" in str(name).lower().replace("_", "")
