"""Contexts of ``with`` statements that may swallow an error: then what follows runs all the same.

Known are some of libraries, by their names, and what the module shows: classes whose ``__exit__``
returns something, context managers that catch what is raised where they yield, and names that
either is bound to; what comes from a module that is no library may do it, too. Names are compared,
not what they mean: one too many costs a path that is not taken.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TypeAlias

from .bindings import FUNCTION_NODES, TRY_STATEMENTS

_SUPPRESSORS = frozenset(
    ("suppress", "ignored", "raises", "ExitStack", "AsyncExitStack", "failUnlessRaises")
)
_LIBRARIES = sys.stdlib_module_names | frozenset(
    ("absl", "gym", "h5py", "keras", "matplotlib", "numpy", "pandas", "scipy", "six", "tensorflow",
     "tensorflow_probability", "tf_keras", "tqdm", "tree")
)  # fmt: skip
"""Modules whose contexts swallow no error, but for those that are known to."""
_SCOPES = frozenset(
    ("as_default", "cached_session", "control_dependencies", "device", "name_scope", "session",
     "test_session", "variable_scope")
)  # fmt: skip
"""Contexts of graphs and sessions, whoever has these."""
_OF_GRAPHS = frozenset(("g", "graph", "lock", "sess", "session", "tape"))
"""Names of parameters that are contexts of no other kind."""
_PREFIXES = ("assertRaises", "assert_raises")
_EXITS = frozenset(("__exit__", "__aexit__"))
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_LOOKED_AT = frozenset((ast.Assign, ast.ClassDef, ast.Import, ast.ImportFrom, ast.arg, *_FUNCTIONS))
_Binding: TypeAlias = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef | ast.Assign
_YIELDS = (ast.Yield, ast.YieldFrom)


def suppresses_by_name(expr: ast.expr) -> bool:
    """Whether a context is one of a library's that may swallow an error."""
    return _is_known(last_part(expr))


def _is_known(name: str) -> bool:
    return name in _SUPPRESSORS or name.startswith(_PREFIXES)


def last_part(expr: ast.expr) -> str:
    """The name of a context, or of what is called to make it."""
    func = expr.func if isinstance(expr, ast.Call) else expr
    return func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")


class Suppressing:
    """What one module, of which these are all ``nodes``, shows of its contexts."""

    def __init__(self, nodes: Iterable[ast.AST]) -> None:
        self._all = [node for node in nodes if node.__class__ in _LOOKED_AT]
        self._known: dict[str, bool] = {}

    def __call__(self, expr: ast.expr) -> bool:
        """Whether an error inside the context may go no further."""
        if isinstance(expr, ast.Name) and expr.id in self._parameters:
            return True
        return any(self._named(name) for name in _names_in(expr))

    @cached_property
    def _parameters(self) -> frozenset[str]:
        """Names of parameters: what is handed in may be anything, unless its name says it."""
        return frozenset(n.arg for n in self._all if isinstance(n, ast.arg)) - _OF_GRAPHS

    @cached_property
    def _unseen(self) -> frozenset[str]:
        """Names that are imported from what is no library: what stands there is not seen."""
        found: set[str] = set()
        for node in self._all:
            if isinstance(node, ast.ImportFrom):
                if node.level or _top(node.module or "") not in _LIBRARIES:
                    found.update(alias.asname or alias.name for alias in node.names)
            elif isinstance(node, ast.Import):
                for alias in node.names:
                    if _top(alias.name) not in _LIBRARIES:
                        found.add(alias.asname or _top(alias.name))
        return frozenset(found)

    @cached_property
    def _nodes(self) -> Mapping[str, Sequence[_Binding]]:
        """What defines or assigns each name or attribute."""
        found: dict[str, list[_Binding]] = {}
        for node in self._all:
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    found.setdefault(last_part(target), []).append(node)
            elif isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
                found.setdefault(node.name, []).append(node)
        return found

    def _named(self, name: str) -> bool:
        if name not in self._known:
            self._known[name] = self._search(name)
        return self._known[name]

    def _search(self, name: str) -> bool:
        stack, seen = [name], {name}
        while stack:
            found = stack.pop()
            if _is_known(found) or found in self._unseen:
                return True
            for node in self._nodes.get(found, ()):
                if _shows(node):
                    return True
                further = set(_made_of(node)) - seen
                seen |= further
                stack += further
        return False


def _names_in(expr: ast.expr) -> Iterator[str]:
    """Names of what ``expr`` may be: what it reads, calls or gives to what it calls.

    Also what it begins with: ``lib`` of ``lib.ONE.scope()``.
    """
    stack = [expr]
    while stack:
        part = stack.pop()
        if isinstance(part, (ast.Name, ast.Attribute, ast.Subscript)):
            yield last_part(part)
        elif isinstance(part, ast.Call):
            yield last_part(part)
            stack += [arg for arg in part.args if isinstance(arg, ast.Call)]
        elif isinstance(part, ast.IfExp):
            stack += [part.body, part.orelse]
        elif isinstance(part, ast.BoolOp):
            stack += part.values
        elif isinstance(part, ast.NamedExpr):
            stack.append(part.value)
        if last_part(part) not in _SCOPES:
            yield _root(part)


def _root(expr: ast.expr) -> str:
    while isinstance(expr, (ast.Attribute, ast.Subscript, ast.Call)):
        expr = expr.func if isinstance(expr, ast.Call) else expr.value
    return expr.id if isinstance(expr, ast.Name) else ""


def _top(dotted: str) -> str:
    return dotted.partition(".")[0]


def _shows(node: _Binding) -> bool:
    """Whether a class or a function gives a context that may swallow errors by itself."""
    if isinstance(node, ast.ClassDef):
        methods = [stmt for stmt in node.body if isinstance(stmt, _FUNCTIONS)]
        return any(stmt.name in _EXITS and _returns(stmt) for stmt in methods)
    return isinstance(node, _FUNCTIONS) and _is_manager(node) and _catches(node.body)


def _made_of(node: _Binding) -> Iterator[str]:
    """Names of what decides about the contexts that a name stands for."""
    if isinstance(node, ast.ClassDef):
        yield from map(last_part, node.bases)
    elif isinstance(node, ast.Assign):
        yield from _names_in(node.value)
    elif _is_manager(node):
        for inner in _inside(node.body):
            if isinstance(inner, (ast.With, ast.AsyncWith)):
                for item in inner.items:
                    yield from _names_in(item.context_expr)
    else:
        for inner in _inside(node.body):
            if isinstance(inner, ast.Return) and inner.value is not None:
                yield from _names_in(inner.value)


def _is_manager(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any(last_part(each).endswith("contextmanager") for each in node.decorator_list)


def _returns(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a function may return something that counts as true."""
    return any(
        isinstance(inner, ast.Return)
        and inner.value is not None
        and not (isinstance(inner.value, ast.Constant) and not inner.value.value)
        for inner in _inside(node.body)
    )


def _catches(body: Iterable[ast.stmt]) -> bool:
    """Whether an error where a context manager yields may not come out of it."""
    for node in _inside(body):
        if isinstance(node, TRY_STATEMENTS):
            assert isinstance(node, ast.Try)
            leaves = any(isinstance(n, ast.Return) for n in _inside(node.finalbody))
            quiet = any(not isinstance(h.body[-1], ast.Raise) for h in node.handlers)
            if (leaves or quiet) and any(isinstance(n, _YIELDS) for n in _inside(node.body)):
                return True
    return False


def _inside(stmts: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """All below statements, without what functions and classes in them hold."""
    stack = list(stmts)
    while stack:
        node = stack.pop()
        yield node
        if not isinstance(node, (*FUNCTION_NODES, ast.ClassDef)):
            stack.extend(ast.iter_child_nodes(node))
