"""Calls that name no function of the module, and run one of it all the same.

``partial(f, a)``, ``map(f, a)`` and ``tf.nest.map_structure(f, a)``; ``cls(y, x)``,
``kinds["net"](y, x)`` and ``Net(*parts)``, which make an object; ``net(x)`` of one with
``__call__``, ``net[x]`` and ``y @ x`` of one with operators, ``net.loss = y`` of one with a setter;
``hook(y)``, where ``hook`` is what the module has handed about; what a decorator calls. Each is
written out as a call of the function it may run.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from tape_migrate.mentions import asked_by_text, last_name
from tape_migrate.module import Module
from tape_migrate.names import KNOWN_MODULES
from tape_migrate.shapes.barriers import runs_arguments
from tape_migrate.shapes.closure_nodes import asks_any_method
from tape_migrate.shapes.functions import Function
from tape_migrate.shapes.inheritance import may_take_over
from tape_migrate.shapes.summaries import Summaries

_Run = tuple[Function | ast.Lambda | None, ast.Call]

_ASKS_CLASS = frozenset(("isinstance", "issubclass", "super", "type"))
OPERATORS: dict[type[ast.operator], str] = {
    ast.Add: "add",
    ast.Sub: "sub",
    ast.Mult: "mul",
    ast.Div: "truediv",
    ast.FloorDiv: "floordiv",
    ast.Mod: "mod",
    ast.Pow: "pow",
    ast.MatMult: "matmul",
    ast.LShift: "lshift",
    ast.RShift: "rshift",
    ast.BitOr: "or",
    ast.BitXor: "xor",
    ast.BitAnd: "and",
}


def operands(node: ast.AST) -> Iterator[tuple[str, ast.expr, ast.expr]]:
    """The special methods that an operator may run, each with its object and what that is given."""
    match node:
        case ast.Subscript(value=value, slice=index, ctx=ast.Load()):
            yield "getitem", value, index
        case ast.BinOp(left=left, op=op, right=right):
            yield OPERATORS[type(op)], left, right
            yield "r" + OPERATORS[type(op)], right, left
        case ast.AugAssign(target=target, op=op, value=value):
            yield "i" + OPERATORS[type(op)], target, value


@dataclass(frozen=True)
class Handed:
    """``callee`` may be what ``definition`` defines, if that gets there; then ``function`` runs, as
    in ``call``."""

    definition: Function | ast.ClassDef
    callee: ast.expr
    function: Function
    call: ast.Call


class UnnamedCalls:
    """Which functions of a module run where no name says so."""

    def __init__(self, module: Module) -> None:
        self._module = module
        self._summaries = Summaries.of(module)
        self._classes = module.of_kind(ast.ClassDef)

    def handed_on(self, call: ast.Call) -> Iterator[_Run]:
        """``partial(f, a)``, ``map(f, a)``, ``(lambda v: …)(a)`` as the call ``f(a)`` they make."""
        scope = self._module.scope_of(call)
        values: list[ast.AST | None] = [call, call.func]
        if isinstance(call.func, ast.Name):
            bound = self._module.names.bindings(call.func.id, scope)
            values += [node.value for node in bound if isinstance(node, ast.Assign)]
        for value in values:
            if isinstance(value, ast.Lambda):
                yield value, call
            elif isinstance(value, ast.Call) and value is not call:
                yield from ((made, call) for made in self._summaries.returned_by(value))
            if isinstance(value, ast.Call) and value.args:
                if self._module.names.resolve(value.func) == "functools.partial":
                    args, keywords = value.args[1:], value.keywords
                    if value is not call:
                        args, keywords = [*args, *call.args], [*keywords, *call.keywords]
                    yield from self._as_call(value.args[0], args, keywords)
        if isinstance(call.func, ast.Name) and call.func.id in ("map", "filter"):
            if call.args and not self._module.names.is_local(call.func.id, scope):
                yield from self._as_call(call.args[0], call.args[1:], [])
        resolved = self._module.names.resolve(call.func)
        if resolved == "functools.reduce" and len(call.args) > 1:
            first, over, *begun = call.args
            for one in (over, *begun):
                yield from self._as_call(first, [one, over], [])
        if runs_arguments(resolved) and call.args:
            yield from self._as_call(call.args[0], call.args[1:], [])
        if resolved == "operator.methodcaller" and call.args:
            name = call.args[0]
            if isinstance(name, ast.Constant):
                plain = ast.Call(func=name, args=call.args[1:], keywords=call.keywords)
                for method in self._summaries.methods_named(str(name.value)):
                    yield from self._fitting(method, plain)

    def _as_call(
        self, func: ast.expr, args: list[ast.expr], keywords: list[ast.keyword]
    ) -> Iterator[_Run]:
        plain = ast.Call(func=func, args=args, keywords=keywords)
        ran = func if isinstance(func, ast.Lambda) else self._summaries.named(func)
        made = [] if ran is not None else self.makers(plain)
        if made:
            yield from made
        else:
            yield ran, plain

    def makers(self, call: ast.Call) -> list[_Run]:
        """What makes the object, if ``call`` plainly is of a class of the module."""
        func = call.func
        if isinstance(func, ast.Name) and func.id != "cls":
            classes = [node for node in self._classes if node.name == func.id]
        elif _is_own_class(func):
            own = self._summaries.class_of(self._module.scope_of(func))
            classes = [
                node
                for node in self._classes
                if own is not None
                and isinstance(own.node, ast.ClassDef)
                and (node is own.node or may_take_over(self._module, own.node, node))
            ]
        else:
            return []
        return [run for node in classes for run in self._made(node, call)]

    def may_run(self, call: ast.Call) -> Iterator[Handed]:
        """What the module has handed about, and ``call`` may run, for it names nothing known."""
        func = call.func
        if self._module.names.resolve(func) or self._summaries.named(func) is not None:
            return
        if any(isinstance(arg, ast.Starred) and self._given_nothing(arg) for arg in call.args):
            return
        if isinstance(func, ast.Name):
            scope = self._module.scope_of(func)
            if hasattr(builtins, func.id) and not self._module.names.is_local(func.id, scope):
                return
            if any(isinstance(b, (ast.FunctionDef, ast.ClassDef)) for b in self._bound(func)):
                return
        if isinstance(func, ast.Attribute) and self._summaries.methods_named(func.attr):
            return
        for function in (*self._summaries.methods_named("__call__"), *self._functions):
            for ran, its_call in self._fitting(function, call):
                yield Handed(function, func, ran, its_call)
        for node in self._handed_classes:
            for ran, its_call in self._made(node, call, fitting=True):
                yield Handed(node, func, ran, its_call)

    def _given_nothing(self, arg: ast.Starred) -> bool:
        """``*args`` of a function around it that nobody in sight calls."""
        owner = self._module.scope_of(arg)
        args = owner.args
        if not isinstance(arg.value, ast.Name) or args is None or args.vararg is None:
            return False
        function = owner.node
        return arg.value.id == args.vararg.arg and not (
            isinstance(function, ast.FunctionDef) and self._summaries.callers(function)
        )

    def of_operator(self, node: ast.AST) -> Iterator[Handed]:
        """The special methods that ``net[x]`` and ``y @ net`` may run."""
        if not self._summaries.has_operators:
            return
        for name, receiver, other in operands(node):
            yield from self._special(name, receiver, other)

    def setters(self, name: str, receiver: ast.expr, value: ast.expr) -> Iterator[_Run]:
        """What an assignment to an attribute of this name may run."""
        for method in self._summaries.methods_named(name):
            if any(ast.unparse(each).endswith(".setter") for each in method.decorator_list):
                yield method, _call_of(receiver, value)
        for method in self._summaries.methods_named("__set__"):
            yield method, _call_of(ast.Constant(value=None), receiver, value)

    def decorated(self, function: Function) -> Iterator[_Run]:
        """The calls that visible decorators make of the function that they are given."""
        for decorator in function.decorator_list:
            made = decorator.func if isinstance(decorator, ast.Call) else decorator
            visible = self._summaries.named(made)
            for inner in ast.walk(visible) if visible is not None else ():
                if isinstance(inner, ast.Call) and isinstance(inner.func, ast.Name):
                    if not self._passes_on(inner) and self._is_parameter(inner.func):
                        yield function, inner

    def _passes_on(self, call: ast.Call) -> bool:
        """``f(*args, **kwargs)``, or ``f(x)`` with the parameters of the function around it."""
        owner = self._module.scope_of(call)
        names = set() if owner.args is None else {a.arg for a in ast.walk(owner.args)
                                                  if isinstance(a, ast.arg)}  # fmt: skip
        given = [*call.args, *(keyword.value for keyword in call.keywords)]
        plain = [arg.value if isinstance(arg, ast.Starred) else arg for arg in given]
        return all(isinstance(arg, ast.Name) and arg.id in names for arg in plain)

    def _is_parameter(self, name: ast.Name) -> bool:
        owner = self._module.scopes.resolve(name.id, self._module.scope_of(name))
        args = owner.args if owner is not None else None
        return args is not None and any(
            isinstance(arg, ast.arg) and arg.arg == name.id for arg in ast.walk(args)
        )

    def _bound(self, name: ast.Name) -> list[ast.AST | None]:
        return list(self._module.names.bindings(name.id, self._module.scope_of(name)))

    def _special(self, name: str, receiver: ast.expr, other: ast.expr) -> Iterator[Handed]:
        for method in self._summaries.methods_named(f"__{name}__"):
            owner = self._module.parent_of(method)
            assert isinstance(owner, ast.ClassDef)
            yield Handed(owner, receiver, method, _call_of(receiver, other))

    def _made(
        self, node: ast.ClassDef, call: ast.Call, *, fitting: bool = False
    ) -> Iterator[tuple[Function, ast.Call]]:
        scope = self._module.scopes.opened_by(node)
        for name in ("__init__", "__new__"):
            method = self._summaries.inherited(scope, name)
            if method is not None and (not fitting or fits(method, call)):
                args: list[ast.expr] = [ast.Constant(value=None), *call.args]
                yield (
                    method,
                    ast.Call(
                        func=ast.Name(id=name, ctx=ast.Load()), args=args, keywords=call.keywords
                    ),
                )

    def _fitting(self, function: Function, call: ast.Call) -> Iterator[tuple[Function, ast.Call]]:
        if fits(function, call):
            given = [call.func, *call.args] if _takes_object(self._module, function) else call.args
            name = ast.Name(id=function.name, ctx=ast.Load())
            yield function, ast.Call(func=name, args=given, keywords=call.keywords)

    @cached_property
    def _functions(self) -> list[Function]:
        """Functions and methods that are named otherwise than to call them."""
        found: dict[int, Function] = {}
        for name in self._module.of_kind(ast.Name):
            function = self._summaries.mentioned(name)
            if function is not None and self._is_handed_about(name):
                found[id(function)] = function
        for attribute in self._module.of_kind(ast.Attribute):
            methods = self._summaries.methods_named(attribute.attr)
            if methods and isinstance(attribute.ctx, ast.Load) and self._is_handed_about(attribute):
                found |= {id(method): method for method in methods}
        for each in self._module.of_kind(ast.FunctionDef):
            method = isinstance(self._module.parent_of(each), ast.ClassDef)
            if (method and asks_any_method(self._module)) or self._is_asked(each.name):
                found[id(each)] = each
        return [function for function in found.values() if not _is_computed(function)]

    def _is_asked(self, name: str) -> bool:
        return asked_by_text(self._module, name) is not None

    def _is_handed_about(self, node: ast.expr) -> bool:
        parent = self._module.parent_of(node)
        if isinstance(parent, ast.keyword):
            parent = self._module.parent_of(parent)
        if isinstance(parent, ast.Attribute):
            return False
        if not isinstance(parent, ast.Call):
            return not isinstance(parent, (ast.FunctionDef, ast.ClassDef))
        if parent.func is node:
            return False
        # What known libraries are given, they call with what is new; `map` and such are followed.
        top = self._module.names.resolve(parent.func).partition(".")[0]
        return top not in KNOWN_MODULES and top != "functools" and last_name(parent.func) not in (
            "map", "filter", *_ASKS_CLASS)  # fmt: skip

    @cached_property
    def _handed_classes(self) -> list[ast.ClassDef]:
        """Classes that are named otherwise than to make an object, or to ask for one."""
        classes = {node.name for node in self._classes}
        named: list[ast.Name | ast.Attribute] = [
            node for node in self._module.of_kind(ast.Name) if node.id in classes
        ]
        named += [node for name in sorted(classes) for node in self._module.attributes(name)]
        names = {
            last_name(node)
            for node in named
            if isinstance(node.ctx, ast.Load) and self._is_handed_about(node)
        }
        return [node for node in self._classes if node.name in names or self._is_asked(node.name)]


def fits(function: Function, call: ast.Call) -> bool:
    """Whether ``call`` gives as many arguments as ``function`` takes, besides an object."""
    if any(isinstance(a, ast.Starred) for a in call.args) or None in map(_name, call.keywords):
        return True
    args = function.args
    names = [arg.arg for arg in (*args.posonlyargs, *args.args)]
    takes_object = bool(names) and names[0] in ("self", "cls")
    positional = names[1:] if takes_object else names
    keywords = {k.arg for k in call.keywords if k.arg is not None}
    known = {*positional, *(arg.arg for arg in args.kwonlyargs)}
    given = len(call.args) + len(keywords)
    needed = len(positional) - len(args.defaults)
    return (
        (len(call.args) <= len(positional) or args.vararg is not None)
        and (keywords <= known or args.kwarg is not None)
        and given >= needed
    )


def members_of_object(module: Module, expr: ast.expr) -> list[ast.expr]:
    """What a call gives an object that is made of it, and may be unpacked again: a namedtuple."""
    if not isinstance(expr, ast.Call):
        return []
    if isinstance(expr.func, ast.Attribute) and expr.func.attr == "_replace":
        return [expr.func.value, *(keyword.value for keyword in expr.keywords)]
    if not isinstance(expr.func, ast.Name):
        return []
    bound = module.names.bindings(expr.func.id, module.scope_of(expr.func))
    if any(
        isinstance(node, ast.ClassDef)
        or (isinstance(node, ast.Assign) and _makes_namedtuple(module, node.value))
        for node in bound
    ):
        return [*expr.args, *(keyword.value for keyword in expr.keywords)]
    return []


def _makes_namedtuple(module: Module, value: ast.expr) -> bool:
    return isinstance(value, ast.Call) and module.names.resolve(value.func) in (
        "collections.namedtuple",
        "typing.NamedTuple",
    )


def _name(keyword: ast.keyword) -> str | None:
    return keyword.arg


def _is_own_class(func: ast.expr) -> bool:
    """``cls``, ``type(self)``, ``self.__class__``."""
    match func:
        case ast.Name(id="cls") | ast.Attribute(value=ast.Name(id="self"), attr="__class__"):
            return True
        case ast.Call(func=ast.Name(id="type"), args=[ast.Name(id="self")]):
            return True
    return False


def _takes_object(module: Module, function: Function) -> bool:
    above = module.parent_of(function)
    return isinstance(above, ast.ClassDef) and not any(
        last_name(each) == "staticmethod" for each in function.decorator_list
    )


def _is_computed(function: Function) -> bool:
    """A property: naming it runs it."""
    return any(last_name(each).endswith("property") for each in function.decorator_list)


def _call_of(*given: ast.expr) -> ast.Call:
    return ast.Call(func=ast.Name(id="__call__", ctx=ast.Load()), args=list(given), keywords=[])


def captured(module: Module, function: Function | ast.ClassDef | ast.Lambda) -> list[ast.expr]:
    """The variables around a function, and attributes of an object around it, that it reads."""
    known = module.memo.setdefault("captured", {})
    assert isinstance(known, dict)
    if function not in known:
        known[function] = list(_find_captured(module, function))
    found: list[ast.expr] = known[function]
    return found


def _find_captured(
    module: Module, function: Function | ast.ClassDef | ast.Lambda
) -> Iterator[ast.expr]:
    outer = set(map(id, module.scopes.opened_by(function).enclosing))
    libraries: dict[tuple[str, int], bool] = {}
    for node in module.inside(function):
        match node:
            case ast.Attribute(value=ast.Name() as name, ctx=ast.Load()) | (
                ast.Name(ctx=ast.Load()) as name
            ):
                owner = module.scopes.resolve(name.id, module.scope_of(name))
                if owner is None or id(owner) not in outer:
                    continue
                key = (name.id, id(owner))
                if key not in libraries:  # asked for each `tf` once
                    top = module.names.resolve(name).partition(".")[0]
                    libraries[key] = top in KNOWN_MODULES
                if not libraries[key] and not (
                    module.names.resolve(node) and _is_imported(module, name)
                ):
                    yield node


def _is_imported(module: Module, name: ast.Name) -> bool:
    """What a variable is given of another module, ``h = lib.BOX.h``, is a value like others."""
    bound = module.names.bindings(name.id, module.scope_of(name))
    return any(isinstance(node, (ast.Import, ast.ImportFrom)) for node in bound)
