"""Which expressions of a module may stand for one object, whatever their names.

``other = CONFIG``, ``box.layers = layers``, ``for term in terms``. Asked is what may be changed by
another name, so all names that an object ever gets in the module are taken together, in whichever
order. Of an expression are told the objects that it may be, and those that may be found inside of
it. What callers, other modules and functions out of sight hold is all one: the *outside*.

A copy (``dict(options)``, ``mask.copy()``, ``np.array(mask)``) is another object.
"""

from __future__ import annotations

import ast
from collections.abc import Hashable, Iterable
from functools import cached_property
from typing import Final, NamedTuple

from tape_migrate.flow.bindings import COMPREHENSIONS
from tape_migrate.flow.scope import Scope
from tape_migrate.mentions import last_name
from tape_migrate.module import Module
from tape_migrate.names import KNOWN_MODULES
from tape_migrate.shapes.libraries import is_library
from tape_migrate.shapes.summaries import Summaries

OUTSIDE: Final = "outside"

_VIEWS: Final = frozenset(
    {"asanyarray", "asarray", "ascontiguousarray", "atleast_1d", "atleast_2d", "atleast_3d"}
) | {
    *("broadcast_to", "diagonal", "expand_dims", "flat", "frombuffer", "moveaxis", "nditer"),
    *("ravel", "real", "imag", "reshape", "rollaxis", "rot90", "squeeze", "swapaxes", "T"),
    *("array_split", "broadcast_arrays", "dsplit", "hsplit", "vsplit", "as_strided", "require"),
    *("asfortranarray", "asmatrix", "unstack", "sliding_window_view"),
    *("transpose", "view", "flip", "fliplr", "flipud", "values", "__dict__", "data"),
}
"""What gives an array again, or a part of it, that is not copied."""
_COPIES: Final = frozenset({"copy", "__copy__"})
_NEW: Final = frozenset(
    {"astype", "format", "index", "count", "join", "lower", "max", "mean", "min", "sum", "tolist"}
    | {"predict", "get_weights", "get_config", "flatten", "repeat", "round", "std", "var", "upper"}
    | {"split", "strip", "startswith", "endswith", "replace", "dot", "argmax", "numpy", "deepcopy"}
)
"""Methods that give an object which nobody else has, and which holds none of another."""
_OBJECTS: Final = frozenset({"vars", "getattr", "next", "iter", "max", "min", "type", "super"})
"""Builtins that may give what they are given, or something inside of it."""
_NUMBERS: Final = frozenset(
    {"len", "int", "float", "str", "bool", "range", "repr", "abs", "round", "isinstance", "print"}
    | {"hasattr", "id", "any", "all", "callable", "ord", "chr", "format", "input", "open"}
)
_EVERYTHING: Final = frozenset({"globals", "locals", "eval"})
_ADD: Final = frozenset(
    {"append", "extend", "insert", "add", "update", "setdefault", "appendleft", "extendleft"}
)


class Objects(NamedTuple):
    """The objects that an expression may be, and those that may be found inside of it."""

    itself: frozenset[Hashable] = frozenset()
    inside: frozenset[Hashable] = frozenset()

    @property
    def all(self) -> frozenset[Hashable]:
        return self.itself | self.inside

    def __or__(self, other: Objects) -> Objects:
        return Objects(self.itself | other.itself, self.inside | other.inside)


NOTHING: Final = Objects()
ANYTHING: Final = Objects(frozenset({OUTSIDE}), frozenset({OUTSIDE}))


def taken_from(whole: Objects) -> Objects:
    """What an element or an attribute of ``whole`` may be."""
    return Objects(whole.inside, whole.inside)


def _together(values: Iterable[Objects]) -> Objects:
    found = NOTHING
    for value in values:
        found |= value
    return found


class OneObject:
    """The objects of one module."""

    def __init__(self, module: Module) -> None:
        self._module = module
        self._summaries = Summaries.of(module)
        self._above: dict[Hashable, Hashable] = {}
        self._seen: set[Hashable] = set()
        for node in module.nodes:
            self._look_at(node)

    @classmethod
    def of(cls, module: Module) -> OneObject:
        """The objects of ``module``, made once."""
        known = module.memo.get("one object")
        if not isinstance(known, OneObject):
            known = module.memo["one object"] = cls(module)
        return known

    def groups(self, objects: Iterable[Hashable]) -> frozenset[Hashable]:
        """``objects``, those that may be one taken as one."""
        return frozenset(map(self._group, objects))

    def _group(self, key: Hashable) -> Hashable:
        while key in self._above:
            key = self._above[key]
        return key

    def _join(self, keys: Iterable[Hashable]) -> None:
        groups = [*dict.fromkeys(map(self._group, keys))]
        for group in groups[1:]:
            self._above[group] = groups[0]

    def value(self, expr: ast.expr) -> Objects:
        """What ``expr`` may be."""
        match expr:
            case ast.Name():
                return self._name(expr)
            case ast.Attribute(value=ast.Name(id="self" | "cls"), attr=name):
                return self.attribute(name)
            case ast.Attribute(value=base, attr=name):
                if self._module.names.resolve(expr):
                    return self._of_module(self._module.names.resolve(expr))
                return self.value(base) if name in _VIEWS else taken_from(self.value(base))
            case ast.Subscript(value=base, slice=ast.Slice() | ast.Tuple()):
                return self.value(base)
            case ast.Subscript(value=base):
                return taken_from(self.value(base))
            case ast.Call():
                return self._call(expr)
            case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items):
                return Objects(inside=_together(map(self.value, items)).all)
            case ast.Dict(values=items):
                return Objects(inside=_together(map(self.value, items)).all)
            case ast.ListComp(elt=item) | ast.SetComp(elt=item) | ast.GeneratorExp(elt=item):
                return Objects(inside=self.value(item).all)
            case ast.DictComp(value=item):
                return Objects(inside=self.value(item).all)
            case ast.BinOp(left=left, right=right):
                return Objects(inside=(self.value(left) | self.value(right)).inside)
            case ast.BoolOp(values=items):
                return _together(map(self.value, items))
            case ast.IfExp(body=body, orelse=orelse):
                return self.value(body) | self.value(orelse)
            case ast.Starred(value=inner):
                return taken_from(self.value(inner))
            case ast.NamedExpr(value=inner):
                return self.value(inner)
            case ast.Await() | ast.Yield() | ast.YieldFrom():
                return ANYTHING
        return NOTHING

    def attribute(self, name: str) -> Objects:
        """What an attribute of ``self`` may be.

        Whichever class it is of, for attributes of one name mostly are.
        """
        key = ("self", name)
        if key not in self._seen:
            self._seen.add(key)
            if self._by_text or not all(
                isinstance(node.value, ast.Name) and node.value.id == "self"
                for node in self._module.attributes(name)
            ):
                self._join((OUTSIDE, (key, "itself"), (key, "inside")))
        return Objects(frozenset({(key, "itself")}), frozenset({(key, "inside")}))

    @cached_property
    def _by_text(self) -> bool:
        """Whether the module asks for attributes by a text."""
        texts = ("getattr", "setattr", "vars")
        named = any(node.id in texts for node in self._module.of_kind(ast.Name))
        return named or bool(self._module.attributes("__dict__"))

    def _name(self, name: ast.Name) -> Objects:
        if self._module.scopes.is_comprehension_variable(name):
            return self._comprehension_variable(name)
        resolved = self._module.names.resolve(name)
        if resolved:
            return self._of_module(resolved)
        owner = self._module.scopes.resolve(name.id, self._module.scope_of(name))
        return NOTHING if owner is None else self.variable(name.id, owner)

    def variable(self, name: str, owner: Scope) -> Objects:
        """What the variable of a scope may be."""
        key = (id(owner), name)
        if key not in self._seen:
            self._seen.add(key)
            given = owner.args is not None and any(
                isinstance(arg, ast.arg) and arg.arg == name for arg in ast.walk(owner.args)
            )
            bound = self._module.names.bindings(name, owner)
            plain = (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.For, ast.With, ast.NamedExpr)
            known = (*plain, ast.FunctionDef, ast.AsyncFunctionDef, ast.Delete)
            if given or self._reads_names or not all(isinstance(node, known) for node in bound):
                self._join((OUTSIDE, (key, "itself"), (key, "inside")))
        return Objects(frozenset({(key, "itself")}), frozenset({(key, "inside")}))

    @cached_property
    def _reads_names(self) -> bool:
        """Whether the module asks for variables by a text."""
        return any(node.id in _EVERYTHING for node in self._module.of_kind(ast.Name))

    def _of_module(self, resolved: str) -> Objects:
        return NOTHING if is_library(self._module, resolved) else ANYTHING

    def _comprehension_variable(self, name: ast.Name) -> Objects:
        found = NOTHING
        for node in self._module.parents_in_statement(name):
            for generator in node.generators if isinstance(node, COMPREHENSIONS) else ():
                names = (n for n in ast.walk(generator.target) if isinstance(n, ast.Name))
                inside = any(n is name for n in ast.walk(generator.iter))
                if not inside and any(n.id == name.id for n in names):
                    found |= taken_from(self.value(generator.iter))
        return found

    def _call(self, call: ast.Call) -> Objects:
        func = call.func
        given = _together(map(self.value, (*call.args, *(k.value for k in call.keywords))))
        resolved = self._module.names.resolve(func)
        if resolved:
            return self._library_call(call, resolved, given)
        if isinstance(func, ast.Name):
            if func.id in _EVERYTHING:
                return given | ANYTHING
            if not self._module.names.is_local(func.id, self._module.scope_of(call)):
                if func.id in _NUMBERS:
                    return NOTHING
                if func.id in _OBJECTS:
                    return given | taken_from(given)
                return Objects(inside=given.inside)
            if self._summaries.is_class(func.id):
                return Objects(inside=given.all | {OUTSIDE})
        if isinstance(func, ast.Attribute) and not self._summaries.methods_named(func.attr):
            held = self.value(func.value)
            if func.attr in _NEW:
                return NOTHING
            if func.attr in _COPIES:
                return Objects(inside=held.inside)
            if func.attr in _VIEWS:
                return held if func.attr != "values" else taken_from(held)
            return taken_from(held)
        return given | ANYTHING

    def _library_call(self, call: ast.Call, resolved: str, given: Objects) -> Objects:
        if not is_library(self._module, resolved):
            return given | ANYTHING
        name = resolved.rpartition(".")[2]
        if resolved.partition(".")[0] in KNOWN_MODULES:
            kept = any(keyword.arg in ("copy", None) for keyword in call.keywords)
            if ".nest." in resolved or name in _VIEWS or name == "split" or kept:
                return given
            return ANYTHING if name.startswith("get_") else NOTHING
        return NOTHING if name == "deepcopy" else Objects(inside=given.all)

    def _look_at(self, node: ast.AST) -> None:
        """What a statement or a call makes one object."""
        match node:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    self._give(target, value)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                self._give(target, value)
            case ast.NamedExpr(target=target, value=value):
                self._give(target, value)
            case ast.AugAssign(target=target, value=value):
                self._join((*self.value(target).inside, *self.value(value).inside))
            case ast.For(target=target, iter=value) | ast.AsyncFor(target=target, iter=value):
                whole = self.value(value)
                self._join(whole.all)
                self._give_objects(target, taken_from(whole))
            case ast.withitem(context_expr=value, optional_vars=ast.expr() as target):
                self._give_objects(target, self.value(value))
            case ast.Return(value=ast.expr() as value) | ast.Lambda(body=value):
                if not self._is_own_variable(value):
                    self._join((OUTSIDE, *self.value(value).all))
            case ast.Yield(value=ast.expr() as value) | ast.YieldFrom(value=value):
                self._join((OUTSIDE, *self.value(value).all))
            case ast.arguments(defaults=defaults, kw_defaults=others):
                for default in (*defaults, *filter(None, others)):
                    self._join((OUTSIDE, *self.value(default).all))
            case ast.Call():
                self._hand_over(node)

    def _is_own_variable(self, value: ast.expr) -> bool:
        if not isinstance(value, ast.Name):
            return False
        scope = self._module.scope_of(value)
        return self._module.scopes.resolve(value.id, scope) is scope

    def _give(self, target: ast.expr, value: ast.expr) -> None:
        pair = (ast.Tuple, ast.List)
        if isinstance(target, pair) and isinstance(value, pair):
            starred = any(isinstance(t, ast.Starred) for t in (*target.elts, *value.elts))
            if len(target.elts) == len(value.elts) and not starred:
                for inner, given in zip(target.elts, value.elts, strict=True):
                    self._give(inner, given)
                return
        if isinstance(value, (ast.Subscript, ast.Attribute)):
            # `row = rows[0]` may be a part of an array: what changes the one changes the other.
            self._join(self.value(value.value).all)
        self._give_objects(target, self.value(value))

    def _give_objects(self, target: ast.expr, given: Objects) -> None:
        match target:
            case ast.Tuple(elts=items) | ast.List(elts=items):
                for item in items:
                    self._give_objects(item, taken_from(given))
            case ast.Starred(value=inner):
                self._give_objects(inner, Objects(inside=given.all))
            case ast.Name() | ast.Attribute(value=ast.Name(id="self")):
                held = self.value(target)
                self._join((*held.itself, *given.itself))
                self._join((*held.inside, *given.inside))
            case ast.Attribute(value=base) | ast.Subscript(value=base):
                self._join((*self.value(base).inside, *given.all))

    def _hand_over(self, call: ast.Call) -> None:
        func = call.func
        given = _together(map(self.value, (*call.args, *(k.value for k in call.keywords)))).all
        if not given:
            return
        resolved = self._module.names.resolve(func)
        if resolved:
            if not is_library(self._module, resolved):
                self._join((OUTSIDE, *given))
            return
        function = self._summaries.callee(call)
        if function is not None:
            if not self._summaries.keeps_nothing(call):
                self._join((OUTSIDE, *given))
            return
        if isinstance(func, ast.Attribute):
            methods = self._summaries.methods_named(func.attr)
            held = self.value(func.value)
            if not all(map(self._summaries.is_quiet, methods)):
                self._join((OUTSIDE, *given, *held.inside))
            elif func.attr in _ADD:
                self._join((*held.inside, *given))
            return
        local = self._module.names.is_local(last_name(func), self._module.scope_of(call))
        if local or not isinstance(func, ast.Name):
            self._join((OUTSIDE, *given))
