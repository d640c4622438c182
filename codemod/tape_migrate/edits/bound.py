"""Whether a name of a module that is imported is certainly bound where code is put.

What a name means says nothing of when it means it: ``tf`` may be imported in a branch, for type
checkers, by a function that runs later, or be deleted again.
"""

from __future__ import annotations

import ast
import sys
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import TypeAlias

from tape_migrate.flow.bindings import TRY_STATEMENTS, import_bindings
from tape_migrate.flow.scope import Scope, ScopeKind
from tape_migrate.module import Module
from tape_migrate.names import KNOWN_MODULES

_Block: TypeAlias = Sequence[ast.stmt]

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_IMPORTS = (ast.Import, ast.ImportFrom)
_LEAVES = (ast.Raise, ast.Return, ast.Continue, ast.Break)
_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_WITHS = (ast.With, ast.AsyncWith)
_METHODS = frozenset({"property", "staticmethod", "classmethod"})


def is_bound(module: Module, scope: Scope, name: str, line: int) -> bool:
    """Whether ``name``, which its bindings say is a module, is bound at ``line`` of ``scope``."""
    owner = module.scopes.resolve(name, scope)
    if owner is None or not isinstance(owner.body, list):
        return False
    marks = _marks(module, owner, name)
    if any(_is_unset(mark, name) and module.scope_of(mark) is not owner for mark in marks):
        return False
    flow = _Flow(module, name, marks)
    if owner.kind is not ScopeKind.MODULE:
        deleted = any(isinstance(mark, ast.Delete) for mark in marks)
        later = any(mark.lineno >= line for mark in marks)
        nested = owner is not scope
        return not (nested and deleted) and not later and flow.at(owner.body, line, bound=False)
    touched = _top_statements(module, marks)
    if flow.at(touched, line, bound=False):
        # A function runs at any time after it is defined.
        return _runs_at_once(scope) or flow.after_all(touched, bound=False)
    return not _runs_at_once(scope) and _bound_before_it_runs(module, flow, line, touched)


def runs_only_libraries(module: Module, node: ast.AST) -> bool:
    """Whether nothing inside ``node`` calls what may be code of the project."""
    for call in module.of_kind_inside(ast.Call, node):
        root: ast.expr = call.func
        while isinstance(root, ast.Attribute):
            root = root.value
        if isinstance(root, (ast.Constant, ast.JoinedStr, ast.Call)):
            continue
        if not isinstance(root, ast.Name):
            return False
        meaning = module.names.resolve(root)
        if meaning.split(".")[0] not in _LIBRARIES:
            if meaning or module.scopes.resolve(root.id, module.scope_of(root)) is not None:
                return False
    return True


_LIBRARIES = KNOWN_MODULES | sys.stdlib_module_names | {"six"}
_LEARNING = frozenset({"tensorflow", "keras", "numpy"})


def _marks(module: Module, owner: Scope, name: str) -> list[ast.stmt]:
    """What binds or deletes the name of ``owner``, in the order of the source."""
    found = [node for node in module.names.bindings(name, owner) if isinstance(node, ast.stmt)]
    found += [
        node
        for node in module.of_kind(ast.Delete)
        if any(isinstance(t, ast.Name) and t.id == name for t in node.targets)
        and module.scopes.resolve(name, module.scope_of(node)) is owner
    ]
    return sorted(found, key=lambda node: node.lineno)


def _is_unset(mark: ast.stmt, name: str) -> bool:
    """Whether the name is gone, or None, after the statement."""
    if isinstance(mark, ast.Delete):
        return any(isinstance(t, ast.Name) and t.id == name for t in mark.targets)
    value = mark.value if isinstance(mark, (ast.Assign, ast.AnnAssign)) else None
    return isinstance(value, ast.Constant) and value.value is None


def _top_statements(module: Module, marks: Iterable[ast.stmt]) -> list[ast.stmt]:
    """The statements of the module that hold ``marks``, each once."""
    found: dict[ast.stmt, None] = {}
    for mark in marks:
        around = [mark, *(p for p in module.parents(mark) if isinstance(p, ast.stmt))]
        found[around[-1]] = None
    return list(found)


def _runs_at_once(scope: Scope) -> bool:
    """Whether the scope's code runs where it stands, when the module does."""
    return scope.kind in (ScopeKind.MODULE, ScopeKind.CLASS) and all(
        outer.kind in (ScopeKind.MODULE, ScopeKind.CLASS) for outer in scope.enclosing
    )


def _bound_before_it_runs(module: Module, flow: _Flow, line: int, touched: _Block) -> bool:
    """Whether the name is bound after the function at ``line``, before anything may run it."""
    body = module.tree.body
    places = [module.place_of(stmt).index for stmt in touched if stmt.lineno > line]
    if not places or not flow.after_all(touched, bound=False):
        return False
    first = max(0, bisect_right(body, line, key=module.first_line) - 1)
    return all(_is_definition(module, stmt) for stmt in body[first : places[0]]) and flow.after(
        body[places[0]], bound=False
    )


def _is_definition(module: Module, stmt: ast.stmt) -> bool:
    """Whether a statement calls nothing that may be a function of the module."""
    if isinstance(stmt, ast.ClassDef):
        plain = not stmt.decorator_list and not stmt.keywords
        return plain and all(_is_definition(module, inner) for inner in stmt.body)
    if isinstance(stmt, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return all(isinstance(d, ast.Name) and d.id in _METHODS for d in stmt.decorator_list)
    if isinstance(stmt, (ast.Assign, ast.AnnAssign)):
        return stmt.value is None or isinstance(stmt.value, (ast.Constant, ast.Name))
    text = isinstance(stmt, ast.Expr) and isinstance(stmt.value, ast.Constant)
    return text or isinstance(stmt, (ast.Pass, *_IMPORTS))


class _Flow:
    """Follows one name through statements of the scope that owns it."""

    def __init__(self, module: Module, name: str, marks: Sequence[ast.stmt]) -> None:
        self._module = module
        self._name = name
        self._lines = [mark.lineno for mark in marks]

    def at(self, stmts: _Block, line: int, *, bound: bool) -> bool:
        """Whether the name is bound before ``line`` is reached in ``stmts``."""
        module = self._module
        for stmt in stmts:
            if module.last_line(stmt) < line:
                bound = self.after(stmt, bound=bound)
            elif module.first_line(stmt) < line:
                return self._within(stmt, line, bound=bound)
            else:
                break
        return bound

    def _within(self, stmt: ast.stmt, line: int, *, bound: bool) -> bool:
        if isinstance(stmt, _DEFINITIONS):
            return bound
        if isinstance(stmt, _LOOPS):
            bound = bound and self.after_all(stmt.body, bound=True)
        for field in ("body", "orelse", "finalbody"):
            block: list[ast.stmt] = getattr(stmt, field, [])
            if _holds(self._module, block, line):
                if field == "orelse" and isinstance(stmt, TRY_STATEMENTS):
                    bound = self.after_all(stmt.body, bound=bound)  # type: ignore[attr-defined]
                elif field == "finalbody":
                    bound = bound and self.after(stmt, bound=True)
                return self.at(block, line, bound=bound)
        for part in (*getattr(stmt, "handlers", ()), *getattr(stmt, "cases", ())):
            if _holds(self._module, part.body, line):
                if isinstance(part, ast.ExceptHandler):
                    bound = bound and self.after_all(stmt.body, bound=True)  # type: ignore[attr-defined]
                return self.at(part.body, line, bound=bound)
        return bound

    def after_all(self, stmts: _Block, *, bound: bool) -> bool:
        """Whether the name is bound after ``stmts``."""
        for stmt in stmts:
            bound = self.after(stmt, bound=bound)
        return bound

    def after(self, stmt: ast.stmt, *, bound: bool) -> bool:
        """Whether the name is bound after ``stmt``, however that goes on."""
        if not any(stmt.lineno <= line <= self._module.last_line(stmt) for line in self._lines):
            return bound
        if isinstance(stmt, _IMPORTS):
            return bound or self._name in import_bindings(stmt)
        if isinstance(stmt, (ast.Assign, ast.AnnAssign)):
            targets = stmt.targets if isinstance(stmt, ast.Assign) else [stmt.target]
            own = any(isinstance(t, ast.Name) and t.id == self._name for t in targets)
            return not _is_unset(stmt, self._name) if own else bound
        if isinstance(stmt, ast.Delete):
            return bound and not _is_unset(stmt, self._name)
        if isinstance(stmt, ast.If):
            then = self._path(stmt.body, bound=bound)
            return then and self._path(stmt.orelse, bound=bound)
        if isinstance(stmt, TRY_STATEMENTS):
            return self._after_try(stmt, bound=bound)  # type: ignore[arg-type]
        if isinstance(stmt, _WITHS):
            return self.after_all(stmt.body, bound=bound)
        if isinstance(stmt, _LOOPS):
            bound = bound and self.after_all(stmt.body, bound=True)
            return bound and self.after_all(stmt.orelse, bound=True)
        if isinstance(stmt, ast.Match):
            return bound and all(self.after_all(case.body, bound=True) for case in stmt.cases)
        return bound

    def _path(self, stmts: _Block, *, bound: bool) -> bool:
        """The same for one way of several: what leaves does not come out."""
        return (bool(stmts) and _leaves(stmts[-1])) or self.after_all(stmts, bound=bound)

    def _after_try(self, stmt: ast.Try, *, bound: bool) -> bool:
        out = self.after_all([*stmt.body, *stmt.orelse], bound=bound)
        if out and not self._fails_for_all(stmt):
            kept = bound and self.after_all(stmt.body, bound=True)
            out = all(self._path(handler.body, bound=kept) for handler in stmt.handlers)
        return self.after_all(stmt.finalbody, bound=out)

    def _fails_for_all(self, stmt: ast.Try) -> bool:
        """Whether what fails is an import of TensorFlow's: without it, nothing is to be had.

        What comes after an import that binds the name may fail, if no handler takes that back.
        """
        kept = all(self.after_all(handler.body, bound=True) for handler in stmt.handlers)
        for part in stmt.body:
            if isinstance(part, _IMPORTS):
                if kept and self._name in import_bindings(part):
                    return True
                words = [alias.name for alias in part.names]
                words = [part.module or ""] if isinstance(part, ast.ImportFrom) else words
                if not _LEARNING.issuperset(word.split(".")[0] for word in words):
                    return False
            elif not (isinstance(part, ast.Assign) and isinstance(part.value, ast.Constant)):
                return False
        return True


def _holds(module: Module, block: _Block, line: int) -> bool:
    return bool(block) and module.first_line(block[0]) <= line <= module.last_line(block[-1])


def _leaves(stmt: ast.stmt) -> bool:
    if isinstance(stmt, ast.Expr) and isinstance(stmt.value, ast.Call):
        return ast.unparse(stmt.value.func) in ("sys.exit", "exit", "quit")
    return isinstance(stmt, _LEAVES)
