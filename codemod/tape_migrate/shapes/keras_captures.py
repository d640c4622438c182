"""Whether what a moved graph takes from outside could change before the function is traced.

The old graph was built once, where ``K.function`` stands, with the values of then. A compiled
function is traced when it is first called. A number or a string cannot change in between, and
neither can a list or an array that nothing touches; for all else the function is traced at once.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable

from tape_migrate.flow.scope import Scope, ScopeKind
from tape_migrate.module import Module
from tape_migrate.shapes.summaries import Summaries

_PURE_BUILTINS = frozenset(
    {"len", "range", "enumerate", "zip", "print", "str", "int", "float", "bool", "isinstance"}
    | {"sorted", "sum", "min", "max", "abs", "round", "repr", "type", "any", "all", "reversed"}
)
_COPYING_BUILTINS = frozenset(("len", "range", "str", "int", "float", "bool", "sum", "round"))
_READING_METHODS = frozenset(
    {"keys", "values", "items", "get", "index", "count", "copy", "astype", "format", "join"}
    | {"lower", "upper", "split", "startswith", "endswith", "mean", "std", "min", "max", "sum"}
)
_PURE_MODULES = ("tensorflow.", "keras.", "numpy.", "math.")


def may_change(
    module: Module, scope: Scope, parts: Iterable[ast.AST], aside: set[int], *, escapes: bool
) -> str | None:
    """A name read by ``parts`` (but for the nodes ``aside``) whose value may change, or None.

    ``escapes`` tells that the compiled function outlives its scope, or is called from others.
    """
    names: dict[str, ast.Name] = {}
    for part in parts:
        for node in ast.walk(part):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                if id(node) not in aside:
                    names.setdefault(node.id, node)
    for name, node in names.items():
        owner = module.scopes.resolve(name, scope)
        if owner is not None and _is_variable(module, name, scope):
            if _may_change(module, name, node, owner, scope, escapes=escapes):
                return name
    return None


def _is_variable(module: Module, name: str, scope: Scope) -> bool:
    return any(
        not isinstance(node, (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef))
        for node in module.names.bindings(name, scope)
    )


def _may_change(
    module: Module, name: str, node: ast.Name, owner: Scope, scope: Scope, *, escapes: bool
) -> bool:
    if name in ("self", "cls"):
        return _attributes_may_change(module, scope, escapes=escapes)
    bound = module.names.bindings(name, scope)
    if bound and all(_gives_constant(module, stmt, name) for stmt in bound):
        return False
    own = all(_gives_own_value(module, stmt, name) for stmt in bound)
    if not own and escapes:
        return True  # the same object may be known to others
    return any(
        not _is_safe_read(module, other)
        for other in module.nodes
        if isinstance(other, ast.Name)
        and other.id == name
        and module.scopes.resolve(name, module.scope_of(other)) is owner
    )


def _attributes_may_change(module: Module, scope: Scope, *, escapes: bool) -> bool:
    del module
    return escapes or scope.kind is not ScopeKind.FUNCTION


def _gives_constant(module: Module, stmt: ast.AST | None, name: str) -> bool:
    if isinstance(stmt, ast.arg):
        return False
    if isinstance(stmt, (ast.For, ast.AsyncFor)):
        return _is_constant(module, stmt.iter) or _counts(stmt.iter, stmt.target, name)
    if isinstance(stmt, (ast.Assign, ast.AnnAssign)) and stmt.value is not None:
        return _is_constant(module, stmt.value)
    return False


def _counts(iterable: ast.expr, target: ast.expr, name: str) -> bool:
    if not isinstance(iterable, ast.Call) or not isinstance(iterable.func, ast.Name):
        return False
    if iterable.func.id == "range":
        return True
    first = target.elts[0] if isinstance(target, ast.Tuple) and target.elts else None
    counted = isinstance(first, ast.Name) and first.id == name
    return iterable.func.id == "enumerate" and counted


def _is_constant(module: Module, value: ast.expr) -> bool:
    match value:
        case ast.Constant():
            return True
        case ast.Tuple(elts=items):
            return all(_is_constant(module, item) for item in items)
        case ast.List(elts=items):
            return all(isinstance(item, ast.Constant) for item in items) and bool(items)
        case ast.UnaryOp(operand=inner):
            return _is_constant(module, inner)
        case ast.BinOp(left=left, right=right):
            return _is_constant(module, left) and _is_constant(module, right)
        case ast.Call(func=ast.Name(id=name)):
            return name in _COPYING_BUILTINS
        case ast.Attribute(attr=attr):
            return attr in ("shape", "name", "ndim")
        case ast.Subscript(value=ast.Attribute(attr="shape")):
            return True
    return False


def _gives_own_value(module: Module, stmt: ast.AST | None, name: str) -> bool:
    """Whether a binding makes a value that has no other name."""
    del name
    if not isinstance(stmt, (ast.Assign, ast.AnnAssign)) or stmt.value is None:
        return False
    value = stmt.value
    if isinstance(value, (ast.List, ast.Dict, ast.ListComp, ast.DictComp, ast.BinOp, ast.Constant)):
        return True
    if isinstance(value, ast.Call):
        resolved = module.names.resolve(value.func)
        if resolved.startswith(_PURE_MODULES):
            return not resolved.endswith(("asarray", "asanyarray", "ravel", "reshape"))
        return isinstance(value.func, ast.Name) and value.func.id in ("list", "dict", "sorted")
    return False


def _is_safe_read(module: Module, node: ast.Name) -> bool:
    """Whether a use of a name leaves the object as it is, and tells nobody else of it."""
    if isinstance(node.ctx, ast.Del):
        return False
    parent = module.parent_of(node)
    if isinstance(node.ctx, ast.Store):
        return not isinstance(parent, ast.AugAssign)
    child: ast.AST = node
    while isinstance(parent, (ast.Subscript, ast.Attribute)) and child is parent.value:
        if not isinstance(parent.ctx, ast.Load):
            return False
        grand = module.parent_of(parent)
        if (
            isinstance(grand, ast.Call)
            and grand.func is parent
            and isinstance(parent, ast.Attribute)
        ):
            return parent.attr in _READING_METHODS or _is_layer_method(parent.attr)
        if isinstance(grand, ast.AugAssign) and grand.target is parent:
            return False
        child, parent = parent, grand
    if isinstance(parent, ast.Call) and child is not parent.func:
        resolved = module.names.resolve(parent.func)
        if resolved.startswith(_PURE_MODULES):
            return True
        if isinstance(parent.func, ast.Name) and parent.func.id in _PURE_BUILTINS:
            return True
        function = Summaries.of(module).callee(parent)
        return function is not None and Summaries.of(module).is_quiet(function)
    if isinstance(parent, ast.Tuple):
        index = module.parent_of(parent)
        return isinstance(index, ast.Subscript) and index.slice is parent
    plain = (ast.BinOp, ast.UnaryOp, ast.Compare, ast.Subscript, ast.For, ast.comprehension)
    also = (ast.If, ast.IfExp, ast.BoolOp, ast.FormattedValue, ast.JoinedStr, ast.Slice, ast.Call)
    return isinstance(parent, (*plain, *also, ast.Assert, ast.While, ast.Expr))


def _is_layer_method(name: str) -> bool:
    return name in ("get_layer", "predict", "evaluate", "summary", "get_weights", "set_weights")
