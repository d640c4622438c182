"""What other modules put into what a module keeps: ``lib.STATE``, ``lib.H``.

What ``lib.put(x)`` stores in ``lib.STATE`` may have been computed from whatever a caller gives.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import takewhile

from tape_migrate.flow.scope import Scope, ScopeKind
from tape_migrate.flow.symbols import Symbol, symbol_of
from tape_migrate.homes import stem_of
from tape_migrate.mentions import last_name
from tape_migrate.module import Module
from tape_migrate.names import KNOWN_MODULES
from tape_migrate.parsed import walk
from tape_migrate.shapes.attributes_elsewhere import is_leaf, is_plain
from tape_migrate.shapes.attributes_set import attributes_set, namespaces_updated
from tape_migrate.shapes.libraries import is_library
from tape_migrate.shapes.other_words import words_of
from tape_migrate.shapes.overridden import OtherTexts
from tape_migrate.shapes.quiet import OtherFunctions
from tape_migrate.shapes.stored import put_into

_ASKING = frozenset(("hasattr", "id", "isinstance", "issubclass", "len", "print", "type"))
"""Builtins that put what they are given nowhere."""


@dataclass(frozen=True)
class _Kept:
    """What a module keeps by a name: its path, if it is in sight, and what it is called."""

    path: str
    stem: str
    name: str

    def is_at(self, path: str) -> bool:
        """Whether the module at ``path`` keeps it."""
        return path == self.path if self.path else stem_of(path) == self.stem

    def is_home(self, user: Module, expr: ast.expr) -> bool:
        """Whether an expression of ``user`` is the module that keeps it."""
        project, dotted = user.project, user.names.resolve(expr)
        if dotted and isinstance(project, OtherFunctions) and self.path:
            return project.split(dotted) == (self.path, ())
        return last_name(expr) == self.stem


def kept_elsewhere(module: Module, scope: Scope, symbol: Symbol) -> str | None:
    """Where another module changes what it keeps and this one imports: ``lib.H``, ``STATE["h"]``.

    None if it is no such thing, or if it is only ever set to numbers, data and variables.
    """
    project = module.project
    if not isinstance(project, OtherTexts):
        return None
    own = _own(module, scope, symbol)
    kept = own or _imported_from(module, scope, symbol)
    if kept is None:
        return None
    function = any(
        kept.is_at(path)
        for path in project.matching(module.path, kept.name, rf"(?m)^def {kept.name}\b")
    )
    line = _changed_from(module, kept, function=function, but=scope)
    if line is not None:
        return f"line {line}"
    for name in words_of(project, kept.name):
        called = replace(kept, name=name)
        for path in project.matching(module.path, name, _changes(name)):
            user = project.module_at(path)
            if user is None:
                continue
            if kept.is_at(path):
                line = _changed_at(user, name, symbol)
            else:
                line = _changed_from(user, called, function=function)
            if line is not None:
                return f"line {line} of {path}"
    line = _changed_for_others(module, symbol.root, scope) if own is not None else None
    return f"line {line}" if line is not None else None


def _changed_for_others(module: Module, name: str, but: Scope) -> int | None:
    """The line in which a function that other modules call keeps what it computes."""
    project = module.project
    for value in put_into(module, Symbol(name)):
        scope = module.scope_of(value)
        function = scope.node
        if scope is but or not isinstance(function, ast.FunctionDef) or is_leaf(module, value):
            continue
        read = {part.id for part in ast.walk(value) if isinstance(part, ast.Name)}
        own = any(module.scopes.resolve(each, scope) is scope for each in read)
        if own and scope.parent is module.scopes.module:
            pattern = rf"\b{function.name}\s*\("
            if isinstance(project, OtherTexts) and project.matching(
                module.path, function.name, pattern
            ):
                return value.lineno
    return None


def may_hold_elsewhere(module: Module, scope: Scope, symbol: Symbol) -> bool:
    """Whether what another module keeps may be, or be given by whoever has it, what was computed.

    Not numbers and data, nor what a library makes, as long as no other module changes them.
    """
    project = module.project
    kept = _imported_from(module, scope, symbol)
    if kept is None or not isinstance(project, OtherTexts):
        return False
    name = kept.name
    if kept_elsewhere(module, scope, symbol) is not None:
        return True
    for path in project.matching(module.path, name, rf"(?m)^{name}\b\s*(:[^=\n]*)?=[^=]"):
        user = project.module_at(path) if kept.is_at(path) else None
        for node in user.names.bindings(name, user.scopes.module) if user is not None else ():
            assert user is not None
            if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
                if not _stays(user, node.value):
                    return True
    return False


def _stays(user: Module, value: ast.expr) -> bool:
    """Whether nobody puts anything into what a module keeps: a number, a library's object."""
    match value:
        case ast.Constant() | ast.Lambda() | ast.JoinedStr() | ast.Compare():
            return True
        case ast.BinOp() | ast.UnaryOp():
            return True
        case ast.Tuple(elts=members):
            return all(_stays(user, member) for member in members)
        case ast.List(elts=members) | ast.Set(elts=members) | ast.Dict(values=members):
            return members != [] and all(_is_plain_data(member) for member in members)
        case ast.Call(func=func):
            resolved = user.names.resolve(func)
            return is_library(user, resolved) and not resolved.startswith("collections.")
        case ast.Attribute():
            return is_library(user, user.names.resolve(value))
    return False


def _is_plain_data(value: ast.expr) -> bool:
    return all(
        isinstance(node, (ast.Constant, ast.UnaryOp, ast.List, ast.Tuple, ast.Dict))
        for node in walk(value)
        if isinstance(node, ast.expr)
    )


def _changes(name: str) -> str:
    """A pattern of texts that may change what is so called, or what it holds: no call of it."""
    return (
        rf"\b{name}\b\s*(=[^=]|[\[.,:]|[-+*/@|&^%<>]+=)|\bglobal\b[^\n]*\b{name}\b"
        rf"|\b(as|for)\s[^\n]*\b{name}\b|['\"]{name}['\"]\s*[,\]]"
    )


def _changed_from(
    user: Module, kept: _Kept, *, function: bool, but: Scope | None = None
) -> int | None:
    """The line in which a module changes what it imports: ``lib.H = …``, ``STATE["h"] = …``.

    What stands in the scope ``but`` is followed there. A ``function`` that is handed on is called;
    that something is put into it is said by ``setattr`` only.
    """
    name = kept.name
    for node in user.attributes(name):
        if isinstance(node.ctx, ast.Store) and kept.is_home(user, node.value):
            if not is_plain(user, node) and user.scope_of(node) is not but:
                return node.lineno
    for holder, value in _set_by_text(user, name):
        if kept.is_home(user, holder) and not is_leaf(user, value):
            return value.lineno
    symbols = [*_symbols_of(user, kept)]
    symbols += [
        Symbol(alias.asname or name)
        for node in user.of_kind(ast.ImportFrom)
        for alias in node.names
        if name in (alias.name, alias.asname)
    ]
    put = [value for symbol in symbols for value in put_into(user, symbol)]
    put += [value for symbol in symbols for value in _handed_beside(user, symbol, function)]
    return next(
        (
            value.lineno
            for value in put
            if not is_leaf(user, value) and user.scope_of(value) is not but
        ),
        None,
    )


def _set_by_text(user: Module, name: str) -> Iterator[tuple[ast.expr, ast.expr]]:
    """``setattr(lib, "net", f)``, ``vars(lib)["net"] = f``: of what something is set, and to what.

    By a name that is no text there it may be any.
    """
    if not user.speaks_of((b"setattr", b"__dict__", b"vars")):
        return
    yield from attributes_set(user, name)
    for call in user.of_kind(ast.Call):
        match call:
            case ast.Call(func=ast.Name(id="setattr"), args=[holder, asked, value]):
                if not isinstance(asked, ast.Constant):
                    yield holder, value
    for holder, update in namespaces_updated(user):  # `**given`, or a dictionary
        yield from ((holder, k.value) for k in update.keywords if k.arg is None)
        yield from ((holder, value) for value in update.args)


def _symbols_of(user: Module, kept: _Kept) -> dict[Symbol, None]:
    """How a module reads the name of another one, perhaps of one that only imports it."""
    return {
        symbol: None
        for node in user.attributes(kept.name)
        if (symbol := symbol_of(node)) is not None
        if kept.is_home(user, node.value)
        or (
            isinstance(node.value, ast.Name)
            and any(
                isinstance(bound, (ast.Import, ast.ImportFrom))
                for bound in user.names.bindings(node.value.id, user.scope_of(node))
            )
        )
    }


def _handed_beside(user: Module, symbol: Symbol, function: bool) -> list[ast.expr]:
    """What is given with it to a function that may put it there: ``put(lib.STATE, h)``."""
    found: list[ast.expr] = []
    for call in user.of_kind(ast.Call):
        resolved = user.names.resolve(call.func)
        if (resolved and is_library(user, resolved)) or (
            function and last_name(call.func) != "setattr"
        ):
            continue
        if isinstance(call.func, ast.Name) and call.func.id in _ASKING:
            continue
        given = [*call.args, *(keyword.value for keyword in call.keywords)]
        if any(symbol_of(value) == symbol for value in given):
            found += [value for value in given if symbol_of(value) != symbol]
    return found


def _own(module: Module, scope: Scope, symbol: Symbol) -> _Kept | None:
    """The same of a variable of this module, which others may change: ``lib.STATE["h"] = h``."""
    owner = module.scopes.resolve(symbol.root, scope)
    bound = module.names.bindings(symbol.root, scope) if owner is module.scopes.module else []
    if not any(isinstance(node, (ast.Assign, ast.AnnAssign)) for node in bound):
        return None
    return _Kept(module.path, stem_of(module.path), symbol.root)


def _imported_from(module: Module, scope: Scope, symbol: Symbol) -> _Kept | None:
    """What ``symbol`` reads of another module."""
    bound = module.names.bindings(symbol.root, scope)
    if not all(isinstance(node, (ast.Import, ast.ImportFrom)) for node in bound):
        return None
    dotted = module.names.meaning_of_name(symbol.root, scope)
    if not dotted or dotted.partition(".")[0] in KNOWN_MODULES:
        return None
    read = takewhile(lambda part: part.startswith("."), symbol.path)
    dotted = module.names.in_project(dotted + "".join(read))
    project = module.project
    path, rest = project.split(dotted) if isinstance(project, OtherFunctions) else ("", ())
    if path:
        return _Kept(path, stem_of(path), rest[0]) if rest else None
    home, _, name = dotted.rpartition(".")
    return _Kept("", home.rpartition(".")[2], name)


def _changed_at(user: Module, name: str, symbol: Symbol) -> int | None:
    """The line in which a module changes a variable of its own when one of its functions runs."""
    for scope in user.scopes:
        if name in scope.globals:
            for node in user.inside(scope.node):
                if isinstance(node, ast.Name) and node.id == name:
                    if isinstance(node.ctx, ast.Store) and not is_plain(user, node):
                        return node.lineno
    for value in put_into(user, Symbol(name)):
        if user.scope_of(value).kind is ScopeKind.FUNCTION and not is_leaf(user, value):
            return value.lineno
    attributes = [part.removeprefix(".") for part in symbol.path if part.startswith(".")]
    for attribute in attributes[-1:]:
        made = any(
            isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
            for node in user.names.bindings(name, user.scopes.module)
        )
        for set_here in user.attributes(attribute) if made else ():
            if isinstance(set_here.ctx, ast.Store) and not is_plain(user, set_here):
                return set_here.lineno
    return None
