"""What functions of other modules read that their module keeps.

After ``lib.keep(x)``, ``lib.scale(x)`` may give what was computed from ``x`` then, though nothing
that is read here holds it: ``CACHE["h"] * v`` stands in the other module.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from tape_migrate.flow.symbols import symbol_of
from tape_migrate.module import Module
from tape_migrate.parsed import walk
from tape_migrate.shapes.evaluated import all_calls, calls_in, functions_in
from tape_migrate.shapes.functions import Function
from tape_migrate.shapes.functions_set import functions_set
from tape_migrate.shapes.kept_by_functions import keeps_in_default, kept_by_functions
from tape_migrate.shapes.libraries import is_library, is_own
from tape_migrate.shapes.made_here import root_of
from tape_migrate.shapes.overridden import OtherTexts
from tape_migrate.shapes.quiet import TENSOR_METHODS, OtherFunctions
from tape_migrate.shapes.state_elsewhere import kept_elsewhere
from tape_migrate.shapes.stored import is_tensor, names_tensor
from tape_migrate.shapes.summaries import Summaries
from tape_migrate.shapes.unnamed_calls import OPERATORS

_DEFINED = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
"""What is no variable; an object is found by the name of what it is given to."""
_DEPTH = 4


def remembered(
    module: Module, parts: Sequence[ast.AST], tensors: frozenset[str]
) -> tuple[str, str] | None:
    """What ``parts`` read or run of another module's, and where that module sets what it gives.

    What is set to a number, to data or to a variable does not count. ``parts`` are statements and
    expressions; the functions of this module that they call are gone through as well. ``tensors``
    are names of what has no operators but those of tensors.
    """
    if not isinstance(module.project, OtherFunctions):
        return None
    summaries = Summaries.of(module)
    run = [(part, functions_in(part)) for part in parts]
    run += [(f, _loads(f)) for f in summaries.called_functions(parts)]
    for part, named in run:
        for expr in named:
            where = _by_expression(module, expr)
            if where is None and (isinstance(part, _DEFINED) or _is_imported_here(module, expr)):
                where = _read_by_own(module, expr)
            if where is not None:
                return ast.unparse(expr), where
    for part, _ in run:
        for call in all_calls(part) if isinstance(part, _DEFINED) else calls_in(part):
            where = _handed_about(module) if _is_unknown(module, call) else None
            if where is not None:
                return ast.unparse(call.func), where
    for part, _ in run:
        for node in walk(part):
            for special in _special_methods(module, node, tensors):
                where = _by_name(module, special, own=not _is_of_other(module, node))
                if where is not None:
                    return ast.unparse(node), where
    return None


def _special_methods(module: Module, node: ast.AST, tensors: frozenset[str]) -> tuple[str, ...]:
    """What an object of a class of the project's may be asked for by an operator."""
    match node:
        case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS:
            if not all(_is_tensor(module, operand, tensors) for operand in (left, right)):
                name = OPERATORS[type(op)]
                return (f"__{name}__", f"__r{name}__", f"__i{name}__")
        case ast.Subscript(ctx=ast.Load()):
            return ("__getitem__",)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return () if _is_tensor(module, operand, tensors) else ("__neg__",)
        case ast.For() | ast.comprehension() | ast.Starred():
            return ("__iter__",)
        case ast.Attribute(ctx=ast.Load()) if not module.names.resolve(node):
            return ("__getattr__", "__getattribute__")
        case ast.Call(func=ast.Name(id="getattr")):
            return ("__getattr__", "__getattribute__")
    return ()


def _is_tensor(module: Module, expr: ast.expr, tensors: frozenset[str]) -> bool:
    match expr:
        case ast.Constant():
            return True
        case ast.Name(id=name):
            return name in tensors
        case ast.BinOp(left=left, right=right):
            return all(_is_tensor(module, operand, tensors) for operand in (left, right))
        case ast.Call(func=func):
            resolved = module.names.resolve(func)
            return bool(resolved) and is_library(module, resolved)
    return False


def _loads(function: Function) -> Iterator[ast.expr]:
    for node in walk(function):
        if isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Load):
            yield node


def _by_expression(module: Module, expr: ast.expr) -> str | None:
    """Where what a name or an attribute may stand for finds what its module keeps."""
    dotted = module.names.resolve(expr)
    if dotted and not isinstance(module.parent_of(expr), ast.Attribute):
        return _remembered_by(module, dotted, _DEPTH, called=_is_called(module, expr))
    return _by_name(module, expr.attr) if isinstance(expr, ast.Attribute) and not dotted else None


def _read_by_own(module: Module, expr: ast.expr) -> str | None:
    """What a function of this module reads, and another one changes."""
    symbol = symbol_of(expr)
    if symbol is None or isinstance(module.parent_of(expr), ast.Attribute):
        return None
    return kept_elsewhere(module, module.scope_of(expr), symbol)


def _is_imported_here(module: Module, expr: ast.expr) -> bool:
    """Whether it is read of what an import inside a function gives."""
    root = root_of(expr)
    scope = module.scope_of(expr)
    if root is None or module.scopes.resolve(root.id, scope) is module.scopes.module:
        return False
    bound = module.names.bindings(root.id, scope)
    return any(isinstance(node, (ast.Import, ast.ImportFrom)) for node in bound)


def _is_called(module: Module, expr: ast.expr) -> bool:
    """Whether it is a function that is called, or what holds it: ``TABLE["scale"](v)``."""
    node, parent = expr, module.parent_of(expr)
    while isinstance(parent, (ast.Attribute, ast.Subscript)) and parent.value is node:
        node, parent = parent, module.parent_of(parent)
    return isinstance(parent, ast.Call) and parent.func is node


def _is_of_other(module: Module, node: ast.AST) -> bool:
    """Whether an operator is one of an object that another module has: ``lib.NET[x]``."""
    parts = [part for part in ast.iter_child_nodes(node) if isinstance(part, ast.expr)]
    return any(is_own(module, module.names.resolve(part)) for part in parts)


def _by_name(module: Module, name: str, *, own: bool = True) -> str | None:
    """Where a method of this name of any class of the project finds what its module keeps.

    What its ``own`` object keeps was given to it, and is spoken of where the object is; not of a
    class that may give the same object again.
    """
    project = module.project
    if not isinstance(project, OtherTexts) or name in TENSOR_METHODS:
        return None
    for path in project.defining(module.path, name):
        home = project.module_at(path)
        kept = kept_by_functions(home) if home is not None else {}
        for method in Summaries.of(home).methods_named(name) if home is not None else ():
            if keeps_in_default(home, method):
                return f"line {method.lineno} of {path}"
            its = own and not _gives_again(home, method)
            for function in Summaries.of(home).reached(method):
                found = {n for n in _read(home, function) if n in kept}
                read = sorted(n for n in found if n[0] != "." or not its)
                if read:
                    return f"line {kept[read[0]]} of {path}"
                where = _set_outside(home, function)
                if where is not None:
                    return where
    return None


def _gives_again(home: Module, method: Function) -> bool:
    """Whether making an object of the method's class may give one that others have as well."""
    scope = home.scope_of(method)
    if not isinstance(scope.node, ast.ClassDef):
        return False
    own = [*scope.node.decorator_list, *(keyword.value for keyword in scope.node.keywords)]
    return any(
        isinstance(stmt, ast.FunctionDef) and stmt.name == "__new__" for stmt in scope.node.body
    ) or any(is_own(home, home.names.resolve(each)) or _is_here(home, each) for each in own)


def _is_here(home: Module, expr: ast.expr) -> bool:
    bound = home.names.bindings(expr.id, home.scopes.module) if isinstance(expr, ast.Name) else []
    return any(isinstance(node, (ast.FunctionDef, ast.ClassDef)) for node in bound)


def _is_unknown(module: Module, call: ast.Call) -> bool:
    """Whether a call runs what the module has from somewhere: ``fn(v)``, ``self.fn(v)``."""
    func = call.func
    if module.names.resolve(func) or Summaries.of(module).callee(call) is not None:
        return False
    if isinstance(func, ast.Attribute):
        return any(isinstance(n.ctx, ast.Store) for n in module.attributes(func.attr))
    return not isinstance(func, ast.Name) or module.names.is_local(func.id, module.scope_of(func))


def _handed_about(module: Module) -> str | None:
    """Where a function of another module that this one hands about finds what is kept there."""
    key = "remembered by what is handed about"
    if key not in module.memo:
        called = {id(call.func) for call in module.of_kind(ast.Call)}
        named = (*module.of_kind(ast.Name), *module.of_kind(ast.Attribute))
        found = (
            _remembered_by(module, module.names.resolve(node), _DEPTH, called=False)
            for node in named
            if id(node) not in called and not isinstance(module.parent_of(node), ast.Attribute)
        )
        module.memo[key] = next(filter(None, found), None) or _by_name(module, "__call__")
    where = module.memo[key]
    assert where is None or isinstance(where, str)
    return where


def _remembered_by(module: Module, dotted: str, depth: int, *, called: bool) -> str | None:
    project = module.project
    if not dotted or not is_own(module, dotted) or not isinstance(project, OtherFunctions):
        return None
    path, rest = project.split(dotted)
    home = project.module_at(path) if path and path != module.path else None
    if home is None or depth == 0:
        return None
    meant = home.names.top_level(rest[0]) if rest else ""
    if meant:  # `lib.scale`, which `lib` has from somewhere else
        return _remembered_by(home, ".".join((meant, *rest[1:])), depth - 1, called=called)
    kept = kept_by_functions(home)
    for function, new in _run(home, rest, called=called):
        for name in _read(home, function, new=new) if kept else ():
            if name in kept:
                return f"line {kept[name]} of {path}"
        where = _set_outside(home, function)
        if where is not None:
            return where
        if keeps_in_default(home, function):
            return f"line {function.lineno} of {path}"
        for inner in home.of_kind_inside(ast.Call, function):
            resolved = home.names.resolve(inner.func)
            where = _remembered_by(home, resolved, depth - 1, called=True)
            if where is not None:
                return where
    return None


def _run(home: Module, names: tuple[str, ...], *, called: bool) -> list[tuple[Function, bool]]:
    """The functions that ``names`` in ``home`` may be, or run when it is ``called``.

    With each, whether it only runs for a new object, which remembers nothing yet.
    """
    summaries, top = Summaries.of(home), home.scopes.module
    everything: list[tuple[Function, bool]] = [
        (function, False) for function in home.of_kind(ast.FunctionDef)
    ]
    if not names:
        return everything  # `getattr(lib, kind)`
    bound = home.names.bindings(names[0], top)
    if len(names) > 1:
        found: list[tuple[Function, bool]] = [
            (method, False) for method in summaries.methods_named(names[-1])
        ]
    elif bound and all(isinstance(node, (ast.FunctionDef, ast.ClassDef)) for node in bound):
        found = [(node, False) for node in bound if isinstance(node, ast.FunctionDef)]
        found += _constructors(bound)
    elif called and not all(isinstance(node, _DEFINED) for node in bound):
        return everything  # `scale = BOX.scale`: whatever the module has
    else:
        return []
    reached: dict[int, tuple[Function, bool]] = {}
    while found:
        function, new = found.pop()
        for inner in summaries.reached(function):
            known = reached.get(id(inner))
            if known is not None and known[1] <= new:
                continue
            reached[id(inner)] = (inner, new)
            for call in home.of_kind_inside(ast.Call, inner):
                root = root_of(call.func)
                if isinstance(call.func, ast.Name):
                    found += _constructors(home.names.bindings(call.func.id, top))
                elif root is not None and isinstance(call.func, ast.Attribute):
                    if home.scopes.resolve(root.id, home.scope_of(root)) is top:
                        # `BOX.scale(v)`
                        found += [(m, False) for m in summaries.methods_named(call.func.attr)]
    return list(reached.values())


def _constructors(bound: Sequence[ast.AST | None]) -> list[tuple[Function, bool]]:
    """What making objects of classes runs, as far as they show it themselves."""
    return [
        (stmt, True)
        for node in bound
        if isinstance(node, ast.ClassDef)
        for stmt in node.body
        if isinstance(stmt, ast.FunctionDef) and stmt.name in ("__init__", "__new__")
    ]


def _goes_nowhere(home: Module, name: ast.Name, function: Function) -> bool:
    """``REGISTRY[key].append(self)`` as a statement: what it holds is not read.

    Nor is what is compared, or gets a local name of which that is true.
    """
    node: ast.AST = name
    parent = home.parent_of(node)
    while isinstance(parent, (ast.Attribute, ast.Subscript)) and parent.value is node:
        node, parent = parent, home.parent_of(parent)
    match parent:
        case ast.Call(func=ast.Attribute(attr="add" | "append" | "extend") as func):
            return func is node and isinstance(home.parent_of(parent), ast.Expr)
        case ast.Compare():
            return node is name
        case ast.Assign(targets=[ast.Name(id=local)], value=value) if value is name:
            return local != name.id and all(
                _goes_nowhere(home, other, function)
                for other in home.inside(function)
                if isinstance(other, ast.Name) and isinstance(other.ctx, ast.Load)
                if other.id == local
            )
    return False


def _set_outside(home: Module, function: Function) -> str | None:
    """Where another module sets a name that ``function`` reads to a tensor."""
    known = home.memo.setdefault("names set by others", {})
    assert isinstance(known, dict)
    for name in dict.fromkeys(_read(home, function)):
        if name not in known:
            known[name] = None
            bound = home.names.bindings(name, home.scopes.module) if name[0] != "." else []
            if any(isinstance(node, (ast.Assign, ast.AnnAssign)) for node in bound):
                for user, value in functions_set(home, name, None):
                    if isinstance(value, ast.expr) and (
                        is_tensor(user, value) or names_tensor(user, value)
                    ):
                        known[name] = f"line {value.lineno} of {user.path}"
        if known[name] is not None:
            return str(known[name])
    return None


def _read(home: Module, function: Function, *, new: bool = False) -> Iterator[str]:
    """Names of outside, and attributes, that a function reads; of a ``new`` object none."""
    scope = home.scopes.opened_by(function)
    own = [] if new else [arg.arg for arg in function.args.args[:1]]
    for node in home.inside(function):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            outside = home.scopes.resolve(node.id, home.scope_of(node)) is not scope
            if outside and not _goes_nowhere(home, node, function):
                yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
            root = root_of(node)
            outer = root is not None and home.scopes.resolve(root.id, scope) is not scope
            # What a parameter holds is what it was given with.
            if root is None or outer or (root.id in own and root.id in ("self", "cls")):
                yield f".{node.attr}"
