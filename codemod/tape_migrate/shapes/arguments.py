"""Read the arguments of a gradient call: which is target, which are sources, what is dropped."""

from __future__ import annotations

import ast
from typing import Final

from tape_migrate.model import Api
from tape_migrate.module import Module
from tape_migrate.shapes.plan import Refusal, Request
from tape_migrate.sites import Found

_TF: Final = (
    "ys",
    "xs",
    "grad_ys",
    "name",
    "colocate_gradients_with_ops",
    "gate_gradients",
    "aggregation_method",
    "stop_gradients",
    "unconnected_gradients",
)
_V2: Final = ("ys", "xs", "grad_ys", "name", "gate_gradients", "aggregation_method",
              "stop_gradients", "unconnected_gradients")  # fmt: skip
_HESSIANS: Final = (
    "ys",
    "xs",
    "name",
    "colocate_gradients_with_ops",
    "gate_gradients",
    "aggregation_method",
)
_KERAS: Final = ("loss", "variables")

_SAME_IN_BOTH: Final = 4
"""Positional arguments that mean the same in TensorFlow 1 and 2."""

_ROLE: Final = {"loss": "ys", "variables": "xs"}
_NEW_NAME: Final = {
    "ys": "target",
    "xs": "sources",
    "grad_ys": "output_gradients",
    "unconnected_gradients": "unconnected_gradients",
}
_DROPPED: Final = {
    "name": "the name of the operations",
    "colocate_gradients_with_ops": "colocation with the forward operations",
    "gate_gradients": "gating",
    "aggregation_method": "the aggregation method",
    "stop_gradients": "",
}


def read_arguments(found: Found, *, spelled: str) -> Request | Refusal:
    """Sort the arguments of ``found`` by role; ``spelled`` is the dotted name as written."""
    call = found.call
    parameters = _parameters(found.site.api, spelled)
    roles: dict[str, ast.expr] = {}
    renamed: list[tuple[ast.keyword, str]] = []
    named: list[tuple[ast.expr, str]] = []
    dropped: list[ast.expr | ast.keyword] = []
    notes: list[str] = []
    if any(isinstance(arg, ast.Starred) for arg in call.args) or len(call.args) > len(parameters):
        return Refusal("TM113", "the positional arguments cannot be told apart (*args)")
    if found.site.api is Api.TF_GRADIENTS and len(call.args) > _SAME_IN_BOTH:
        return Refusal(
            "TM113", "TensorFlow 1 and 2 give the fifth positional argument different meanings"
        )
    for position, (parameter, arg) in enumerate(zip(parameters, call.args, strict=False)):
        role = _ROLE.get(parameter, parameter)
        roles[role] = arg
        if role in _DROPPED:
            dropped.append(arg)
        elif position >= 2:
            named.append((arg, _NEW_NAME[role]))
    for keyword in call.keywords:
        if keyword.arg is None:
            return Refusal("TM113", "**kwargs may hold any argument of the gradient call")
        role = _ROLE.get(keyword.arg, keyword.arg)
        if keyword.arg not in parameters or role in roles:
            return Refusal("TM113", f"{keyword.arg}= is not an argument of this gradient call")
        roles[role] = keyword.value
        if role in _DROPPED:
            dropped.append(keyword)
        elif _NEW_NAME[role] != keyword.arg:
            renamed.append((keyword, _NEW_NAME[role]))
    if "ys" not in roles or "xs" not in roles:
        return Refusal("TM113", "the target or the sources are missing from the call")
    for role, what in _DROPPED.items():
        value = roles.get(role)
        if what and value is not None and not _is_default(value):
            notes.append(f"drops {role}= ({what}), which a tape does not have")
    grad_ys = roles.get("grad_ys")
    if isinstance(grad_ys, ast.Constant) and grad_ys.value is None:
        # `grad_ys=None` is the default of the tape as well.
        grad_ys = None
    return Request(
        found=found,
        target=roles["ys"],
        source=roles["xs"],
        output_gradients=grad_ys,
        stop_gradients=_unless_none(roles.get("stop_gradients")),
        unconnected=roles.get("unconnected_gradients"),
        renamed=tuple(renamed),
        named=tuple(named),
        dropped=tuple(dropped),
        notes=tuple(notes),
    )


def _parameters(api: Api, spelled: str) -> tuple[str, ...]:
    if api is Api.TF_HESSIANS:
        return _HESSIANS
    if api is Api.K_GRADIENTS:
        return _KERAS
    return _V2 if spelled.endswith("gradients_v2") else _TF


def _is_default(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value in (None, False)


def _unless_none(value: ast.expr | None) -> ast.expr | None:
    if isinstance(value, ast.Constant) and value.value is None:
        return None
    if isinstance(value, (ast.List, ast.Tuple)) and not value.elts:
        return None
    return value


def elements(expr: ast.expr) -> tuple[ast.expr, ...]:
    """The members of a list or tuple display, or the expression itself."""
    if isinstance(expr, (ast.List, ast.Tuple)):
        return tuple(expr.elts)
    return (expr,)


def hides_none(module: Module, grads: ast.expr | None) -> bool:
    """Whether a member of the list ``grads`` may be None and is not written as such."""
    given: list[ast.expr] = []
    if isinstance(grads, (ast.List, ast.Tuple)):
        given = [item for item in grads.elts if not isinstance(item, ast.Constant)]
    elif isinstance(grads, ast.Name):
        bound = module.names.bindings(grads.id, module.scope_of(grads))
        values = [stmt.value for stmt in bound if isinstance(stmt, ast.Assign)]
        given = [v for v in values if isinstance(v, (ast.List, ast.Tuple, ast.ListComp, ast.BinOp))]
    elif isinstance(grads, (ast.ListComp, ast.BinOp)):
        given = [grads]
    return any(
        isinstance(node, ast.Constant)
        and node.value is None
        and not isinstance(module.parent_of(node), (ast.Compare, ast.Slice, ast.Subscript))
        and not any(isinstance(p, ast.Call) for p in module.parents_below(node, value))
        for value in given
        for node in ast.walk(value)
    )
