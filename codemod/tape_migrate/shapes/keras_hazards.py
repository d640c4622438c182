"""What keeps a Keras graph from moving: graph mode, learning phases, clipping optimizers."""

from __future__ import annotations

import ast

from tape_migrate.flow.scope import Scope
from tape_migrate.module import Module
from tape_migrate.shapes.keras_calls import BACKEND
from tape_migrate.shapes.plan import Refusal

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
    for node in module.nodes:
        if isinstance(node, ast.Call):
            if module.names.resolve(node.func) == BACKEND + "set_learning_phase":
                given = node.args[0] if node.args else None
                if given is None or not is_off(given):
                    return Refusal("TM140", "the learning phase is set to something else than 0")
    return None


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
