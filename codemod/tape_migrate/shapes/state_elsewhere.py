"""What other modules put into the attributes of an object, and into what a module keeps.

``net = lib.Net(tf.sin(x), x)``, ``class Mine(lib.Net)`` that gives ``super().__init__`` so, and
``net.h = tf.sin(x)`` are as good as statements of the module of ``Net``; and what ``lib.put(x)``
stores in ``lib.STATE`` may have been computed from whatever a caller gives.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tape_migrate.flow.scope import Scope, ScopeKind
from tape_migrate.flow.symbols import Symbol
from tape_migrate.mentions import last_name
from tape_migrate.module import Module
from tape_migrate.names import KNOWN_MODULES
from tape_migrate.shapes.binding import bind
from tape_migrate.shapes.calls_elsewhere import closure_of, depends
from tape_migrate.shapes.overridden import OtherTexts
from tape_migrate.shapes.stored import put_into
from tape_migrate.shapes.summaries import Summaries


def set_elsewhere(module: Module, scope: Scope, source: Symbol, other: Symbol) -> str | None:
    """Where another module gives an object as ``other`` what it may have computed from ``source``.

    Both are read in ``scope``; ``other`` is an attribute of ``self``. None if nothing shows it.
    """
    project = module.project
    owner = Summaries.of(module).class_of(scope)
    if not isinstance(project, OtherTexts) or other.root != "self" or not other.path:
        return None
    if owner is None or not isinstance(owner.node, ast.ClassDef) or source == other:
        return None
    where = assigned_elsewhere(module, owner.node, other.path[0].removeprefix("."))
    if where is not None:
        return where
    kinds = _kinds(module, project, owner.node)
    if source.root != "self" or not source.path:
        return None
    return _made_elsewhere(module, project, owner, kinds, source, other)


def assigned_elsewhere(module: Module, owner: ast.ClassDef, name: str) -> str | None:
    """Where another module sets an attribute of a class's objects to what may be computed."""
    project = module.project
    if not isinstance(project, OtherTexts):
        return None
    kinds = _kinds(module, project, owner)
    for user, node in kinds[1:]:
        for attribute in user.inside(node):
            if _is_set(user, attribute, name, ("self",)):
                assert isinstance(attribute, ast.Attribute)
                return f"line {attribute.lineno} of {user.path}"
    for path in project.matching(module.path, name, rf"\.\s*{name}\b[^=\n]*=[^=]"):
        other = project.module_at(path)
        for attribute in other.attributes(name) if other is not None else ():
            assert other is not None
            if _is_set(other, attribute, name, ()) and _names(other, module, kinds):
                return f"line {attribute.lineno} of {path}"
    return None


_Kinds = list[tuple[Module, ast.ClassDef]]


def _kinds(module: Module, project: OtherTexts, owner: ast.ClassDef) -> _Kinds:
    """The class, and those of other modules that are made of it."""
    found: _Kinds = [(module, owner)]
    for _, kind in found:
        for path in project.matching(
            module.path, kind.name, rf"class\s+\w+\s*\([^)]*\b{kind.name}\b"
        ):
            user = project.module_at(path)
            for node in user.of_kind(ast.ClassDef) if user is not None else ():
                if user is not None and kind.name in map(last_name, node.bases):
                    if all(node is not known for _, known in found):
                        found.append((user, node))
    return found


def _names(user: Module, module: Module, kinds: _Kinds) -> bool:
    """Whether a module speaks of the class, or of its module."""
    known = {node.name for _, node in kinds} | {module.path.rpartition("/")[2].removesuffix(".py")}
    spoken = {node.id for node in user.of_kind(ast.Name)}
    spoken |= {node.attr for node in user.of_kind(ast.Attribute)}
    return bool(known & spoken)


def _is_set(user: Module, node: ast.AST, name: str, roots: tuple[str, ...]) -> bool:
    """Whether ``node`` is an attribute so called that is set to what may be computed."""
    if not isinstance(node, ast.Attribute) or node.attr != name or isinstance(node.ctx, ast.Load):
        return False
    root = node.value.id if isinstance(node.value, ast.Name) else ""
    if (root in roots) if roots else root in ("self", "cls"):
        return (root in roots) and not _is_plain(user, node)
    return not roots and not _is_plain(user, node)


def _is_plain(user: Module, node: ast.AST) -> bool:
    """``net.h = None``: a number, data or a variable."""
    stmt = user.statement_of(node)
    value = stmt.value if isinstance(stmt, (ast.Assign, ast.AnnAssign)) else None
    return value is not None and _is_leaf(user, value)


def _is_leaf(user: Module, value: ast.expr) -> bool:
    match value:
        case ast.Constant() | ast.Lambda():
            return True
        case ast.UnaryOp(operand=operand):
            return _is_leaf(user, operand)
        case ast.Tuple(elts=members) | ast.List(elts=members) | ast.Dict(values=members):
            return all(_is_leaf(user, member) for member in members)
        case ast.Call(func=func):
            resolved = user.names.resolve(func)
            last = resolved.rpartition(".")[2]
            return resolved.startswith("numpy.") or (
                resolved.startswith("tensorflow.")
                and last in ("Variable", "get_variable", "placeholder", "constant")
            )
    return False


def _made_elsewhere(
    module: Module,
    project: OtherTexts,
    owner: Scope,
    kinds: _Kinds,
    source: Symbol,
    other: Symbol,
) -> str | None:
    summaries = Summaries.of(module)
    init = summaries.inherited(owner, "__init__") or summaries.inherited(owner, "__new__")
    if init is None:
        return None
    closure = closure_of(module)
    inside = module.scopes.opened_by(init)
    args = [a.arg for a in (*init.args.posonlyargs, *init.args.args, *init.args.kwonlyargs)][1:]
    into = {
        symbol: {
            arg
            for arg in args
            if closure.reaches(
                closure.node_for(Symbol(arg), inside), closure.node_for(symbol, inside)
            )
        }
        for symbol in (source, other)
    }
    if not into[source] or not into[other]:
        return None
    for user, call in _makers(module, project, kinds):
        plain = ast.Call(
            func=ast.Name(id="__init__", ctx=ast.Load()),
            args=[ast.Constant(value=None), *call.args],
            keywords=call.keywords,
        )
        given = list(bind(init, plain))
        for one, alike in given:
            for parameter, value in given:
                if one in into[source] and parameter in into[other] and parameter != one:
                    if value is alike or depends(user, value, alike):
                        return f"line {call.lineno} of {user.path}"
    return None


def _makers(
    module: Module, project: OtherTexts, kinds: _Kinds
) -> Iterator[tuple[Module, ast.Call]]:
    """Calls of other modules that make an object of one of the classes, or begin to."""
    for kind_module, kind in kinds:
        for path in project.matching(module.path, kind.name, rf"\b{kind.name}\b"):
            user = project.module_at(path)
            for call in user.of_kind(ast.Call) if user is not None else ():
                assert user is not None
                if last_name(call.func) == kind.name:
                    yield user, call
        if kind_module is not module:
            for node in kind_module.inside(kind):
                if isinstance(node, ast.Call) and last_name(node.func) == "__init__":
                    if isinstance(node.func, ast.Attribute) and last_name(node.func.value):
                        yield (
                            kind_module,
                            ast.copy_location(
                                ast.Call(
                                    func=node.func, args=node.args[1:], keywords=node.keywords
                                ),
                                node,
                            ),
                        )
                    else:
                        yield kind_module, node


def kept_elsewhere(module: Module, scope: Scope, symbol: Symbol) -> str | None:
    """Where another module changes what it keeps and this one imports: ``lib.H``, ``STATE["h"]``.

    None if it is no such thing, or if it is only ever set to numbers, data and variables.
    """
    project = module.project
    dotted = _imported(module, scope, symbol)
    if dotted is None or not isinstance(project, OtherTexts):
        return None
    home, _, name = dotted.rpartition(".")
    if home.partition(".")[0] in KNOWN_MODULES:
        return None
    stem = home.rpartition(".")[2]
    for path in project.matching(module.path, name, _changes(name)):
        user = project.module_at(path)
        if user is None:
            continue
        own = path.rpartition("/")[2].removesuffix(".py") == stem or (
            stem == path.rpartition("/")[0].rpartition("/")[2] and path.endswith("__init__.py")
        )
        if own:
            line = _changed_at(user, name, symbol)
        else:
            line = _changed_from(user, name, stem)
        if line is not None:
            return f"line {line} of {path}"
    return None


def _changes(name: str) -> str:
    """A pattern of texts that may change what is so called, or what it holds: no call of it."""
    return (
        rf"\b{name}\b\s*(=[^=]|[\[.,:]|[-+*/@|&^%<>]+=)|\bglobal\b[^\n]*\b{name}\b"
        rf"|\b(as|for)\s[^\n]*\b{name}\b"
    )


def _changed_from(user: Module, name: str, stem: str) -> int | None:
    """The line in which another module changes it: ``lib.H = …``, ``STATE["h"] = …``."""
    for node in user.attributes(name):
        if isinstance(node.ctx, ast.Store) and last_name(node.value) == stem:
            if not _is_plain(user, node):
                return node.lineno
    bound = user.names.bindings(name, user.scopes.module)
    if not any(isinstance(each, ast.ImportFrom) for each in bound):
        return None
    put = put_into(user, Symbol(name))
    return next((value.lineno for value in put if not _is_leaf(user, value)), None)


def _imported(module: Module, scope: Scope, symbol: Symbol) -> str | None:
    """The dotted name of what ``symbol`` reads of another module of the project."""
    bound = module.names.bindings(symbol.root, scope)
    for node in bound:
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            for alias in node.names:
                if (alias.asname or alias.name) == symbol.root:
                    dotted = f"{node.module}.{alias.name}"
                    if _is_module(module, dotted):
                        return dotted + symbol.path[0] if symbol.path else None
                    return dotted
        elif isinstance(node, ast.Import) and symbol.path and symbol.path[0].startswith("."):
            for alias in node.names:
                if (alias.asname or alias.name) == symbol.root:
                    return alias.name + symbol.path[0]
    return None


def _is_module(module: Module, dotted: str) -> bool:
    project = module.project
    return isinstance(project, OtherTexts) and project.has_module(dotted)


def _changed_at(user: Module, name: str, symbol: Symbol) -> int | None:
    """The line in which a module changes a variable of its own when one of its functions runs."""
    for scope in user.scopes:
        if name in scope.globals:
            for node in user.inside(scope.node):
                if isinstance(node, ast.Name) and node.id == name:
                    if isinstance(node.ctx, ast.Store) and not _is_plain(user, node):
                        return node.lineno
    for value in put_into(user, Symbol(name)):
        if user.scope_of(value).kind is ScopeKind.FUNCTION and not _is_leaf(user, value):
            return value.lineno
    attributes = [part.removeprefix(".") for part in symbol.path if part.startswith(".")]
    for attribute in attributes[-1:]:
        made = any(
            isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
            for node in user.names.bindings(name, user.scopes.module)
        )
        for set_here in user.attributes(attribute) if made else ():
            if isinstance(set_here.ctx, ast.Store) and not _is_plain(user, set_here):
                return set_here.lineno
    return None
