"""Layers that compute something else when a sub-model calls them than the graph that was built.

A graph held what a layer computed when it was called for the first time. A sub-model runs the
Python of its layers again: with the attributes that they have by then, with the variables around
that their functions read (``Lambda(lambda t: t[:, i])`` in a loop over ``i``), and with the updates
of variables among it, which no run of the old graph made that did not ask for them.
"""

from __future__ import annotations

import ast
import re
from itertools import pairwise

from tape_migrate.flow.bindings import FunctionNode, free_variables
from tape_migrate.flow.scope import ScopeKind
from tape_migrate.homes import stem_of
from tape_migrate.module import Module
from tape_migrate.shapes.keras_calls import BACKEND
from tape_migrate.shapes.keras_levels import Levels
from tape_migrate.shapes.layer_bases import given_keeps, layer_keeps
from tape_migrate.shapes.layer_given import functions_given, methods_given
from tape_migrate.shapes.layer_hazards import sets_phase
from tape_migrate.shapes.layer_settings import KEPT_APART, settings_change
from tape_migrate.shapes.layer_state import function_keeps
from tape_migrate.shapes.overridden import OtherTexts
from tape_migrate.shapes.plan import Refusal
from tape_migrate.shapes.set_by_name import attribute_set_by

_UPDATES = frozenset(("update", "update_add", "update_sub", "moving_average_update"))
_ASSIGNS = frozenset(("assign", "assign_add", "assign_sub"))
_LIBRARIES = frozenset(("keras", "tensorflow", "tf_keras"))
_BEFORE_CALLS = frozenset(("__init__", "build"))
_LOOPS = (ast.For, ast.While, ast.AsyncFor)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp)


def layers_differ(module: Module, compiled: list[ast.Call]) -> Refusal | None:
    """Why a layer of the module may not compute in a sub-model what the graph holds, or None.

    ``compiled`` are the calls that compile the graphs of the module, where sub-models take their
    place.
    """
    for node in module.nodes:
        found = _called_otherwise(node) or _attribute_set(module, node)
        if found is None and isinstance(node, ast.AugAssign):
            found = _counts(module, node)
        if found is None and isinstance(node, ast.FunctionDef):
            found = _phase_by_default(module, node)
        if found is None and isinstance(node, ast.ClassDef):
            found = layer_keeps(module, node)
        if found is None and isinstance(node, ast.Call):
            found = _updates(module, node) or _setattr(module, node)
        if found is None and isinstance(node, ast.Call):
            found = _function_given(module, node, compiled) or given_keeps(module, node)
        if found is not None:
            return found
    return settings_change(module, compiled) or _imported_layers(module)


_NOT_RUN = "which the run of the old graph did not do, and each call of a model would"


def updating_layers(module: Module) -> Refusal | None:
    """A layer that updates a variable when it is called, of the module or one that it imports."""
    for node in module.of_kind(ast.Call):
        if _updates(module, node) is not None:
            return Refusal(
                "TM140",
                f"a layer updates a variable, or reads the learning phase, when it is called (line "
                f"{node.lineno}): a layer that calls the model calls it at other times",
            )
    for stmt in module.of_kind(ast.AugAssign):
        counts = _counts(module, stmt)
        if counts is not None:
            return counts
    for owner in module.of_kind(ast.ClassDef):
        keeps = layer_keeps(module, owner)
        if keeps is not None:
            return keeps
    return _imported_layers(module)


def _imported_layers(module: Module) -> Refusal | None:
    """Modules that this one imports: their layers update variables, or they change layers."""
    project = module.project
    if not isinstance(project, OtherTexts):
        return None
    imported = _imported_names(module)
    seen: set[str] = set()
    for path in project.program(module.path):
        # Of one that an imported one imports as well, however far.
        waiting = {path} if stem_of(path) in imported else set()
        while waiting - seen:
            seen |= waiting
            others = filter(None, map(project.module_at, sorted(waiting)))
            imported |= {name for other in others for name in _imported_names(other)}
            waiting = {p for p in project.program(module.path) if stem_of(p) in imported}
    for path in project.matching(module.path, "add_update", r"\badd_update\s*\("):
        if stem_of(path) in imported:
            return Refusal("TM140", f"{path} has layers that call add_update(), {_NOT_RUN}")
    for path in project.matching(module.path, "call", r"\bdef call\b"):
        other = project.module_at(path) if stem_of(path) in imported else None
        for node in other.of_kind(ast.ClassDef) if other is not None else ():
            assert other is not None
            if (keeps := layer_keeps(other, node)) is not None:
                return Refusal(keeps.code, f"{path}: {keeps.message}")
    pattern = r"\b(?:training|stateful)\s*=\s*(?:True|1)\b|\b(?:Lambda|Activation)\(|activation="
    for path in project.matching(module.path, "keras", pattern):
        other = project.module_at(path) if stem_of(path) in imported else None
        for part in other.nodes if other is not None else ():
            assert other is not None
            found = _called_otherwise(part)
            if found is None and isinstance(part, ast.Call):
                found = _function_given(other, part, []) or given_keeps(other, part)
            if found is not None:
                return Refusal(found.code, f"{path}: {found.message}")
    for word in ("layers", "get_layer"):
        for path in project.matching(module.path, word, rf"\.{word}\b"):
            user = project.module_at(path) if stem_of(path) in imported else None
            for node in user.of_kind(ast.Attribute) if user is not None else ():
                assert user is not None
                if (changed := _attribute_set(user, node)) is not None:
                    return Refusal(changed.code, f"{path}: {changed.message}")
            for call in user.of_kind(ast.Call) if user is not None else ():
                assert user is not None
                if (changed := _setattr(user, call)) is not None:
                    return Refusal(changed.code, f"{path}: {changed.message}")
    return None


def _imported_names(module: Module) -> set[str]:
    """The last words of the modules that one imports, and of what it takes from them."""
    imported = {
        word
        for node in module.of_kind(ast.ImportFrom)
        for dotted in (module.names.from_module(node),)
        if dotted.partition(".")[0] not in _LIBRARIES
        for word in (dotted.rpartition(".")[2], *(alias.name for alias in node.names))
    }
    plain = [alias.name for node in module.of_kind(ast.Import) for alias in node.names]
    if b"import_module" in module.text:
        plain += [n.value for n in module.of_kind(ast.Constant) if isinstance(n.value, str)]
    plain += [
        dotted.rpartition(".")[0]  # what a package has from one of its modules
        for node in module.of_kind(ast.ImportFrom)
        for alias in node.names
        for name in (alias.asname or alias.name,)
        if (dotted := module.names.meaning_of_name(name, module.scope_of(node)))
    ]
    return imported | {n.rpartition(".")[2] for n in plain if n.partition(".")[0] not in _LIBRARIES}


def _called_otherwise(node: ast.AST) -> Refusal | None:
    """``Dropout(0.5)(x, training=True)``, ``LSTM(3, stateful=True)``."""
    if not isinstance(node, ast.keyword) or not _is_true(node.value):
        return None
    if node.arg == "training":
        return Refusal(
            "TM140",
            f"a layer is called with training=True (line {node.value.lineno}), which the "
            "sub-model's training=False may override",
        )
    if node.arg == "stateful":
        return Refusal(
            "TM140",
            f"a layer is stateful (line {node.value.lineno}): each call of a model moves its "
            "state, a run of the old graph did not",
        )
    return None


def _is_true(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value in (1, True)


def _attribute_set(module: Module, node: ast.AST) -> Refusal | None:
    """``model.layers[-1].activation = linear``: a graph built before does not see it."""
    if not isinstance(node, ast.Attribute) or not isinstance(node.ctx, ast.Store):
        return None
    if node.attr in KEPT_APART or not _is_layer(module, node.value):
        return None
    return _changed(node)


def _setattr(module: Module, call: ast.Call) -> Refusal | None:
    """``setattr(layer, "activation", linear)``, ``object.__setattr__(layer, "scale", 2.0)``."""
    found = attribute_set_by(module, call)
    if found is None:
        return None
    holder, name = found
    if isinstance(name, ast.Constant) and name.value in KEPT_APART:
        return None
    return _changed(call) if _is_layer(module, holder) else None


def _changed(node: ast.expr) -> Refusal:
    return Refusal(
        "TM144",
        f"{ast.unparse(node)} (line {node.lineno}) changes a layer, which a graph built "
        "before does not see",
    )


def _is_layer(module: Module, base: ast.expr) -> bool:
    if _spells_layer(ast.unparse(base)):
        return True
    if not isinstance(base, ast.Name):
        return False
    around = module.parent_of(module.scope_of(base).node)
    if isinstance(around, ast.Call):  # `map(lambda layer: setattr(…), model.layers)`
        return any(_spells_layers(given) for given in around.args)
    for bound in module.names.bindings(base.id, module.scope_of(base)):
        if isinstance(bound, ast.For) and _spells_layers(bound.iter):
            return True
        if isinstance(bound, ast.Assign) and (
            _spells_layer(ast.unparse(bound.value)) or _makes_layer(module, bound.value)
        ):
            return True
    return False


def is_kept_layer(module: Module, tensor: ast.expr) -> bool:
    """Whether ``tensor`` is ``box.conv.input`` after ``self.conv = model.get_layer("conv")``."""
    base = tensor.value if isinstance(tensor, ast.Attribute) else None
    if not isinstance(base, ast.Attribute):
        return False
    stores = (n for n in module.attributes(base.attr) if isinstance(n.ctx, ast.Store))
    stmts = (stmt for n in stores if isinstance(stmt := module.statement_of(n), ast.Assign))
    return any(_spells_layer(ast.unparse(stmt.value)) for stmt in stmts)


def _spells_layers(over: ast.expr) -> bool:
    """``model.layers``, ``model.layers[1:]``"""
    held = over.value if isinstance(over, ast.Subscript) else over
    return isinstance(held, ast.Attribute) and held.attr == "layers"


def _spells_layer(text: str) -> bool:
    return (text.endswith("]") and ".layers[" in text) or "get_layer(" in text


def _makes_layer(module: Module, value: ast.expr) -> bool:
    if not isinstance(value, ast.Call):
        return False
    if isinstance(value.func, ast.Name):
        bound = module.names.bindings(value.func.id, module.scope_of(value))
        if any(isinstance(b, ast.ClassDef) and _is_layer_class(b) for b in bound):
            return True
    return module.names.resolve(value.func).startswith("keras.layers.")


def _is_layer_class(node: ast.ClassDef) -> bool:
    return any(isinstance(m, ast.FunctionDef) and m.name == "call" for m in node.body)


def _updates(module: Module, call: ast.Call) -> Refusal | None:
    """``self.add_update(…)``, ``self.u.assign(u)`` in the ``call`` of a layer of the module."""
    func = call.func
    last = func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")
    if last == "learning_phase" and _in_layer(module, call):
        return Refusal("TM140", f"a layer reads the learning phase itself (line {call.lineno})")
    if last != "add_update" and not (
        (last in _ASSIGNS or module.names.resolve(func).removeprefix(BACKEND) in _UPDATES)
        and _in_layer(module, call)
    ):
        return None
    return Refusal(
        "TM140", f"a layer updates a variable when it is called (line {call.lineno}), {_NOT_RUN}"
    )


def _in_layer(module: Module, node: ast.AST) -> bool:
    """Whether it stands in what runs when an object of a class with a ``call`` is called."""
    for function, owner in pairwise(module.parents(node)):
        if isinstance(function, ast.FunctionDef) and isinstance(owner, ast.ClassDef):
            if function.name in _BEFORE_CALLS:
                return False
            return _is_layer_class(owner)
    return False


def _counts(module: Module, stmt: ast.AugAssign) -> Refusal | None:
    """``self.calls += 1`` in the ``call`` of a layer."""
    target = stmt.target
    own = isinstance(target, ast.Attribute) and ast.unparse(target.value) == "self"
    if not own or not _in_layer(module, stmt):
        return None
    return Refusal(
        "TM140",
        f"a layer changes {ast.unparse(target)} when it is called (line {stmt.lineno}): a "
        "sub-model calls it once more",
    )


def _phase_by_default(module: Module, function: ast.FunctionDef) -> Refusal | None:
    """``def call(self, x, training=True)``."""
    owner = module.parent_of(function)
    if function.name == "call" and isinstance(owner, ast.ClassDef) and sets_phase(function):
        return Refusal(
            "TM140",
            f"line {function.lineno}: a default for training= holds in the graph, the sub-model's "
            "training=False would override it",
        )
    return None


def _function_given(module: Module, call: ast.Call, compiled: list[ast.Call]) -> Refusal | None:
    """A function given to a layer that would give something else if it ran once more."""
    for method in methods_given(module, call):
        for store in module.of_kind_inside(ast.Attribute, method):
            if isinstance(store.ctx, ast.Store) and ast.unparse(store.value) == "self":
                return Refusal(
                    "TM140",
                    f"a layer's function sets {ast.unparse(store)} when it is called (line "
                    f"{store.lineno}): a sub-model calls it once more",
                )
    for function in (*functions_given(module, call), *methods_given(module, call)):
        line = f"a layer's function (line {call.lineno})"
        keeps = function_keeps(module, function)
        if keeps is not None:
            return keeps
        for node in module.inside(function):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                owner = module.scopes.resolve(node.id, module.scope_of(node))
                if owner is not module.scopes.opened_by(function):
                    if Levels.of(module).value(node).symbolic:
                        return Refusal("TM140", f"{line} reads the symbolic {node.id} itself")
        for name in sorted(free_variables(function)):
            if _bound_later(module, name, function, call, compiled):
                return Refusal(
                    "TM144",
                    f"{line} reads {name}, which is bound again after the layer is "
                    f"called (hand it in as a default: lambda t, {name}={name}: …)",
                )
    return None


def _bound_later(
    module: Module, name: str, function: FunctionNode, call: ast.Call, compiled: list[ast.Call]
) -> bool:
    """Whether ``name``, read by ``function``, may be another between ``call`` and a sub-model."""
    if _is_comprehension_variable(module, name, call):
        return True
    scope = module.scopes.opened_by(function)
    owner = module.scopes.resolve(name, scope)
    if owner is None or owner.kind is ScopeKind.CLASS:
        return False
    if owner is module.scopes.module and _set_elsewhere(module, name):
        if any(isinstance(bound, ast.Assign) for bound in module.names.bindings(name, owner)):
            return True
    last = max((each.lineno for each in compiled), default=0)
    here = bool(compiled) and all(module.scope_of(each) is owner for each in compiled)
    for bound in module.names.bindings(name, scope):
        if not isinstance(bound, (ast.Assign, ast.AugAssign, ast.AnnAssign, *_LOOPS)):
            continue
        if module.scope_of(bound) is not owner:
            return True  # `global` or `nonlocal`
        if module.scope_of(call) is owner:
            if _turns_between(module, bound, call, compiled):
                return True
            if bound.lineno > call.lineno and not (here and bound.lineno > last):
                return True
    return False


def _is_comprehension_variable(module: Module, name: str, call: ast.Call) -> bool:
    return any(
        isinstance(node, ast.Name) and node.id == name
        for parent in module.parents(call)
        if isinstance(parent, _COMPREHENSIONS)
        for generator in parent.generators
        for node in ast.walk(generator.target)
    )


def _turns_between(
    module: Module, bound: ast.stmt, call: ast.Call, compiled: list[ast.Call]
) -> bool:
    """Whether a loop goes on from ``call`` to ``bound`` before the graph is compiled."""
    around = [p for p in module.parents(call) if isinstance(p, _LOOPS)]
    for loop in around:
        if bound is not loop and loop not in module.parents(bound):
            continue
        if not compiled or not all(loop in module.parents(each) for each in compiled):
            return True
    return False


def _set_elsewhere(module: Module, name: str) -> bool:
    """Whether another module may set a variable of this one: ``lib.TEMP = 5.0``."""
    project = module.project
    if not isinstance(project, OtherTexts):
        return False
    pattern = rf"(?<!\bself)(?<!\bcls)\.{re.escape(name)}\s*(?:[-+*/%|&^@]|//|\*\*)?=[^=]"
    return any(project.matching(module.path, name, pattern))
