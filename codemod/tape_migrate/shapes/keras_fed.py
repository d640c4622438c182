"""Models that are built on a given tensor: ``VGG19(input_tensor=K.concatenate([a, b], axis=0))``.

No Keras of TensorFlow 2 builds a model on a tensor that is none of its own. The model is built on
an ``Input`` instead, and the sub-model is called with what the tensor becomes in the function.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass

from tape_migrate.flow.symbols import Symbol
from tape_migrate.module import Module
from tape_migrate.shapes.dependence import Dependence
from tape_migrate.shapes.keras_calls import BACKEND, INPUTS
from tape_migrate.shapes.keras_levels import Levels
from tape_migrate.shapes.keras_values import Level
from tape_migrate.shapes.kinds import value_given_by
from tape_migrate.shapes.plan import Refusal

_BATCH_AXIS = 0


@dataclass(frozen=True)
class Fed:
    """A model input that is given a tensor."""

    stmt: ast.stmt
    """The statement that makes the input or the model."""
    keyword: ast.keyword
    value: ast.expr
    model_input: str
    """An expression for the input, as an input of the sub-model."""
    shape: str | None
    """The shape of one member of the batch, for the new ``Input``; None to drop the keyword."""
    whole: bool = False
    """``shape`` includes the batch."""


def fed_inputs(
    module: Module, dep: Dependence, block: list[ast.stmt], before: ast.stmt
) -> list[Fed] | Refusal:
    """The inputs that statements of ``block`` before ``before`` give a tensor."""
    found: list[Fed] = []
    for stmt in block[: block.index(before)]:
        if not isinstance(stmt, ast.Assign) or not isinstance(stmt.value, ast.Call):
            continue
        call = stmt.value
        is_input = module.names.resolve(call.func) in INPUTS
        name = "tensor" if is_input else "input_tensor"
        for keyword in call.keywords:
            if keyword.arg != name or _is_none(keyword.value):
                continue
            made = _fed(module, dep, stmt, call, keyword, is_input=is_input)
            if isinstance(made, Refusal):
                return made
            if made is not None:
                found.append(made)
    return found


def _is_none(expr: ast.expr) -> bool:
    return isinstance(expr, ast.Constant) and expr.value is None


def _fed(
    module: Module,
    dep: Dependence,
    stmt: ast.Assign,
    call: ast.Call,
    keyword: ast.keyword,
    *,
    is_input: bool,
) -> Fed | Refusal | None:
    levels = Levels.of(module)
    value = levels.value(keyword.value)
    graph_value = value.symbolic and value.level is Level.GRAPH
    if value.symbolic and not graph_value:
        return None  # built on an Input already
    target = stmt.targets[0]
    if len(stmt.targets) != 1 or not isinstance(target, ast.Name):
        return Refusal("TM140", "the model built on a given tensor has no plain name")
    where = target.id if is_input else f"{target.id}.inputs[0]"
    if is_input and any(k.arg in ("shape", "batch_shape") for k in call.keywords):
        return Fed(stmt, keyword, keyword.value, where, None)
    if is_input and call.args:
        return Fed(stmt, keyword, keyword.value, where, None)
    if not graph_value:
        if not isinstance(keyword.value, (ast.Name, ast.Attribute)):
            return Refusal("TM140", "the shape of the model's input is not known here")
        text = f"{ast.unparse(keyword.value)}.shape"
        return Fed(stmt, keyword, keyword.value, where, text, whole=True)
    shape = _shape(module, dep, stmt, keyword.value)
    if shape is None:
        return Refusal(
            "TM140", f"the shape of {ast.unparse(keyword.value)}, the model's input, is not known"
        )
    return Fed(stmt, keyword, keyword.value, where, shape)


def _shape(module: Module, dep: Dependence, stmt: ast.stmt, expr: ast.expr) -> str | None:
    """The shape of one member of a batch, from the placeholder in it."""
    made = _definition(module, dep, stmt, expr)
    if isinstance(made, ast.Call):
        resolved = module.names.resolve(made.func)
        if resolved in (BACKEND + "concatenate", "tensorflow.concat") and made.args:
            axis = [k.value for k in made.keywords if k.arg == "axis"] or made.args[1:2]
            along = axis[0] if axis else None
            if not (isinstance(along, ast.Constant) and along.value == _BATCH_AXIS):
                return None
            parts = made.args[0]
            for part in parts.elts if isinstance(parts, (ast.List, ast.Tuple)) else []:
                shape = _placeholder_shape(module, dep, stmt, part)
                if shape is not None:
                    return shape
            return None
    return _placeholder_shape(module, dep, stmt, expr)


def _definition(module: Module, dep: Dependence, stmt: ast.stmt, expr: ast.expr) -> ast.expr | None:
    if not isinstance(expr, ast.Name):
        return expr
    bound = module.names.bindings(expr.id, dep.scope)
    if len(bound) != 1 or not isinstance(bound[0], ast.Assign):
        return None

    return value_given_by(bound[0], Symbol(expr.id))


def _placeholder_shape(
    module: Module, dep: Dependence, stmt: ast.stmt, expr: ast.expr
) -> str | None:
    if not isinstance(expr, ast.Name):
        return None
    bound = module.names.bindings(expr.id, dep.scope)
    shapes: list[ast.expr] = []
    for node in bound:
        if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Call):
            return None
        if module.names.resolve(node.value.func) != BACKEND + "placeholder":
            return None
        shape = placeholder_shape(node.value)
        if shape is None:
            return None
        shapes.append(shape)
    if len(shapes) > 1:
        return f"{shape_name(expr.id)}[1:]"
    if not shapes:
        return None
    only = shapes[0]
    if isinstance(only, ast.Tuple) and len(only.elts) > 1:
        rest = ", ".join(ast.unparse(item) for item in only.elts[1:])
        return f"({rest},)" if len(only.elts) == 2 else f"({rest})"
    return f"{ast.unparse(only)}[1:]" if isinstance(only, (ast.Name, ast.Attribute)) else None


def placeholder_shape(call: ast.Call) -> ast.expr | None:
    """The shape that a ``K.placeholder`` call gives."""
    if call.args:
        return call.args[0]
    return next((k.value for k in call.keywords if k.arg == "shape"), None)


def shape_name(name: str) -> str:
    """The name of a placeholder's shape, where it has to be kept."""
    return f"{name}_shape"
