"""Objects that a caller has used before, and that remember what was computed from a source.

::

    class Attack(object):
        def __init__(self, model):
            self.model = model

        def perturb(self, x):
            return tf.gradients(self.model.loss(x), x)

takes for granted that the model holds nothing that was computed from ``x``. Where another module
has ``model.build(x)``, and then ``Attack(model).perturb(x)``, it does, if ``build`` keeps what
``loss`` reads (``keeping_methods``). So it is with a ``build`` that a base class in another module
has, and with what ``self.run(x)`` there keeps before it calls ``self.perturb(x)``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import Final

from tape_migrate.flow.scope import Scope, ScopeKind
from tape_migrate.flow.symbols import Symbol, symbol_of
from tape_migrate.module import Module
from tape_migrate.parsed import walk
from tape_migrate.shapes.calls_elsewhere import Call, calls_elsewhere, given_together, parameters_of
from tape_migrate.shapes.changed_elsewhere import function_elsewhere
from tape_migrate.shapes.classes_seen import class_named
from tape_migrate.shapes.computed_from import closure_of, symbols_in
from tape_migrate.shapes.context import Context
from tape_migrate.shapes.dependence import Dependence
from tape_migrate.shapes.functions import Function
from tape_migrate.shapes.keeping_calls import comes_from, is_of, keeping_calls, variables_of
from tape_migrate.shapes.keeping_methods import (
    ANY,
    asks_by_expression,
    methods_anywhere,
    read_by,
    reads_of,
    written_out,
)
from tape_migrate.shapes.module_objects import objects_held
from tape_migrate.shapes.out_of_sight import attributes_read, method_calls, parts_of
from tape_migrate.shapes.quiet import TENSOR_METHODS, OtherFunctions
from tape_migrate.shapes.set_on_modules import Run, set_on_modules, stores
from tape_migrate.shapes.summaries import Summaries

_DEPTH: Final = 5
"""How many callers, one of the other, are asked."""


class _Read:
    """What a target is computed by: attributes, and methods of objects."""

    def __init__(
        self,
        context: Context,
        dep: Dependence,
        nodes: frozenset[int],
        inline: list[ast.expr],
        source: Symbol,
    ) -> None:
        self._module = module = context.module
        read = [*attributes_read(context, dep, nodes, inline)]
        self._attributes = {name for _, name in read}
        self._methods: set[str] = set()
        functions: set[Function] = set()
        handed = False
        for call in method_calls(context, dep, nodes, inline):
            if isinstance(call.func, ast.Attribute) and not module.names.resolve(call.func):
                self._methods.add(call.func.attr)
                if context.summaries.callee(call) is None:
                    self._attributes.add(call.func.attr)
        parts = parts_of(dep, nodes, inline)
        for part in (*parts, *context.summaries.called_functions(parts)):
            for call in module.of_kind_inside(ast.Call, part):
                if asks_by_expression(call):
                    self._attributes.add(ANY)
                there = function_elsewhere(module, call)
                if there is not None:
                    functions.add(there[1])
                if there is not None and _is_given_more(call, source):
                    self._attributes |= reads_of(*there)
                asked = written_out(module, call).func
                if asked is not call.func and isinstance(asked, ast.Attribute):
                    self._methods.add(asked.attr)
                if symbol_of(call.func) is not None and not module.names.resolve(call.func):
                    if context.summaries.callee(call) is None:
                        handed |= _may_be_handed(module, call.func)
                        self._methods.add("__call__")
                        self._add_lambda(call)
        own = any(not module.names.resolve(holder) for holder, _ in read)
        self.run = Run(frozenset(functions), frozenset(self._methods), handed)
        """What it is computed by that the module does not show."""
        self.unseen = own or bool(self._methods or functions)

    def _add_lambda(self, call: ast.Call) -> None:
        """``LOSS = lambda v: models.MODEL.loss(v)``: what runs is in sight."""
        if not isinstance(call.func, ast.Name):
            return
        for bound in self._module.names.bindings(call.func.id, self._module.scope_of(call)):
            if isinstance(bound, ast.Assign) and isinstance(bound.value, ast.Lambda):
                names = {node.attr for node in walk(bound.value) if isinstance(node, ast.Attribute)}
                self._attributes |= names
                self._methods |= names

    @property
    def nothing(self) -> bool:
        """Whether it is computed by no object that could remember anything."""
        return not self._attributes and not self._methods

    def first_of(self, kept: frozenset[str], more: Iterable[str] = ()) -> str | None:
        """One of ``kept`` that the target is computed from, or what ``more`` names on the way."""
        if not kept:
            return None
        found = kept & {*self._attributes, *more}
        for name in () if found else sorted({*self._methods, *more}):
            found |= kept & read_by(self._module, name)
        return min(found, default=None)


def used_before(
    context: Context,
    dep: Dependence,
    nodes: frozenset[int],
    inline: list[ast.expr],
    source: Symbol,
) -> tuple[str, str] | None:
    """What the target reads of an object that was given ``source`` before, and where it was."""
    module = context.module
    if not isinstance(module.project, OtherFunctions):
        return None
    read = _Read(context, dep, nodes, inline, source)
    if read.nothing and not read.unseen:
        return None
    parts = parts_of(dep, nodes, inline)
    objects = frozenset().union(*(objects_held(module, part) for part in parts))
    found = _Callers(read, objects).find(module, dep.scope, source, held=source.path != ())
    here = _named(module, dep.scope, source) if found is None and read.unseen else None
    return found if here is None else set_on_modules(module, here, dep.scope.node, read.run)


def _named(module: Module, scope: Scope, source: Symbol) -> ast.Name | None:
    """A place in ``scope`` where the name that ``source`` begins with stands."""
    names = (n for n in module.inside(scope.node) if isinstance(n, ast.Name))
    return next((name for name in names if name.id == source.root), None)


def _may_be_handed(module: Module, func: ast.expr) -> bool:
    """``fn(v)``, ``self.fn(v)``: no method of any class in sight."""
    if not isinstance(func, ast.Attribute):
        return True
    return func.attr not in TENSOR_METHODS and not methods_anywhere(module, func.attr)


def _is_given_more(call: ast.Call, source: Symbol) -> bool:
    """Whether a call is given anything but the source and constants: an object, it may be."""
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    return any(symbol_of(arg) != source and not isinstance(arg, ast.Constant) for arg in given)


class _Callers:
    """What callers do with objects before they hand them over."""

    def __init__(self, read: _Read, objects: frozenset[str]) -> None:
        self._read = read
        self._objects = objects
        """Objects of modules by which the target is computed, as far as they are known by now."""

    def find(
        self, module: Module, scope: Scope, source: Symbol, *, held: bool
    ) -> tuple[str, str] | None:
        """``held`` if what ``source`` is given is, or holds, the object that has the source."""
        # What several callers hand on is looked at once, from where it is the fewest calls away.
        waiting = [(module, scope, source, held)]
        seen: set[tuple[ast.FunctionDef, Symbol, bool]] = set()
        for _ in range(_DEPTH):
            handed: list[tuple[Module, Scope, Symbol, bool]] = []
            for each in waiting:
                around = _taking(each[1], each[2])
                function = around.node if around is not None else None
                if around is None or not isinstance(function, ast.FunctionDef):
                    continue
                key = (function, *each[2:])
                if key not in seen:
                    seen.add(key)
                    found = self._by_callers(each[0], around, function, each[2:], handed)
                    if found is not None:
                        return found
            waiting = handed
        return None

    def _by_callers(
        self,
        module: Module,
        around: Scope,
        function: ast.FunctionDef,
        given: tuple[Symbol, bool],
        handed: list[tuple[Module, Scope, Symbol, bool]],
    ) -> tuple[str, str] | None:
        """The same for the callers of one function; ``handed`` gets what they were given."""
        source, held = given
        roots = sorted(parameters_of(function))
        for call in _calls(module, around, function):
            for root in roots:
                for one, two in given_together(function, call, source, Symbol(root)):
                    if isinstance(one, ast.Call) and _is_numpy(call.module, one):
                        continue
                    self._objects |= objects_held(call.module, two)
                    found = self._used(call.module, one, two, held=held, receiver=root == "self")
                    if found is not None:
                        return found
                    where = call.module.scope_of(one)
                    handed += [
                        (call.module, where, symbol, held or symbol.path != ())
                        for symbol in symbols_in(call.module, one)
                    ]
            both = given_together(function, call, source, source) if self._read.unseen else []
            for one, _ in both:
                inside = function if call.module is module else None
                put = set_on_modules(call.module, one, inside, self._read.run)
                if put is not None:
                    return put
        return None

    def _used(
        self, user: Module, one: ast.expr, two: ast.expr, *, held: bool, receiver: bool
    ) -> tuple[str, str] | None:
        """Where ``user`` makes the object ``two`` keep what it computed from ``one``."""
        if self._read.nothing:
            return None
        found = None if held else self._set_itself(user, one, two)
        found = found or next(self._by_calls(user, one, two, held=held, receiver=receiver), None)
        if found is not None or held:
            return found
        return next(self._set_from_outside(user, one, two), None)

    def _set_itself(self, user: Module, one: ast.expr, two: ast.expr) -> tuple[str, str] | None:
        """``self.h = tf.sin(x)``, and then ``self.perturb(x)``."""
        if not isinstance(two, ast.Name) or two.id not in ("self", "cls"):
            return None
        closure, scope = closure_of(user), user.scope_of(two)
        symbol = symbol_of(one)
        if symbol is None:
            return None
        computed, _ = closure.spread(closure.node_for(symbol, scope))
        own = closure.node_for(Symbol("self", (".any",)), scope)[0]
        kept = frozenset(name[1:] for owner, name in computed if owner == own and name[0] == ".")
        name = self._read.first_of(kept)
        return None if name is None else (name, f"line {two.lineno} of {user.path}")

    def _set_from_outside(
        self, user: Module, one: ast.expr, two: ast.expr
    ) -> Iterator[tuple[str, str]]:
        """``models.MODEL.h = tf.sin(x)``, or ``models.Net.h``, and then ``run.go(x)``."""
        for holder, name, value in stores(user):
            if isinstance(holder, ast.Name) and holder.id in ("self", "cls"):
                continue  # what runs such a method is looked at
            known = self._objects or objects_held(user, holder) or _is_class(user, holder)
            parent = user.parent_of(holder)
            if not known and (isinstance(parent, ast.Call) or _sets(parent)):
                # `object.__setattr__(net, "h", tf.sin(x))`, which no closure follows.
                closure, object_ = closure_of(user), variables_of(user, two)
                known = closure.share_objects(variables_of(user, holder), object_)
            if known and comes_from(user, value, one):
                found = self._read.first_of(frozenset((name,)))
                if found is not None:
                    yield found, f"line {holder.lineno} of {user.path}"

    def _is_used(self, user: Module, call: ast.Call) -> bool:
        """Whether ``call`` may be one of an object that is read later: either is of a module, and
        by which names a module has it is not asked (`models.register(net)`, `run.NET = net`)."""
        func = written_out(user, call).func
        itself = func.value if isinstance(func, ast.Attribute) else func
        return bool(self._objects) or bool(objects_held(user, itself))

    def _by_calls(
        self, user: Module, one: ast.expr, two: ast.expr, *, held: bool, receiver: bool
    ) -> Iterator[tuple[str, str]]:
        keepings = keeping_calls(user, one, held=held)
        if not keepings:
            return
        given = _with_body(user, two)
        named = [
            each.attr for part in given for each in walk(part) if isinstance(each, ast.Attribute)
        ]
        itself = symbol_of(one)
        for keeping in keepings:
            call, arg = keeping.call, keeping.given
            if one in call.args or two is call.func:
                continue
            if self._is_used(user, call) or any(
                is_of(user, call, arg, each, receiver=receiver) for each in given
            ):
                same = held or (itself is not None and keeping.symbol == itself)
                found = self._read.first_of(keeping.kept(same=same), named)
                if found is not None:
                    yield found, f"line {call.lineno} of {user.path}"


def _sets(node: ast.AST | None) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "__setattr__"


def _is_class(user: Module, holder: ast.expr) -> bool:
    """Whether what is set is an attribute of a class, and so one of all its objects."""
    match holder:
        case ast.Call(func=ast.Name(id="type"), args=[_]) | ast.Attribute(attr="__class__"):
            return True
    return class_named(user, holder) is not None


def _calls(module: Module, scope: Scope, function: ast.FunctionDef) -> list[Call]:
    summaries = Summaries.of(module)
    own = summaries.callers(function)
    if scope.parent is not None and scope.parent.kind is ScopeKind.CLASS:
        # `ATTACK.grads(x)`, of an object of which the module does not show the class.
        for node in module.attributes(function.name):
            call = module.parent_of(node)
            if isinstance(call, ast.Call) and call.func is node and not summaries.callee(call):
                own = [*own, call]
    elsewhere = calls_elsewhere(module, scope, function).calls
    return [*(Call(module.path, module, call) for call in own), *elsewhere]


def _taking(scope: Scope, symbol: Symbol) -> Scope | None:
    """The function, of those around, that has ``symbol`` as a parameter."""
    for each in (scope, *scope.enclosing):
        if each.kind is ScopeKind.FUNCTION and isinstance(each.node, ast.FunctionDef):
            if symbol.root in parameters_of(each.node):
                return each
    return None


def _with_body(user: Module, expr: ast.expr) -> list[ast.AST]:
    """``expr``, and the function that it names: what that reads is handed over with it."""
    function = Summaries.of(user).named(expr)
    return [expr] if function is None else [expr, function]


def _is_numpy(user: Module, call: ast.Call) -> bool:
    """Whether a call gives data: no tensor was computed from that."""
    return user.names.resolve(call.func).startswith("numpy.")
