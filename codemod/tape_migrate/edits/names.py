"""Fresh names, and the name under which TensorFlow is known where code is generated."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from tape_migrate.edits.bound import is_bound, runs_only_libraries
from tape_migrate.edits.draft import Draft
from tape_migrate.flow.bindings import COMPREHENSIONS, all_arguments, target_names
from tape_migrate.flow.scope import Scope, ScopeKind
from tape_migrate.module import Module
from tape_migrate.sites import find_sites

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
_TENSORFLOW = ("tensorflow", "tensorflow.compat.v1", "tensorflow.compat.v2")


def outermost_function(scope: Scope) -> Scope:
    """The outermost function around ``scope`` (classes are looked through), or the module."""
    found = scope
    for current in (scope, *scope.enclosing):
        outside = current.kind is ScopeKind.MODULE and found.kind is not ScopeKind.FUNCTION
        if current.kind is ScopeKind.FUNCTION or outside:
            found = current
    return found


def used_names(module: Module, scope: Scope) -> set[str]:
    """Names that code generated in ``scope`` must not bind."""
    outer = outermost_function(scope)
    found: set[str] = set()
    for node in module.inside(outer.node):
        if isinstance(node, ast.Name):
            if outer.kind is ScopeKind.MODULE:
                owner = module.scopes.resolve(node.id, module.scope_of(node))
                if owner is not None and owner.kind is not ScopeKind.MODULE:
                    continue
            found.add(node.id)
        elif isinstance(node, ast.arg) and outer.kind is not ScopeKind.MODULE:
            found.add(node.arg)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, (ast.Global, ast.Nonlocal)):
            found.update(node.names)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            found.update((a.asname or a.name).split(".")[0] for a in node.names)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            found.add(node.name)
    return found


def bound_around(module: Module, places: Iterable[ast.AST], top: ast.AST) -> set[str]:
    """Names that comprehensions and functions below ``top`` bind around one of ``places``.

    In ``[out * a for a in (1.0, 2.0)]`` nothing else can go by the name of ``a``.
    """
    found: set[str] = set()
    for part in {part for place in places for part in module.parents_below(place, top)}:
        if isinstance(part, COMPREHENSIONS):
            found |= target_names(generator.target for generator in part.generators)
        elif isinstance(part, (ast.Lambda, ast.FunctionDef)):
            found |= {argument.arg for argument in all_arguments(part.args)}
            found |= module.scopes.bindings(module.scopes.opened_by(part))
    return found


def fresh_name(base: str, used: set[str]) -> str:
    """``base``, ``base2``, ``base3``, … : the first not in ``used``, which it then joins."""
    name, count = base, 1
    while name in used:
        count += 1
        name = f"{base}{count}"
    used.add(name)
    return name


def tensorflow_name(module: Module, scope: Scope, call: ast.Call, line: int) -> str | None:
    """A name that means TensorFlow at ``line`` of ``scope``, or None if an import is needed."""
    candidates: list[str] = []
    root: ast.expr = call.func
    while isinstance(root, ast.Attribute):
        root = root.value
    if isinstance(root, ast.Name):
        candidates.append(root.id)
    candidates += ["tf", "tensorflow"]
    for name in candidates:
        if _means_tensorflow(module, scope, name, line):
            return name
    for name in sorted(module.scopes.bindings(module.scopes.module)):
        if _means_tensorflow(module, scope, name, line):
            return name
    return None


def _means_tensorflow(module: Module, scope: Scope, name: str, line: int) -> bool:
    if not module.names.bindings(name, scope):
        return False
    means = module.names.meaning_of_name(name, scope) in _TENSORFLOW
    return means and is_bound(module, scope, name, line)


def add_import(module: Module, draft: Draft) -> str:
    """Insert ``import tensorflow as tf`` after the module's imports; returns the name bound.

    Once a draft: later calls return the same name.
    """
    if draft.imported is not None:
        return draft.imported
    used: set[str] = set()
    for scope in module.scopes:
        used |= module.scopes.bindings(scope)
    for node in module.nodes:
        if isinstance(node, ast.Name):
            used.add(node.id)
    name = fresh_name("tf", used) if "tf" in used else "tf"
    after = _last_import(module)
    text = b"import tensorflow as " + name.encode() + module.newline
    if after is None:
        first = module.tree.body[0] if module.tree.body else None
        offset = module.line_start(module.first_line(first)) if first is not None else 0
    else:
        offset = module.line_end(module.last_line(after))
        if offset == len(module.text) and not module.text.endswith((b"\n", b"\r")):
            text = module.newline + text
    draft.insert(offset, text)
    draft.imported = name
    return name


def _last_import(module: Module) -> ast.stmt | None:
    """The statement behind which an import is put: all that could need it comes later."""
    after: ast.stmt | None = None
    for stmt in module.tree.body:
        if isinstance(stmt, (ast.Import, ast.ImportFrom)):
            after = stmt
        elif isinstance(stmt, ast.Expr) and isinstance(stmt.value, ast.Constant):
            after = after or stmt  # the docstring
        elif not isinstance(stmt, (ast.Try, ast.If)) or _may_take_gradients(module, stmt):
            break
    if after is None:
        return None
    for stmt in module.tree.body[module.place_of(after).index + 1 :]:
        if module.first_line(stmt) > module.last_line(after):
            break
        after = stmt  # on the same line
    return after


def _may_take_gradients(module: Module, stmt: ast.stmt) -> bool:
    """Whether code of the program may run, or be defined, inside a statement of the module."""
    defined = any(isinstance(node, _DEFINITIONS) for node in module.inside(stmt))
    return (
        defined
        or not runs_only_libraries(module, stmt)
        or any(module.holds(stmt, found.call) for found in find_sites(module))
    )
