"""Models that are saved, or take weights from a file, where a layer of some model has changed.

A layer that is given a model cannot be saved as before, and is one layer more that has weights in
a file of them. What holds no such layer is the same file as before: the generator, the critic, as
most programs save them. Which models may hold it is followed through names, attributes and
functions, as far as a program shows; what is not seen may.
"""

from __future__ import annotations

import ast
import builtins
import sys
from collections.abc import Container, Iterable, Iterator

from tape_migrate.mentions import asked_by_text, last_name
from tape_migrate.module import Module
from tape_migrate.names import KNOWN_MODULES
from tape_migrate.shapes.helper import is_method
from tape_migrate.shapes.loss_program import compiling
from tape_migrate.shapes.modes import OtherModules
from tape_migrate.shapes.program import others_of

_SAVED = frozenset(("save", "to_json", "to_yaml", "get_config", "load_weights"))
"""Methods of a model that write all of it, or read a file that was written before."""
_ORDERED = frozenset(("get_weights", "set_weights", "save_weights"))
_SAVERS = frozenset(("save_model", "clone_model", "clone_and_build_model", "model_to_estimator"))
"""Functions that are given the model."""
_NOT_AS_BEFORE = "the layer cannot be saved as before"
_FITS = frozenset(("fit", "fit_generator", "set_model"))
_READERS = frozenset(
    {"compile", "fit", "fit_generator", "train_on_batch", "predict", "evaluate", "summary"}
    | {"get_weights", "set_weights", "save", "save_weights", "load_weights", "predict_on_batch"}
)
"""Methods of a model that put none of what they are given into it."""
_VALUES = (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.NamedExpr)
_WHOLE = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


def refuse_saved(module: Module, layers: Iterable[ast.AST], *, ordered: bool = False) -> str | None:
    """Where the program saves a model, or loads one, that may hold one of ``layers``.

    ``layers`` are the expressions of ``module`` that make them. ``ordered``: nor may the order be
    seen in which such a model has its weights.
    """
    names = _SAVED | _ORDERED if ordered else _SAVED
    modules = (module, *others_of(module))
    reach = _Reach(modules, frozenset(id(node) for node in layers))
    for each in modules:
        where = "" if each is module else f"{each.path}: "
        for line, name, models in _saves(each, names):
            if any(reach.holds(each, model) for model in models):
                last = name.rpartition(".")[2]
                why = "the weights have another order" if last in _ORDERED else _NOT_AS_BEFORE
                return f"{where}line {line} uses {name}: {why}"
    return None


def _saves(module: Module, names: frozenset[str]) -> Iterator[tuple[int, str, list[ast.expr]]]:
    """Lines that save or load, what they name, and the models, as far as these are seen."""
    checks = any(
        last_name(node) == "ModelCheckpoint" for node in module.nodes if isinstance(node, ast.expr)
    )
    for node in module.nodes:
        if not isinstance(node, (ast.Name, ast.Attribute)):
            continue
        name = last_name(node)
        call = module.parent_of(node)
        given = call.args if isinstance(call, ast.Call) and call.func is node else []
        library = module.names.resolve(node).partition(".")[0]
        if name in _SAVERS or (name in names and library in ("keras", "tensorflow")):
            yield node.lineno, name, [*given] or [node]
        elif name in names and isinstance(node, ast.Attribute) and library not in KNOWN_MODULES:
            if not _is_own_object(module, node.value):
                yield node.lineno, ast.unparse(node), [node.value]
        elif checks and name in _FITS and isinstance(node, ast.Attribute):
            yield node.lineno, "ModelCheckpoint", [node.value, *given[: name == "set_model"]]


def compiled_itself(module: Module, model: ast.expr) -> bool | None:
    """Whether ``model``, or one that it holds, is compiled; None if that is out of sight.

    Keras 3 gives the loss of a compiled model in a layer for that of the model around it.
    """
    found = _Reach((module, *others_of(module)), frozenset()).behind(module, model)
    if found is None:
        return None
    names = {last_name(node) for node in found if isinstance(node, ast.expr)} - {"", "self"}
    inside = {id(node) for node in found}
    for each in (module, *others_of(module)):
        for call in compiling(each):
            assert isinstance(call.func, ast.Attribute)
            if id(call) in inside or last_name(call.func.value) in names:
                return True
    return None if any(_is_unknown(node) for node in found) else False


def _is_unknown(node: ast.AST) -> bool:
    """Whether ``node`` imports from a library that may make models, other than Keras."""
    roots: list[str] = []
    if isinstance(node, ast.ImportFrom):
        roots = [(node.module or "").partition(".")[0]]
    elif isinstance(node, ast.Import):
        roots = [alias.name.partition(".")[0] for alias in node.names]
    return any(r not in KNOWN_MODULES and r not in sys.stdlib_module_names for r in roots)


class _Reach:
    """From an expression to all that it may have been made of."""

    def __init__(self, modules: tuple[Module, ...], wanted: frozenset[int]) -> None:
        self._modules = modules
        self._wanted = wanted

    def holds(self, module: Module, expr: ast.expr) -> bool:
        """Whether ``expr`` may hold what one of the wanted expressions gives."""
        found = self.behind(module, expr)
        return found is None or any(id(node) in self._wanted for node in found)

    def behind(self, module: Module, expr: ast.expr) -> list[ast.AST] | None:
        """All that ``expr`` may have been made of; None if some of it is not seen."""
        seen: dict[int, ast.AST] = {}
        pending: list[tuple[Module, ast.AST]] = [(module, expr)]
        while pending:
            home, node = pending.pop()
            if id(node) in seen:
                continue
            seen[id(node)] = node
            further = self._from(home, node, seen)
            if further is None:
                return None
            pending += further
        return list(seen.values())

    def _from(
        self, module: Module, node: ast.AST, entered: Container[int]
    ) -> list[tuple[Module, ast.AST]] | None:
        """What ``node`` is made of; None if that is not seen.

        Functions that were ``entered`` are called with what has been looked at already.
        """
        match node:
            case ast.Name():
                return _of_name(module, node, entered)
            case ast.Attribute():
                return self._of_attribute(module, node)
        return [(module, child) for child in ast.iter_child_nodes(node)]

    def _of_attribute(
        self, module: Module, node: ast.Attribute
    ) -> list[tuple[Module, ast.AST]] | None:
        if module.names.resolve(node).partition(".")[0] in KNOWN_MODULES:
            return []
        found: list[tuple[Module, ast.AST]] = []
        for each in self._modules:
            if asked_by_text(each, node.attr) is not None:
                return None
            for use in each.nodes:
                if isinstance(use, ast.Attribute) and use.attr == node.attr:
                    found += [(each, value) for value in _put_into(each, use)]
                elif isinstance(use, ast.FunctionDef) and use.name == node.attr:
                    found.append((each, use))
        if not _is_own_object(module, node.value):
            found.append((module, node.value))
        return found


def _of_name(
    module: Module, node: ast.Name, entered: Container[int]
) -> list[tuple[Module, ast.AST]] | None:
    scope = module.scope_of(node)
    looped = _of_comprehension(module, node)
    if looped is not None:
        return [(module, looped)]
    bound = module.names.bindings(node.id, scope)
    if not bound:
        known = hasattr(builtins, node.id) or bool(module.names.resolve(node))
        return [] if known else None
    found: list[tuple[Module, ast.AST]] = []
    owner = module.scopes.resolve(node.id, scope)
    for binding in bound:
        if binding is None:
            if not _is_self(module, node) and (owner is None or id(owner.node) not in entered):
                return None
        elif isinstance(binding, (ast.Import, ast.ImportFrom)):
            if _is_of_project(module, binding):
                project = module.project
                resolved = module.names.resolve(node)
                other = project.function(resolved) if isinstance(project, OtherModules) else None
                if other is None:
                    return None
                found.append(other)
            else:
                found.append((module, binding))
        else:
            found += [(module, value) for value in _values(module, binding)]
    for use in module.nodes:
        if isinstance(use, ast.Name) and use.id == node.id:
            if module.scopes.resolve(use.id, module.scope_of(use)) is owner:
                found += [(module, value) for value in _put_into(module, use)]
    return found


def _of_comprehension(module: Module, node: ast.Name) -> ast.expr | None:
    """What a comprehension around ``node`` goes through, if the name is its own."""
    for parent in module.parents(node):
        if isinstance(parent, (ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp)):
            for generator in parent.generators:
                names = [n.id for n in ast.walk(generator.target) if isinstance(n, ast.Name)]
                if node.id in names:
                    return generator.iter
        if isinstance(parent, _WHOLE):
            return None
    return None


def _values(module: Module, binding: ast.AST) -> list[ast.AST]:
    if isinstance(binding, _WHOLE):
        return [binding]
    if isinstance(binding, _VALUES):
        return [binding.value] if binding.value is not None else []
    if isinstance(binding, (ast.For, ast.comprehension)):
        return [binding.iter]
    if isinstance(binding, ast.With):
        return [item.context_expr for item in binding.items]
    return [module.statement_of(binding)]


def _put_into(module: Module, use: ast.Name | ast.Attribute) -> list[ast.AST]:
    """What a name or an attribute is set to, or a method of it is given, where it stands."""
    parent = module.parent_of(use)
    if isinstance(use.ctx, ast.Store):
        stmt = module.statement_of(use)
        return _values(module, stmt)
    if isinstance(parent, ast.Subscript) and isinstance(parent.ctx, ast.Store):
        return _values(module, module.statement_of(use))
    call = module.parent_of(parent) if isinstance(parent, ast.Attribute) else None
    if isinstance(parent, ast.Attribute) and isinstance(parent.ctx, ast.Store):
        return _values(module, module.statement_of(use))
    if isinstance(call, ast.Call) and call.func is parent and isinstance(parent, ast.Attribute):
        if parent.attr not in _READERS:
            return [*call.args, *(keyword.value for keyword in call.keywords)]
    return []


def _is_self(module: Module, node: ast.Name) -> bool:
    """``self`` of ``self.critic``: an object, whose attributes are looked at by themselves."""
    function = module.scopes.resolve(node.id, module.scope_of(node))
    if function is None or not is_method(function):
        return False
    assert isinstance(function.node, (ast.FunctionDef, ast.AsyncFunctionDef))
    first = function.node.args.args[:1]
    around = isinstance(module.parent_of(node), ast.Attribute)
    owner = function.parent.node if function.parent is not None else None
    return around and bool(first) and first[0].arg == node.id and _is_class(module, owner)


def _is_own_object(module: Module, expr: ast.expr) -> bool:
    """``self``, or a name of an object of a class that the program defines."""
    if not isinstance(expr, ast.Name):
        return False
    bound = module.names.bindings(expr.id, module.scope_of(expr))
    if bound == [None]:
        return _is_self(module, expr)
    return bool(bound) and all(_makes_object(module, binding) for binding in bound)


def _makes_object(module: Module, binding: ast.AST | None) -> bool:
    """``gan = WGAN()``, of a class here, or of another module of the project."""
    match binding:
        case ast.Assign(value=ast.Call(func=ast.Name() as func)):
            made = module.names.bindings(func.id, module.scope_of(func))
            return bool(made) and all(_is_class(module, each) for each in made)
    return False


def _is_class(module: Module, node: ast.AST | None) -> bool:
    """Whether ``node`` is a class that is no model of Keras, as far as its bases are seen."""
    if isinstance(node, ast.ClassDef):
        return all(isinstance(base, ast.Name) and base.id == "object" for base in node.bases)
    return False


def _is_of_project(module: Module, binding: ast.Import | ast.ImportFrom) -> bool:
    may_have = getattr(module.project, "may_have", None)
    if isinstance(binding, ast.Import):
        names = [alias.name for alias in binding.names]
    else:
        names = [module.names.from_module(binding)]
    return may_have is not None and any(
        name.startswith(".") or may_have(name.lstrip(".")) for name in names
    )
