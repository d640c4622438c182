"""What changes between where a Keras graph was built and where its ``K.function`` stands.

::

    grads = K.gradients(loss * CONFIG["scale"], model.input)[0]
    CONFIG["scale"] = 5.0
    f = K.function([model.input], [grads])

The old graph holds the number that was there when it was built; what moves into the new function
would read the later one. Variables of the scope itself are followed by their definitions. Here it
is about objects of the scopes around, by whatever name they go.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from tape_migrate.flow.scope import Scope
from tape_migrate.flow.symbols import Symbol
from tape_migrate.mentions import last_name
from tape_migrate.module import Module
from tape_migrate.shapes.dependence import CONTAINER_METHODS
from tape_migrate.shapes.keras_calls import BACKEND
from tape_migrate.shapes.keras_levels import Levels
from tape_migrate.shapes.kinds import value_given_by
from tape_migrate.shapes.libraries import is_library
from tape_migrate.shapes.made_here import root_of
from tape_migrate.shapes.summaries import Summaries
from tape_migrate.shapes.tensorflow_facts import KERAS_GRAPH_ATTRIBUTES, KERAS_GRAPH_CALLS

_READ_ONLY: Final = frozenset(
    {"get", "items", "keys", "values", "index", "count", "copy", "format"}
)
_OF_MODELS: Final = KERAS_GRAPH_ATTRIBUTES | KERAS_GRAPH_CALLS | {"layers", "name"}
_KERAS_SETTINGS: Final = {
    "set_epsilon": ("epsilon", "crossentropy", "normalize", "normalization"),
    "set_floatx": ("floatx", "placeholder", "variable", "constant", "cast", "zeros", "ones", "eye"),
    "set_image_data_format": ("image_data_format", "conv2d", "pool2d", "bias_add", "resize_images"),
}
"""Functions that set something, and the ends of names of functions that ask for it."""
_DISPLAYS: Final = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.SetComp, ast.DictComp)
_FRESH: Final = (
    *(ast.List, ast.Tuple, ast.Dict, ast.Set, ast.ListComp, ast.SetComp, ast.DictComp),
    *(ast.Constant, ast.BinOp, ast.UnaryOp, ast.JoinedStr, ast.Call),
)


def changed_between(
    module: Module, scope: Scope, moved: Sequence[ast.stmt], between: Sequence[ast.stmt]
) -> tuple[str, int] | None:
    """What the ``moved`` statements read of objects around, and the line among the statements
    ``between`` at which it may change; None if nothing does."""
    if not between:
        return None
    asked = {
        setting
        for call in (call for stmt in moved for call in _calls(stmt))
        for setting, names in _KERAS_SETTINGS.items()
        if last_name(call.func).endswith(names)
    }
    for stmt in between:
        for call in _calls(stmt):
            setting = module.names.resolve(call.func).removeprefix(BACKEND)
            if setting in asked:
                return f"what {ast.unparse(call.func)} sets", call.lineno
    held = _held_by_another_name(module, scope, moved)
    line = held and next(filter(None, (_changes_in_place(module, stmt) for stmt in between)), None)
    if held and line:
        return held, line
    read = [*_read(module, scope, moved)]
    if not read:
        return None
    roots = {root for root, _ in read}
    parts = {part for _, path in read for part in path}
    changes = _Changes(module, roots, parts)
    for stmt in between:
        line = changes.line_in(stmt)
        if line is not None:
            return min(roots), line
    return None


def _calls(part: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(part) if isinstance(node, ast.Call))


def _read(
    module: Module, scope: Scope, moved: Iterable[ast.stmt]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Names of objects of the scopes around that may change in place, and what is asked of them."""
    summaries = Summaries.of(module)
    parts: list[ast.AST] = list(moved)
    parts += summaries.called_functions(parts)
    for part in parts:
        for node in module.of_kind_inside(ast.Name, part):
            if not isinstance(node.ctx, ast.Load) or module.names.resolve(node):
                continue
            inner = module.scope_of(node)
            owner = module.scopes.resolve(node.id, inner)
            if owner is None or module.scopes.is_comprehension_variable(node):
                continue
            path = _asked(module, node)
            if owner is scope:
                yield from _other_names(module, node, scope, path)
            elif owner is module.scopes.module or owner is not inner:
                if _may_change(module, node, owner, path):
                    yield node.id, path


def _held_by_another_name(module: Module, scope: Scope, moved: Sequence[ast.stmt]) -> str | None:
    """A collection or an array of the scope itself that something else has got hold of.

    Of its changes under its own name its definitions tell.
    """
    inside = {id(node) for stmt in moved for node in ast.walk(stmt)}
    names = dict.fromkeys(
        node.id
        for stmt in moved
        for node in module.of_kind_inside(ast.Name, stmt)
        if isinstance(node.ctx, ast.Load)
        and module.scopes.resolve(node.id, module.scope_of(node)) is scope
        and _may_be_collection(module, node, scope)
    )
    for node in module.of_kind(ast.Name) if names else ():
        if node.id in names and id(node) not in inside and _is_handed_on(module, node):
            return node.id
    return None


def _may_be_collection(module: Module, name: ast.Name, scope: Scope) -> bool:
    for stmt in module.names.bindings(name.id, scope):
        value = value_given_by(stmt, Symbol(name.id)) if isinstance(stmt, ast.stmt) else None
        if isinstance(value, _DISPLAYS):
            return True
        if isinstance(value, ast.Call) and not Levels.of(module).value(value).symbolic:
            resolved = module.names.resolve(value.func)
            if resolved.startswith("numpy.") or last_name(value.func) in ("dict", "list", "set"):
                return True
    return False


def _is_handed_on(module: Module, name: ast.Name) -> bool:
    """``other = held``, ``box.held = held[:1]``, ``[held]``, ``keep(held)``: no plain read."""
    node: ast.AST = name
    parent = module.parent_of(node)
    while isinstance(parent, (ast.Subscript, ast.Attribute, ast.Call)) and (
        getattr(parent, "func" if isinstance(parent, ast.Call) else "value") is node
    ):
        if isinstance(parent, ast.Attribute) and parent.attr in _READ_ONLY:
            return False
        node, parent = parent, module.parent_of(parent)
    if isinstance(parent, ast.Call):
        resolved = module.names.resolve(parent.func)
        return not is_library(module, resolved) if resolved else last_name(parent.func) != "len"
    kinds = (ast.Assign, ast.AnnAssign, ast.NamedExpr, ast.List, ast.Tuple, ast.Dict, ast.keyword)
    return isinstance(parent, (*kinds, ast.Starred, ast.Return))


def _changes_in_place(module: Module, stmt: ast.stmt) -> int | None:
    """The line at which a statement changes a collection or an array, whichever."""
    for node in module.inside(stmt):
        match node:
            case ast.Subscript(ctx=ast.Store() | ast.Del()):
                return node.lineno
            case ast.Call(func=ast.Attribute(attr=name)) if name in CONTAINER_METHODS:
                return node.lineno
            case ast.AugAssign(target=ast.Name(id=name)):
                bound = module.names.bindings(name, module.scope_of(node))
                values = [value_given_by(b, Symbol(name)) for b in bound if isinstance(b, ast.stmt)]
                if not all(isinstance(value, ast.Constant) for value in values if value):
                    return node.lineno
    return None


def _asked(module: Module, name: ast.Name) -> tuple[str, ...]:
    """Names of the attributes in ``HOLDER.config["scale"]``."""
    found: list[str] = []
    node: ast.AST = name
    parent = module.parent_of(node)
    while isinstance(parent, (ast.Attribute, ast.Subscript)) and parent.value is node:
        if isinstance(parent, ast.Attribute):
            found.append(parent.attr)
        node, parent = parent, module.parent_of(parent)
    return tuple(found)


def _other_names(
    module: Module, node: ast.Name, scope: Scope, path: tuple[str, ...]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """``config = CONFIG``: an object around by a name of the scope."""
    for stmt in module.names.bindings(node.id, scope):
        value = value_given_by(stmt, Symbol(node.id)) if isinstance(stmt, ast.stmt) else None
        root = (
            root_of(value) if isinstance(value, (ast.Name, ast.Attribute, ast.Subscript)) else None
        )
        if root is None or module.names.resolve(root):
            continue
        owner = module.scopes.resolve(root.id, scope)
        asked = (*_asked(module, root), *path)
        if owner is not None and owner is not scope and _may_change(module, root, owner, asked):
            yield root.id, asked


def _may_change(module: Module, node: ast.Name, owner: Scope, path: tuple[str, ...]) -> bool:
    """Whether what a name holds can be changed in place, or has attributes that can."""
    if Levels.of(module).value(node).symbolic or (path[:1] and path[0] in _OF_MODELS):
        return False
    bound = module.names.bindings(node.id, owner)
    for stmt in bound:
        if isinstance(stmt, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            if path:
                return True
            continue
        if isinstance(stmt, (ast.Import, ast.ImportFrom)):
            return True
        value = value_given_by(stmt, Symbol(node.id)) if isinstance(stmt, ast.stmt) else None
        if value is None or not _is_fixed(value):
            parent = module.parent_of(node)
            called = isinstance(parent, ast.Call) and parent.func is node
            if not called:  # a model, or a function that a library has made
                return True
    return False


def _is_fixed(value: ast.expr) -> bool:
    match value:
        case ast.Constant() | ast.Lambda():
            return True
        case ast.UnaryOp(operand=operand):
            return _is_fixed(operand)
        case ast.BinOp(left=left, right=right):
            return _is_fixed(left) and _is_fixed(right)
        case ast.Tuple(elts=items):
            return all(map(_is_fixed, items))
    return False


class _Changes:
    """Tells statements that may change one of the objects."""

    def __init__(self, module: Module, roots: set[str], attributes: set[str]) -> None:
        self._module = module
        self._summaries = Summaries.of(module)
        self._roots = roots
        self._attributes = attributes

    def line_in(self, stmt: ast.stmt) -> int | None:
        for node in self._module.inside(stmt):
            if isinstance(node, ast.expr) and self._changes(node):
                return node.lineno
            if isinstance(node, ast.AugAssign) and self._is_one(node.target):
                return node.lineno
        return None

    def _changes(self, node: ast.expr) -> bool:
        match node:
            case ast.Attribute(ctx=ast.Store() | ast.Del(), attr=name):
                return name in self._attributes
            case ast.Subscript(ctx=ast.Store() | ast.Del(), value=value):
                return self._is_one(value)
            case ast.Call():
                return self._call_changes(node)
        return False

    def _call_changes(self, call: ast.Call) -> bool:
        given = [*call.args, *(keyword.value for keyword in call.keywords)]
        function = self._summaries.callee(call)
        if function is not None:
            handed = any(self._is_one(value) for value in given if root_of(value) is not None)
            if handed and any(
                self._module.of_kind_inside(ast.AugAssign, inner)
                for inner in self._summaries.reached(function)
            ):
                return True  # `values += 1.0` changes an array that was handed in
            return not self._summaries.is_quiet(function)
        func = call.func
        if last_name(func) == "setattr":
            return True
        resolved = self._module.names.resolve(func)
        if resolved:
            handed = any(self._is_one(value) for value in given if root_of(value) is not None)
            return not is_library(self._module, resolved) or handed
        if isinstance(func, ast.Attribute):
            if func.attr in _READ_ONLY:
                return False
            if func.attr in CONTAINER_METHODS:
                return self._is_one(func.value)
            methods = self._summaries.methods_named(func.attr)
            root = root_of(func.value)
            own = root is not None and root.id in self._roots
            return own or not all(map(self._summaries.is_quiet, methods))
        return False

    def _is_one(self, expr: ast.expr) -> bool:
        """Whether ``expr`` may give one of the objects, or what it holds."""
        root = root_of(expr)
        if root is None:
            return True
        if root.id in self._roots:
            return True
        scope = self._module.scope_of(root)
        owner = self._module.scopes.resolve(root.id, scope)
        if owner is None:
            return False
        bound = self._module.names.bindings(root.id, owner)
        return not all(self._makes_another(stmt, root.id) for stmt in bound)

    def _makes_another(self, stmt: ast.AST | None, name: str) -> bool:
        value = value_given_by(stmt, Symbol(name)) if isinstance(stmt, ast.stmt) else None
        return value is not None and isinstance(value, _FRESH)
