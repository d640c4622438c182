"""What a call may give back without being given it: what its function captures, holds or keeps.

After ``def give(): return u``, ``w = give()`` is another name of ``u``; so it is where ``give`` is
a method and ``u`` an attribute of its object, a default, or what an earlier call has put aside. Of
a function that is in sight what it gives back is followed: what it computes there is new.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from tape_migrate.flow.bindings import all_arguments
from tape_migrate.module import Module
from tape_migrate.names import KNOWN_MODULES
from tape_migrate.shapes.binding import bind
from tape_migrate.shapes.dependence import CONTAINER_METHODS, Dependence
from tape_migrate.shapes.evaluated import calls_in
from tape_migrate.shapes.functions import Function
from tape_migrate.shapes.kinds import kind_of
from tape_migrate.shapes.plan import Kind, Link
from tape_migrate.shapes.quiet import OtherFunctions
from tape_migrate.shapes.summaries import Summaries
from tape_migrate.shapes.tensorflow_facts import MAY_RETURN_ARGUMENT, tensorflow_function

GIVE_MEMBERS = frozenset({"copy", "get", "items", "pop", "popitem", "setdefault", "values"})
"""Methods that hand on what their object holds."""

_COLLECTORS = frozenset(
    (
        *("dict", "enumerate", "filter", "getattr", "iter", "list", "map", "max", "min", "next"),
        *("reversed", "set", "sorted", "tuple", "zip"),
    )
)
"""Built-in functions that give back what they are given, or put it into collections."""


class _Run(NamedTuple):
    """A function in sight that a call may run."""

    module: Module
    node: Function | ast.Lambda


def links_by_function(dep: Dependence, node_id: int, call: ast.Call) -> list[Link]:
    """Reads by which what is called may come to what it gives back."""
    runs = _functions(dep, call)
    found: dict[int, Link] = {}
    reads = dep.links_of(node_id, [call.func])
    for run in runs:
        handed = handed_names(run.module, run.node)
        parameters = [arg.arg for arg in all_arguments(run.node.args)]
        own = parameters[0] if isinstance(call.func, ast.Attribute) and parameters else None
        given = {name for name, _ in bind(run.node, call)}
        object_handed = own is not None and own not in given
        attributes = {name.partition(".")[2] for name in handed if name.partition(".")[0] == own}
        roots = {name.partition(".")[0] for name in handed}
        free = roots - set(parameters)
        by_default = bool(roots & set(parameters) - given - {own})
        for link in reads:
            symbol = link.use.symbol
            if _is_receiver(dep, call, link):
                own_attribute = symbol.path[0][1:] if symbol.path else ""
                by_self = symbol.root in ("self", "cls") and "" not in attributes
                if object_handed and attributes:
                    if not by_self or own_attribute in attributes:
                        found[id(link)] = link
            elif symbol.root in free or by_default:
                found[id(link)] = link
        for link in _put_before(dep, node_id, run, free):
            found[id(link)] = link
    return list(found.values())


def _is_receiver(dep: Dependence, call: ast.Call, link: Link) -> bool:
    """Whether a read is one of the object whose method is called."""
    if not isinstance(call.func, ast.Attribute):
        return False
    names = {node.id for node in ast.walk(call.func.value) if isinstance(node, ast.Name)}
    return link.use.symbol.root in names


def _put_before(dep: Dependence, node_id: int, run: _Run, names: Iterable[str]) -> Iterator[Link]:
    """What earlier calls in the scope put into the variables of ``run``'s module that it reads."""
    kept = {name for name in names if _is_kept(run, name)}
    if not kept:
        return
    for node in dep.cfg.nodes:
        part = node.node
        if part is None or isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            continue
        if not dep.reaches(node.id, node_id):
            continue
        for call in calls_in(part):
            for other in _functions(dep, call):
                if other.module is run.module and kept & set(_sets(other)):
                    yield from dep.links_into(node.id)


def _is_kept(run: _Run, name: str) -> bool:
    """Whether a name that a function reads is no function, class or module."""
    scopes = run.module.scopes
    bound = run.module.names.bindings(name, scopes.opened_by(run.node))
    made = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return any(not isinstance(node, made) for node in bound)


def _sets(run: _Run) -> Iterator[str]:
    """Names of outside that a function, or one that it calls, binds or changes what they hold."""
    module = run.module
    inner = [run.node]
    if not isinstance(run.node, ast.Lambda):
        inner = [*Summaries.of(module).reached(run.node)]
    for function in inner:
        scope = module.scopes.opened_by(function)
        outside = scope.globals | scope.nonlocals
        for node in module.inside(function):
            changed: ast.expr | None = None
            match node:
                case ast.Name(id=name, ctx=ast.Store()) if name in outside:
                    yield name
                case ast.Attribute(ctx=ast.Store()) | ast.Subscript(ctx=ast.Store()):
                    changed = node
                case ast.Call(func=ast.Attribute(value=holder, attr=attr)):
                    changed = holder if attr in CONTAINER_METHODS else None
            while isinstance(changed, (ast.Attribute, ast.Subscript)):
                changed = changed.value
            if isinstance(changed, ast.Name):
                if module.scopes.resolve(changed.id, scope) is not scope:
                    yield changed.id


def _functions(dep: Dependence, call: ast.Call) -> list[_Run]:
    """The functions in sight that a call may run: those of other modules of the project, too."""
    module, func = dep.module, call.func
    resolved = module.names.resolve(func)
    if resolved.partition(".")[0] in KNOWN_MODULES:
        return []
    summaries, project = Summaries.of(module), module.project
    function = summaries.callee(call)
    if function is not None:
        return [_Run(module, function), *(_Run(module, o) for o in summaries.overrides(function))]
    if resolved and isinstance(project, OtherFunctions):
        there = project.function(resolved)
        return [_Run(*there)] if there is not None else []
    if isinstance(func, ast.Lambda):
        return [_Run(module, func)]
    if isinstance(func, ast.Name):
        bound = module.names.bindings(func.id, module.scope_of(func))
        return [
            _Run(module, node.value)
            for node in bound
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda)
        ]
    if isinstance(func, ast.Attribute):
        found = [_Run(module, method) for method in summaries.methods_named(func.attr)]
        return [*found, *_methods_elsewhere(module, func)]
    return []


def _methods_elsewhere(module: Module, func: ast.Attribute) -> Iterator[_Run]:
    """The method of an object whose class another module of the project defines."""
    project = module.project
    if not isinstance(project, OtherFunctions):
        return
    made: list[ast.AST | None] = [func.value]
    if isinstance(func.value, ast.Name):
        bound = module.names.bindings(func.value.id, module.scope_of(func))
        made = [node.value for node in bound if isinstance(node, ast.Assign)]
    for value in made:
        resolved = module.names.resolve(value.func) if isinstance(value, ast.Call) else ""
        there = project.class_of(resolved) if resolved else None
        for node in there[1].body if there is not None else ():
            if isinstance(node, ast.FunctionDef) and node.name == func.attr:
                assert there is not None
                yield _Run(there[0], node)


def returned(dep: Dependence, call: ast.Call) -> Iterator[ast.expr]:
    """What stands in ``return`` of the functions in sight that a call may run."""
    for run in _functions(dep, call):
        scope = run.module.scopes.opened_by(run.node)
        for node in run.module.inside(run.node):
            if isinstance(node, ast.Return) and node.value is not None:
                if run.module.scope_of(node) is scope:
                    yield node.value


def handed_names(module: Module, function: Function | ast.Lambda) -> frozenset[str]:
    """Names of outside, and parameters, whose values a function may give back as they are.

    Of attributes of what a name holds they are given like ``self.w``.
    """
    key = f"names handed on {id(function)}"
    known = module.memo.get(key)
    if not isinstance(known, frozenset):
        module.memo[key] = frozenset[str]()  # of a function that calls itself
        known = module.memo[key] = frozenset(_Follow(module, function).names())
    return known


class _Follow:
    """Follows what a function gives back, through its own variables."""

    def __init__(self, module: Module, function: Function | ast.Lambda) -> None:
        self._module = module
        self._function = function
        self._scope = module.scopes.opened_by(function)
        self._seen: set[str] = set()

    def names(self) -> Iterator[str]:
        if isinstance(self._function, ast.Lambda):
            yield from self._of(self._function.body)
            return
        for node in self._module.inside(self._function):
            if isinstance(node, (ast.Return, ast.Yield, ast.YieldFrom)) and node.value is not None:
                if self._module.scope_of(node) is self._scope:
                    yield from self._of(node.value)

    def _of(self, expr: ast.expr) -> Iterator[str]:
        match expr:
            case ast.Name():
                yield from self._of_name(expr)
            case ast.Attribute(value=ast.Name(id=name), attr=attr):
                whole = list(self._of(expr.value))
                yield from (f"{name}.{attr}" if each == name else each for each in whole)
            case ast.Attribute() | ast.Subscript() | ast.Starred() | ast.NamedExpr():
                yield from self._of(expr.value)
            case ast.Await() | ast.YieldFrom():
                yield from self._of(expr.value)
            case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items):
                yield from self._of_all(items)
            case ast.Dict(values=items) | ast.BoolOp(values=items):
                yield from self._of_all(items)
            case ast.IfExp(body=first, orelse=second):
                yield from self._of_all([first, second])
            case ast.ListComp(elt=item) | ast.SetComp(elt=item) | ast.GeneratorExp(elt=item):
                yield from self._of_comprehension(expr, item)
            case ast.DictComp(value=item):
                yield from self._of_comprehension(expr, item)
            case ast.BinOp(left=left, op=op, right=right):
                if kind_of(self._module, expr, self._module.scope_of(expr)) is Kind.TENSOR:
                    return
                # Lists that are put together; what else is computed is new.
                sides = [s for s in (left, right) if isinstance(s, (ast.List, ast.Tuple))]
                yield from self._of_all(
                    [left, right] if isinstance(op, (ast.Add, ast.BitOr)) else sides
                )
            case ast.Call():
                yield from self._of_call(expr)

    def _of_all(self, items: Iterable[ast.expr]) -> Iterator[str]:
        for item in items:
            yield from self._of(item)

    def _of_comprehension(
        self, expr: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp, item: ast.expr
    ) -> Iterator[str]:
        targets = {
            node.id
            for part in expr.generators
            for node in ast.walk(part.target)
            if isinstance(node, ast.Name)
        }
        for name in self._of(item):
            if name.partition(".")[0] not in targets:
                yield name
        for inner in ast.walk(item):
            if isinstance(inner, ast.Name) and inner.id in targets:
                if set(self._of(item)) & {inner.id}:
                    yield from self._of_all(part.iter for part in expr.generators)
                    return

    def _of_name(self, name: ast.Name) -> Iterator[str]:
        if self._module.scopes.is_comprehension_variable(name):
            yield name.id
            return
        scope = self._module.scope_of(name)
        if self._module.scopes.resolve(name.id, scope) is not self._scope:
            yield name.id
            return
        if name.id in {arg.arg for arg in all_arguments(self._function.args)}:
            yield name.id
        if name.id in self._seen:
            return
        self._seen.add(name.id)
        for node in self._module.inside(self._function):
            match node:
                case ast.Assign(targets=targets, value=value):
                    if any(_root(part) == name.id for t in targets for part in _parts(t)):
                        yield from self._of(value)
                case (
                    ast.AnnAssign(target=target, value=ast.expr() as value)
                    | ast.NamedExpr(target=target, value=value)
                ):
                    if _root(target) == name.id:
                        yield from self._of(value)
                case ast.AugAssign(target=target, value=value):
                    if _root(target) == name.id:
                        yield from self._of(value)
                case ast.For(target=target, iter=over):
                    if any(_root(part) == name.id for part in _parts(target)):
                        yield from self._of(over)
                case ast.withitem(context_expr=held, optional_vars=ast.expr() as target):
                    if _root(target) == name.id:
                        yield from self._of(held)
                case ast.Call(func=ast.Attribute(value=holder, attr=attr), args=given):
                    if attr in CONTAINER_METHODS and _root(holder) == name.id:
                        yield from self._of_all(given)

    def _of_call(self, call: ast.Call) -> Iterator[str]:
        module, func = self._module, call.func
        given = [*call.args, *(keyword.value for keyword in call.keywords)]
        resolved = module.names.resolve(func)
        if resolved.partition(".")[0] in KNOWN_MODULES:
            if _may_give_back(resolved):
                yield from self._of_all(given)
            return
        summaries = Summaries.of(module)
        function = summaries.callee(call)
        if function is not None:
            handed = handed_names(module, function)
            own = {arg.arg for arg in all_arguments(function.args)}
            for name, value in bind(function, call):
                if any(each.partition(".")[0] == name for each in handed):
                    yield from self._of(value)
            bound = {name for name, _ in bind(function, call)}
            for each in handed:
                root = each.partition(".")[0]
                if root not in own or (root in ("self", "cls") and root not in bound):
                    yield each
            return
        if isinstance(func, ast.Name):
            bound_here = module.names.is_local(func.id, module.scope_of(func))
            if bound_here or func.id in _COLLECTORS:
                yield from self._of_all(given)
            return
        if isinstance(func, ast.Attribute):
            methods = summaries.methods_named(func.attr)
            handing = any(
                each.partition(".")[0] in ("self", "cls")
                for method in methods
                for each in handed_names(module, method)
            )
            if handing or func.attr in GIVE_MEMBERS:
                yield from self._of(func.value)
            if func.attr in GIVE_MEMBERS or methods:
                yield from self._of_all(given)


def _may_give_back(resolved: str) -> bool:
    """Whether a library's function may give back what it is given."""
    name = tensorflow_function(resolved)
    if name is not None:
        return name in MAY_RETURN_ARGUMENT or name.startswith("nest.")
    return resolved.startswith("keras.") or resolved.endswith((".asarray", ".array"))


def _parts(target: ast.expr) -> Iterator[ast.expr]:
    if isinstance(target, (ast.Tuple, ast.List)):
        for part in target.elts:
            yield from _parts(part)
    else:
        yield target


def _root(expr: ast.AST) -> str | None:
    while isinstance(expr, (ast.Attribute, ast.Subscript, ast.Starred)):
        expr = expr.value
    return expr.id if isinstance(expr, ast.Name) else None
