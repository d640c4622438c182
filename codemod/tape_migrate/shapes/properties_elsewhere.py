"""Properties of other modules' classes that the target is computed by.

``loss = model.loss + penalty`` where ``lib.Model`` has::

    @property
    def loss(self):
        return tf.reduce_sum(self.out ** 2)

reads what the object holds already: a tape that is opened here has not recorded how that was
computed.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

from tape_migrate.mentions import last_name
from tape_migrate.module import Module
from tape_migrate.shapes.attributes_elsewhere import made_anew_elsewhere
from tape_migrate.shapes.context import Context
from tape_migrate.shapes.dependence import Dependence
from tape_migrate.shapes.libraries import is_library
from tape_migrate.shapes.out_of_sight import attributes_read
from tape_migrate.shapes.overridden import OtherTexts, Override, uses_object, was_there_before
from tape_migrate.shapes.quiet import TENSOR_METHODS

_OF_TENSORS: Final = frozenset({"shape", "dtype", "name", "op", "graph", "device", "ndim"})
"""What is asked of tensors all the time, and computes nothing."""
_NO_PROPERTIES: Final = frozenset({"staticmethod", "classmethod"})


def properties_elsewhere(
    context: Context, dep: Dependence, every_node: frozenset[int], inline_exprs: list[ast.expr]
) -> list[tuple[str, Override]]:
    """Attributes that the target is computed from and that other modules' classes compute."""
    module = context.module
    if not isinstance(module.project, OtherTexts):
        return []
    found: dict[str, Override] = {}
    for receiver, name in attributes_read(context, dep, every_node, inline_exprs):
        if name in found or name in TENSOR_METHODS | _OF_TENSORS:
            continue
        if not _may_hold_more(module, receiver):
            continue
        own = _is_own(context, receiver, name)
        override = _own(context, receiver, name) if own else _of_any_class(module, name)
        if override is not None:
            found[name] = override
    return sorted(found.items())


def _may_hold_more(module: Module, receiver: ast.expr) -> bool:
    """Whether an object was there before the function around was entered."""
    resolved = module.names.resolve(receiver)
    if resolved:
        return not is_library(module, resolved)
    return was_there_before(module, receiver)


def _is_own(context: Context, receiver: ast.expr, name: str) -> bool:
    """``self.loss`` of a class that sets it, or has a method or property of this name."""
    if last_name(receiver) != "self":
        return False
    module = context.module
    given = any(
        isinstance(use.ctx, ast.Store) and last_name(use.value) == "self"
        for use in module.attributes(name)
    )
    return given or bool(context.summaries.methods_named(name))


def _own(context: Context, receiver: ast.expr, name: str) -> Override | None:
    """A property that a class of another module has instead of its base class's."""
    if not context.summaries.is_property(name):
        return None
    owner = context.summaries.class_of(context.module.scope_of(receiver))
    if owner is None or not isinstance(owner.node, ast.ClassDef):
        return _of_any_class(context.module, name)
    where = made_anew_elsewhere(context.module, owner.node, name)
    if where is None:
        return None
    line, _, path = where.removeprefix("line ").partition(" of ")
    return Override(path, int(line), of_any=True, said=False, of_property=True)


def _of_any_class(module: Module, name: str) -> Override | None:
    known = module.memo.setdefault("properties elsewhere", {})
    assert isinstance(known, dict)
    if name not in known:
        known[name] = next(_find(module, name), None)
    override: Override | None = known[name]
    return override


def _find(module: Module, name: str) -> Iterator[Override]:
    project = module.project
    assert isinstance(project, OtherTexts)
    given = project.matching(module.path, name, rf"\b{name}\s*=\s*[\w.]*(property|\()")
    for path in sorted({*project.defining(module.path, name), *given}):
        user = project.module_at(path)
        for node in user.of_kind(ast.ClassDef) if user is not None else ():
            for stmt in node.body:
                if _is_property(stmt, name):
                    yield Override(path, stmt.lineno, of_any=True, said=False, of_property=True)


def _is_property(stmt: ast.stmt, name: str) -> bool:
    """``@property def loss(self)``, ``@lazy def loss(self)``, ``loss = property(get_loss)``."""
    match stmt:
        case ast.FunctionDef(name=own, decorator_list=[_, *_] as decorators) if own == name:
            kinds = {last_name(each) for each in decorators}
            return not kinds & _NO_PROPERTIES and uses_object(stmt)
        case ast.Assign(targets=targets, value=ast.Call()):
            return any(isinstance(t, ast.Name) and t.id == name for t in targets)
    return False
