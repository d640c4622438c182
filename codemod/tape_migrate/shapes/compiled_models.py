"""The models that a module compiles and trains, and how they are used."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from tape_migrate.flow.scope import ScopeKind
from tape_migrate.mentions import asked_by_text
from tape_migrate.module import Module
from tape_migrate.shapes.loss_binding import Bound

MODELS = frozenset(("keras.Model", "keras.models.Model"))
_COMPILED_WITH = frozenset(("optimizer", "loss", "loss_weights"))
_TRAINS = frozenset(("fit", "fit_generator", "train_on_batch", "train_step", "train_function"))
_USES = frozenset(("compile", "train_on_batch", "summary", "get_weights", "set_weights"))
"""What else a model whose output has changed may be asked for."""
_NOT_OF_OTHERS = frozenset(
    {"save", "to_json", "to_yaml", "get_config", "fit", "fit_generator", "train_step"}
    | {"trainable_weights", "trainable_variables", "non_trainable_weights"}
    | {"non_trainable_variables", "test_on_batch"}
)
"""What a model may not be asked for that becomes one of another class."""


@dataclass(frozen=True)
class Made:
    """The model that the loss is compiled with."""

    model: ast.Call
    """``Model(inputs, outputs)``."""
    receiver: ast.Name | ast.Attribute
    """``critic_model``, as it is written in ``critic_model.compile``."""
    output: ast.expr
    """The output that the loss is for."""
    compiled: ast.Call


@dataclass(frozen=True)
class CompiledModels:
    """The calls that make the models to become ``CompiledModel``, none if there is no need to."""

    calls: tuple[ast.Call, ...]
    assumptions: tuple[str, ...]


def made_as(module: Module, bound: Bound) -> Made | str:
    """The model of ``bound.compiled``, if the module makes it of inputs and outputs."""
    func = bound.compiled.func
    assert isinstance(func, ast.Attribute)
    receiver = func.value
    text = ast.unparse(receiver)
    model = model_of(module, receiver)
    if model is None or not isinstance(receiver, (ast.Name, ast.Attribute)):
        return f"{text} is not seen to be made by Model(inputs, outputs), once"
    if any(k.arg not in ("inputs", "outputs", "name") for k in model.keywords):
        return f"{ast.unparse(model.func)} is given more than inputs and outputs"
    given = [*model.args[1:2], *(k.value for k in model.keywords if k.arg == "outputs")]
    if len(given) != 1 or len(model.args) > 2:
        return f"the outputs of {text} are not seen"
    output = given[0]
    if bound.index is None:
        if isinstance(output, (ast.List, ast.Tuple)):
            if len(output.elts) != 1:
                return f"one loss is given for several outputs of {text}"
            output = output.elts[0]
    elif not isinstance(output, (ast.List, ast.Tuple)) or bound.index >= len(output.elts):
        return f"the outputs of {text} are no list as long as that of its losses"
    else:
        output = output.elts[bound.index]
    compiled = bound.compiled
    names = {k.arg for k in compiled.keywords}
    unknown = sorted(str(name) for name in names - _COMPILED_WITH)
    if unknown or len(compiled.args) > 2:
        return f"{text} is compiled with {', '.join(unknown) or 'more than a loss'}"
    for keyword in compiled.keywords:
        if keyword.arg == "loss_weights" and not isinstance(keyword.value, (ast.List, ast.Tuple)):
            return f"the loss_weights of {text} are no list"
    return Made(model, receiver, output, compiled)


def model_of(module: Module, receiver: ast.expr) -> ast.Call | None:
    """The only ``Model(…)`` that ``receiver``, a name or ``self.model``, is set to."""
    value: ast.expr | None = None
    if isinstance(receiver, ast.Name):
        bound = module.names.bindings(receiver.id, module.scope_of(receiver))
        stmt = bound[0] if len(bound) == 1 else None
        if isinstance(stmt, ast.Assign) and stmt.targets[0] is not None:
            plain = len(stmt.targets) == 1 and isinstance(stmt.targets[0], ast.Name)
            value = stmt.value if plain else None
    elif isinstance(receiver, ast.Attribute) and isinstance(receiver.value, ast.Name):
        stores = [n for n in _uses_of(module, receiver) if isinstance(n.ctx, ast.Store)]
        parent = module.parent_of(stores[0]) if len(stores) == 1 else None
        if isinstance(parent, ast.Assign) and len(parent.targets) == 1:
            value = parent.value
    if isinstance(value, ast.Call) and module.names.resolve(value.func) in MODELS:
        return value
    return None


def _uses_of(module: Module, receiver: ast.Name | ast.Attribute) -> list[ast.Name | ast.Attribute]:
    """Where the model is named: the name in its scope, the attribute of any object."""
    if isinstance(receiver, ast.Attribute):
        return [n for n in module.nodes if isinstance(n, ast.Attribute) and n.attr == receiver.attr]
    owner = module.scopes.resolve(receiver.id, module.scope_of(receiver))
    return [
        node
        for node in module.nodes
        if isinstance(node, ast.Name)
        and node.id == receiver.id
        and module.scopes.resolve(node.id, module.scope_of(node)) is owner
    ]


def refuse_uses(module: Module, made: Made) -> str | None:
    """A use of the model that could tell what its output is, or None."""
    text = ast.unparse(made.receiver)
    if isinstance(made.receiver, ast.Attribute):
        line = asked_by_text(module, made.receiver.attr)
        if line is not None:
            return f"line {line} asks for {made.receiver.attr} by its name"
        if not _only_here(module, made.receiver.attr):
            return f"another module names {made.receiver.attr}"
    elif module.scopes.resolve(made.receiver.id, module.scope_of(made.receiver)) is (
        module.scopes.module
    ) and not _only_here(module, made.receiver.id):
        return f"another module names {made.receiver.id}"
    for use in _uses_of(module, made.receiver):
        if isinstance(use.ctx, ast.Store):
            continue
        parent = module.parent_of(use)
        if not isinstance(parent, ast.Attribute):
            return f"line {use.lineno} hands {text} on"
        if parent.attr == "trainable" and isinstance(parent.ctx, ast.Store):
            continue
        call = module.parent_of(parent)
        if parent.attr not in _USES or not isinstance(call, ast.Call) or call.func is not parent:
            return f"line {use.lineno} uses {ast.unparse(parent)}, which may tell its outputs"
        if parent.attr == "compile" and call is not made.compiled:
            return f"line {use.lineno} compiles {text} again"
    return None


def _only_here(module: Module, name: str) -> bool:
    """Whether no other module of the project holds the name."""
    mentioning = getattr(module.project, "mentioning", None)
    return mentioning is None or not mentioning(module.path, name)


def compiled_models(module: Module, made: Made) -> CompiledModels | str:
    """The models that are trained, each by batches, or why one of them is not followed."""
    found: dict[int, ast.Call] = {}
    assumptions: list[str] = []
    frozen = any(
        isinstance(n, ast.Attribute) and n.attr == "trainable" and isinstance(n.ctx, ast.Store)
        for n in module.nodes
    )
    for call in module.nodes:
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
            continue
        if call.func.attr != "compile" or module.names.resolve(call.func).startswith("re."):
            continue
        receiver = call.func.value
        text = ast.unparse(receiver)
        if not isinstance(receiver, (ast.Name, ast.Attribute)):
            return f"line {call.lineno} compiles {text}"
        uses = _uses_of(module, receiver)
        asked = [p for use in uses if isinstance(p := module.parent_of(use), ast.Attribute)]
        if not any(parent.attr in _TRAINS for parent in asked):
            if frozen and not _only_here(module, uses[0].id if isinstance(uses[0], ast.Name) else
                                         uses[0].attr):  # fmt: skip
                return f"another module names {text}, which may be trained there"
            continue
        model = model_of(module, receiver)
        if model is None:
            return f"{text}, which is trained too, is not seen to be made by Model(inputs, outputs)"
        if ast.dump(model.func) != ast.dump(made.model.func):
            return f"{text} is made by {ast.unparse(model.func)}"
        others = [u for u in uses if not isinstance(module.parent_of(u), ast.Attribute)]
        others = [u for u in others if not isinstance(u.ctx, ast.Store)]
        if others:
            return f"line {others[0].lineno} hands {text} on"
        for parent in asked:
            if parent.attr in _NOT_OF_OTHERS:
                return f"line {parent.lineno} uses {ast.unparse(parent)}"
        steps = [p for p in asked if p.attr == "train_on_batch"]
        for step in steps:
            why = _refuse_step(module, step)
            if why is not None:
                return why
        found[id(model)] = model
        if _outputs(model) > 1 and not all(_only_first(module, step) for step in steps):
            assumptions.append(
                f"assumes that on Keras 3 only the first of the values that {text}.train_on_batch "
                "gives is read: it mixes up the losses of outputs which one layer gives"
            )
    read = any(not isinstance(module.parent_of(s), ast.Expr) for s in _steps(module))
    needed = tuple(found.values()) if frozen or read else ()
    if needed and not is_imported(module, made.model.func):
        return f"{ast.unparse(made.model.func)} is not imported at the top of the module"
    return CompiledModels(needed, tuple(assumptions))


def _steps(module: Module) -> list[ast.Call]:
    return [
        node
        for node in module.nodes
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "train_on_batch"
    ]


def _refuse_step(module: Module, step: ast.Attribute) -> str | None:
    call = module.parent_of(step)
    if not isinstance(call, ast.Call) or call.func is not step:
        return f"line {step.lineno} hands {ast.unparse(step)} on"
    named = {k.arg for k in call.keywords}
    if len(call.args) + len(call.keywords) != 2 or not named <= {"x", "y"}:
        return f"line {call.lineno} gives train_on_batch more than a batch and its targets"
    if any(isinstance(arg, ast.Starred) for arg in call.args):
        return f"line {call.lineno} gives train_on_batch more than a batch and its targets"
    return None


def _outputs(model: ast.Call) -> int:
    given = [*model.args[1:2], *(k.value for k in model.keywords if k.arg == "outputs")]
    several = bool(given) and isinstance(given[0], (ast.List, ast.Tuple))
    return len(given[0].elts) if several and isinstance(given[0], (ast.List, ast.Tuple)) else 1


def _only_first(module: Module, step: ast.Attribute) -> bool:
    """Whether nothing but ``values[0]`` is read of what the step gives."""
    call = module.parent_of(step)
    assert call is not None
    parent = module.parent_of(call)
    if isinstance(parent, ast.Expr) or _is_first(parent):
        return True
    if not isinstance(parent, ast.Assign) or len(parent.targets) != 1:
        return False
    target = parent.targets[0]
    if not isinstance(target, ast.Name):
        return False
    scope = module.scope_of(target)
    owner = module.scopes.resolve(target.id, scope)
    if owner is None or owner.kind is not ScopeKind.FUNCTION:
        return False
    return all(
        _is_first(module.parent_of(node))
        for node in module.nodes
        if isinstance(node, ast.Name)
        and node.id == target.id
        and isinstance(node.ctx, ast.Load)
        and module.scopes.resolve(node.id, module.scope_of(node)) is owner
    )


def _is_first(node: ast.AST | None) -> bool:
    return (
        isinstance(node, ast.Subscript)
        and isinstance(node.ctx, ast.Load)
        and isinstance(node.slice, ast.Constant)
        and node.slice.value == 0
    )


def is_imported(module: Module, func: ast.expr) -> bool:
    """Whether ``func`` can be read anywhere in the module: it is imported at the top of it."""
    root = func
    while isinstance(root, ast.Attribute):
        root = root.value
    if not isinstance(root, ast.Name):
        return False
    bound = module.names.bindings(root.id, module.scopes.module)
    return bool(bound) and all(
        isinstance(b, (ast.Import, ast.ImportFrom)) and b in module.tree.body for b in bound
    )
