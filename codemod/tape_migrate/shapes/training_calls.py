"""Calls that train a model whose output becomes a gradient: what they give and what is read of it.

``train_on_batch(x, y)`` and ``fit(x, y, …)``. Both give losses. Each output's own is called after
the layer that gives it, which is another one then; the whole loss is ``history["loss"]``, or the
first value of a batch. It is the average over the samples in TensorFlow 1.15 and in Keras 2 and 3
alike, with a last batch that is smaller and with validation data, too. ``fit_generator`` is gone
from Keras 3.
"""

from __future__ import annotations

import ast

from tape_migrate.flow.scope import ScopeKind
from tape_migrate.module import Module

STEPS = frozenset(("train_on_batch", "fit"))
_FIT = frozenset(
    {"x", "y", "batch_size", "epochs", "verbose", "shuffle", "validation_data", "validation_split"}
    | {"initial_epoch", "callbacks"}
)
_CALLBACKS = frozenset(
    f"keras.callbacks.{name}" for name in ("EarlyStopping", "ReduceLROnPlateau", "TerminateOnNaN")
)
"""They read nothing but the loss that they are told to."""
_LOSSES = frozenset(("loss", "val_loss"))


def refuse_training(module: Module, step: ast.Attribute, where: str) -> str | None:
    """Why ``step``, ``model.fit`` or ``model.train_on_batch``, may tell what an output is."""
    call = module.parent_of(step)
    if not isinstance(call, ast.Call) or call.func is not step:
        return f"{where} hands {ast.unparse(step)} on"
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    if step.attr == "train_on_batch":
        named = {keyword.arg for keyword in call.keywords}
        starred = any(isinstance(arg, ast.Starred) for arg in given)
        if len(given) != 2 or not named <= {"x", "y"} or starred:
            return f"{where} gives train_on_batch more than a batch and its targets"
        return None
    return _refuse_fit(module, call, where) or _refuse_history(module, call, where)


def assumption_of(step: ast.Attribute, call: ast.AST | None) -> str | None:
    """What a call of ``fit`` takes for granted."""
    if step.attr != "fit" or not isinstance(call, ast.Call):
        return None
    for keyword in call.keywords:
        if keyword.arg == "shuffle" and isinstance(keyword.value, ast.Constant):
            if keyword.value.value is False:
                return None
    text = ast.unparse(step)
    return f"assumes that {text} need not shuffle the samples into the same order as before"


def _refuse_fit(module: Module, call: ast.Call, where: str) -> str | None:
    named = {keyword.arg: keyword.value for keyword in call.keywords}
    data = len(call.args) + len(named.keys() & {"x", "y"})
    if len(call.args) > 2 or data != 2 or any(isinstance(a, ast.Starred) for a in call.args):
        return f"{where} gives fit other than samples and their targets"
    unknown = sorted(str(name) for name in named.keys() - _FIT)
    if unknown:
        return f"{where} gives fit {', '.join(unknown)}"
    held = named.get("validation_data")
    if held is not None and not (isinstance(held, (ast.Tuple, ast.List)) and len(held.elts) == 2):
        return f"{where} gives fit other validation_data than a pair"
    callbacks = named.get("callbacks")
    if callbacks is None:
        return None
    if not isinstance(callbacks, (ast.List, ast.Tuple)):
        return f"{where} gives fit callbacks that are not seen"
    for callback in callbacks.elts:
        made = _made(module, callback)
        if made is None or module.names.resolve(made.func) not in _CALLBACKS:
            return f"{where} gives fit a callback that is not known: {ast.unparse(callback)}"
        monitored = [*made.args[:1], *(k.value for k in made.keywords if k.arg == "monitor")]
        starred = any(isinstance(arg, ast.Starred) for arg in made.args)
        if starred or any(keyword.arg is None for keyword in made.keywords):
            return f"{where} gives fit a callback that is not known: {ast.unparse(callback)}"
        if not all(isinstance(m, ast.Constant) and m.value in _LOSSES for m in monitored):
            return f"{where} gives fit a callback that may look at the loss of one output"
    return None


def _made(module: Module, callback: ast.expr) -> ast.Call | None:
    """The call that makes a callback: it is there, or in the only value of a name."""
    if isinstance(callback, ast.Name):
        bound = module.names.bindings(callback.id, module.scope_of(callback))
        stmt = bound[0] if len(bound) == 1 else None
        if isinstance(stmt, ast.Assign) and isinstance(stmt.targets[0], ast.Name):
            return stmt.value if isinstance(stmt.value, ast.Call) else None
    return callback if isinstance(callback, ast.Call) else None


def _refuse_history(module: Module, call: ast.Call, where: str) -> str | None:
    """What ``fit`` gives may be read for the loss only."""
    why = f"{where} may read the loss of one output in what fit gives"
    parent = module.parent_of(call)
    if isinstance(parent, ast.Expr) or _is_loss(module, call):
        return None
    target = parent.targets[0] if isinstance(parent, ast.Assign) else None
    if not isinstance(parent, ast.Assign) or len(parent.targets) != 1:
        return why
    if not isinstance(target, ast.Name):
        return why
    owner = module.scopes.resolve(target.id, module.scope_of(target))
    inside = owner is not None and owner.kind is ScopeKind.FUNCTION
    if not inside and _is_read_elsewhere(module, target):
        return why
    for node in module.nodes:
        if isinstance(node, ast.Name) and node.id == target.id and isinstance(node.ctx, ast.Load):
            if module.scopes.resolve(node.id, module.scope_of(node)) is owner:
                if not _is_loss(module, node):
                    return why
    return None


def _is_read_elsewhere(module: Module, target: ast.Name) -> bool:
    """Whether other modules of the project may read a name of the module."""
    mentioning = getattr(module.project, "mentioning", None)
    return mentioning is not None and bool(mentioning(module.path, target.id))


def _is_loss(module: Module, history: ast.expr) -> bool:
    """``history.history["loss"]``."""
    attribute = module.parent_of(history)
    if not isinstance(attribute, ast.Attribute) or attribute.attr != "history":
        return False
    part = module.parent_of(attribute)
    if not isinstance(part, ast.Subscript) or part.value is not attribute:
        return False
    key = part.slice
    return isinstance(key, ast.Constant) and key.value in _LOSSES
