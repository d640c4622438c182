"""Find every gradient call of a module.

Calls of functions are found by resolved name. Optimizer methods (``get_gradients``,
``compute_gradients``) have no importable name: there the receiver decides, and a method of an
object that is not plainly an optimizer is not ours. ``minimize`` of a tensor is a gradient call
only where it raises (``shapes/minimize``).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from tape_migrate.flow.scope import Scope, ScopeKind
from tape_migrate.model import Api, Site
from tape_migrate.module import Module
from tape_migrate.names import WORDS

_METHODS: Final = {
    "get_gradients": Api.OPTIMIZER_GET_GRADIENTS,
    "compute_gradients": Api.OPTIMIZER_COMPUTE_GRADIENTS,
    "minimize": Api.OPTIMIZER_MINIMIZE,
}

_OPTIMIZER_NAME: Final = re.compile(
    r"(^|_)(opt|optim|optimizer|optimiser|sgd|adam|rmsprop|trainer)\d*(_|$)|optimi[sz]er",
    re.IGNORECASE,
)

_WORDS: Final = frozenset((*WORDS, *_METHODS))


@dataclass(frozen=True)
class Found:
    """A gradient call and its tree node."""

    site: Site
    call: ast.Call
    scope: Scope


def may_hold_sites(nodes: Iterable[ast.AST]) -> bool:
    """Whether any identifier among the nodes is one of the words (far cheaper than resolving)."""
    for node in nodes:
        if isinstance(node, ast.Attribute):
            if node.attr in _WORDS:
                return True
        elif isinstance(node, ast.ImportFrom):
            # A project may export the function under a name of its own (`tf_gradients`).
            if any(
                alias.name == "*" or "gradients" in alias.name or alias.name in _WORDS
                for alias in node.names
            ):
                return True
        elif isinstance(node, ast.Name) and node.id in _WORDS:
            return True
    return False


def find_sites(module: Module) -> list[Found]:
    """Every gradient call, in source order (found once for a module)."""
    known = module.memo.get("sites")
    if isinstance(known, list):
        return known
    found = _find_sites(module) if may_hold_sites(module.nodes) else []
    module.memo["sites"] = found
    return found


def _find_sites(module: Module) -> list[Found]:
    found: list[Found] = []
    callees = _Callees(module)
    for node in module.of_kind(ast.Call):
        if not callees.may_be_api(node.func):
            continue
        api = module.names.api_of(node.func) or _optimizer_method(module, node)
        if api is not None:
            found.append(_found(module, node, api))
    found.sort(key=lambda f: (f.call.lineno, f.call.col_offset, -module.end(f.call)))
    return found


class _Callees:
    """Sorts out in no time the callees that cannot be a gradient function."""

    def __init__(self, module: Module) -> None:
        self._module = module
        self._aliases: dict[str, bool] = {}

    def may_be_api(self, func: ast.expr) -> bool:
        if isinstance(func, ast.Attribute):
            return func.attr in _WORDS
        if not isinstance(func, ast.Name):
            return False
        known = self._aliases.get(func.id)
        if known is None:
            # A plain name is looked at if anything but a def or class binds it.
            names = self._module.names
            known = self._aliases[func.id] = func.id in _WORDS or names.is_alias(func.id)
        return known


def _found(module: Module, call: ast.Call, api: Api) -> Found:
    scope = module.scope_of(call)
    line = module.text[module.line_start(call.lineno) : module.start(call)]
    column = len(line.decode("utf-8")) + 1
    return Found(Site(call.lineno, column, api, function_name(scope)), call, scope)


def function_name(scope: Scope) -> str:
    """Qualified name of the innermost function around (lambdas are looked through)."""
    named: Scope | None = scope
    while named is not None and named.kind is ScopeKind.LAMBDA:
        named = named.parent
    return named.qualname if named is not None else "<module>"


def _optimizer_method(module: Module, call: ast.Call) -> Api | None:
    func = call.func
    if not isinstance(func, ast.Attribute) or func.attr not in _METHODS:
        return None
    api = _METHODS[func.attr]
    if api is Api.OPTIMIZER_MINIMIZE:
        # Only modules that turn eager execution on may hold one: the others need not look.
        from tape_migrate.shapes.minimize import is_eager_minimize  # noqa: PLC0415

        return api if is_eager_minimize(module, call) else None
    return api if _is_optimizer(module, func.value) else None


def _is_optimizer(module: Module, receiver: ast.expr) -> bool:
    if isinstance(receiver, ast.Call):
        name = _last_part(receiver.func)
        if name == "super":
            return _in_optimizer_class(module, receiver)
        return _is_optimizer_class_name(name)
    if isinstance(receiver, ast.Name) and receiver.id in ("self", "cls"):
        return _in_optimizer_class(module, receiver)
    if module.names.resolve(receiver).startswith(("tensorflow.train.", "keras.optimizers.")):
        return True
    name = _last_part(receiver)
    if _OPTIMIZER_NAME.search(name) or _is_optimizer_class_name(name):
        return True
    return any(
        isinstance(value, ast.Call) and _is_optimizer_class_name(_last_part(value.func))
        for value in _assigned(module, receiver)
    )


def _assigned(module: Module, receiver: ast.expr) -> Iterator[ast.expr | None]:
    """What the module assigns to a name, or to an attribute of that name."""
    bound: list[ast.AST | None] = []
    if isinstance(receiver, ast.Name):
        bound = module.names.bindings(receiver.id, module.scope_of(receiver))
    elif isinstance(receiver, ast.Attribute):
        same = module.attributes(receiver.attr)
        bound = [module.parent_of(node) for node in same if isinstance(node.ctx, ast.Store)]
    for node in bound:
        if isinstance(node, (ast.Assign, ast.AnnAssign)):
            yield node.value


def _last_part(expr: ast.expr) -> str:
    if isinstance(expr, ast.Attribute):
        return expr.attr
    if isinstance(expr, ast.Subscript):
        return _last_part(expr.value)
    return expr.id if isinstance(expr, ast.Name) else ""


def _is_optimizer_class_name(name: str) -> bool:
    return name.endswith(("Optimizer", "OptimizerV1", "OptimizerV2")) or name in (
        "Adam",
        "SGD",
        "RMSprop",
        "Adagrad",
        "Adadelta",
        "Adamax",
        "Nadam",
    )


def _in_optimizer_class(module: Module, node: ast.AST) -> bool:
    for parent in module.parents(node):
        if isinstance(parent, ast.ClassDef):
            bases = [_last_part(base) for base in parent.bases]
            return any(
                "optim" in part.lower() or _is_optimizer_class_name(part)
                for part in [parent.name, *bases]
            )
    return False
