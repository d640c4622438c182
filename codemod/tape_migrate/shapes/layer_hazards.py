"""What keeps the forward pass of a Keras model from moving into a layer."""

from __future__ import annotations

import ast
import sys

from tape_migrate.edits.keras_program import graph_only_call
from tape_migrate.flow.scope import Scope
from tape_migrate.module import Module
from tape_migrate.names import KNOWN_MODULES
from tape_migrate.shapes.keras_hazards import names_batch_norm
from tape_migrate.shapes.modes import OtherModules
from tape_migrate.shapes.summaries import Summaries

_MODELS = frozenset(
    ("keras.Model", "keras.models.Model", "keras.Sequential", "keras.models.Sequential")
)
_LOADERS = frozenset(
    f"keras.models.{name}"
    for name in ("load_model", "clone_model", "model_from_json", "model_from_config")
)
_LIBRARY = frozenset((*sys.stdlib_module_names, "PIL", "cv2", "pandas", "sklearn", "tqdm", "h5py"))
_PRECISION = frozenset(
    ("set_floatx", "set_global_policy", "set_policy", "Policy", "set_learning_phase")
)

_BATCH_NORM = (
    "BatchNormalization: in a frozen model it normalizes by the batch in TensorFlow 1 and Keras 3, "
    "by its averages in TensorFlow 2 with Keras 2 (pass training= to every call of a model that "
    "holds it, and write the training step by hand)"
)


def refuse_layers(module: Module) -> str | None:
    """What a layer that calls the model would not do as the model's own layers did, or None."""
    for node in module.nodes:
        hidden = isinstance(node, (ast.alias, ast.Constant)) and _hides_batch_norm(module, node)
        if hidden or names_batch_norm(node):
            return f"line {getattr(node, 'lineno', 0)} names {_BATCH_NORM}"
        last = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
        if isinstance(node, ast.alias) and node.asname is not None:
            last = node.name.rpartition(".")[2]
        if last == "Masking" or (isinstance(node, ast.keyword) and node.arg == "mask_zero"):
            return "the model may have a mask, which Keras applies to a loss"
        if last in _PRECISION and isinstance(node, (ast.expr, ast.alias)):
            return f"line {node.lineno} sets {last}: layers cast what they are given"
        if isinstance(node, ast.keyword) and node.arg in ("dtype", "stateful"):
            parent = module.parent_of(node)
            if isinstance(parent, ast.Call) and not module.names.resolve(parent.func).startswith(
                ("numpy.", "tensorflow.")
            ):
                return f"line {node.value.lineno} gives {node.arg}= to a layer"
        if isinstance(node, ast.FunctionDef) and node.name == "call" and sets_phase(node):
            return f"line {node.lineno}: a default for training= holds in the graph only"
        if isinstance(node, ast.Attribute) and node.attr == "trainable":
            if isinstance(node.ctx, ast.Load):
                return f"line {node.lineno} reads {ast.unparse(node)}"
    graph = graph_only_call(module)
    return f"{graph} needs graph mode" if graph is not None else None


def sets_phase(call: ast.FunctionDef) -> bool:
    """``def call(self, x, training=False)``: eager Keras gives the phase of the model, always."""
    args = call.args
    given = [*args.posonlyargs, *args.args][::-1]
    pairs = [*zip(given, args.defaults[::-1], strict=False)]
    pairs += [(a, d) for a, d in zip(args.kwonlyargs, args.kw_defaults, strict=True) if d]
    return any(
        arg.arg == "training" and not (isinstance(value, ast.Constant) and value.value is None)
        for arg, value in pairs
    )


def _hides_batch_norm(module: Module, node: ast.alias | ast.Constant) -> bool:
    """Whether it goes by another name here (``import BatchNormalization as BN``), or by a text.

    An import alone does nothing: many programs list all layers, and use some.
    """
    if isinstance(node, ast.alias):
        return _is_batch_norm(node.name) and node.asname is not None
    told = isinstance(module.parent_of(node), ast.Expr)
    return isinstance(node.value, str) and not told and _is_batch_norm(node.value)


def _is_batch_norm(text: str) -> bool:
    return "batchnorm" in text.lower().replace("_", "")


def out_of_sight(module: Module, call: ast.Call) -> list[str]:
    """Models, and modules that may make some, that the module which holds ``call`` does not show.

    ``call`` is that of a model; others in its scope are looked at as well.
    """
    found = dict.fromkeys(unknown_imports(module))
    scope = module.scope_of(call)
    for node in module.nodes:
        if not isinstance(node, ast.Call):
            continue
        resolved = module.names.resolve(node.func)
        if resolved in _LOADERS or resolved.startswith("keras.applications."):
            found[ast.unparse(node.func)] = None
        one = len(node.args) == 1 and not resolved and module.scope_of(node) is scope
        if one and _is_called_object(module, node.func) and gives_model(module, node.func) is None:
            found[ast.unparse(node.func)] = None
    return list(found)


def unknown_imports(module: Module) -> list[str]:
    """Modules that are imported and no known library, nor a module of the project."""
    found: dict[str, None] = {}
    names = getattr(module.project, "may_have", None)
    for node in module.nodes:
        if not isinstance(node, (ast.Import, ast.ImportFrom)):
            continue
        dotted = [alias.name for alias in node.names]
        if isinstance(node, ast.ImportFrom):
            dotted = [module.names.from_module(node)]
        for name in dotted:
            root = name.lstrip(".").partition(".")[0] if not name.startswith(".") else ""
            if root in KNOWN_MODULES or root in _LIBRARY or (names and names(name.lstrip("."))):
                continue
            found[f"{root or 'a module'} (line {node.lineno})"] = None
    return list(found)


def _is_called_object(module: Module, func: ast.expr) -> bool:
    """A name that the module binds, or an attribute of ``self``."""
    if isinstance(func, ast.Name):
        return module.names.is_local(func.id, module.scope_of(func))
    return (
        isinstance(func, ast.Attribute)
        and isinstance(func.value, ast.Name)
        and func.value.id == "self"
    )


def gives_model(module: Module, func: ast.expr) -> bool | None:
    """Whether ``func`` is a Keras model or layer; None if that is out of sight."""
    if isinstance(func, ast.Name):
        bound = module.names.bindings(func.id, module.scope_of(func))
        if any(isinstance(b, (ast.FunctionDef, ast.Import, ast.ClassDef)) for b in bound):
            return False
        values = [b.value for b in bound if isinstance(b, ast.Assign)]
        if not values or len(values) != len(bound):
            return None
        return _all_models(module, [v for v in values if v is not None])
    if isinstance(func, ast.Attribute) and isinstance(func.value, ast.Name):
        if func.value.id != "self":
            return None
        if any(isinstance(n, ast.FunctionDef) and n.name == func.attr for n in module.nodes):
            # `self.critic = self.critic()` has both; a method alone makes layers anew.
            if not _set(module, func.attr):
                return False
        values = _set(module, func.attr)
        return _all_models(module, values) if values else None
    return False


def _set(module: Module, attribute: str) -> list[ast.expr]:
    """What the attribute is set to, anywhere."""
    found: list[ast.expr] = []
    for node in module.nodes:
        if isinstance(node, ast.Attribute) and node.attr == attribute:
            if isinstance(node.ctx, ast.Store):
                stmt = module.statement_of(node)
                found.append(stmt.value if isinstance(stmt, ast.Assign) else node)
    return found


def _all_models(module: Module, values: list[ast.expr]) -> bool | None:
    told = [_is_model(module, value) for value in values]
    if any(answer is False for answer in told):
        return False
    return None if any(answer is None for answer in told) else True


def _is_model(module: Module, value: ast.expr) -> bool | None:
    if not isinstance(value, ast.Call):
        return None
    resolved = module.names.resolve(value.func)
    if resolved in _MODELS:
        return True
    if resolved in _LOADERS:
        return None
    if resolved.startswith("keras.layers."):
        return resolved.rpartition(".")[2][:1].isupper()
    function = Summaries.of(module).callee(value)
    if not isinstance(function, ast.FunctionDef):
        project = module.project
        found = project.function(resolved) if isinstance(project, OtherModules) else None
        if found is None:
            return None
        module, function = found
    return _returns_model(module, function, module.scopes.opened_by(function))


def _returns_model(module: Module, function: ast.FunctionDef, scope: Scope) -> bool | None:
    returns = [n for n in module.inside(function) if isinstance(n, ast.Return)]
    values: list[ast.expr] = []
    for found in returns:
        if module.scope_of(found) is not scope:
            continue
        value = found.value
        if isinstance(value, ast.Name):
            bound = module.names.bindings(value.id, scope)
            assigned = [b.value for b in bound if isinstance(b, ast.Assign)]
            if len(assigned) != len(bound):
                return None
            values += assigned
        elif value is not None:
            values.append(value)
    if not values:
        return False
    for value in values:
        if not isinstance(value, ast.Call) or module.names.resolve(value.func) not in _MODELS:
            return None
    return True
