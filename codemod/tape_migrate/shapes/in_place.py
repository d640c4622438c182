"""Whether a function changes, in place, what it is given: under its own name there or another.

``def fill(held, v)`` may do ``held.append(v)``, but also ``kept = held``, ``pair = [held]`` and
``pair[0].append(v)``, ``put = held.append``, or hand it to a function that does.
"""

from __future__ import annotations

import ast
from typing import Final

from tape_migrate.module import Module
from tape_migrate.shapes.binding import bind
from tape_migrate.shapes.dependence import CONTAINER_METHODS
from tape_migrate.shapes.functions import Function
from tape_migrate.shapes.kinds import kind_of
from tape_migrate.shapes.members import TAKES_OUT
from tape_migrate.shapes.plan import Kind
from tape_migrate.shapes.summaries import Summaries

CHANGING: Final = CONTAINER_METHODS | TAKES_OUT
"""Methods that change a collection in place."""

SPECIAL: Final = frozenset(
    f"__{name}__" for name in ("iadd", "imul", "ior", "setitem", "delitem", "setattr", "delattr")
)
"""Methods by which operators and statements change an object."""
_TYPES: Final = frozenset({"list", "dict", "set", "deque"})
_OF_FIRST: Final = frozenset(
    {"delattr", "setattr", "builtins.delattr", "builtins.setattr", "random.shuffle"}
    | {f"operator.{name}" for name in ("iadd", "iconcat", "imul", "ior", "setitem", "delitem")}
    | {f"heapq.{name}" for name in ("heapify", "heappop", "heappush", "heappushpop", "heapreplace")}
    | {f"bisect.{name}" for name in ("insort", "insort_left", "insort_right")}
)
"""Functions that change what they are given first."""

_DEPTH: Final = 8


def changes_parameter(
    summaries: Summaries,
    function: Function,
    name: str,
    depth: int = _DEPTH,
    *,
    level: int = 0,
) -> bool:
    """Whether ``function`` may change, in place, the object that it is handed as ``name``.

    With ``level`` 1, an object that a list or dictionary holds which it is handed as ``name``.
    What goes on deeper than ``depth`` calls may change anything.
    """
    module = summaries.module
    key = f"changes its parameter {id(function)} {name} {level}"
    known = module.memo.get(key)
    if not isinstance(known, bool):
        if not depth:
            return True
        module.memo[key] = False  # of a function that calls itself
        known = _Changes(summaries, function, name, level).any(depth)
        module.memo[key] = known
    return known


class _Changes:
    """Names by which a function knows what it is given, and what it does by them."""

    def __init__(self, summaries: Summaries, function: Function, name: str, level: int) -> None:
        self._summaries = summaries
        self._module: Module = summaries.module
        self._function = function
        self._parameter = name
        self._levels = {name: level}
        """For each name how deep inside of what it names the object is: 0 for itself."""
        nodes = _nodes(self._module, function)
        binding = [node for node in nodes if isinstance(node, _BINDING)]
        for _ in range(4):
            before = dict(self._levels)
            for node in binding:
                self._follow(node)
            if before == self._levels:
                break
        self._changing = [node for node in nodes if isinstance(node, _CHANGING)]

    def any(self, depth: int) -> bool:
        return any(self._changes(node, depth) for node in self._changing)

    def _follow(self, node: ast.AST) -> None:
        match node:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    self._bind(target, self._level(value))
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                self._bind(target, self._level(value))
            case ast.NamedExpr(target=target, value=value):
                self._bind(target, self._level(value))
            case ast.For(target=target, iter=over) | ast.comprehension(target=target, iter=over):
                level = self._level(over)
                self._bind(target, max(level - 1, 0) if level else None)
            case ast.Lambda(args=args) | ast.FunctionDef(args=args):
                named = [*args.posonlyargs, *args.args]
                pairs = [*zip(named[len(named) - len(args.defaults) :], args.defaults, strict=True)]
                for arg, default in pairs if node is not self._function else ():
                    self._name(arg.arg, self._level(default))

    def _bind(self, target: ast.expr, level: int | None) -> None:
        if isinstance(target, (ast.Tuple, ast.List)):
            for part in target.elts:
                self._bind(part, max(level - 1, 0) if level else None)
        elif isinstance(target, ast.Name):
            self._name(target.id, level)

    def _name(self, name: str, level: int | None) -> None:
        if level is not None:
            self._levels[name] = min(level, self._levels.get(name, level))

    def _level(self, expr: ast.expr | None) -> int | None:
        """How deep inside of what ``expr`` gives the object is, if at all."""
        match expr:
            case ast.Name(id=name):
                return self._levels.get(name)
            case ast.Attribute(value=value) | ast.NamedExpr(value=value):
                return self._level(value)
            case ast.Subscript(value=value) | ast.Starred(value=value):
                level = self._level(value)
                return max(level - 1, 0) if level is not None else None
            case ast.IfExp(body=first, orelse=second):
                return self._least([first, second], 0)
            case ast.BoolOp(values=items):
                return self._least(items, 0)
            case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items):
                return self._least(items, 1)
            case ast.Dict(values=items):
                return self._least(items, 1)
        return None

    def _least(self, items: list[ast.expr], more: int) -> int | None:
        levels = [level for item in items if (level := self._level(item)) is not None]
        return min(levels) + more if levels else None

    def _changes(self, node: ast.AST, depth: int) -> bool:
        match node:
            case (
                ast.Attribute(ctx=ast.Store() | ast.Del(), value=value)
                | ast.Subscript(ctx=ast.Store() | ast.Del(), value=value)
            ):
                return self._level(value) == 0
            case ast.AugAssign(target=target, op=ast.Add() | ast.Mult() | ast.BitOr()):
                return self._level(target) == 0 and self._may_grow(node)
            case ast.Attribute(attr=attr, value=value) if attr in CHANGING or attr in SPECIAL:
                # Called here, or handed on to be called: `map(held.append, values)`.
                return self._level(value) == 0
            case ast.Call():
                return self._called(node, depth)
        return False

    def _may_grow(self, stmt: ast.AugAssign) -> bool:
        """Whether ``+=`` may change a collection.

        ``h = x``, ``h += f(h)`` is what functions do with tensors: by another name it changes
        something only where a list is added.
        """
        if not isinstance(stmt.target, ast.Name) or stmt.target.id == self._parameter:
            return True
        scope = self._module.scope_of(stmt)
        return kind_of(self._module, stmt.value, scope) in (Kind.LIST, Kind.TUPLE)

    def _called(self, call: ast.Call, depth: int) -> bool:
        func, summaries = call.func, self._summaries
        first = self._level(call.args[0]) if call.args else None
        if first == 0 and changes_first(self._module, call):
            return True
        function, made = summaries.callee(call), summaries.made_by(call)
        if made is not None:  # `Recorder(held, v)`: the first parameter is the new object
            new = ast.Constant(value=None)
            call = ast.Call(func=func, args=[new, *call.args], keywords=call.keywords)
        runs = [run for run in (function, made) if run is not None]
        if not runs and isinstance(func, ast.Attribute) and not self._module.names.resolve(func):
            runs = summaries.methods_named(func.attr)
        starred = {id(arg.value) for arg in call.args if isinstance(arg, ast.Starred)}
        starred |= {id(keyword.value) for keyword in call.keywords if keyword.arg is None}
        for run in runs:
            for parameter, value in bind(run, call):
                level = self._level(value)
                if level and id(value) in starred:
                    level -= 1
                if level is not None and run is not self._function:
                    if changes_parameter(summaries, run, parameter, depth - 1, level=level):
                        return True
        return False


def changes_first(module: Module, call: ast.Call) -> bool:
    """``list.append(held, v)``, ``operator.iadd(held, [v])``, ``getattr(held, "append")``."""
    func = call.func
    if isinstance(func, ast.Name) and func.id == "getattr":
        asked = call.args[1] if len(call.args) > 1 else None
        return not isinstance(asked, ast.Constant) or asked.value in CHANGING
    resolved = module.names.resolve(func)
    if not resolved and isinstance(func, ast.Name):
        resolved = func.id
    if resolved in _OF_FIRST:
        return True
    if isinstance(func, ast.Attribute) and func.attr in ("__setattr__", "__delattr__"):
        return len(call.args) == (3 if func.attr == "__setattr__" else 2)
    if isinstance(func, ast.Attribute) and func.attr in CHANGING | SPECIAL:
        home = resolved.rpartition(".")[0].rpartition(".")[2]
        return home in _TYPES or (isinstance(func.value, ast.Name) and func.value.id in _TYPES)
    return False


def _nodes(module: Module, function: Function) -> list[ast.AST]:
    """What matters here of a function, which is asked about each of its parameters."""
    known = module.memo.setdefault("nodes that bind or change", {})
    assert isinstance(known, dict)
    if function not in known:
        known[function] = [node for node in module.inside(function) if isinstance(node, _EITHER)]
    nodes: list[ast.AST] = known[function]
    return nodes


_BINDING: Final = (
    *(ast.Assign, ast.AnnAssign, ast.NamedExpr, ast.For, ast.comprehension, ast.Lambda),
    ast.FunctionDef,
)
_CHANGING: Final = (ast.Attribute, ast.Subscript, ast.AugAssign, ast.Call)
_EITHER: Final = (*_BINDING, *_CHANGING)
