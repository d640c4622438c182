"""Which names a function, lambda, class or module binds, reads from outside, and writes outside.

This follows Python's own symbol table: comprehension variables are invisible outside their
comprehension, a walrus inside one binds in the enclosing scope, class scopes are skipped by
the functions nested in them.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

FunctionNode: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
ScopeNode: TypeAlias = FunctionNode | ast.ClassDef | ast.Module
Comprehension: TypeAlias = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp

FUNCTION_NODES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_TRY_STAR: type[ast.AST] | None = getattr(ast, "TryStar", None)  # Python 3.11
TRY_STATEMENTS: tuple[type[ast.AST], ...] = (ast.Try, _TRY_STAR) if _TRY_STAR else (ast.Try,)
_LEAF_FIELDS = frozenset(
    ("attr", "asname", "conversion", "ctx", "id", "is_async", "kind", "level", "lineno", "module")
) | {"op", "ops", "simple", "tag", "type_comment"}
_NAMED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.alias, ast.ExceptHandler)
_OF_TEXT: dict[type[ast.AST], frozenset[str]] = {
    **{kind: frozenset(("name",)) for kind in (*_NAMED, ast.MatchAs, ast.MatchStar)},
    **{kind: frozenset(("names",)) for kind in (ast.Global, ast.Nonlocal)},
    **{kind: frozenset(("arg",)) for kind in (ast.arg, ast.keyword)},
    ast.Constant: frozenset(("value",)),
    ast.MatchSingleton: frozenset(("value",)),
    ast.MatchClass: frozenset(("kwd_attrs",)),
    ast.MatchMapping: frozenset(("rest",)),
}
"""Fields that hold no nodes in these kinds of node (in others they may)."""
_WITH_GAPS = frozenset((ast.Dict, ast.arguments))
"""Kinds of node whose lists hold None where something is left out."""
_FIELDS: dict[type[ast.AST], tuple[str, ...]] = {}
_CHILDREN: dict[type[ast.AST], Callable[[Any], list[ast.AST]]] = {
    ast.Name: lambda _: [],
    ast.Constant: lambda _: [],
    ast.Attribute: lambda node: [node.value],
    ast.Subscript: lambda node: [node.value, node.slice],
    ast.Call: lambda node: [node.func, *node.args, *node.keywords],
    ast.keyword: lambda node: [node.value],
    ast.Tuple: lambda node: node.elts[:],
    ast.List: lambda node: node.elts[:],
    ast.BinOp: lambda node: [node.left, node.right],
    ast.UnaryOp: lambda node: [node.operand],
    ast.Compare: lambda node: [node.left, *node.comparators],
    ast.Assign: lambda node: [*node.targets, node.value],
    ast.Expr: lambda node: [node.value],
    ast.arg: lambda node: [] if node.annotation is None else [node.annotation],
}
"""The children of what most nodes are: asked for so often that looking at each field costs."""
_CHILDLESS = frozenset((ast.Name, ast.Constant))
_NO_NAMES: frozenset[str] = frozenset()


def children(node: ast.AST) -> list[ast.AST]:
    """The child nodes in field order, without contexts and operators (which ``ast`` shares)."""
    kind = node.__class__
    if (known := _CHILDREN.get(kind)) is not None:
        return known(node)
    fields = _FIELDS.get(kind)
    if fields is None:
        fields = _fields_of(kind)
    found: list[ast.AST] = []
    for name in fields:
        value = getattr(node, name, None)
        if value.__class__ is list:
            found += value if kind not in _WITH_GAPS else [item for item in value if item]
        elif isinstance(value, ast.AST):
            found.append(value)
    return found


def _fields_of(kind: type[ast.AST]) -> tuple[str, ...]:
    """The fields of a kind of node in which other nodes may stand."""
    leaves = _LEAF_FIELDS | _OF_TEXT.get(kind, _NO_NAMES)
    fields = _FIELDS[kind] = tuple(f for f in kind._fields if f not in leaves)
    return fields


def walk_down(tree: ast.AST) -> tuple[list[ast.AST], dict[ast.AST, ast.AST]]:
    """Every node below ``tree`` and itself, parents first, and the parent of each."""
    nodes: list[ast.AST] = []
    parents: dict[ast.AST, ast.AST] = {}
    stack = [tree]
    while stack:
        node = stack.pop()
        nodes.append(node)
        # Half of all nodes are names and constants, which have no children.
        if node.__class__ in _CHILDLESS:
            continue
        below = children(node)
        if below:
            for child in below:
                parents[child] = node
            below.reverse()
            stack += below
    return nodes, parents


def all_arguments(args: ast.arguments) -> Iterator[ast.arg]:
    """Every parameter, in the order of the signature."""
    yield from args.posonlyargs
    yield from args.args
    if args.vararg:
        yield args.vararg
    yield from args.kwonlyargs
    if args.kwarg:
        yield args.kwarg


def target_names(targets: Iterable[ast.expr]) -> frozenset[str]:
    """The plain names that assignment targets bind (``a, (b, *c)``; not ``a.x`` or ``a[i]``)."""
    names: set[str] = set()
    stack = list(targets)
    while stack:
        target = stack.pop()
        if isinstance(target, ast.Name):
            names.add(target.id)
        elif isinstance(target, ast.Starred):
            stack.append(target.value)
        elif isinstance(target, (ast.Tuple, ast.List)):
            stack.extend(target.elts)
    return frozenset(names)


def outside_parts(node: ast.AST) -> list[ast.AST]:
    """The parts of a function or class node that the *enclosing* scope evaluates, in order."""
    if isinstance(node, ast.ClassDef):
        return [
            *node.decorator_list,
            *getattr(node, "type_params", ()),
            *node.bases,
            *node.keywords,
        ]
    assert isinstance(node, FUNCTION_NODES)
    args = node.args
    parts: list[ast.AST] = []
    if not isinstance(node, ast.Lambda):
        parts += [*node.decorator_list, *getattr(node, "type_params", ())]
    parts += [*args.defaults, *(default for default in args.kw_defaults if default is not None)]
    parts += [arg.annotation for arg in all_arguments(args) if arg.annotation is not None]
    if not isinstance(node, ast.Lambda) and node.returns is not None:
        parts.append(node.returns)
    return parts


def import_bindings(node: ast.Import | ast.ImportFrom) -> list[str]:
    """The names an import statement binds; a star import binds none that can be known."""
    names = []
    for alias in node.names:
        if alias.name != "*":
            names.append(alias.asname or alias.name.partition(".")[0])
    return names


@dataclass
class _Scan:
    """What one scope holds directly, before its nested scopes are folded in."""

    owner: ast.AST
    parameters: frozenset[str]
    bound: set[str] = field(default_factory=set)
    loads: set[str] = field(default_factory=set)
    early_loads: set[str] = field(default_factory=set)
    globals: set[str] = field(default_factory=set)
    nonlocals: set[str] = field(default_factory=set)
    nested: list[tuple[ast.AST, frozenset[str]]] = field(default_factory=list)


@dataclass(frozen=True)
class NameTable:
    """The names of one scope.

    ``bound`` are its own variables, ``globals``/``nonlocals`` what it declares as such,
    ``free`` the names it (or a scope nested in it) reads or writes but does not own,
    ``nonlocal_writes``/``global_writes`` the ones among them that are rebound from inside.
    ``loads`` are the names read directly in the scope, ``nested`` its child scopes' nodes.
    """

    bound: frozenset[str]
    globals: frozenset[str]
    nonlocals: frozenset[str]
    loads: frozenset[str]
    free: frozenset[str]
    global_names: frozenset[str]
    nonlocal_writes: frozenset[str]
    global_writes: frozenset[str]
    captured: frozenset[str]
    """Names that functions, lambdas and classes nested in the scope take from it or beyond."""
    remote_writes: frozenset[str]
    """Names of the scope (or beyond) that nested functions rebind."""
    nested: tuple[ast.AST, ...]


def _evaluation_order(node: ast.AST) -> list[ast.AST]:
    if isinstance(node, ast.Assign):
        return [node.value, *node.targets]
    if isinstance(node, (ast.For, ast.AsyncFor)):
        return [node.iter, node.target, *node.body, *node.orelse]
    return children(node)


_SCANNED = frozenset(
    (
        *(ast.Name, ast.Import, ast.ImportFrom, ast.Global, ast.Nonlocal, ast.ExceptHandler),
        *(ast.MatchAs, ast.MatchStar, ast.MatchMapping),
        *(ast.Assign, ast.AugAssign, ast.For, ast.AsyncFor),
        *FUNCTION_NODES,
        *COMPREHENSIONS,
        ast.ClassDef,
    )
)
"""Kinds of node that concern names, or that are not evaluated in the order of their fields."""


def _scan(owner: ast.AST, body: Sequence[ast.AST], parameters: frozenset[str]) -> _Scan:
    scan = _Scan(owner, parameters, bound=set(parameters))
    _scan_into(scan, body, _NO_NAMES)
    return scan


def _scan_into(scan: _Scan, body: Sequence[ast.AST], hidden: frozenset[str]) -> None:
    """Scan what stands inside comprehensions whose variables are ``hidden``."""
    stack = list(reversed(body))
    while stack:
        node = stack.pop()
        if node.__class__ not in _SCANNED:
            below = children(node)
            if below:
                below.reverse()
                stack += below
            continue
        if isinstance(node, ast.Name):
            if node.id in hidden:
                continue
            if isinstance(node.ctx, ast.Load):
                scan.loads.add(node.id)
                if node.id not in scan.bound:
                    scan.early_loads.add(node.id)
            else:
                scan.bound.add(node.id)
            continue
        if isinstance(node, (*FUNCTION_NODES, ast.ClassDef)):
            scan.nested.append((node, hidden))
            if not isinstance(node, ast.Lambda):
                scan.bound.add(node.name)
            stack += reversed(outside_parts(node))
            continue
        if isinstance(node, COMPREHENSIONS):
            inner = hidden | target_names(gen.target for gen in node.generators)
            _scan_into(scan, children(node), inner)
            stack.append(node.generators[0].iter)
            continue
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            scan.bound.update(import_bindings(node))
            continue
        if isinstance(node, ast.Global):
            scan.globals.update(node.names)
        elif isinstance(node, ast.Nonlocal):
            scan.nonlocals.update(node.names)
        elif isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)):
            if node.name:
                scan.bound.add(node.name)
        elif isinstance(node, ast.MatchMapping) and node.rest:
            scan.bound.add(node.rest)
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            scan.loads.add(node.target.id)
            if node.target.id not in scan.bound:
                scan.early_loads.add(node.target.id)
        stack += reversed(_evaluation_order(node))


def _fold(scan: _Scan, tables: dict[ast.AST, NameTable]) -> NameTable:
    declared = scan.globals | scan.nonlocals
    bound = scan.bound - declared
    is_class = isinstance(scan.owner, ast.ClassDef)
    captured: set[str] = set()
    nonlocal_writes: set[str] = set()
    global_names: set[str] = set(scan.globals)
    global_writes: set[str] = scan.globals & scan.bound
    for node, hidden in scan.nested:
        table = tables[node]
        captured |= table.free - hidden
        nonlocal_writes |= table.nonlocal_writes
        global_names |= table.global_names
        global_writes |= table.global_writes
    at_module = isinstance(scan.owner, ast.Module)
    remote = frozenset(nonlocal_writes | (global_writes if at_module else set()))
    own = (scan.loads | scan.nonlocals) - scan.globals
    if is_class:
        free = ((own - bound) | (scan.early_loads - scan.globals)) | captured
        written = nonlocal_writes | (scan.nonlocals & scan.bound)
    else:
        free = (own | captured) - bound
        written = (nonlocal_writes | (scan.nonlocals & scan.bound)) - bound
    return NameTable(
        bound=frozenset(bound),
        globals=frozenset(scan.globals),
        nonlocals=frozenset(scan.nonlocals),
        loads=frozenset(scan.loads),
        free=frozenset(free),
        global_names=frozenset(global_names),
        nonlocal_writes=frozenset(written),
        global_writes=frozenset(global_writes),
        captured=frozenset(captured | global_names if at_module else captured),
        remote_writes=remote,
        nested=tuple(node for node, _ in scan.nested),
    )


def _scan_node(node: ast.AST) -> _Scan:
    if isinstance(node, ast.Lambda):
        return _scan(node, [node.body], frozenset(a.arg for a in all_arguments(node.args)))
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return _scan(node, node.body, frozenset(a.arg for a in all_arguments(node.args)))
    assert isinstance(node, (ast.ClassDef, ast.Module))
    return _scan(node, node.body, _NO_NAMES)


@dataclass(frozen=True)
class OwnNames:
    """What a scope binds and declares itself; nothing of this needs a look at other scopes."""

    bound: frozenset[str]
    globals: frozenset[str]
    nonlocals: frozenset[str]
    global_writes: frozenset[str]


class Scans:
    """The scopes of a module, each looked at when its names are asked for, and once."""

    def __init__(self) -> None:
        self._known: dict[ast.AST, _Scan] = {}
        self._own: dict[ast.AST, OwnNames] = {}

    def own(self, node: ast.AST) -> OwnNames:
        """The names of the scope that ``node`` opens."""
        known = self._own.get(node)
        if known is None:
            scan = self.scan(node)
            known = self._own[node] = OwnNames(
                frozenset(scan.bound - scan.globals - scan.nonlocals),
                frozenset(scan.globals),
                frozenset(scan.nonlocals),
                frozenset(scan.globals & scan.bound),
            )
        return known

    def scan(self, node: ast.AST) -> _Scan:
        """What the scope that ``node`` opens holds directly."""
        known = self._known.get(node)
        if known is None:
            known = self._known[node] = _scan_node(node)
        return known


def name_tables(root: _Scan, scans: Scans | None = None) -> dict[ast.AST, NameTable]:
    """Tables of a scanned scope and of every scope nested in it, keyed by their nodes."""
    scans = scans or Scans()
    order = [root]
    for scan in order:
        order.extend(scans.scan(node) for node, _ in scan.nested)
    tables: dict[ast.AST, NameTable] = {}
    for scan in reversed(order):
        tables[scan.owner] = _fold(scan, tables)
    return tables


def tables_of(node: ScopeNode, scans: Scans | None = None) -> dict[ast.AST, NameTable]:
    """Name tables of the scope that ``node`` opens and of all scopes within it."""
    scans = scans or Scans()
    return name_tables(scans.scan(node), scans)


def free_variables(fn: FunctionNode) -> frozenset[str]:
    """Names that calling ``fn`` may read (or rebind) outside it, nested functions included.

    Builtins and module globals count too. Decorators, defaults and annotations do not: the
    enclosing scope evaluates them.
    """
    table = tables_of(fn)[fn]
    return table.free | table.global_names


def class_body_variables(node: ast.ClassDef) -> frozenset[str]:
    """Names that executing the class body itself reads from outside (not its methods' names)."""
    table = tables_of(node)[node]
    return table.free - table.captured | ((table.loads - table.bound) & table.free)
