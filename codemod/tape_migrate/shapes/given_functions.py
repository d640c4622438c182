"""Functions that are handed to what differentiates, and read what was computed before.

``lib.fit(lambda: tf.reduce_sum(H))`` after ``H = W * 2.0``, ``Trainer(net.loss)`` where ``net``
keeps ``self.h = self.w * 2.0``, ``class Mine(lib.Trainer)`` whose ``loss`` does: the gradient by
all trainable variables goes back through that in a graph, and a tape that is opened around
``loss_fn()`` has not seen how it was computed. What the caller, the class or the other module
shows is looked at; what is not in sight is taken for granted, aloud.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from tape_migrate.flow.scope import Scope
from tape_migrate.flow.symbols import Symbol
from tape_migrate.module import Module
from tape_migrate.shapes.calls_elsewhere import OtherCallers
from tape_migrate.shapes.classes_seen import classes_of, functions_of
from tape_migrate.shapes.computed_before import Made, made_by
from tape_migrate.shapes.computed_from import depends
from tape_migrate.shapes.evaluated import all_calls
from tape_migrate.shapes.functional_model import makes_model
from tape_migrate.shapes.functions import Function
from tape_migrate.shapes.functions_set import functions_set, put_by_others
from tape_migrate.shapes.given_by_callers import given_by_callers
from tape_migrate.shapes.held_methods import gone_over
from tape_migrate.shapes.inheritance import may_take_over
from tape_migrate.shapes.kinds import value_given_by
from tape_migrate.shapes.libraries import is_library, is_own
from tape_migrate.shapes.objects_given_back import (
    asked_of_results,
    methods_of_given_back,
    read_of_given_back,
)
from tape_migrate.shapes.plan import Refusal, Request, Source
from tape_migrate.shapes.quiet import OtherFunctions
from tape_migrate.shapes.stored import put_into
from tape_migrate.shapes.summaries import Summaries
from tape_migrate.shapes.unnamed_calls import captured

_DEPTH = 4
_Given = Function | ast.Lambda | ast.Call
"""A function; or a call that gives one which holds what was computed before."""


def refuse_given_functions(
    module: Module, request: Request, calls: Iterable[ast.Call]
) -> Refusal | None:
    """What ``calls``, on the way to a target, may run that reads what was computed before.

    What the function around computes itself is followed by ``dependence``, and what comes in on a
    tape that was opened before, by who opens it.
    """
    scope = request.found.scope
    recorded = {source.symbol.root for source in request.entry}
    seen: set[int] = set()
    asked: frozenset[str] = frozenset()
    for call in calls:
        if isinstance(call.func, ast.Name) and call.func.id in recorded:
            continue
        for home, function in _Runs(module, call.func).found:
            read = _read_before(home, function, _DEPTH, seen, scope)
            if read is None and not isinstance(function, ast.Call):
                asked = asked or asked_of_results(scope.node)
                read = _read_of_result(home, function, asked, seen, scope)
            if read is not None:
                where = "" if home is module else f" of {home.path}"
                return Refusal(
                    "TM106",
                    f"{ast.unparse(call.func)} may run the function in line {function.lineno}"
                    f"{where}, which reads {read}, computed from variables before a tape could be "
                    "opened here",
                )
    return None


def refuse_functions_of_source(
    module: Module, sources: Iterable[Source], calls: Iterable[ast.Call]
) -> Refusal | None:
    """``lib.grad_of(lambda v: v * h)(x)`` after ``h = tf.sin(x)``: functions of other modules that
    read what was computed from what they are then given.

    Plain parameters of a function, and calls of an object, are followed by others (``closure``).
    """
    given = [source for source in sources if not source.collected and not source.fresh]
    for call in calls if given else ():
        if _is_of_closure(module, call.func):
            for home, function in _Runs(module, call.func).found:
                if home is module or not isinstance(function, (ast.FunctionDef, ast.Lambda)):
                    continue
                read = _computed_from_given(home, function)
                if read is not None:
                    return Refusal(
                        "TM105",
                        f"{ast.unparse(call.func)} may run the function in line {function.lineno} "
                        f"of {home.path}, which reads {read}, computed from what it is given "
                        f"there; a tape in here would miss that part of {given[0].symbol}",
                    )
    return None


def _is_of_closure(module: Module, func: ast.expr) -> bool:
    """A parameter of a function around, or an attribute that an operator of its class calls."""
    scope = module.scope_of(func)
    if isinstance(func, ast.Name):
        owner = module.scopes.resolve(func.id, scope)
        return (
            owner is not None
            and owner is not scope
            and None in module.names.bindings(func.id, owner)
        )
    own = isinstance(func, ast.Attribute) and isinstance(func.value, ast.Name)
    name = scope.name
    return own and name.startswith("__") and name not in ("__init__", "__call__")


def _computed_from_given(home: Module, function: ast.FunctionDef | ast.Lambda) -> str | None:
    """What it reads of the function around that was computed from an argument of a call there."""
    around = home.scope_of(function)
    for read in captured(home, function):
        for value in _arguments(home, around):
            if ast.unparse(value) != ast.unparse(read) and depends(home, read, value):
                return ast.unparse(read)
    return None


def _arguments(home: Module, scope: Scope) -> Iterator[ast.expr]:
    """Names that functions and objects which are no library's are given."""
    for node in home.inside(scope.node):
        given: list[ast.expr] = []
        match node:
            case ast.Call(func=func, args=args):
                given = [] if _is_known(home, func) else args
            case ast.Subscript(value=value, slice=index, ctx=ast.Load()):
                given = [index] if isinstance(value, (ast.Call, ast.Name)) else []
            case ast.BinOp(left=ast.Call(func=func), right=right):
                given = [] if _is_known(home, func) else [right]
        yield from (each for each in given if isinstance(each, ast.Name))


def _is_known(home: Module, func: ast.expr) -> bool:
    resolved = home.names.resolve(func)
    return bool(resolved) and is_library(home, resolved)


class _Runs:
    """Functions that a call may run, of which its own module says nothing plain."""

    def __init__(self, module: Module, func: ast.expr) -> None:
        self.found: list[tuple[Module, _Given]] = []
        self._seen: set[tuple[int, str]] = set()
        self._depth = _DEPTH
        own = Summaries.of(module).named(func)
        dotted = module.names.resolve(func)
        if dotted:
            self.found += functions_of(module, func)
            self._set_in(module, dotted)
        elif own is not None:
            self.found += [(module, each) for each in Summaries.of(module).overrides(own)]
            self._overriding(module, own)
            if own in module.tree.body:
                self._set(functions_set(module, own.name, None))
        elif isinstance(func, ast.Name):
            self._parameter(module, func)
            if module.scopes.resolve(func.id, module.scope_of(func)) is module.scopes.module:
                self._name(module, func)
                self._set(functions_set(module, func.id, None))
            for held in gone_over(module, func):
                self._members(module, held)
        elif isinstance(func, ast.Subscript):
            self._members(module, func.value)
        elif isinstance(func, ast.Attribute) and isinstance(func.value, ast.Name):
            if func.value.id == "self":
                self._own_attribute(module, func)

    def _overriding(self, module: Module, method: Function) -> None:
        """Methods of classes of other modules that an object may have instead."""
        owner = module.parent_of(method)
        if isinstance(owner, ast.ClassDef):
            self._set(functions_set(module, method.name, owner))

    def _members(self, module: Module, held: ast.expr) -> None:
        """``STEPS["a"](v)``, ``for step in STEPS``: what a list or a table of the module holds."""
        for name in module.of_kind_inside(ast.Name, held):
            if module.scopes.resolve(name.id, module.scope_of(name)) is module.scopes.module:
                for value in put_into(module, Symbol(name.id)):
                    self._given(module, value)
                self._name(module, name)
                self._set(put_by_others(module, name.id))
                self._set(functions_set(module, name.id, None))

    def _set_in(self, module: Module, dotted: str) -> None:
        """``lib.FN`` of another module that a third one sets."""
        project = module.project
        if isinstance(project, OtherFunctions) and is_own(module, dotted):
            path, rest = project.split(dotted)
            home = project.module_at(path) if path and len(rest) == 1 else None
            if home is not None:
                self._set(functions_set(home, rest[0], None))

    def _set(self, found: Iterable[tuple[Module, ast.FunctionDef | ast.expr]]) -> None:
        for home, value in found:
            if isinstance(value, ast.FunctionDef):
                self.found.append((home, value))
            else:
                self._given(home, value)

    def _methods(self, kinds: Iterable[tuple[Module, ast.ClassDef]], name: str) -> None:
        for home, kind in kinds:
            for stmt in kind.body:
                if isinstance(stmt, ast.FunctionDef) and stmt.name == name:
                    self.found.append((home, stmt))

    def _own_attribute(self, module: Module, func: ast.Attribute) -> None:
        """``self.loss_fn`` that the class was given, or a method that its subclasses have."""
        owner = Summaries.of(module).class_of(module.scope_of(func))
        if owner is None or not isinstance(owner.node, ast.ClassDef):
            return
        symbol = Symbol("self", (f".{func.attr}",))
        for place, kind in classes_of(module, func.value):
            for node in place.attributes(func.attr):
                if isinstance(node.ctx, ast.Store) and place.holds(kind, node):
                    self._given(place, value_given_by(place.statement_of(node), symbol))
        kinds = [
            (module, kind)
            for kind in module.of_kind(ast.ClassDef)
            if kind is owner.node or may_take_over(module, owner.node, kind)
        ]
        self._methods(kinds, func.attr)
        self._set(functions_set(module, func.attr, owner.node))

    def _parameter(self, home: Module, name: ast.Name) -> None:
        """What callers in sight give a parameter that is called."""
        owner = home.scopes.resolve(name.id, home.scope_of(name))
        function = owner.node if owner is not None else None
        if owner is None or not isinstance(function, ast.FunctionDef):
            return
        key = (id(function), name.id)
        if key in self._seen or None not in home.names.bindings(name.id, owner):
            return
        self._seen.add(key)
        self._depth -= 1
        for user, value in given_by_callers(home, function, name.id) if self._depth else ():
            self._given(user, value)
        self._depth += 1
        first = [*function.args.posonlyargs, *function.args.args][:1]
        if [arg.arg for arg in first] == [name.id]:
            self.found += _decorated(home, function)

    def _given(self, home: Module, value: ast.expr | None) -> None:
        """The functions that an expression gives."""
        key = (id(value), "")
        if key in self._seen:
            return
        self._seen.add(key)
        match value:
            case ast.Lambda():
                self.found.append((home, value))
            case ast.IfExp(body=body, orelse=orelse):
                self._given(home, body)
                self._given(home, orelse)
            case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Dict(values=parts):
                for part in parts:
                    self._given(home, part)
            case ast.Name():
                self._name(home, value)
            case ast.Call(func=func, args=args, keywords=keywords):
                held = [*args, *(keyword.value for keyword in keywords)]
                if makes_model(home, value):
                    return  # it computes anew, from its inputs, whatever it was made of
                if any(made_by(home, each) is Made.COMPUTED for each in held):
                    # `partial(loss_of, h)`, `make_loss(h)`, `Loss(h)`: it holds `h`.
                    self.found.append((home, value))
                for each in held:
                    self._given(home, each)
                for place, made in functions_of(home, func):
                    self.found += [(place, each) for each in _inner(place, made)]
                self.found += functions_of(home, value)
            case ast.Attribute(value=ast.Name(id="self")):
                self.found += functions_of(home, value)
                self._own_attribute(home, value)
            case ast.Attribute():
                self.found += functions_of(home, value)

    def _name(self, home: Module, name: ast.Name) -> None:
        bound = home.names.bindings(name.id, home.scope_of(name))
        for node in bound:
            if isinstance(node, ast.FunctionDef):
                self.found.append((home, node))
                for decorator in node.decorator_list:
                    for place, made in functions_of(home, decorator):
                        self.found += [(place, each) for each in _inner(place, made)]
            elif isinstance(node, ast.Assign):
                self._given(home, value_given_by(node, Symbol(name.id)))
        if None in bound:
            self._parameter(home, name)
        self.found += functions_of(home, name)


def _decorated(home: Module, function: ast.FunctionDef) -> Iterator[tuple[Module, Function]]:
    """The functions of other modules that ``function`` decorates."""
    project = home.project
    if not isinstance(project, OtherCallers) or function not in home.tree.body:
        return
    for path in project.users(home.path, function.name, method=False):
        user = project.module_at(path)
        for other in user.of_kind(ast.FunctionDef) if user is not None else ():
            for decorator in other.decorator_list:
                assert user is not None
                dotted = user.names.resolve(decorator)
                if dotted and project.split(dotted) == (home.path, (function.name,)):
                    yield user, other


def _inner(home: Module, maker: Function) -> Iterator[Function | ast.Lambda]:
    """The functions that another one makes."""
    yield from home.of_kind_inside(ast.Lambda, maker)
    for node in home.of_kind_inside(ast.FunctionDef, maker):
        if node is not maker:
            yield node


def _lambdas(home: Module, func: ast.expr) -> Iterator[ast.Lambda]:
    """``a = lambda: h``, by the name that it is given."""
    bound = home.names.bindings(func.id, home.scope_of(func)) if isinstance(func, ast.Name) else []
    for node in bound:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda):
            yield node.value


def _read_before(
    home: Module, function: _Given, depth: int, seen: set[int], inside: Scope
) -> str | None:
    """What a function reads, or one that it runs, that was computed when it is called."""
    if isinstance(function, ast.Call):
        return ast.unparse(function)
    if depth <= 0 or id(function) in seen:
        return None
    seen.add(id(function))
    for node in home.inside(function):
        if isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Load):
            if _is_from_outside(home, node, function, inside):
                if made_by(home, node) is Made.COMPUTED:
                    return ast.unparse(node)
    for call in all_calls(function):
        for place, inner in functions_of(home, call.func):
            read = _read_before(place, inner, depth - 1, seen, inside)
            if read is not None:
                return read
        for each in _lambdas(home, call.func):
            read = _read_before(home, each, depth - 1, seen, inside)
            if read is not None:
                return read
    return None


def _read_of_result(
    home: Module,
    function: Function | ast.Lambda,
    asked: frozenset[str],
    seen: set[int],
    inside: Scope,
) -> str | None:
    """The same of an object that a function gives back, by what is ``asked`` of that."""
    read = read_of_given_back(home, function, asked)
    for place, method in methods_of_given_back(home, function, asked) if read is None else ():
        read = read or _read_before(place, method, _DEPTH, seen, inside)
    return read


def _is_from_outside(
    home: Module, node: ast.Name | ast.Attribute, function: Function | ast.Lambda, inside: Scope
) -> bool:
    """Whether it was there before the function ran: ``H``, ``self.h``, ``net.h``."""
    if isinstance(home.parent_of(node), ast.Attribute):
        return False
    root: ast.expr = node
    while isinstance(root, ast.Attribute):
        root = root.value
    if not isinstance(root, ast.Name) or home.scopes.is_comprehension_variable(root):
        return False
    own = home.scopes.opened_by(function)
    owner = home.scopes.resolve(root.id, home.scope_of(root))
    if isinstance(node, ast.Attribute) and root.id == "self":
        set_by = (function, *(scope.node for scope in (inside,) if scope in home.scopes))
        return not any(
            isinstance(other.ctx, ast.Store) and any(home.holds(each, other) for each in set_by)
            for other in home.attributes(node.attr)
        )
    return owner not in (None, own, inside) and own not in owner.enclosing
