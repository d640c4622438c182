"""The models that a module compiles and trains, and how they are used."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from tape_migrate.flow.scope import ScopeKind
from tape_migrate.module import Module
from tape_migrate.shapes.layer_hazards import unknown_imports
from tape_migrate.shapes.loss_binding import Bound
from tape_migrate.shapes.loss_program import compiling, freezes, regularizes
from tape_migrate.shapes.model_uses import TRAINS, named_uses, refuse_asked, trained_unseen, uses_of
from tape_migrate.shapes.program import others_of
from tape_migrate.shapes.training_calls import STEPS, assumption_of, refuse_training

MODELS = frozenset(("keras.Model", "keras.models.Model"))
_COMPILED_WITH = frozenset(("optimizer", "loss", "loss_weights"))
_USES = frozenset(
    {"compile", "train_on_batch", "fit", "summary", "get_weights", "set_weights"}
    | {"save_weights", "load_weights"}
)
"""What else a model whose output has changed may be asked for."""
_FILES = frozenset(("save_weights", "load_weights"))
_ORDERED = _FILES | {"get_weights", "set_weights"}
_NOT_OF_OTHERS = frozenset(
    {"to_json", "to_yaml", "get_config", "fit_generator", "train_step"}
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
    saved: bool = False
    """One of them is saved, which must not write the name of the class into the file."""


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
        stores = [
            use for use in named_uses(module, receiver) if isinstance(use.node.ctx, ast.Store)
        ]
        parent = stores[0].parent if len(stores) == 1 and stores[0].module is module else None
        if isinstance(parent, ast.Assign) and len(parent.targets) == 1:
            value = parent.value
    if isinstance(value, ast.Call) and module.names.resolve(value.func) in MODELS:
        return value
    return None


def refuse_uses(module: Module, made: Made) -> str | None:
    """A use of the model that could tell what its output is, or None."""
    text = ast.unparse(made.receiver)
    why = refuse_asked(module, made.receiver)
    if why is not None:
        return why
    for use in uses_of(module, made.receiver):
        if isinstance(use.node.ctx, ast.Store):
            continue
        parent = use.asked
        if parent is None and use.drawn:
            continue
        if parent is None:
            return f"{use.where} hands {text} on"
        if parent.attr == "trainable" and isinstance(parent.ctx, ast.Store):
            continue
        if parent.attr == "optimizer" and isinstance(parent.ctx, ast.Load):
            continue
        call = use.module.parent_of(parent)
        if parent.attr not in _USES or not isinstance(call, ast.Call) or call.func is not parent:
            return f"{use.where} uses {ast.unparse(parent)}, which may tell its outputs"
        if parent.attr == "load_weights" and (len(call.args) != 1 or call.keywords):
            return f"{use.where} loads weights by more than their order"
        if parent.attr == "compile" and call is not made.compiled:
            return f"{use.where} compiles {text} again"
        why = refuse_training(use.module, parent, use.where) if parent.attr in STEPS else None
        if why is not None:
            return why
    return None


def refuse_order(module: Module, made: Made) -> str | None:
    """Where the order of the model's weights is known, in which layers stand that move."""
    for use in uses_of(module, made.receiver):
        if isinstance(use.parent, ast.Attribute) and use.parent.attr in _ORDERED:
            return f"{use.where} uses {ast.unparse(use.parent)}: the weights have another order"
    return None


def files_of(module: Module, made: Made) -> tuple[str, ...]:
    """What files of the weights of the model take for granted."""
    attributes = [use.parent for use in uses_of(module, made.receiver)]
    if any(isinstance(each, ast.Attribute) and each.attr in _FILES for each in attributes):
        text = ast.unparse(made.receiver)
        return (f"assumes that no other program shares the files of {text}'s weights",)
    return ()


def compiled_models(module: Module, func: ast.expr | None) -> CompiledModels | str:
    """The models that are trained, or why one of them is not followed.

    ``func`` is ``Model``, as the model is made by that gives the gradient, if it is known.
    """
    found: dict[int, ast.Call] = {}
    assumptions: list[str] = []
    saved: list[str] = []
    seen: list[ast.Attribute] = []
    # What is imported from out of sight may freeze models as well.
    frozen = freezes(module) or bool(unknown_imports(module))
    for call in compiling(module):
        assert isinstance(call.func, ast.Attribute)
        receiver = call.func.value
        text = ast.unparse(receiver)
        if not isinstance(receiver, (ast.Name, ast.Attribute)):
            return f"line {call.lineno} compiles {text}"
        uses = uses_of(module, receiver)
        asked = [(use, p) for use in uses if (p := use.asked) is not None]
        seen += [parent for _, parent in asked]
        trained = any(parent.attr in TRAINS for _, parent in asked)
        why = refuse_asked(module, receiver) if frozen or trained else None
        if why is not None:
            return f"{why}, which may be trained there"
        if not trained:
            continue
        model = model_of(module, receiver)
        if model is None:
            return f"{text}, which is trained too, is not seen to be made by Model(inputs, outputs)"
        func = func or model.func
        if ast.dump(model.func) != ast.dump(func):
            return f"{text} is made by {ast.unparse(model.func)}"
        handed = [use for use in uses if use.handed_on and not use.drawn]
        if handed:
            return f"{handed[0].where} hands {text} on"
        for use, parent in asked:
            step = use.module.parent_of(parent)
            handed_on = not isinstance(step, ast.Call) or step.func is not parent
            if parent.attr in _NOT_OF_OTHERS or (parent.attr == "save" and handed_on):
                return f"{use.where} uses {ast.unparse(parent)}"
        for use, parent in asked:
            why = refuse_training(use.module, parent, use.where) if parent.attr in STEPS else None
            if why is not None:
                return why
            assumed = assumption_of(parent, use.module.parent_of(parent))
            assumptions += [assumed] if assumed and assumed not in assumptions else []
        steps = [(use, parent) for use, parent in asked if parent.attr == "train_on_batch"]
        found[id(model)] = model
        saved += [text for _, parent in asked if parent.attr == "save"][:1]
        if _outputs(model) > 1 and not all(_only_first(use.module, step) for use, step in steps):
            assumptions.append(
                f"assumes that on Keras 3 only the first of the values that {text}.train_on_batch "
                "gives is read: it mixes up the losses of outputs which one layer gives"
            )
    read = any(
        not isinstance(each.parent_of(step), ast.Expr)
        for each in (module, *others_of(module))
        for step in _steps(each)
    )
    unseen = trained_unseen(module, seen) if frozen or read else None
    if unseen is not None:
        return f"{unseen}, which may train a model that is not seen to be compiled"
    needed = tuple(found.values()) if frozen or read else ()
    read |= any(_is_fitted(each) for each in (module, *others_of(module)))
    if needed and read and frozen and regularizes(module):
        assumptions.append(
            "assumes that losses which are read need not hold the regularization of frozen layers, "
            "which Keras 3 leaves out"
        )
    if needed and func is not None and not is_imported(module, func):
        return f"{ast.unparse(func)} is not imported at the top of the module"
    if needed:
        assumptions += [
            f"assumes that what {text}.save writes is not trained on: its optimizer is left out"
            for text in dict.fromkeys(saved)
        ]
    return CompiledModels(needed, tuple(assumptions), bool(needed and saved))


def _steps(module: Module) -> list[ast.Call]:
    return [
        node
        for node in module.nodes
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "train_on_batch"
    ]


def _is_fitted(module: Module) -> bool:
    return any(isinstance(node, ast.Attribute) and node.attr == "fit" for node in module.nodes)


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
