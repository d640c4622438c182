"""What a statement changes in place: collections, arrays, attributes of objects.

Told is which objects it may change (see ``one_object``), and by what attribute where it sets one.
Methods of models that train them or give them weights change nothing that a graph was built with.
"""

from __future__ import annotations

import ast
from collections.abc import Hashable, Iterator
from typing import Final, NamedTuple

from tape_migrate.flow.bindings import children
from tape_migrate.flow.scope import Scope
from tape_migrate.flow.symbols import Symbol
from tape_migrate.module import Module
from tape_migrate.names import KNOWN_MODULES
from tape_migrate.shapes.functions import Function
from tape_migrate.shapes.in_place import CHANGING
from tape_migrate.shapes.keras_levels import Levels
from tape_migrate.shapes.kinds import value_given_by
from tape_migrate.shapes.libraries import is_library
from tape_migrate.shapes.made_here import made_in
from tape_migrate.shapes.one_object import OUTSIDE, Objects, OneObject
from tape_migrate.shapes.summaries import Summaries

_CHANGING_METHODS: Final = CHANGING | {
    *("appendleft", "byteswap", "clear", "difference_update", "discard", "extendleft", "fill"),
    *("intersection_update", "itemset", "move_to_end", "partition", "pop", "popitem", "popleft"),
    *("put", "remove", "resize", "reverse", "rotate", "setfield", "setflags", "shuffle", "sort"),
    *("symmetric_difference_update", "subtract", "__setitem__", "__delitem__", "__setattr__"),
    *("__delattr__", "__iadd__", "__imul__", "set", "next", "__next__", "send"),
}
_CHANGING_FUNCTIONS: Final = frozenset(
    {"copyto", "fill_diagonal", "place", "put", "put_along_axis", "putmask", "shuffle", "at"}
)
_TWO_OPERANDS: Final = frozenset(
    {"add", "subtract", "multiply", "divide", "true_divide", "floor_divide", "power", "maximum"}
    | {"minimum", "mod", "fmod", "remainder", "arctan2", "logaddexp", "hypot", "fmax", "fmin"}
    | {"dot", "matmul", "float_power", "outer", "clip"}
)
_ONE_OPERAND: Final = frozenset(
    {"abs", "absolute", "ceil", "cos", "exp", "expm1", "fabs", "floor", "log", "log10", "log1p"}
    | {"log2", "negative", "reciprocal", "rint", "sign", "sin", "sqrt", "square", "tan", "tanh"}
)
_OF_MODELS: Final = frozenset(
    {"compile", "evaluate", "fit", "get_layer", "get_weights", "load_weights"}
    | {"predict", "save", "save_weights", "set_weights", "summary", "train_on_batch", "build"}
)
_BUILTINS: Final = frozenset({"setattr", "delattr", "next", "exec", "eval"})
_RUN_GIVEN: Final = frozenset({"filter", "map", "max", "min", "sorted"})


class Change(NamedTuple):
    """Objects that change in a line.

    ``attribute``: only by setting that one; ``outside``: and whatever is no variable of the scope.
    """

    line: int
    objects: frozenset[Hashable]
    attribute: str | None = None
    outside: bool = False


class OfScope:
    """What is known of one scope's objects."""

    def __init__(self, module: Module, scope: Scope) -> None:
        self._module = module
        self._scope = scope
        self._summaries = Summaries.of(module)
        self._objects = OneObject.of(module)
        self._levels = Levels.of(module)


class Changes(OfScope):
    """Tells what the statements of ``scope`` change."""

    def made_by(self, stmt: ast.stmt) -> Iterator[Change]:
        """All that ``stmt`` may change; bodies of functions that it makes do not run yet."""
        stack: list[ast.AST] = [stmt]
        while stack:
            node = stack.pop()
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
                stack += [] if isinstance(node, ast.Lambda) else node.decorator_list
                continue
            yield from self._made_by(node)
            stack += children(node)

    def _made_by(self, node: ast.AST) -> Iterator[Change]:
        value = self._objects.value
        match node:
            case ast.Attribute(ctx=ast.Store() | ast.Del(), value=holder, attr=name):
                # `Settings.scale = 5.0` sets it for all objects of the class.
                shared = isinstance(holder, ast.Name) and self._summaries.is_class(holder.id)
                yield Change(node.lineno, _of_object(holder, value(holder)), name, shared)
            case ast.Subscript(
                ctx=ast.Store() | ast.Del(), value=ast.Attribute(value=holder, attr="__dict__")
            ):
                yield Change(node.lineno, value(holder).all | {OUTSIDE}, outside=True)
            case ast.Subscript(ctx=ast.Store() | ast.Del() as does, value=holder):
                yield Change(node.lineno, value(holder).itself)
                name = "__setitem__" if isinstance(does, ast.Store) else "__delitem__"
                methods = self._summaries.methods_named(name)
                if not self._is_display(holder) and any(map(self._changes_something, methods)):
                    yield Change(node.lineno, value(holder).all | {OUTSIDE}, outside=True)
            case ast.With(items=items) | ast.AsyncWith(items=items):
                entered = (*map(self._summaries.methods_named, ("__enter__", "__exit__")),)
                if any(
                    self._changes_something(method) for methods in entered for method in methods
                ):
                    found = (value(item.context_expr).all for item in items)
                    yield Change(node.lineno, frozenset({OUTSIDE}).union(*found), outside=True)
            case ast.AugAssign(target=target) if not self._is_number(target):
                yield Change(node.lineno, self._as_read(target).itself)
            case ast.Await() | ast.Yield() | ast.YieldFrom():
                yield Change(node.lineno, frozenset({OUTSIDE}), outside=True)
            case ast.Call():
                yield from self._made_by_call(node)

    def _as_read(self, target: ast.expr) -> Objects:
        if isinstance(target, ast.Subscript):
            held = self._objects.value(target.value)
            return Objects(held.inside, held.inside)
        return self._objects.value(target)

    def _is_number(self, target: ast.expr) -> bool:
        """Whether a variable starts from a number or a text, of which nothing is changed."""
        if not isinstance(target, ast.Name):
            return False
        bound = self._module.names.bindings(target.id, self._module.scope_of(target))
        return bool(bound) and all(
            isinstance(node, ast.AugAssign)
            or (
                isinstance(node, ast.stmt)
                and is_fixed(self._module, value_given_by(node, Symbol(target.id)))
            )
            for node in bound
        )

    def _made_by_call(self, call: ast.Call) -> Iterator[Change]:
        func = call.func
        given = [*call.args, *(keyword.value for keyword in call.keywords)]
        function = self._summaries.callee(call)
        if function is not None:
            if self._changes_something(function):
                yield self._anything(call, given, function)
            elif self._summaries.calls_parameters(function):
                yield from self._made_by_given(call, given)
            return
        resolved = self._module.names.resolve(func)
        if resolved:
            yield from self._made_by_library(call, resolved, given)
        elif isinstance(func, ast.Attribute):
            yield from self._made_by_method(call, func, given)
        elif isinstance(func, ast.Name):
            local = self._module.names.is_local(func.id, self._module.scope_of(call))
            if not local and func.id in _BUILTINS:
                yield self._anything(call, given, None)
            elif not local and func.id in _RUN_GIVEN:
                yield from self._made_by_given(call, given)
            elif self._summaries.is_class(func.id):
                if not all(map(self._summaries.is_quiet, self._summaries.methods_named("__new__"))):
                    yield self._anything(call, given, None)
            elif local and not self._is_of_library(func):
                yield self._anything(call, [*given, *self._given_to(func)], None)
        elif not self._levels.value(call).symbolic:
            yield self._anything(call, given, None)

    def _given_to(self, name: ast.Name) -> Iterator[ast.expr]:
        """What a variable is given: ``double = box.double``."""
        yield name
        for node in self._module.names.bindings(name.id, self._module.scope_of(name)):
            value = value_given_by(node, Symbol(name.id)) if isinstance(node, ast.stmt) else None
            if value is not None:
                yield value

    def _is_display(self, holder: ast.expr) -> bool:
        """Whether a variable is only ever given lists and tables as they are written."""
        values = [*self._given_to(holder)][1:] if isinstance(holder, ast.Name) else []
        return bool(values) and all(isinstance(value, (ast.Dict, ast.List)) for value in values)

    def _is_of_library(self, func: ast.Name) -> bool:
        """Whether what is called is a layer or a model, or what a library has made."""
        call = self._module.parent_of(func)
        if isinstance(call, ast.Call) and self._levels.value(call).symbolic:
            return True
        values = [*self._given_to(func)][1:]
        return bool(values) and all(
            isinstance(value, ast.Call)
            and bool(resolved := self._module.names.resolve(value.func))
            and is_library(self._module, resolved)
            for value in values
        )

    def _made_by_given(self, call: ast.Call, given: list[ast.expr]) -> Iterator[Change]:
        """What functions that are handed in to be called change."""
        for value in given:
            function = self._summaries.mentioned(value)
            if function is not None and self._changes_something(function):
                yield self._anything(call, given, function)
            elif isinstance(value, ast.Attribute) and any(
                map(self._changes_something, self._summaries.methods_named(value.attr))
            ):
                yield self._anything(call, given, None)

    def _made_by_library(
        self, call: ast.Call, resolved: str, given: list[ast.expr]
    ) -> Iterator[Change]:
        if not is_library(self._module, resolved):
            yield self._anything(call, given, None)
            return
        yield from self._made_by_given(call, given)
        name = resolved.rpartition(".")[2]
        changed: list[ast.expr] = [k.value for k in call.keywords if k.arg in ("out", None)]
        if any(k.arg == "copy" for k in call.keywords):
            changed += given  # `np.nan_to_num(held, copy=False)`
        if resolved.partition(".")[0] not in KNOWN_MODULES or name in _CHANGING_FUNCTIONS:
            changed += given
        elif resolved.startswith("numpy."):
            first = 2 if name in _TWO_OPERANDS else 1 if name in _ONE_OPERAND else len(call.args)
            changed += call.args[first:]
        for value in changed:
            yield Change(call.lineno, self._objects.value(value).itself)

    def _made_by_method(
        self, call: ast.Call, func: ast.Attribute, given: list[ast.expr]
    ) -> Iterator[Change]:
        methods = self._summaries.methods_named(func.attr)
        if any(map(self._changes_something, methods)):
            yield self._anything(call, [func.value, *given], None)
        elif func.attr in _CHANGING_METHODS:
            yield Change(call.lineno, self._objects.value(func.value).itself)
            if func.attr == "shuffle":
                yield from (Change(call.lineno, self._objects.value(v).itself) for v in given)
        elif not methods and func.attr not in _OF_MODELS:
            out = (k.value for k in call.keywords if k.arg == "out")
            yield from (Change(call.lineno, self._objects.value(value).itself) for value in out)

    def _anything(self, call: ast.Call, given: list[ast.expr], function: Function | None) -> Change:
        """What is out of sight, what is handed in, and what the called function names."""
        found: frozenset[Hashable] = frozenset({OUTSIDE})
        for value in given:
            found |= self._objects.value(value).all
            if isinstance(value, ast.Attribute):  # it may be a method
                found |= self._objects.value(value.value).all
        for inner in self._summaries.reached(function) if function is not None else ():
            for name in self._module.of_kind_inside(ast.Name, inner):
                owner = self._module.scopes.resolve(name.id, self._module.scope_of(name))
                if owner is self._scope:
                    found |= self._objects.variable(name.id, owner).all
        return Change(call.lineno, found, outside=True)

    def _changes_something(self, function: Function) -> bool:
        """Whether a call of a function may change what it has not made itself."""
        if not self._summaries.is_quiet(function):
            return True
        classes = {node.name for node in self._module.of_kind(ast.ClassDef)}
        for inner in self._summaries.reached(function):
            own = made_in(self._module, classes, inner)
            for node in self._module.inside(inner):
                match node:
                    case ast.AugAssign(target=target):
                        if not self._is_number(target) and not own.holds(target):
                            return True
                    case ast.Call(func=ast.Attribute(value=holder, attr=name) as func):
                        known = self._module.names.resolve(func)
                        if not known and name in _CHANGING_METHODS and not own.holds(holder):
                            return True
                        if known and [*self._made_by_library(node, known, node.args)]:
                            if name in _CHANGING_FUNCTIONS or any(
                                k.arg == "out" for k in node.keywords
                            ):
                                return True
                    case ast.Call(func=ast.Name(id=name)) if name in _BUILTINS:
                        return True
        return False


def _of_object(holder: ast.expr, held: Objects) -> frozenset[Hashable]:
    own = isinstance(holder, ast.Name) and holder.id in ("self", "cls")
    return held.itself | ({OUTSIDE} if own else frozenset())


def is_fixed(module: Module, value: ast.expr | None) -> bool:
    """A number or a text, which nothing changes: a constant, arithmetic, ``len(xs)``."""
    match value:
        case ast.Constant() | ast.Lambda() | ast.JoinedStr():
            return True
        case ast.UnaryOp(operand=operand):
            return is_fixed(module, operand)
        case ast.BinOp(left=left, right=right):
            return is_fixed(module, left) and is_fixed(module, right)
        case ast.Tuple(elts=items):
            return all(is_fixed(module, item) for item in items)
        case ast.Call(func=ast.Name(id="len" | "int" | "float" | "str" | "bool" as name)):
            return not module.names.is_local(name, module.scope_of(value))
    return False
